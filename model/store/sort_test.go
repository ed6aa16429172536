package store

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/model"
)

// Rows come into one order, whatever part of their keys fits into the number that most of the sorting is by.
func TestSort(t *testing.T) {
	for _, c := range []struct {
		name                         string
		endpoints, windows, ports, n int
	}{
		{"few of all", 3, 2, 2, 2_000},
		{"many endpoints", 1 << 16, 60, 3, 20_000},
		{"many ports", 3, 2, 1 << 16, 3 * mostTails},
		{"ends alone do not fit", 1 << 24, 1 << 24, 3, 2_000},
		{"ports do not fit", 1 << 20, 1 << 20, 1 << 11, 2_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(c.n)))
			s := sorter{cluster: make([]uint32, c.endpoints), names: []string{UnknownCluster, "east", "west"}}
			for i := range s.cluster {
				s.cluster[i] = r.Uint32N(3)
			}
			rows := make([]model.Observation, c.n)
			for i := range rows {
				o := model.Observation{
					Window: 29_000_000 + r.Uint32N(uint32(c.windows)), Src: model.EndpointID(r.IntN(c.endpoints)),
					Dst: model.EndpointID(r.IntN(c.endpoints)), Port: uint16(r.IntN(c.ports)), SrcPort: uint16(r.IntN(2)),
					Proto: model.TCP, Verdict: model.Verdict(r.IntN(3)), Reason: model.Reason(r.IntN(2)),
					Marks: model.Marks(r.IntN(1 << 12)), SrcPod: model.NameID(r.IntN(2)), Records: r.Uint32N(3),
				}
				// Mostly within the window, some before it and some long after.
				o.First = int64(o.Window)*60e6 + []int64{0, 1, 59_999_999, -5, -6, 1 << 33, 1<<33 + 1}[r.IntN(7)]
				rows[i] = o
			}
			want := slices.Clone(rows)
			slices.SortFunc(want, func(a, b model.Observation) int {
				return cmp.Or(cmp.Compare(s.clusterOf(&a), s.clusterOf(&b)), compareRows(&a, &b))
			})
			s.sort(rows)
			if !slices.Equal(rows, want) {
				t.Error("the rows are in another order")
			}
		})
	}
}
