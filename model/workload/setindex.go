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
	group []int          // of each set
	first []int          // of each group, its first set; one more at the end
	at    map[string]int // of each label, where it stands in with
	with  []bearers
}

// bearers are the sets that have a label.
type bearers struct {
	sets   []int
	groups int    // how many groups these are of
	bits   bitSet // the same sets, where they are many
}

// bitSet marks label sets by their numbers.
type bitSet []uint64

// oftenShare is the share of all sets, one in so many, beyond which a label has a bitSet. Together these are no more
// than as many words as there are labels in all sets.
const oftenShare = 64

func newSetIndex(groups []*group) *setIndex {
	n, labels := 0, 0
	for _, g := range groups {
		n += len(g.sets)
		for _, s := range g.sets {
			labels += len(s)
		}
	}
	x := &setIndex{sets: make([]model.Labels, 0, n), group: make([]int, 0, n), first: make([]int, 0, len(groups)+1),
		at: make(map[string]int, n)}
	places, times := make([]int, 0, labels), []int(nil) // of each label of each set; of each label
	for i, g := range groups {
		x.first = append(x.first, len(x.sets))
		for _, s := range g.sets {
			for _, kv := range s {
				at, ok := x.at[kv]
				if !ok {
					at = len(times)
					x.at[kv], times = at, append(times, 0)
				}
				times[at]++
				places = append(places, at)
			}
			x.sets, x.group = append(x.sets, s), append(x.group, i)
		}
	}
	x.first = append(x.first, len(x.sets))
	x.with = make([]bearers, len(times))
	room := make([]int, labels)
	for i, s := range x.sets {
		for _, at := range places[:len(s)] {
			w := &x.with[at]
			if w.sets == nil {
				w.sets, room = room[:0:times[at]], room[times[at]:]
			}
			if len(w.sets) == 0 || x.group[w.sets[len(w.sets)-1]] != x.group[i] {
				w.groups++
			}
			w.sets = append(w.sets, i)
		}
		places = places[len(s):]
	}
	for i := range x.with {
		if w := &x.with[i]; oftenShare*len(w.sets) > len(x.sets) {
			w.bits = make(bitSet, (len(x.sets)+63)/64)
			for _, i := range w.sets {
				w.bits.add(i)
			}
		}
	}
	return x
}

// of are the sets that have a label.
func (x *setIndex) of(label string) *bearers {
	if at, ok := x.at[label]; ok {
		return &x.with[at]
	}
	return &bearers{}
}

// having are the sets that have all of some labels, of which there is one, in their order.
func (x *setIndex) having(labels []string) iter.Seq[int] {
	rarest := x.of(labels[0])
	for _, kv := range labels[1:] {
		if w := x.of(kv); len(w.sets) < len(rarest.sets) {
			rarest = w
		}
	}
	if rarest.bits == nil {
		return func(yield func(int) bool) {
			for _, i := range rarest.sets {
				if contains(x.sets[i], labels) && !yield(i) {
					return
				}
			}
		}
	}
	return func(yield func(int) bool) {
		all := make([]bitSet, len(labels))
		for i, kv := range labels {
			all[i] = x.of(kv).bits
		}
		for w, left := range rarest.bits {
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

// upTo is how many groups with a set that has a label there are up to the group g, which is one of them.
func (x *setIndex) upTo(with *bearers, g int) (n int) {
	last := -1
	for _, s := range with.sets {
		k := x.group[s]
		if k > g {
			break
		}
		if k != last {
			n, last = n+1, k
		}
	}
	return n
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
	with := x.of(label)
	if with.bits != nil {
		for w := range of {
			n += bits.OnesCount64(of[w] & with.bits[w])
		}
		return n
	}
	for _, i := range with.sets {
		n += int(of[i/64] >> (i % 64) & 1)
	}
	return n
}

// narrow leaves those of some sets that have a label.
func (x *setIndex) narrow(of bitSet, label string) {
	with := x.of(label)
	if with.bits != nil {
		for w := range of {
			of[w] &= with.bits[w]
		}
		return
	}
	was := slices.Clone(of)
	clear(of)
	for _, i := range with.sets {
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
