package workload

import (
	"iter"
	"math/bits"
	"slices"

	"sluice/model"
)

// setIndex finds the stable label sets of the groups of a space by their labels, so that choosing a selector does not
// compare every group with every other.
type setIndex struct {
	sets  []model.Labels
	group []int             // of each set
	with  map[string][]int  // sets that have a label
	first []int             // of each group, its first set; one more at the end
	often map[string]bitSet // the same as with, of labels that many sets have
}

// bitSet marks label sets by their numbers.
type bitSet []uint64

// oftenShare is the share of all sets, one in so many, beyond which a label has a bitSet. Together these are no more
// than as many words as there are labels in all sets.
const oftenShare = 64

func newSetIndex(groups []*group) *setIndex {
	x := &setIndex{with: map[string][]int{}, often: map[string]bitSet{}}
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
	for kv, sets := range x.with {
		if oftenShare*len(sets) > len(x.sets) {
			b := make(bitSet, (len(x.sets)+63)/64)
			for _, i := range sets {
				b[i/64] |= 1 << (i % 64)
			}
			x.often[kv] = b
		}
	}
	return x
}

// having are the sets that have all of some labels, of which there is one, in their order.
func (x *setIndex) having(labels []string) iter.Seq[int] {
	rarest := x.rarest(labels)
	if x.often[rarest] == nil {
		return func(yield func(int) bool) {
			for _, i := range x.with[rarest] {
				if contains(x.sets[i], labels) && !yield(i) {
					return
				}
			}
		}
	}
	return func(yield func(int) bool) {
		all := make([]bitSet, len(labels))
		for i, kv := range labels {
			all[i] = x.often[kv]
		}
		for w, left := range x.often[rarest] {
			for _, b := range all {
				left &= b[w]
			}
			for ; left != 0; left &= left - 1 {
				if !yield(64*w + bits.TrailingZeros64(left)) {
					return
				}
			}
		}
	}
}

// exact reports whether labels select no set of another group than g.
func (x *setIndex) exact(labels []string, g int) bool {
	if len(labels) == 0 {
		return false
	}
	for i := range x.having(labels) {
		if x.group[i] != g {
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
	for i := range x.having(labels) {
		if x.group[i] != g {
			out = append(out, i)
		}
	}
	return out
}

// hits marks those of some sets, by their places in the list, that lack a label.
func (x *setIndex) hits(open []int, label string) hitSet {
	h := make(hitSet, (len(open)+63)/64)
	if b := x.often[label]; b != nil {
		for n, i := range open {
			h[n/64] |= (^b[i/64] >> (i % 64) & 1) << (n % 64)
		}
		return h
	}
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
