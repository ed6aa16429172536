package source

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"sluice/ingest"
	"sluice/ingest/scan"
)

// A long log that is an array, or objects one after the other over lines, is not cut at each of its elements: who
// splits takes a stretch of many, and who decodes one finds where each ends by reading it. A stretch ends behind an
// element of which three things are sure. What follows stands in no string: a quote that a brace comes before, and what
// can stand behind no value comes after, opens one. It is a record or has one, by its keys. And it stands as deep as
// the first one, by the brackets between; those in strings, which strangers write, could only hide one record in
// another, and there are none such in any log. All else is left to the splitter, byte by byte.

// knownDecoder is a decoder that finds the end of a record by reading it.
type knownDecoder interface {
	// Next decodes the record that text begins with, if what stands behind it fits, and returns its length; 0 where it
	// does not know it, and then nothing was handed on. A nil fits takes whatever stands there.
	Next(text []byte, fits func(behind []byte) bool) int
}

// From the end of a block on, so many braces may be none that an element begins with, and so many elements no record.
const (
	maxTried  = 1 << 10
	maxAlmost = 4
)

// inList reports whether commas stand between values.
func (s *splitter) inList() bool { return len(s.outer) > 0 }

// stretch takes as many records of one line or more as a block has, into b; false where that is not sure of any.
func (s *splitter) stretch(b *batch) bool {
	if s.after > 0 || s.inList() && s.outer[len(s.outer)-1] != '[' {
		return false
	}
	for s.end-s.pos < s.block {
		if !s.fill() {
			return false
		}
	}
	text := s.buf[s.pos : s.pos+s.block] // however much was read: where it is cut must depend on the text alone
	if s.object(text, 0) < 0 {
		return false
	}
	n := s.lastEnd(text)
	if n <= 0 {
		return false
	}
	s.give(b, n)
	return true
}

// give hands a batch the next n bytes, and takes its buffer for what comes behind them.
func (s *splitter) give(b *batch, n int) {
	buf := b.buf
	if len(buf) < len(s.buf) {
		buf = make([]byte, len(s.buf))
	}
	b.stretch.begin(s, n)
	s.pass(s.pos + n)
	rest := copy(buf, s.buf[s.pos:s.end])
	b.buf, s.buf = s.buf, buf
	s.pos, s.end = 0, rest
}

// object returns where the next object of the text begins, -1 where something else stands between than may.
func (s *splitter) object(text []byte, i int) int {
	i = ingest.Blanks(text, i)
	if s.inList() {
		if i == len(text) || text[i] != ',' {
			return -1
		}
		i = ingest.Blanks(text, i+1)
	}
	if i == len(text) || text[i] != '{' {
		return -1
	}
	return i
}

// lastEnd returns the index behind the last element of a block that another one follows, -1 where none is sure.
func (s *splitter) lastEnd(block []byte) int {
	text := block[:len(block)-scan.Slack]
	var depth [2]int // of objects and arrays, of what stands before at
	for i, c := range [...]byte{'{', '['} {
		depth[i] = count(text, c) - count(text, c+2)
	}
	almost := 0
	for at, tried := len(text), 0; tried < maxTried && almost < maxAlmost; tried++ {
		i := bytes.LastIndexByte(text[:at], '{')
		if i <= 0 {
			return -1
		}
		for n, c := range [...]byte{'{', '['} {
			depth[n] -= count(text[i:at], c) - count(text[i:at], c+2)
		}
		if at = i; depth != [2]int{} || !opens(text[i:]) {
			continue
		}
		if end := s.endBefore(text, i); end > 0 {
			if s.holds(block[i:]) {
				return end
			}
			almost++
		}
	}
	return -1
}

// holds reports whether an object is a record, or has one as a member. Strings, in which others write, do not count.
func (s *splitter) holds(object []byte) bool {
	if s.record(object) {
		return true
	}
	for _, v := range ingest.Keys(object) {
		if v[0] == '{' && s.record(v) {
			return true
		}
	}
	return false
}

func count(text []byte, c byte) int { return bytes.Count(text, []byte{c}) }

// opens reports whether a text that a brace begins stands in no string.
func opens(text []byte) bool {
	i := ingest.Blanks(text, 1)
	return i+1 < len(text) && text[i] == '"' && text[i+1] > ' ' && strings.IndexByte(`,:]}"\`, text[i+1]) < 0
}

// endBefore returns the index behind the object that stands before the one at i, -1 where there is none.
func (s *splitter) endBefore(text []byte, i int) int {
	end := len(bytes.TrimRight(text[:i], blankBytes))
	if s.inList() {
		if end == 0 || text[end-1] != ',' {
			return -1
		}
		end = len(bytes.TrimRight(text[:end-1], blankBytes))
	}
	if end == 0 || text[end-1] != '}' {
		return -1
	}
	return end
}

const blankBytes = " \t\r\n"

// begin makes a splitter of the next n bytes of another one, behind a value.
func (s *splitter) begin(of *splitter, n int) {
	s.buf, s.pos, s.end, s.err = of.buf, of.pos, of.pos+n, io.EOF
	s.line, s.indent, s.text, s.after = of.line, of.indent, of.text, 0
	s.outer = append(s.outer[:0], of.outer...)
	s.first = of.first
	s.first.known = slices.Clip(s.first.known)
}

// pass goes on behind records that were read otherwise.
func (s *splitter) pass(to int) {
	text := s.buf[s.pos:to]
	s.pos = to
	if n := count(text, '\n'); n > 0 {
		line := text[bytes.LastIndexByte(text, '\n')+1:]
		s.line += int64(n)
		s.indent = len(line) - len(bytes.TrimLeft(line, " \t"))
	}
	s.text = s.text || len(text) > 0
}

// stretch decodes the records of one.
func (w *worker) stretch(name string, s *splitter) {
	known, _ := w.decoders[0].(knownDecoder)
	for s.pos < s.end {
		if known != nil {
			if s.pass(w.knownTo(known, s)); s.pos == s.end {
				return
			}
		}
		if v, ok := s.next(); ok {
			w.value(name, &v)
		}
	}
}

// knownTo decodes elements as long as they are known, and returns the index behind them.
func (w *worker) knownTo(d knownDecoder, s *splitter) int {
	text := s.buf[:s.end]
	for at := s.pos; ; {
		i := s.object(text, at)
		if i < 0 {
			return at
		}
		n := 0
		if len(w.wrappers) > 0 {
			n = w.knownIn(d, text[i:])
		} else {
			n = d.Next(text[i:], nil)
		}
		if n == 0 {
			return at
		}
		at = i + n
	}
}

// knownIn decodes the record in the element that text begins with, around which stands what stood around one before,
// and returns the length of the element; 0 where it does not know it.
func (w *worker) knownIn(d knownDecoder, text []byte) int {
	none := &repeat{}
	for n := range w.wrappers {
		p := &w.wrappers[n]
		from := p.before.begins(text, none)
		if from < 0 || p.quoted || p.between != nil {
			continue
		}
		rest := 0
		fits := func(behind []byte) bool {
			rest = p.behind.begins(behind, none)
			return rest > 0
		}
		if size := d.Next(text[from:], fits); size > 0 {
			w.used(n)
			return from + size + rest
		}
	}
	return 0
}
