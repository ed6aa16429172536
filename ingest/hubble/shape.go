package hubble

import (
	"bytes"
	"math/bits"
	"slices"

	"sluice/ingest/scan"
)

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
//
// A record passes some thirty of them: what each has to be asked for lies in one line of a processor's cache, of 64
// bytes, what a fork has to be asked for in the next.
type shape struct {
	text  scan.Literal // all of it from the value before on
	only  *shape       // the one that may follow, if it is no fork
	hole  hole         // noHole at a fork
	lined bool         // a text of the record may have line breaks
	// next are the texts that may follow, or at a fork go on: no two have the same byte, of first, behind the fork.
	// Those that have no room in them are in more.
	first  uint64
	next   [8]*shape
	more   *shape
	said   *said   // at the end of the record
	last   string  // the object or array that stood there last
	quoted string  // all of the text as it stands in a string of JSON, once that was asked for
	_      [8]byte // makes it three lines
}

const (
	maxShapes    = 1 << 20
	shapeSize    = 192 // bytes of a shape beside its text
	shapeWindow  = 1 << 10
	shapeStart   = 1 << 7 // of a window, after which it is known whether forms repeat at all
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
	if s.tried == shapeWindow || s.tried == shapeStart && s.found < shapeStart/8 {
		if s.found < s.tried/2 {
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

// other says that what was looked up, if it was, is a record of no flow: what stands between those says nothing of
// whether their forms repeat.
func (s *shapes) other(looked bool) {
	if looked && s.tried > 0 {
		s.tried--
	}
}

// read reads the record at b where it has a known form, and returns the index behind it, -1 for another. What nearly
// every record has is read here, mostly without a call.
func (s *shapes) read(r *reader, b []byte) int {
	at := &s.root
	for i := 0; i >= 0; {
		if next := at.only; next != nil {
			at = next
		} else if at = at.choose(b, i); at == nil {
			return -1
		}
		if at.text.Differs((*[scan.MaxWords]byte)(b[i:i+scan.MaxWords:i+scan.MaxWords])) != 0 {
			return -1
		}
		if text := at.text.Text; len(text) > scan.MaxWords && !scan.Has(b, i+scan.MaxWords, text[scan.MaxWords:]) {
			return -1
		}
		i += len(at.text.Text)
		switch at.hole {
		case holeSkip:
			if b[i] == '"' {
				if end := scan.Plain(b, i+1); b[end] == '"' {
					i = end + 1
					continue
				}
			}
			i = at.skip(r, b, i)
		case holeTime:
			i = r.timeValue(b, i)
		case holeOuter:
			i = r.outerTime(b, i)
		case holeSrcIP:
			i = r.str(b, i, &r.srcIP)
		case holeDstIP:
			i = r.str(b, i, &r.dstIP)
		case holeSrcPort:
			i = r.whole(b, i, maxPort, &r.srcPort)
		case holeDstPort:
			i = r.whole(b, i, maxPort, &r.dstPort)
		case holeSource:
			r.source = b[i] == '{'
			i = r.end(b, i, &r.src)
		case holeDestination:
			i = r.end(b, i, &r.dst)
		case holeNode:
			i = r.flowNode(b, i)
		case holeOuterNode:
			i = r.outerNode(b, i)
		case holeEnd:
			r.said = *at.said
			r.lined = r.lined || at.lined
			return i
		default:
			r.lined = true
			i = r.fill(at.hole, b, i)
		}
	}
	return -1
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

// branch returns the text that goes on with a byte. It takes no branch of the processor's, which could not be
// foreseen. What first has no byte for is 0, with which nothing goes on.
func (s *shape) branch(c byte) *shape {
	for ; s != nil; s = s.more {
		const ones, highs = 0x0101010101010101, 0x8080808080808080
		x := s.first ^ uint64(c)*ones
		if m := (x - ones) &^ x & highs; m != 0 {
			return s.next[bits.TrailingZeros64(m)>>3&7]
		}
	}
	return nil
}

// skip passes over a value that is no plain text. Objects and arrays are often those of the record before.
func (s *shape) skip(r *reader, b []byte, i int) int {
	switch b[i] {
	case '"':
		return scan.TextEnd(b, i+1)
	case '{', '[':
		r.lined = true
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
	lined := bytes.IndexByte(b[:n], '\n') >= 0
	for _, p := range path {
		if at = s.add(at, b[from:p.from], p.hole); at == nil {
			return
		}
		from = p.to
	}
	if at = s.add(at, b[from:n], holeEnd); at != nil {
		c := *what
		at.said, at.lined = &c, at.lined || lined
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
			next = newShape(string(text), h)
			at.put(next, n)
			s.size += 2*len(text) + shapeSize
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

func newShape(text string, h hole) *shape {
	return &shape{text: scan.NewLiteral(text), hole: h}
}

// put adds what goes on with its byte n.
func (s *shape) put(next *shape, n int) {
	at := s
	for at.next[len(at.next)-1] != nil {
		if at.more == nil {
			at.more = &shape{}
		}
		at = at.more
	}
	free := slices.Index(at.next[:], nil)
	at.next[free] = next
	at.first |= uint64(next.text.Text[n]) << (8 * free)
	s.alone()
}

// alone notes whether there is one text that may follow.
func (s *shape) alone() {
	if s.only = s.next[0]; s.next[1] != nil || s.only.hole == noHole {
		s.only = nil
	}
}

// fork puts a fork before next, at its byte n.
func (s *shape) fork(next *shape, n int) *shape {
	f := newShape(next.text.Text[:n], noHole)
	f.put(next, n)
	for at := s; at != nil; at = at.more {
		if i := slices.Index(at.next[:], next); i >= 0 {
			at.next[i] = f
		}
	}
	s.alone()
	return f
}
