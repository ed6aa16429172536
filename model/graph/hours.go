package graph

import (
	"maps"
	"slices"

	"sluice/model"
)

// Hour is how many records an hour has.
type Hour struct {
	Hour    uint32 // since 1970 UTC
	Records uint64
}

// Hours returns the records by hour, those that are no dependency among them: an hour without any was not watched.
// Hours far outside of those of nearly all records are left out: their records lie, and nobody watched from then on.
func (b *Builder) Hours() []Hour {
	sum := map[uint32]uint64{}
	for t := range b.all {
		if t.k.reason.Notes() {
			continue // an answer holds in hours that nothing may be seen in
		}
		for _, h := range t.hours() {
			sum[h.n] += uint64(h.records)
		}
	}
	hours := slices.Sorted(maps.Keys(sum))
	if len(hours) == 0 {
		return nil
	}
	first, last := between(hours, sum)
	var out []Hour
	for _, h := range hours {
		if s := (span{first: first, last: last}); !s.lies(h) {
			out = append(out, Hour{h, sum[h]})
		}
	}
	return out
}

// Apart reports whether any record, those that are no dependency among them, has no end among some.
func (b *Builder) Apart(among func(*model.Endpoint) bool) bool {
	eps := b.tables.Endpoints.Snapshot()
	in := make([]bool, len(eps))
	for i := range eps {
		in[i] = among(eps[i])
	}
	for t := range b.all {
		if !t.k.reason.Notes() && !in[t.k.src] && !in[t.k.dst] {
			return true
		}
	}
	return false
}

// OtherNodes reports whether any record tells of a pod on a node beside the one that wrote it: its packet left for
// there or came from there. That node has a record of it as well, unless it has none at all; of nodes themselves and of
// other clusters nobody need have one.
func (b *Builder) OtherNodes() bool {
	eps := b.tables.Endpoints.Snapshot()
	for t := range b.all {
		src, dst := eps[t.k.src], eps[t.k.dst]
		if (t.k.observer == model.ToOverlay || t.k.observer == model.ToNetwork) && src.Kind == model.KindPod &&
			dst.Kind == model.KindPod && src.Cluster == dst.Cluster {
			return true
		}
	}
	return false
}

// between returns the hours between which all records lie but the last and the first of so many.
func between(hours []uint32, records map[uint32]uint64) (first, last uint32) {
	most := max(total(records)/outliers, 1)
	begin, end := 0, len(hours)-1
	for left := most; left >= records[hours[begin]] && begin != len(hours)-1; begin++ {
		left -= records[hours[begin]]
	}
	for left := most; left >= records[hours[end]] && end > begin; end-- {
		left -= records[hours[end]]
	}
	return hours[begin], hours[end]
}
