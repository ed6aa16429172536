package hubble

import "sluice/ingest/scan"

// shapes are the forms of the records that a source has shown: which text stands between the values that differ from
// record to record, and what that text says. Keys, their order, blanks and values that come in few combinations are
// part of the text. A record whose text is one of those, byte for byte, needs no other look at them; the values
// between are read by what reads them in any record. Where records do not repeat their forms, prediction rests.
type shapes struct {
	root         shape
	size         int // bytes, about
	tried, found int // records of this window
	rest         int // records that are not predicted
	pause        int // how many they were at the last time
}

// shape is a text that may follow, and the value behind it.
type shape struct {
	text string
	// head are the first bytes of text under mask, tail the last eight where it has as many.
	head, mask, tail uint64

	hole hole
	next []*shape // what may follow; no two begin with the same byte
	said *said    // at the end of the record
	last string   // the object or array that stood there last
}

const (
	maxShapes    = 1 << 20
	shapeSize    = 160 // bytes of a shape beside its text
	shapeWindow  = 1 << 10
	minShapeRest = 1 << 13
	maxShapeRest = 1 << 17
	maxShapeLast = 1 << 12
)

// predicts reports whether the next record is to be looked up.
func (s *shapes) predicts() bool {
	if s.rest > 0 {
		s.rest--
		return false
	}
	if s.tried == shapeWindow {
		if s.found < shapeWindow/2 {
			s.pause = min(max(2*s.pause, minShapeRest), maxShapeRest)
			s.rest = s.pause
			if s.size > maxShapes {
				s.root, s.size = shape{}, 0
			}
		} else {
			s.pause = 0
		}
		s.tried, s.found = 0, 0
	}
	s.tried++
	return true
}

// read reads the record of n bytes at b where it has a known form.
func (s *shapes) read(r *reader, b []byte, n int) bool {
	at := &s.root
	for i := 0; ; {
		next := at.follow(b, i)
		if next == nil {
			return false
		}
		i += len(next.text)
		switch next.hole {
		case noHole:
		case holeSkip:
			if i = next.skip(b, i); i < 0 {
				return false
			}
		case holeEnd:
			if i != n {
				return false
			}
			r.said = *next.said
			s.found++
			return true
		default:
			if i = r.fill(next.hole, b, i); i < 0 {
				return false
			}
		}
		at = next
	}
}

// newShape makes a shape of a text.
func newShape(text string, h hole) *shape {
	s := &shape{hole: h}
	s.set(text)
	return s
}

func (s *shape) set(text string) {
	s.text = text
	var b [16]byte
	n := copy(b[:8], text)
	s.head, s.mask = scan.Word(b[:], 0), ^uint64(0)>>(64-8*n)
	if copy(b[8:], text[max(0, len(text)-8):]); len(text) >= 8 {
		s.tail = scan.Word(b[:], 8)
	}
}

// follow returns the text that stands at b[i:]. Words that overlap cover a short one.
func (s *shape) follow(b []byte, i int) *shape {
	x := scan.Word(b, i)
	for _, next := range s.next {
		if x&next.mask != next.head {
			continue
		}
		switch n := len(next.text); {
		case n <= 8:
			return next
		case i+n > len(b) || scan.Word(b, i+n-8) != next.tail:
		case n <= 16 || string(b[i+8:i+n-8]) == next.text[8:n-8]:
			return next
		}
		return nil
	}
	return nil
}

// branch returns the text that begins with a byte.
func (s *shape) branch(c byte) *shape {
	for _, n := range s.next {
		if n.text[0] == c {
			return n
		}
	}
	return nil
}

// skip passes over a value. Objects and arrays are often those of the record before.
func (s *shape) skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		if i = scan.Plain(b, i+1); b[i] == '"' {
			return i + 1
		}
		return scan.TextEnd(b, i)
	case '{', '[':
		if s.last != "" && scan.Has(b, i, s.last) {
			return i + len(s.last)
		}
		end := scan.Skip(b, i, 0)
		if end > 0 && end-i <= maxShapeLast {
			s.last = string(b[i:end])
		}
		return end
	}
	return scan.Skip(b, i, 0)
}

// learn adds the form of the record of n bytes at b, whose values stood at path.
func (s *shapes) learn(b []byte, n int, path []step, what *said) {
	if s.size > maxShapes {
		return
	}
	at, from := &s.root, 0
	for _, p := range path {
		if at = s.add(at, b[from:p.from], p.hole); at == nil {
			return
		}
		from = p.to
	}
	if at = s.add(at, b[from:n], holeEnd); at != nil {
		c := *what
		at.said = &c
	}
}

// add returns the shape of a text behind another one, which is nil where the text goes on in one record and ends
// before a value in another.
func (s *shapes) add(at *shape, text []byte, h hole) *shape {
	for {
		next := at.branch(text[0])
		if next == nil {
			next = newShape(string(text), h)
			at.next = append(at.next, next)
			s.size += len(text) + shapeSize
			return next
		}
		n := 0
		for n < len(text) && n < len(next.text) && text[n] == next.text[n] {
			n++
		}
		if n == len(text) {
			if n == len(next.text) && next.hole == h {
				return next
			}
			return nil
		}
		if n < len(next.text) {
			rest := *next
			rest.set(next.text[n:])
			*next = *newShape(next.text[:n], noHole)
			next.next = []*shape{&rest}
			s.size += shapeSize
		} else if next.hole != noHole {
			return nil
		}
		at, text = next, text[n:]
	}
}
