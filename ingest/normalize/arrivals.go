package normalize

import "slices"

// arrivals are a set: most records of openings go through it, and most logs never ask it. Their hashes are those of
// what they are of, so that they need no other: an open table over a power of two, at most three quarters full.
type arrivals struct {
	slots []arrival // of is 0 where there is none
	n     int
}

func (s *arrivals) add(a arrival) {
	if 4*s.n >= 3*len(s.slots) {
		old := *s
		s.slots = make([]arrival, max(1<<8, 2*len(old.slots)))
		for o := range old.all {
			s.slots[s.place(o)] = o
		}
	}
	if at := &s.slots[s.place(a)]; at.of == 0 {
		*at = a
		s.n++
	}
}

// place is where an arrival is, or where it belongs. The bits that samples are taken by are not among those that find
// it.
func (s *arrivals) place(a arrival) int {
	mask := len(s.slots) - 1
	i := int(a.of>>32) & mask
	for s.slots[i].of != 0 && s.slots[i] != a {
		i = (i + 1) & mask
	}
	return i
}

func (s *arrivals) all(yield func(arrival) bool) {
	for _, a := range s.slots {
		if a.of != 0 && !yield(a) {
			return
		}
	}
}

// drop forgets those of which gone is true.
func (s *arrivals) drop(gone func(hash uint64, slot int64) bool) {
	kept := s.slots[:0]
	for a := range s.all {
		if !gone(a.of, int64(a.slot)) {
			kept = append(kept, a)
		}
	}
	clear(s.slots[len(kept):])
	kept = slices.Clone(kept)
	clear(s.slots[:len(kept)])
	s.n = 0
	for _, a := range kept {
		s.add(a)
	}
}

func (s *arrivals) byHash() map[uint64][]arrival {
	out := map[uint64][]arrival{}
	for a := range s.all {
		out[a.of] = append(out[a.of], a)
	}
	return out
}
