package hubble

import (
	"hash/maphash"
	"math/bits"
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
	parts  [][]byte // the labels of an array, as read
	sums   []uint64 // the hash of each
	sets   map[uint64]*labelSet
}

// labelSet are labels whose order says nothing.
type labelSet struct {
	list *list
	// index finds an item of the list by its hash: open addressing over a power of two, the item's number and one.
	index []uint8
	shift uint8
	// seen are the hashes of orders that were seen once, of late: one that comes again is remembered by its bytes.
	seen [4]uint64
	at   uint8
}

const (
	maxLabelSet = 255 // labels
	recentBits  = 10
	// beginning is how many bytes of an array tell it from most others: labels begin with those that a chart gives all.
	beginning = 160
)

func newLabelLists() labelLists {
	return labelLists{lists: newLists(labelItem), sets: map[uint64]*labelSet{}}
}

// labelItem reads a label of an array.
func labelItem(r *reader, b []byte, i int, _ *list) int {
	var t []byte
	if i = r.str(b, i, &t); i > 0 {
		r.labels.parts = append(r.labels.parts, t)
	}
	return i
}

// read reads the array at b[i]. usual tells that its order may be worth remembering.
func (s *labelLists) read(r *reader, b []byte, i int) (l *list, end int, usual bool) {
	var recent **list
	if i+beginning <= len(b) {
		recent = &s.recent[maphash.Bytes(s.seed, b[i:i+beginning])>>(64-recentBits)]
		if l := *recent; l != nil && scan.Has(b, i, l.raw) {
			return l.set(), i + len(l.raw), true
		}
	}
	l, h := s.find(b, i)
	if l == nil {
		return s.add(r, b, i, h)
	}
	if len(l.raw) >= beginning && recent != nil {
		*recent = l
	}
	return l.set(), i + len(l.raw), true
}

// set is the list that stands for all orders of the labels.
func (l *list) set() *list {
	if l.same != nil {
		return l.same
	}
	return l
}

// add reads the array at b[i], which is not remembered by its bytes, of hash h.
func (s *labelLists) add(r *reader, b []byte, i int, h uint64) (l *list, end int, usual bool) {
	s.parts, s.sums = s.parts[:0], s.sums[:0]
	if end = s.items(r, b, i, nil); end < 0 {
		return nil, -1, false
	}
	sum := uint64(0)
	for _, t := range s.parts {
		n := maphash.Bytes(s.seed, t)
		s.sums = append(s.sums, n)
		sum += n
	}
	set := s.sets[sum]
	if set != nil && set.holds(s.parts, s.sums) {
		if usual = set.again(h); usual && s.room(end-i) {
			s.remember(h, &list{raw: string(b[i:end]), same: set.list})
		}
		return set.list, end, usual
	}
	l = &list{items: make([]string, len(s.parts))}
	for n, t := range s.parts {
		l.items[n] = string(t)
	}
	if !s.room(2 * (end - i)) {
		return l, end, true
	}
	l.raw = string(b[i:end])
	s.remember(h, l)
	if set == nil && orderless(l.items) {
		if set := newLabelSet(l, s.sums); set != nil {
			s.sets[sum] = set
		}
	}
	return l, end, true
}

// newLabelSet returns the set of a list whose items have these hashes, nil where it cannot be one.
func newLabelSet(l *list, sums []uint64) *labelSet {
	if len(sums) < 2 || len(sums) > maxLabelSet {
		return nil
	}
	width := bits.Len(uint(2*len(sums) - 1))
	set := &labelSet{list: l, index: make([]uint8, 1<<width), shift: uint8(64 - width)}
	for n, sum := range sums {
		at := sum >> set.shift
		for ; set.index[at] != 0; at = (at + 1) & uint64(len(set.index)-1) {
			if l.items[set.index[at]-1] == l.items[n] {
				return nil // twice
			}
		}
		set.index[at] = uint8(n + 1)
	}
	return set
}

// holds reports whether these are the labels of the set, each once.
func (t *labelSet) holds(parts [][]byte, sums []uint64) bool {
	items := t.list.items
	if len(parts) != len(items) {
		return false
	}
	var had [maxLabelSet/64 + 1]uint64
	for n, p := range parts {
		at := sums[n] >> t.shift
		for ; ; at = (at + 1) & uint64(len(t.index)-1) {
			k := t.index[at]
			if k == 0 {
				return false
			}
			if items[k-1] != string(p) {
				continue
			}
			if bit := uint64(1) << (k & 63); had[k>>6]&bit == 0 {
				had[k>>6] |= bit
				break
			}
			return false
		}
	}
	return true
}

// again reports whether an order was seen before, and notes that it was.
func (t *labelSet) again(h uint64) bool {
	for _, s := range t.seen {
		if s == h {
			return true
		}
	}
	t.seen[t.at%uint8(len(t.seen))] = h
	t.at++
	return false
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
