package calico

import (
	"bufio"
	"bytes"

	"sluice/model"
)

// frame is the text of one record, valid until the next one is read.
type frame struct {
	data   []byte
	line   int64        // 1-based line the record starts on
	reason model.Reason // why data is not a whole JSON object, ReasonNone where it is
}

// splitter finds the records of a stream: objects one after the other with anything JSON or server-sent events put
// between them, and objects inside arrays and inside the envelopes of search results and lists. It sees brackets and
// strings only; whether a record is valid JSON is not its business.
//
// A broken record costs itself alone: a line break inside a string, or a line that begins an object no deeper than
// the record's own first line, ends it. So every byte is looked at once, whatever the damage.
type splitter struct {
	r     *bufio.Reader
	max   int
	err   error // what ended the stream, io.EOF for its end
	frame frame

	line     int64  // lines ended so far
	indent   int    // blanks at the start of the current line
	text     bool   // the current line has more than blanks
	outer    []byte // brackets of the arrays and envelopes around the records
	afterBad int    // skip lines that continue a broken record of this indent + 1; 0: none

	buf   []byte // the record so far
	inner []byte // open brackets of the record
	keys  [2]string
}

// next reads the next record into frame, and is false at the end of the stream.
func (s *splitter) next() bool {
	for {
		c, ok := s.byte()
		if !ok {
			return s.cutOff()
		}
		switch {
		case isBlank(c), c == ',' && len(s.outer) > 0, c == 0x1e:
		case s.afterBad > 0 && s.continues(c):
			s.skipLine()
		case len(s.outer) > 0 && s.outer[len(s.outer)-1] == '{':
			s.skipEnvelope(c)
		case c == '{':
			s.afterBad = 0
			if s.object() {
				return true
			}
		case c == '[':
			s.afterBad = 0
			s.outer = append(s.outer, c)
		case c == ']' && len(s.outer) > 0:
			s.afterBad = 0
			s.outer = s.outer[:len(s.outer)-1]
		default:
			if s.other(c) {
				return true
			}
		}
	}
}

// cutOff reports an array or envelope that the end of the stream left open, once.
func (s *splitter) cutOff() bool {
	if len(s.outer) == 0 {
		return false
	}
	s.outer = s.outer[:0]
	s.frame = frame{line: s.line + 1, reason: model.Truncated}
	return true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// byte takes one byte and keeps account of lines.
func (s *splitter) byte() (byte, bool) {
	c, err := s.r.ReadByte()
	if err != nil {
		s.err = err
		return 0, false
	}
	switch {
	case c == '\n':
		s.line++
		s.indent, s.text = 0, false
	case s.text:
	case c == ' ' || c == '\t':
		s.indent++
	}
	if !isBlank(c) {
		s.text = true
	}
	return c, true
}

// peek looks at the next byte, 0 at the end.
func (s *splitter) peek() byte {
	b, err := s.r.Peek(1)
	if err != nil {
		return 0
	}
	return b[0]
}

// continues reports whether the line that begins with c belongs to the broken record before it.
func (s *splitter) continues(c byte) bool {
	return s.indent >= s.afterBad || c == '}'
}

func (s *splitter) skipLine() {
	for s.text {
		if _, ok := s.byte(); !ok {
			return
		}
	}
}

// other takes a line that begins no record: a field of server-sent events, a byte order mark, or junk.
func (s *splitter) other(c byte) bool {
	if rest, _ := s.r.Peek(5); len(s.outer) == 0 {
		switch {
		case c == 0xEF && s.line == 0 && bytes.HasPrefix(rest, []byte{0xBB, 0xBF}):
			_, _ = s.r.Discard(2)
			s.text = false
			return false
		case c == 'd' && bytes.HasPrefix(rest, []byte("ata:")):
			_, _ = s.r.Discard(4)
			return false
		case c == ':', c == 'i' && bytes.HasPrefix(rest, []byte("d:")), c == 'e' && bytes.HasPrefix(rest, []byte("vent:")), c == 'r' && bytes.HasPrefix(rest, []byte("etry:")):
			s.skipLine()
			return false
		}
	}
	s.begin(c)
	s.outer = s.outer[:0]
	s.broken(model.BadJSON, s.indent)
	s.afterBad = 0 // every line of junk counts
	return true
}

func (s *splitter) begin(c byte) {
	s.frame = frame{line: s.line + 1}
	s.buf = append(s.buf[:0], c)
}

// broken gives up the record of a line with this indent and goes to the end of the line, unless that is reached.
func (s *splitter) broken(reason model.Reason, indent int) bool {
	s.frame.reason = reason
	s.afterBad = indent + 1
	for s.text {
		c, ok := s.byte()
		if !ok {
			break
		}
		if len(s.buf) < excerpt && c != '\n' {
			s.buf = append(s.buf, c)
		}
	}
	s.frame.data = s.buf
	return true
}

// truncate gives the record up where a new one begins, which is left to read.
func (s *splitter) truncate(indent int) bool {
	s.frame.reason, s.frame.data = model.Truncated, s.buf
	s.afterBad = indent + 1
	return true
}

// outcome says what became of a record with one more token.
type outcome uint8

const (
	unfinished outcome = iota
	finished
	opened // it is an envelope and its records come next
	damaged
)

// object reads the record whose '{' was taken. It is false for an envelope.
func (s *splitter) object() bool {
	s.begin('{')
	s.inner = append(s.inner[:0], '{')
	s.keys = [2]string{}
	indent := s.indent
	for prev := byte('{'); ; {
		if s.beginsAnew(indent) {
			return s.truncate(indent)
		}
		c, ok := s.byte()
		switch {
		case !ok:
			s.outer = s.outer[:0]
			return s.truncate(indent)
		case len(s.buf) == s.max:
			return s.broken(model.TooLong, indent)
		}
		s.buf = append(s.buf, c)
		if isBlank(c) {
			continue
		}
		switch out, reason := s.token(c, prev); out {
		case finished:
			s.frame.data = s.buf
			return true
		case opened:
			return false
		case damaged:
			return s.broken(reason, indent)
		}
		prev = c
	}
}

// beginsAnew reports whether a record cannot go on in the line that comes next: an object begins no deeper than the
// record, or another event does.
func (s *splitter) beginsAnew(indent int) bool {
	if s.text || s.line < s.frame.line {
		return false
	}
	c := s.peek()
	return c == '{' && s.indent <= indent || c == 'd'
}

// token takes a string, a bracket or one other byte; prev is the last one that was not blank.
func (s *splitter) token(c, prev byte) (outcome, model.Reason) {
	switch c {
	case '"':
		from := len(s.buf)
		if reason := s.str(); reason != model.ReasonNone {
			return damaged, reason
		}
		if d := len(s.inner) - 1; d < len(s.keys) && (prev == '{' || prev == ',') {
			s.keys[d] = envelopeKey(s.buf[from : len(s.buf)-1])
		}
	case '{', '[':
		s.inner = append(s.inner, c)
		if c == '[' && prev == ':' && s.isEnvelope() {
			s.outer = append(s.outer, s.inner...)
			return opened, model.ReasonNone
		}
	case '}', ']':
		last := len(s.inner) - 1
		if s.inner[last] != c-2 { // '[' and ']', '{' and '}' are two apart
			return damaged, model.BadJSON
		}
		s.inner = s.inner[:last]
		if last == 0 {
			return finished, model.ReasonNone
		}
	}
	return unfinished, model.ReasonNone
}

// envelopeKey gives a key that lists of records stand under, "" for others: "hits" of a search, "responses" of
// several, Whisker's "items" and the "flows" of Goldmane's List.
func envelopeKey(k []byte) string {
	switch string(k) {
	case "hits":
		return "hits"
	case "items", "flows", "responses":
		return "list"
	}
	return ""
}

// isEnvelope reports whether the array just opened holds records: {"items":[ or {"hits":{"hits":[.
func (s *splitter) isEnvelope() bool {
	switch string(s.inner) {
	case "{[":
		return s.keys[0] == "list"
	case "{{[":
		return s.keys == [2]string{"hits", "hits"}
	}
	return false
}

// str takes the rest of a string into buf.
func (s *splitter) str() model.Reason {
	for esc := false; ; {
		if !esc {
			s.plain()
		}
		c, ok := s.byte()
		switch {
		case !ok:
			return model.Truncated
		case c == '\n':
			return model.Truncated // JSON has no line breaks in strings: the line was cut here
		case len(s.buf) == s.max:
			return model.TooLong
		}
		s.buf = append(s.buf, c)
		switch {
		case esc:
			esc = false
		case c == '\\':
			esc = true
		case c == '"':
			return model.ReasonNone
		}
	}
}

// plain takes what stands buffered of a string up to the next byte that means something.
func (s *splitter) plain() {
	w, _ := s.r.Peek(s.r.Buffered())
	w = w[:min(len(w), s.max-len(s.buf))]
	n := 0
	for n < len(w) && w[n] != '"' && w[n] != '\\' && w[n] != '\n' {
		n++
	}
	s.buf = append(s.buf, w[:n]...)
	_, _ = s.r.Discard(n)
}

// skipEnvelope passes over what follows the records in their envelope, up to the bracket that ends it. A line that
// begins an object in the first column begins something new: the envelope was cut.
func (s *splitter) skipEnvelope(c byte) {
	s.inner = s.inner[:0]
	for {
		switch c {
		case '"':
			s.buf = s.buf[:0]
			if s.str() != model.ReasonNone {
				s.outer = s.outer[:0]
				return
			}
		case '{', '[':
			s.inner = append(s.inner, c)
		case '}', ']':
			if len(s.inner) == 0 {
				s.outer = s.outer[:len(s.outer)-1]
				return
			}
			s.inner = s.inner[:len(s.inner)-1]
		}
		if !s.text && s.indent == 0 && s.peek() == '{' {
			s.outer = s.outer[:0]
			return
		}
		var ok bool
		if c, ok = s.byte(); !ok {
			return
		}
	}
}
