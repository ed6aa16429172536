package hubble

import "testing"

// TestBuffers: a buffer has the length that was asked for, whatever was put back before.
func TestBuffers(t *testing.T) {
	var p buffers
	for range 3 {
		for _, n := range []int{0, 1, 1800, 4096, 4097, 16 << 10, 16<<10 + 9, 32 << 10, 1 << 20} {
			b := p.Get(n)
			if len(*b) != n {
				t.Errorf("asked for %d bytes, got %d", n, len(*b))
			}
			*b = (*b)[:n/2] // as the transport does with padding
			p.Put(b)
		}
		foreign := make([]byte, 5000)
		p.Put(&foreign)
	}
}
