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

// shape is a text that may follow a value, with the value behind it, or a fork: what several such texts begin with.
type shape struct {
	text scan.Literal // all of it from the value before on
	hole hole         // noHole at a fork
	// next are the texts that may follow, or at a fork go on: no two have the same byte, of first, behind the fork.
	next  []*shape
	first []byte
	only  *shape // the one that may follow, if it is no fork
	said  *said  // at the end of the record
	last  string // the object or array that stood there last
}

const (
	maxShapes    = 1 << 20
	shapeSize    = 200 // bytes of a shape beside its text
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
		next := at.only
		if next == nil {
			next = at.choose(b, i)
		}
		if next == nil || !next.text.Stands(b, i) {
			return false
		}
		at = next
		i += len(at.text.Text)
		switch at.hole {
		case holeSkip:
			i = at.skip(b, i)
		case holeEnd:
			if i != n {
				return false
			}
			r.said = *at.said
			s.found++
			return true
		default:
			i = r.fill(at.hole, b, i)
		}
		if i < 0 {
			return false
		}
	}
}

// choose returns the text that may stand at b[i:], behind the value of s: of several the bytes tell where they part.
func (s *shape) choose(b []byte, i int) *shape {
	for at := i; at < len(b); at = i + len(s.text.Text) {
		if s = s.branch(b[at]); s == nil || s.hole != noHole {
			return s
		}
	}
	return nil
}

// branch returns the text that goes on with a byte.
func (s *shape) branch(c byte) *shape {
	for n, f := range s.first {
		if f == c {
			return s.next[n]
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

// add returns the shape of a text behind a value, which is nil where the text goes on in one record and ends before a
// value in another.
func (s *shapes) add(at *shape, text []byte, h hole) *shape {
	for n := 0; ; {
		if n == len(text) {
			return nil
		}
		next := at.branch(text[n])
		if next == nil {
			next = &shape{text: scan.NewLiteral(string(text)), hole: h}
			at.put(next, n)
			s.size += len(text) + shapeSize
			return next
		}
		whole := next.text.Text
		for n < len(text) && n < len(whole) && text[n] == whole[n] {
			n++
		}
		switch {
		case n == len(whole) && next.hole == noHole:
			at = next
		case n == len(whole) && n == len(text) && next.hole == h:
			return next
		case n == len(whole) || n == len(text):
			return nil
		default:
			at = at.fork(next, n)
			s.size += shapeSize
		}
	}
}

// put adds what goes on with its byte n.
func (s *shape) put(next *shape, n int) {
	s.next, s.first = append(s.next, next), append(s.first, next.text.Text[n])
	s.alone()
}

// alone notes whether there is one text that may follow.
func (s *shape) alone() {
	if s.only = nil; len(s.next) == 1 && s.next[0].hole != noHole {
		s.only = s.next[0]
	}
}

// fork puts a fork before next, at its byte n.
func (s *shape) fork(next *shape, n int) *shape {
	f := &shape{text: scan.NewLiteral(next.text.Text[:n])}
	f.put(next, n)
	for i := range s.next {
		if s.next[i] == next {
			s.next[i] = f
		}
	}
	s.alone()
	return f
}
