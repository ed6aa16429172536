package graph

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"sluice/model"
)

// TestRows: every edge is in one row, in order, whatever folds with what; the evidence adds up.
func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		g := &Graph{}
		for i := range 4 {
			g.Peers = append(g.Peers, Peer{Kind: model.KindPod, ID: fmt.Sprintf("shop/p%d", i)})
		}
		for i := range 700 {
			a := netip.AddrFrom4([4]byte{20, byte(i >> 8), byte(i), 1})
			g.Peers = append(g.Peers, Peer{Kind: model.KindAddress, Address: a, ID: "world:" + a.String()})
		}
		var all []EdgeID
		var records uint64
		for n := range 3000 {
			e := Edge{Src: PeerID(r.IntN(len(g.Peers))), Dst: PeerID(r.IntN(4)), Proto: model.TCP, Port: uint16(r.IntN(3) * n)}
			e.Used, e.Grade = uint64(1+r.IntN(9)), Grade(r.IntN(2))
			records += e.Used
			g.Edges, all = append(g.Edges, e), append(all, EdgeID(n))
		}
		slices.SortFunc(g.Edges, func(a, b Edge) int { return compareEdges(&a, &b) })
		seen := map[EdgeID]bool{}
		var sum uint64
		rows := g.Rows(all, func(i EdgeID) Alike {
			class := fmt.Sprint(g.Edges[i].Port % 2)
			return Alike{Ports: class, Addresses: class}
		})
		for n := range rows {
			if n > 0 && rows[n].Edges[0] <= rows[n-1].Edges[0] {
				t.Fatal("rows are not sorted")
			}
			for _, i := range rows[n].Edges {
				if seen[i] {
					t.Fatalf("edge %d is in two rows", i)
				}
				seen[i] = true
				if g.Edges[i].Port%2 != g.Edges[rows[n].Edges[0]].Port%2 {
					t.Fatal("one row of two classes")
				}
			}
			e := g.Sum(&rows[n])
			sum += e.Records()
		}
		if len(seen) != len(all) || sum != records || len(rows) >= len(all) {
			t.Fatalf("%d edges of %d in %d rows, %d records of %d", len(seen), len(all), len(rows), sum, records)
		}
	}
}
