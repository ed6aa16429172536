package normalize

import (
	"sluice/model"
)

// arrivals are a set: most records of openings go through it, and most logs never ask it. So they are only put one
// behind the other, and what is there twice is found when they are many, or when somebody asks.
type arrivals struct {
	chunks [][]arrival // of arrivalChunk each, so that none moves
	n      int
	once   int // the first so many are known to differ
}

const arrivalChunk = 1 << 12

func (s *arrivals) at(i int) *arrival { return &s.chunks[i/arrivalChunk][i%arrivalChunk] }

func (s *arrivals) add(a arrival) {
	if s.n == len(s.chunks)*arrivalChunk {
		s.chunks = append(s.chunks, make([]arrival, arrivalChunk))
	}
	*s.at(s.n) = a
	s.n++
}

// over reports whether there are known to be more than so many. Those that may be there twice are counted once they
// are as many again.
func (s *arrivals) over(most int) bool {
	if s.n > 2*most {
		s.settle()
	}
	return s.once > most
}

// settle drops what is there twice.
func (s *arrivals) settle() {
	if s.once == s.n {
		return
	}
	size := 1 << 8
	for size < 2*s.n {
		size *= 2
	}
	index := model.Room[uint32](size) // open addressing: number of an arrival + 1, 0 is free
	all := s.n
	s.n = 0
	for i := range all {
		a := *s.at(i)
		// The bits that samples are taken by are not among those that find it.
		at := int(a.of>>32) & (size - 1)
		for index[at] != 0 && *s.at(int(index[at] - 1)) != a {
			at = (at + 1) & (size - 1)
		}
		if index[at] == 0 {
			*s.at(s.n) = a
			s.n++
			index[at] = uint32(s.n)
		}
	}
	s.once = s.n
}

// all goes over them. What is there twice comes twice.
func (s *arrivals) all(yield func(arrival) bool) {
	for i := range s.n {
		if !yield(*s.at(i)) {
			return
		}
	}
}

// drop forgets those of which gone is true.
func (s *arrivals) drop(gone func(hash uint64, slot int64) bool) {
	all, once := s.n, s.once
	s.n = 0
	for i := range all {
		if i == once {
			s.once = s.n
		}
		if a := *s.at(i); !gone(a.of, int64(a.slot)) {
			*s.at(s.n) = a
			s.n++
		}
	}
	if all == once {
		s.once = s.n
	}
}

func (s *arrivals) byHash() map[uint64][]arrival {
	out := map[uint64][]arrival{}
	for a := range s.all {
		out[a.of] = append(out[a.of], a)
	}
	return out
}
