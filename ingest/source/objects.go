package source

import (
	"bufio"
	"bytes"
	"context"
	"io"

	"sluice/ingest"
	"sluice/model"
)

// splitter finds objects that are spread over lines or stand in an array. It sees brackets and strings only. A
// broken object costs itself alone: a line break inside a string ends it, and so does a line that begins an object
// no deeper than its own first line.
type splitter struct {
	in     *bufio.Reader
	line   int64 // number of the current line
	indent int   // blanks before its text
	text   bool  // past them
	skip   int   // skip lines deeper than this, less 1; 0: none
	buf    []byte
}

// object is one found, or what is wrong at its place.
type object struct {
	data   []byte
	line   int64
	reason model.Reason
}

var brokenText = map[model.Reason]string{
	model.BadJSON:   "not a whole JSON object",
	model.TooLong:   "longer than a record may be",
	model.Truncated: "the input ends inside of the record",
}

// objects decodes the objects of an input.
func (w *worker) objects(ctx context.Context, name string, in *bufio.Reader) error {
	s := splitter{in: in, line: 1, buf: make([]byte, 0, 4096)}
	for ctx.Err() == nil {
		o, err := s.next()
		switch {
		case o.reason != model.ReasonNone:
			w.Reject(ingest.Rejection{Fate: model.Malformed, Reason: o.reason, Source: name, Line: o.line, Detail: brokenText[o.reason]})
		case o.data != nil:
			w.hubble.Record(name, o.line, o.data)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return plain(err)
		}
	}
	return nil
}

// read gives the next byte and keeps count of lines.
func (s *splitter) read() (byte, error) {
	c, err := s.in.ReadByte()
	switch {
	case err != nil:
	case c == '\n':
		s.line++
		s.indent, s.text = 0, false
	case !s.text && (c == ' ' || c == '\t'):
		s.indent++
	default:
		s.text = true
	}
	return c, err
}

// next finds the next object.
func (s *splitter) next() (object, error) {
	for {
		first := !s.text
		c, err := s.read()
		if err != nil {
			return object{}, err
		}
		if s.skip > 0 && first && s.text {
			if s.indent > s.skip-1 {
				if err := s.endLine(); err != nil {
					return object{}, err
				}
				continue
			}
			s.skip = 0
		}
		switch c {
		case '{':
			return s.object()
		case ' ', '\t', '\r', '\n', ',', '[', ']', '}':
		default:
			line := s.line
			return object{line: line, reason: model.BadJSON}, s.endLine()
		}
	}
}

// endLine passes over the rest of the line.
func (s *splitter) endLine() error {
	for {
		c, err := s.read()
		if err != nil || c == '\n' {
			return err
		}
	}
}

// object reads the rest of an object.
func (s *splitter) object() (object, error) {
	o := object{line: s.line}
	indent := s.indent
	broken := func(r model.Reason) (object, error) {
		s.skip = indent + 1
		o.reason = r
		return o, nil
	}
	s.buf = append(s.buf[:0], '{')
	depth, quoted, escaped := 1, false, false
	for depth > 0 {
		first := !s.text
		c, err := s.read()
		if err != nil {
			o.reason = model.Truncated
			return o, err
		}
		switch {
		case len(s.buf) >= maxLine:
			return broken(model.TooLong)
		case quoted && c == '\n':
			return broken(model.BadJSON)
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' && first && s.indent <= indent:
			_ = s.in.UnreadByte()
			s.text = false
			o.reason = model.BadJSON
			return o, nil
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		s.buf = append(s.buf, c)
	}
	o.data = bytes.TrimSpace(s.buf)
	return o, nil
}
