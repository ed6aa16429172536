package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"sluice/model"
)

// lines reads records of one line each, from blocks of whole lines. An input of one block takes one worker.
func (r *reader) lines(name string, in io.Reader, packed bool, h head) error {
	c := &cutter{in: in, size: blockSize, joins: h.joins, numbers: newNumbers()}
	if packed {
		c.size = packedSize
	}
	first, b := r.worker(0), r.small
	if r.small = nil; b == nil {
		b = &block{}
	}
	c.next(b)
	if c.done {
		first.lines(name, b, h)
		r.small = b
		return c.err
	}
	fresh, decode := func() *block { return &block{} }, func(w *worker, b *block) { w.lines(name, b, h) }
	if br, ok := in.(*bufio.Reader); ok && br.Buffered() == 0 && r.file != nil && !packed {
		a := newAhead(r.file, c)
		r.worker(r.options.Workers - 1)
		each(r, b, fresh, func(b *block) bool { return a.next(r.ctx, b) }, decode)
		return errors.Join(c.err, a.end())
	}
	share(r, packed, b, fresh, c.next, decode)
	return c.err
}

// separator is what RFC 7464 puts before each text.
const separator = 0x1e

// lineDecoder is a decoder that finds the end of a line by reading the record in it.
type lineDecoder interface {
	// Line decodes the line that text begins with, and returns its length with the end of the line; 0 where it does not
	// know it, and then nothing was handed on.
	Line(text []byte) int
}

// lines decodes the lines of a block.
func (w *worker) lines(name string, b *block, h head) {
	w.block = b
	if b.tooLong {
		w.malformed(name, 0, model.TooLong, brokenText[model.TooLong])
	}
	line := int64(0) // of the block
	known, _ := w.decoders[0].(lineDecoder)
	for rest := b.text; len(rest) > 0; line++ {
		if rest[0] == separator {
			if rest = rest[1:]; len(rest) == 0 {
				break
			}
		}
		if known != nil && !h.joins && len(w.wrappers) == 0 {
			if n := known.Line(rest); n > 0 {
				rest = rest[n:]
				continue
			}
		}
		text := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			text, rest = rest[:i], rest[i+1:]
		} else {
			rest, w.unended = nil, true
		}
		if h.joins {
			w.container(name, line, trimPart(text))
			continue
		}
		switch text = bytes.TrimSpace(text); {
		case h.events && isEventField(text):
		default:
			w.item(name, line, text, false)
		}
	}
	w.endOfContainer(name)
	w.unended, w.block = false, nil
	b.done(line)
}
