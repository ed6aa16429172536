package hubble

import (
	"bytes"
	"hash/maphash"
	"strings"

	"sluice/ingest/scan"
)

// labelLists remembers the labels of endpoints. As lists it finds them by their bytes; those that stand in an order not
// seen before it finds by the set that they are, whatever the order, all of them compared. Some pipelines keep labels
// in a hash table and write them in another order each time.
type labelLists struct {
	lists
	// recent are those that were read last, by what they begin with: mostly no more of a long one has to be hashed, and
	// its end has not to be looked for.
	recent [1 << recentBits]*list
	parts  scan.Parts // the labels of an array, as read
	sets   map[uint64]*labelSet
	like   []string // labels that are expected next: those left of a list that begins alike
	same   int      // how many of parts were expected
	others int      // and how many were not
}

// labelSet are labels whose order says nothing.
type labelSet struct {
	scan.Set
	list *list
}

const (
	recentBits = 12
	// beginning is how many bytes of an array tell it from most others: labels begin with those that a chart gives all.
	beginning = 160
	// ahead is how many of the labels that are expected may be left out or replaced in a row.
	ahead = 4
	// alike is which share of a list has to be expected ones: one in so many may be another.
	alike = 4
)

func newLabelLists() labelLists {
	return labelLists{lists: newLists(labelItem), sets: map[uint64]*labelSet{}}
}

// labelItem reads a label of an array. A pod of another rollout or run has other values of a few labels: the rest is
// compared with those of the one before and not read, and is one in memory with it.
func labelItem(r *reader, b []byte, i int, _ *list) int {
	s := &r.labels
	for n, t := range s.like[:min(ahead, len(s.like))] {
		if end := i + len(t) + 1; b[i] == '"' && scan.Has(b, i+1, t) && end < len(b) && b[end] == '"' {
			s.like = s.like[n+1:]
			s.same++
			s.parts.Share(b[i+1:end:end], t)
			return end + 1
		}
	}
	if s.others++; alike*s.others > s.same+len(s.like) {
		s.like = nil // those that are left would be too few
	}
	var t []byte
	if i = r.str(b, i, &t); i > 0 {
		s.parts.Add(t)
	}
	return i
}

// read reads the array at b[i]. usual tells that its order may be worth remembering.
func (s *labelLists) read(r *reader, b []byte, i int) (l *list, end int, usual bool) {
	var none *list
	recent := &none
	if i+beginning <= len(b) {
		recent = &s.recent[maphash.Bytes(s.seed, b[i:i+beginning])>>(64-recentBits)]
		if l := *recent; l != nil && scan.Has(b, i, l.raw) {
			return l.set(), i + len(l.raw), true
		}
	}
	l, h := s.find(b, i)
	if l != nil {
		end, usual = i+len(l.raw), true
	} else if l, end, usual = s.add(r, b, i, h, *recent); end < 0 {
		return nil, -1, false
	}
	if len(l.raw) >= beginning {
		*recent = l
	}
	return l.set(), end, usual
}

// set is the list that stands for all orders of the labels.
func (l *list) set() *list {
	if l.same != nil {
		return l.same
	}
	return l
}

// add reads the array at b[i], which is not remembered by its bytes, of hash h. Its labels may be mostly those of like.
func (s *labelLists) add(r *reader, b []byte, i int, h uint64, like *list) (l *list, end int, usual bool) {
	s.parts.Reset()
	if s.like, s.same, s.others = nil, 0, 0; like != nil && like.plain && scan.Has(b, i, like.raw[:beginning]) {
		s.like = like.items
	}
	if end = items(r, b, i, s.item, nil); end < 0 {
		return nil, -1, false
	}
	l = &list{}
	if s.same > 0 && alike*s.others <= s.parts.Len() { // in the order of another list: then it comes in no other
		l.items = s.parts.Strings()
		s.keep(l, b[i:end], h)
		return l, end, true
	}
	sum := s.parts.Sum(s.seed)
	set := s.sets[sum]
	if set != nil && set.Holds(&s.parts) {
		if usual = set.Again(h); usual && s.room(end-i) {
			s.remember(h, &list{raw: string(b[i:end]), same: set.list})
		}
		return set.list, end, usual
	}
	l.items = s.parts.Strings()
	if s.keep(l, b[i:end], h) && set == nil && orderless(l.items) {
		if set, ok := scan.NewSet(l.items, &s.parts); ok {
			s.sets[sum] = &labelSet{set, l}
		}
	}
	return l, end, true
}

// room is that of lists; sets are forgotten with them.
func (s *labelLists) room(n int) bool {
	had := s.n
	ok := s.lists.room(n)
	if s.n < had {
		clear(s.sets)
	}
	return ok
}

// keep remembers a list by its bytes, where there is room.
func (s *labelLists) keep(l *list, raw []byte, h uint64) bool {
	if !s.room(2 * len(raw)) {
		return false
	}
	l.raw, l.plain = string(raw), bytes.IndexByte(raw, '\\') < 0
	s.remember(h, l)
	return true
}

// orderless reports whether labels say the same in any order: not where one counts that comes before others.
func orderless(labels []string) bool {
	var seen [3]bool
	for _, l := range labels {
		k, _, _ := strings.Cut(strings.TrimPrefix(l, "k8s:"), "=")
		for n, one := range [...]string{labelNamespace, labelCluster, labelAccount} {
			if k != one {
				continue
			}
			if seen[n] {
				return false
			}
			seen[n] = true
		}
	}
	return true
}
