package normalize

import "sluice/model"

// arrivals are a set: most records of openings go through it, and most logs never ask it. So they are only put one
// behind the other, and what is there twice is found when they are many, or when somebody asks.
type arrivals struct {
	list []arrival
	once int // the first so many are known to differ
}

const (
	someArrivals = 1 << 12
	// mostArrivals are as many as there ever are. They lie in one piece: between what stays, many small ones would leave
	// room that nothing larger fits in.
	mostArrivals = maxCalls + maxCalls/4 + 1
)

func (s *arrivals) add(a arrival) {
	if len(s.list) == cap(s.list) {
		room := someArrivals
		if len(s.list) > 0 {
			room = max(mostArrivals, 2*len(s.list))
		}
		s.list = append(make([]arrival, 0, room), s.list...)
	}
	s.list = append(s.list, a)
}

// over reports whether there are known to be more than so many. Those that may be there twice are counted once they
// are a quarter more.
func (s *arrivals) over(most int) bool {
	if len(s.list) > most+most/4 {
		s.settle()
	}
	return s.once > most
}

// settle drops what is there twice.
func (s *arrivals) settle() {
	all := s.list
	if s.once == len(all) {
		return
	}
	size := 1 << 8
	for 3*size < 4*len(all) {
		size *= 2
	}
	index := model.Room[uint32](size) // open addressing: number of an arrival + 1, 0 is free
	s.list = all[:0]
	for _, a := range all {
		// The bits that samples are taken by are not among those that find it.
		at := int(a.of>>32) & (size - 1)
		for index[at] != 0 && s.list[index[at]-1] != a {
			at = (at + 1) & (size - 1)
		}
		if index[at] == 0 {
			s.list = append(s.list, a)
			index[at] = uint32(len(s.list))
		}
	}
	s.once = len(s.list)
}

// all goes over them. What is there twice comes twice.
func (s *arrivals) all(yield func(arrival) bool) {
	for _, a := range s.list {
		if !yield(a) {
			return
		}
	}
}

// drop forgets those of which gone is true.
func (s *arrivals) drop(gone func(hash uint64, slot int64) bool) {
	all, once := s.list, 0
	s.list = all[:0]
	for i, a := range all {
		if gone(a.of, int64(a.slot)) {
			continue
		}
		s.list = append(s.list, a)
		if i < s.once {
			once++
		}
	}
	s.once = once
}

func (s *arrivals) byHash() map[uint64][]arrival {
	out := map[uint64][]arrival{}
	for a := range s.all {
		out[a.of] = append(out[a.of], a)
	}
	return out
}
