package collect

import "testing"

// TestRecent: what comes again and again is known for ever, the rest for as long as there is room, and the room has an
// end: strangers cannot make a collector remember them all.
func TestRecent(t *testing.T) {
	const size = 100
	var r recent
	const often = 1 << 40
	r.add(often, size)
	for h := range uint64(10_000) {
		if !r.add(h, size) {
			t.Fatalf("%d is known before it came", h)
		}
		if r.add(h, size) {
			t.Fatalf("%d is new again at once", h)
		}
		if r.add(often, size) {
			t.Fatalf("forgotten at %d although it came each time", h)
		}
		if back := h - size/4; h > size && r.add(back, size) {
			t.Fatalf("%d is forgotten after %d others", back, size/4)
		}
		if n := r.len(); n > 2*size {
			t.Fatalf("%d remembered, want %d at most", n, 2*size)
		}
	}
	if !r.add(1, size) {
		t.Error("the first is still known: nothing is forgotten")
	}
}
