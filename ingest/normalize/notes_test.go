package normalize

import (
	"encoding/binary"
	"testing"

	"sluice/model"
)

// TestNotes: of many pods nine of ten and more are remembered, and no more room is taken than for them.
func TestNotes(t *testing.T) {
	for _, c := range []struct{ pods, sets, atMost int }{
		{1_000, noteSets, 30},
		{40_000, 16 * noteSets, 2_000},
		{100_000, mostSets, 10_000},
		{1_000_000, mostSets, 1_000_000},
	} {
		var n notes
		forgotten := 0
		for round := range 4 {
			forgotten = 0
			for i := range c.pods {
				x := n.of(model.EndpointID(i/5), binary.BigEndian.AppendUint32(nil, 10<<24+uint32(i)), nil, 7, 1)
				known := n.has(x)
				if round == 0 && known {
					t.Fatalf("%d of %d was known before it was seen", i, c.pods)
				}
				if !known {
					n.add(x)
					forgotten++
				}
			}
		}
		if len(n.sets) > c.sets || forgotten > c.atMost {
			t.Errorf("%d pods: %d sets, forgot %d", c.pods, len(n.sets), forgotten)
		}
	}
}

// TestNotesOfTimes: what is noted is known at its time and later, not before; and then neither forgets the other.
func TestNotesOfTimes(t *testing.T) {
	var n notes
	at := func(pod string, hour uint32, time model.Micros) note {
		return n.of(1, []byte("10.0.0.1"), []byte(pod), hour, time)
	}
	for _, c := range []struct {
		x     note
		known bool
	}{
		{at("a", 7, 5), false},
		{at("a", 7, 5), true},
		{at("a", 7, 6), true},
		{at("a", 7, 4), false},
		{at("a", 7, 5), true},
		{at("a", 7, 4), true},
		{at("a", 8, 9), false},
		{at("b", 7, 9), false},
		{at("a", 7, 4), true},
	} {
		if known := n.has(c.x); known != c.known {
			t.Fatalf("%+v: known %v", c.x, known)
		}
		if !c.known {
			n.add(c.x)
		}
	}
	if n.forgot > 0 {
		t.Errorf("forgot %d", n.forgot)
	}
}

// TestNotesOfHours: what is forgotten since its hour is over takes no more room, however long a log is.
func TestNotesOfHours(t *testing.T) {
	var n notes
	for hour := range uint32(200) {
		for i := range 3000 {
			x := n.of(1, binary.BigEndian.AppendUint32(nil, uint32(i)), nil, hour, int64(hour)*hourTime)
			if !n.has(x) {
				n.add(x)
			}
		}
	}
	if len(n.sets) > 2*noteSets {
		t.Errorf("%d sets", len(n.sets))
	}
}
