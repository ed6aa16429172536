package hubble

import (
	"bytes"
	"hash/maphash"

	"sluice/ingest/scan"
)

// list is an array as read: of strings, or of workloads.
//
// What each object that has it is asked for comes first, in one line of a processor's cache.
type list struct {
	raw    string      // its JSON
	refs   []objectRef // what objects with these labels are
	same   *list       // the same labels in the order that was seen first, where this is another
	items  []string
	plain  bool   // raw has no escapes, so that it has the items as they are
	joined []byte // items, each with a zero byte behind it
	first  workload
	said   *labelled // what they say as labels, once it was asked for
}

// says returns what a list says as labels.
func (l *list) says() *labelled {
	if l.said == nil {
		l.said = newLabelled(l.items)
	}
	return l.said
}

// itemReader reads an item of an array, and returns the index behind it.
type itemReader func(r *reader, b []byte, i int, l *list) int

// lists remembers the arrays of a log, which are few and long: by the hash of their bytes up to the first closing
// bracket, all bytes compared.
type lists struct {
	seed  maphash.Seed
	item  itemReader
	slots []listSlot // open addressing over a power of two
	n     int
	bytes int
}

type listSlot struct {
	hash uint64
	list *list
}

const (
	firstSlots   = 1 << 10
	maxListBytes = 48 << 20
)

func newLists(item itemReader) lists {
	return lists{seed: maphash.MakeSeed(), item: item, slots: make([]listSlot, firstSlots)}
}

// read reads the array at b[i].
func (s *lists) read(r *reader, b []byte, i int) (*list, int) {
	known, h := s.find(b, i)
	if known != nil {
		return known, i + len(known.raw)
	}
	l := &list{}
	end := items(r, b, i, s.item, l)
	if end < 0 {
		return nil, -1
	}
	for _, t := range l.items {
		l.joined = appendText(l.joined, []byte(t))
	}
	if s.room(2 * (end - i)) {
		l.raw = string(b[i:end])
		s.remember(h, l)
	}
	return l, end
}

// find returns the list that stands at b[i:], nil for one that is not known, and the hash that it has.
func (s *lists) find(b []byte, i int) (*list, uint64) {
	n := bytes.IndexByte(b[i:], ']')
	if n < 0 {
		n = 0
	}
	h := maphash.Bytes(s.seed, b[i:i+n])
	mask := uint64(len(s.slots) - 1)
	for at := h & mask; s.slots[at].list != nil; at = (at + 1) & mask {
		if k := &s.slots[at]; k.hash == h && scan.Has(b, i, k.list.raw) {
			return k.list, h
		}
	}
	return nil, h
}

// room makes room for a list that takes so many bytes, and reports whether it may be remembered. Where there are too
// many, all others are forgotten: those of pods that are gone do not come back, and the rest soon does.
func (s *lists) room(n int) bool {
	if n > maxListBytes/8 {
		return false
	}
	if s.bytes += n; s.bytes > maxListBytes {
		s.slots, s.n, s.bytes = make([]listSlot, firstSlots), 0, n
	}
	return true
}

func (s *lists) remember(h uint64, l *list) {
	if 2*s.n >= len(s.slots) {
		old := s.slots
		s.slots = make([]listSlot, 2*len(old))
		for _, k := range old {
			if k.list != nil {
				s.put(k)
			}
		}
	}
	s.n++
	s.put(listSlot{h, l})
}

func (s *lists) put(k listSlot) {
	mask := uint64(len(s.slots) - 1)
	at := k.hash & mask
	for s.slots[at].list != nil {
		at = (at + 1) & mask
	}
	s.slots[at] = k
}

// items reads the items of the array at b[i].
func items(r *reader, b []byte, i int, item itemReader, l *list) int {
	if i = scan.Blank(b, i+1); b[i] == ']' {
		return i + 1
	}
	for {
		if i = item(r, b, i, l); i < 0 {
			return -1
		}
		switch i = scan.Blank(b, i); b[i] {
		case ']':
			return i + 1
		case ',':
			i = scan.Blank(b, i+1)
		default:
			return -1
		}
	}
}

// textItem reads a string of an array.
func textItem(r *reader, b []byte, i int, l *list) int {
	var t []byte
	if i = r.str(b, i, &t); i > 0 {
		l.items = append(l.items, string(t))
	}
	return i
}

// workloadItem reads a workload of an array. The first one counts.
func workloadItem(r *reader, b []byte, i int, l *list) int {
	var name, kind []byte
	if b[i] != '{' {
		i = scan.Null(b, i)
	} else {
		i = r.workload(b, i, &name, &kind)
	}
	if l.items = append(l.items, ""); len(l.items) == 1 {
		l.first = workload{string(name), string(kind)}
	}
	return i
}

func (r *reader) workload(b []byte, i int, name, kind *[]byte) int {
	seen := uint64(0)
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inWorkload], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inWorkload, id, twice)
		}
		seen |= 1 << id &^ often
		switch id {
		case workloadName:
			i = r.str(b, i, name)
		case workloadKind:
			i = r.str(b, i, kind)
		default:
			i = scan.Skip(b, i, 0)
		}
		if i < 0 {
			return r.fail(inWorkload, id, badValue)
		}
	}
}
