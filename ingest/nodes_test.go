package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/model"
)

// TestNodeCounter: a counter adds up what Nodes would count record by record, whatever names the nodes have, in whatever
// order hours come, and in a stream of which more nodes come and go than are counted at once.
func TestNodeCounter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var c ingest.NodeCounter
	for batch := range 6 {
		var got, want model.Nodes
		for range 20000 {
			n := random.IntN(1500)
			name := fmt.Sprintf("ip-10-%d-%d-%d.eu-west-1.compute.internal", batch, n/100, n%100)
			if n < 40 {
				name = "east/n"[:n%7] // short ones, and none
			}
			at := random.Int64N(3 * 3600e6)
			c.Count(&got, []byte(name), at)
			if name != "" {
				want.Add(name, uint32(at/3600e6), 1)
			}
		}
		c.Flush(&got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("batch %d: (-want +got)\n%s", batch, diff)
		}
	}
}
