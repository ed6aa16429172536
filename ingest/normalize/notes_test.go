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
				h := n.hash(model.EndpointID(i/5), binary.BigEndian.AppendUint32(nil, 10<<24+uint32(i)), 7)
				known := n.has(h)
				if round == 0 && known {
					t.Fatalf("%d of %d was known before it was seen", i, c.pods)
				}
				if !known {
					n.add(h)
					forgotten++
				}
			}
		}
		if len(n.sets) > c.sets || forgotten > c.atMost {
			t.Errorf("%d pods: %d sets, forgot %d", c.pods, len(n.sets), forgotten)
		}
	}
}
