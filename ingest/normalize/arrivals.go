package normalize

import (
	"slices"

	"sluice/model"
)

// arrivals are a set: most records of openings go through it, and most logs never ask it. Their hashes are those of
// what they are of, so that they need no other: an open table over a power of two, at most three quarters full.
type arrivals struct {
	slots []arrival // of is 0 where there is none
	n     int
	// Those that wait are added together, so that the memory of all their places is fetched at once.
	waiting [16]arrival
	waits   int
	touched uint64 // keeps the compiler from dropping loads that only fetch
}

func (s *arrivals) add(a arrival) {
	s.waiting[s.waits] = a
	if s.waits++; s.waits == len(s.waiting) {
		s.settle()
	}
}

// settle adds those that wait.
func (s *arrivals) settle() {
	waiting := s.waiting[:s.waits]
	s.waits = 0
	if mask := len(s.slots) - 1; mask > 0 {
		for _, a := range waiting {
			s.touched += s.slots[int(a.of>>32)&mask].of
		}
	}
	for _, a := range waiting {
		s.put(a)
	}
}

// over reports whether there are more than so many.
func (s *arrivals) over(most int) bool {
	if s.n+s.waits > most {
		s.settle()
	}
	return s.n > most
}

func (s *arrivals) put(a arrival) {
	if 4*s.n >= 3*len(s.slots) {
		old := s.slots
		s.slots = model.Room[arrival](max(1<<8, 2*len(old)))
		for _, o := range old {
			if o.of != 0 {
				s.slots[s.place(o)] = o
			}
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
	s.settle()
	for _, a := range s.slots {
		if a.of != 0 && !yield(a) {
			return
		}
	}
}

// drop forgets those of which gone is true.
func (s *arrivals) drop(gone func(hash uint64, slot int64) bool) {
	s.settle()
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
		s.put(a)
	}
}

func (s *arrivals) byHash() map[uint64][]arrival {
	out := map[uint64][]arrival{}
	for a := range s.all {
		out[a.of] = append(out[a.of], a)
	}
	return out
}
