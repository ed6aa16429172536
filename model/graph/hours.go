package graph

import (
	"cmp"
	"slices"
)

// Hour is how many records an hour has.
type Hour struct {
	Hour    uint32 // since 1970 UTC
	Records uint64
}

// Hours returns the records by hour, those that are no dependency among them: an hour without any was not watched.
func (b *Builder) Hours() []Hour {
	sum := map[uint32]uint64{}
	for t := range b.all {
		for _, h := range t.hours {
			sum[h.n] += uint64(h.records)
		}
	}
	var out []Hour
	for h, n := range sum {
		out = append(out, Hour{h, n})
	}
	slices.SortFunc(out, func(x, y Hour) int { return cmp.Compare(x.Hour, y.Hour) })
	return out
}
