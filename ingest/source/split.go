package source

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
	"strings"

	"sluice/ingest"
	"sluice/ingest/scan"
	"sluice/model"
)

// splitter finds the values of an input that takes more than a line a record: objects one after the other with anything
// JSON or server-sent events put between them, and those in arrays and in the lists of an answer. It sees brackets and
// strings only.
//
// A value that holds records and is broken, or too large to be one record, is opened: what stands in it is found one by
// one. So a broken record costs itself alone: a line break inside a string ends it, and so does a line that begins an
// object no deeper than its own first line. Every byte is looked at once, or once for each of few brackets around it.
type splitter struct {
	in    io.Reader
	block int // bytes that are taken at once
	// record reports whether a text, perhaps cut off, is a record, and has whether it holds one and is none.
	record, has func(text []byte) bool
	// records returns what is the same for records that say the same, for those at the start of a text, and whether these
	// are texts in it.
	records func(text []byte) (meanings []string, texts bool)

	buf      []byte
	pos, end int   // what is not taken yet
	err      error // what ended the input, io.EOF for its end

	line   int64  // number of the line at pos
	indent int    // blanks before the text of that line
	text   bool   // pos is past them
	outer  []byte // brackets that are open around pos
	after  int    // skip lines that go on with a broken value of this indent + 1; 0: none
	inner  []level
	first  sample
}

// level is an open bracket of a value.
type level struct {
	bracket byte
	lined   bool // an array whose elements begin lines
}

// value is a text that the splitter found: an object, an array, a string, or a line that is none of these.
type value struct {
	text   []byte
	line   int64
	reason model.Reason // why text is not whole, ReasonNone where it is
	// quiet values stand beside the records of an answer: they may hold more of them or not.
	quiet bool
}

const (
	// openSize is from which size on a value that holds records is opened before its end is seen.
	openSize = 1 << 20
	// maxOpen is how many brackets around records are opened: each may cost a look at all that stands in it.
	maxOpen = 32
)

// next finds the next value, which is valid until the one after is asked for; false at the end of the input.
func (s *splitter) next() (value, bool) {
	for {
		if s.pos == s.end && !s.fill() {
			return s.cutOff()
		}
		c := s.buf[s.pos]
		switch {
		case c == '\n':
			s.line++
			s.indent, s.text = 0, false
			s.pos++
			continue
		case c == ' ' || c == '\t':
			if !s.text {
				s.indent++
			}
			s.pos++
			continue
		case c == '\r' || c == separator || c == 0:
			s.pos++
			continue
		}
		first := !s.text
		if first && s.after > 0 && (s.indent >= s.after || c == '}') {
			s.skipLine()
			continue
		}
		s.after, s.text = 0, true
		if v, ok := s.token(c, first); ok && s.isTwice(&v) {
			s.pos, s.err, s.outer = s.end, errTwice, s.outer[:0]
		} else if ok {
			return v, true
		}
	}
}

// token takes what begins with c, which may be a value.
func (s *splitter) token(c byte, first bool) (value, bool) {
	top := byte(0)
	if n := len(s.outer); n > 0 {
		top = s.outer[n-1]
	}
	switch {
	case top == '{' && c == '{' && first && s.indent == 0:
		s.outer = s.outer[:0] // the answer was cut off, this is another one
		return s.value(false)
	case c == '[' && top == 0:
		s.open()
	case c == '{' || c == '[':
		return s.value(top == '{')
	case top != 0 && c == top+2: // '[' and ']', '{' and '}' are two apart
		s.outer = s.outer[:len(s.outer)-1]
		s.pos++
	case c == ',', c == ';' && top == 0, top == '{' && c != '"', top == '[' && !first && inScalar(c):
		s.pos++
	case c == '"' && top != 0:
		return s.str(top == '{')
	case top == 0 && s.event():
	default:
		s.outer = s.outer[:0]
		return s.junk()
	}
	return value{}, false
}

// inScalar reports whether a byte may be one of a number, of true, of false or of null.
func inScalar(c byte) bool { return strings.IndexByte("0123456789+-.eEtrufalsn", c) >= 0 }

// open takes a bracket around values.
func (s *splitter) open() {
	s.outer = append(s.outer, s.buf[s.pos])
	s.pos++
}

// cutOff reports an answer that the end of the input left open, once.
func (s *splitter) cutOff() (value, bool) {
	if len(s.outer) == 0 {
		return value{}, false
	}
	s.outer = s.outer[:0]
	return value{line: s.line, reason: model.Truncated}, true
}

// fill reads on, keeping what is not taken. It is false where nothing is left.
func (s *splitter) fill() bool {
	if s.err != nil {
		return false
	}
	if s.pos > 0 {
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, max(s.block, len(s.buf)))...)
	}
	for s.err == nil {
		n, err := s.in.Read(s.buf[s.end:])
		s.end += n
		s.err = err
		if n > 0 {
			return true
		}
	}
	return false
}

// rest returns the line from pos on, without its end, as far as it is read or may be long.
func (s *splitter) rest() []byte {
	for n := 0; ; {
		b := s.buf[s.pos:s.end]
		if i := bytes.IndexByte(b[n:], '\n'); i >= 0 {
			return b[:n+i]
		}
		if n = len(b); n > maxLine || !s.fill() {
			return s.buf[s.pos:s.end]
		}
	}
}

// skipLine passes over the rest of the line.
func (s *splitter) skipLine() {
	for s.text = true; ; {
		s.pos += len(s.rest())
		if s.pos == s.end && !s.fill() || s.buf[s.pos] == '\n' {
			return
		}
	}
}

// event takes the fields of server-sent events that hold no record, and the name of the one that does.
func (s *splitter) event() bool {
	line := s.rest()
	switch {
	case bytes.HasPrefix(line, []byte("data:")):
		s.pos += len("data:")
	case isEventField(line):
		s.skipLine()
	default:
		return false
	}
	return true
}

// isEventField reports whether a line is a field of server-sent events beside their data.
func isEventField(line []byte) bool {
	for _, f := range []string{":", "event:", "id:", "retry:"} {
		if bytes.HasPrefix(line, []byte(f)) {
			return true
		}
	}
	return false
}

// junk takes a line that begins no value.
func (s *splitter) junk() (value, bool) {
	v := value{text: s.rest(), line: s.line}
	if len(v.text) > maxLine {
		v.text, v.reason = bytes.Clone(v.text[:excerptSize]), model.TooLong
		s.skipLine()
		return v, true
	}
	s.pos += len(v.text)
	return v, true
}

// str takes a string, which may be a record once more or have some in it: an element, or a key or value of an object
// that was opened, which is quiet. No more is read than that takes: behind it all records may stand in the same line.
func (s *splitter) str(quiet bool) (value, bool) {
	for inside, whole := 1, false; ; {
		inside, whole = strEnd(s.buf[s.pos:s.end], inside)
		if whole {
			v := value{text: s.buf[s.pos : s.pos+inside], line: s.line, quiet: quiet}
			s.pos += inside
			return v, !holdsNothing(v.text[1 : len(v.text)-1])
		}
		if cut := s.pos+inside < s.end && s.buf[s.pos+inside] == '\n'; cut || inside > maxLine || !s.fill() {
			s.outer = s.outer[:0]
			return s.junk()
		}
	}
}

// reading is where that of a value stands.
type reading struct {
	i      int // bytes from its start
	line   int64
	indent int
	text   bool
	prev   byte // last byte that was no blank
	begun  scanLine
	asked  int // times that it was asked whether the value is a record
	inside int // bytes from i that are of a string of which the end is not read yet
}

// maxAsked is how often that is asked, each of which may cost a look at the value.
const maxAsked = 8

// scanLine is where the last line begins.
type scanLine struct {
	i    int
	line int64
}

// value takes the object or array at pos, with all in it, or only its bracket where it has to be opened.
func (s *splitter) value(quiet bool) (value, bool) {
	at := reading{line: s.line, indent: s.indent, text: true}
	s.inner = s.inner[:0]
	limit := openSize
	for {
		done, reason := s.scan(&at)
		b := s.buf[s.pos : s.pos+at.i+at.inside]
		switch {
		case done:
			v := value{text: b, line: s.line, quiet: quiet}
			s.take(&at)
			return v, true
		case reason != model.ReasonNone:
			return s.broken(&at, reason, quiet)
		case len(b) >= limit:
			if len(s.outer) < maxOpen && s.has(b) {
				s.open()
				return value{}, false
			}
			if limit *= 2; len(b) >= maxLine {
				return s.broken(&at, model.TooLong, quiet)
			}
		}
		if !s.fill() {
			at.i = s.end - s.pos
			return s.broken(&at, model.Truncated, quiet)
		}
	}
}

// take goes on behind a value.
func (s *splitter) take(at *reading) {
	s.pos += at.i
	s.line, s.indent, s.text = at.line, at.indent, true
}

// broken opens a value that cannot be read to its end, or gives it up.
func (s *splitter) broken(at *reading, reason model.Reason, quiet bool) (value, bool) {
	b := s.buf[s.pos : s.pos+at.i]
	if len(s.outer) < maxOpen && s.has(b) {
		s.open()
		return value{}, false
	}
	v := value{text: b[:min(len(b), excerptSize)], line: s.line, reason: reason}
	s.after = s.indent + 1
	indent := s.indent
	s.take(at)
	switch {
	case s.err != nil && s.pos == s.end:
		s.outer = s.outer[:0]
	case reason == model.Truncated:
		s.text = at.text
	default:
		v.text = bytes.Clone(v.text)
		s.skipLine()
	}
	s.after = indent + 1
	return v, !quiet
}

// excerptSize is as much of a broken value as a rejection may want.
const excerptSize = 256

// scan reads on in a value with what the buffer has: to its end, or to what is wrong with it.
func (s *splitter) scan(at *reading) (done bool, reason model.Reason) {
	b := s.buf[s.pos:s.end]
	i := at.i
	defer func() { at.i = i }()
	for i < len(b) {
		c := b[i]
		switch c {
		case '\n':
			i++
			at.line++
			at.indent, at.text = 0, false
			at.begun = scanLine{i, at.line}
			continue
		case ' ', '\t', '\r':
			i = at.blanks(b, i)
			continue
		}
		if !at.text {
			if s.beginsAnew(at, b[:i], b[i:]) {
				i = at.begun.i // the line is left to read
				at.line, at.indent = at.begun.line, 0
				return false, model.Truncated
			}
			at.text = true
		}
		switch c {
		case '"':
			if at.inside == 0 {
				if end := plainStrings(b, i); end > i {
					i = end
					break
				}
			}
			n, whole := strEnd(b[i:], max(at.inside, 1))
			if at.inside = 0; !whole {
				if i+n < len(b) && b[i+n] == '\n' { // the line was cut: JSON has no line breaks in strings
					i += n
					return false, model.Truncated
				}
				at.inside = n
				return false, model.ReasonNone // read on
			}
			i += n
		case '{', '[':
			s.inner = append(s.inner, level{bracket: c})
			i++
		case '}', ']':
			last := len(s.inner) - 1
			i++
			if s.inner[last].bracket != c-2 {
				return false, model.BadJSON
			}
			if s.inner = s.inner[:last]; last == 0 {
				return true, model.ReasonNone
			}
		default:
			for i++; i < len(b) && scalar[b[i]]; i++ {
			}
			c = b[i-1]
		}
		at.prev = c
	}
	return false, model.ReasonNone
}

// plainStrings passes over the string at i where it is plain, and over those that follow it with a colon or a comma
// between them; it returns i where it does not.
func plainStrings(b []byte, i int) int {
	for {
		end := scan.PlainWithin(b, i+1)
		if end >= len(b) || b[end] != '"' {
			return i
		}
		i = end + 1
		if i+1 >= len(b) || b[i] != ':' && b[i] != ',' || b[i+1] != '"' {
			return i
		}
		i++
	}
}

// blanks passes over blanks, and counts those that a line begins with.
func (at *reading) blanks(b []byte, i int) int {
	if at.text {
		for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r') {
			i++
		}
		return i
	}
	const blanks = ' ' * 0x0101010101010101
	for from := i; ; {
		for ; i+8 <= len(b); i += 8 {
			if x := binary.LittleEndian.Uint64(b[i:]) ^ blanks; x != 0 {
				i += bits.TrailingZeros64(x) >> 3
				break
			}
		}
		for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
			i++
		}
		at.indent += i - from
		if i == len(b) || b[i] != '\r' {
			return i
		}
		i++
		from = i
	}
}

// scalar are the bytes of numbers and literals, and what stands between values.
var scalar = func() (is [256]bool) {
	for _, c := range "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-.,:" {
		is[c] = true
	}
	return is
}()

// strEnd returns the index after the string that b begins with, of which so many bytes are known to be inside. Where a
// line break or nothing comes before its end, it is not whole, and what is returned is how many bytes are.
func strEnd(b []byte, inside int) (n int, whole bool) {
	for i := inside; ; {
		i = ingest.Inside(b, i)
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] != '\n' {
			i++
		}
		switch {
		case i == len(b) || b[i] == '\n':
			return i, false
		case b[i] == '"':
			return i + 1, true
		case i+1 == len(b):
			return i, false
		case b[i+1] == '\n':
			return i + 1, false
		}
		i += 2
	}
}

// beginsAnew reports whether a value cannot go on in a line that begins with next: an object begins no deeper than the
// value, and not as an element of a list whose elements begin lines, or another event does.
func (s *splitter) beginsAnew(at *reading, value, next []byte) bool {
	if next[0] != '{' {
		return next[0] == 'd' && bytes.HasPrefix(next, []byte("data:"))
	}
	if at.indent > s.indent || len(s.inner) == 0 {
		return false
	}
	top := &s.inner[len(s.inner)-1]
	switch {
	case top.bracket != '[':
		return true
	case at.prev == '[':
		at.asked++
		top.lined = at.asked > maxAsked || !s.record(value)
		return !top.lined
	}
	return at.prev != ',' || !top.lined
}
