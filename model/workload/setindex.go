package workload

import (
	"slices"

	"sluice/model"
)

// setIndex finds the stable label sets of the groups of a space by their labels, so that choosing a selector does not
// compare every group with every other.
type setIndex struct {
	sets  []model.Labels
	group []int            // of each set
	with  map[string][]int // sets that have a label
	first []int            // of each group, its first set; one more at the end
}

func newSetIndex(groups []*group) *setIndex {
	x := &setIndex{with: map[string][]int{}}
	for i, g := range groups {
		x.first = append(x.first, len(x.sets))
		for _, s := range g.sets {
			for _, kv := range s {
				x.with[kv] = append(x.with[kv], len(x.sets))
			}
			x.sets, x.group = append(x.sets, s), append(x.group, i)
		}
	}
	x.first = append(x.first, len(x.sets))
	return x
}

// exact reports whether labels select no set of another group than g.
func (x *setIndex) exact(labels []string, g int) bool {
	if len(labels) == 0 {
		return false
	}
	for _, i := range x.with[x.rarest(labels)] {
		if x.group[i] != g && contains(x.sets[i], labels) {
			return false
		}
	}
	return true
}

// rarest is the label that the fewest sets have.
func (x *setIndex) rarest(labels []string) string {
	return slices.MinFunc(labels, func(a, b string) int { return len(x.with[a]) - len(x.with[b]) })
}

// open are the sets of other groups than g that have all of some labels; all of them for no labels.
func (x *setIndex) open(labels []string, g int) []int {
	var out []int
	if len(labels) == 0 {
		for i := range x.sets {
			if x.group[i] != g {
				out = append(out, i)
			}
		}
		return out
	}
	for _, i := range x.with[x.rarest(labels)] {
		if x.group[i] != g && contains(x.sets[i], labels) {
			out = append(out, i)
		}
	}
	return out
}

// hits marks those of some sets, by their places in the list, that lack a label.
func (x *setIndex) hits(open []int, label string) hitSet {
	h := make(hitSet, (len(open)+63)/64)
	for i := range open {
		h[i/64] |= 1 << (i % 64)
	}
	at := 0
	for _, i := range x.with[label] {
		n, ok := slices.BinarySearch(open[at:], i)
		if at += n; ok {
			h[at/64] &^= 1 << (at % 64)
		}
	}
	return h
}
