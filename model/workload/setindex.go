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
				b.add(i)
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
func (x *setIndex) open(labels []string, g int) bitSet {
	left := make(bitSet, (len(x.sets)+63)/64)
	if len(labels) == 0 {
		for i := range x.sets {
			left.add(i)
		}
	} else {
		for i := range x.having(labels) {
			left.add(i)
		}
	}
	for i := x.first[g]; i < x.first[g+1]; i++ {
		left[i/64] &^= 1 << (i % 64)
	}
	return left
}

// common is how many of some sets have a label.
func (x *setIndex) common(of bitSet, label string) (n int) {
	if b := x.often[label]; b != nil {
		for w := range of {
			n += bits.OnesCount64(of[w] & b[w])
		}
		return n
	}
	for _, i := range x.with[label] {
		n += int(of[i/64] >> (i % 64) & 1)
	}
	return n
}

// narrow leaves those of some sets that have a label.
func (x *setIndex) narrow(of bitSet, label string) {
	if b := x.often[label]; b != nil {
		for w := range of {
			of[w] &= b[w]
		}
		return
	}
	was := slices.Clone(of)
	clear(of)
	for _, i := range x.with[label] {
		of[i/64] |= was[i/64] & (1 << (i % 64))
	}
}

func (b bitSet) add(i int) { b[i/64] |= 1 << (i % 64) }

func (b bitSet) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}
