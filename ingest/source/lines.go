package source

import (
	"bytes"
	"io"
	"sync"

	"sluice/model"
)

// lines reads records of one line each, from blocks of whole lines. An input of one block takes one worker.
func (r *reader) lines(name string, in io.Reader, packed bool, h head) error {
	c := &cutter{in: in, line: 1, joins: h.joins}
	first, b := r.worker(0), &block{}
	c.next(b)
	if c.done {
		first.lines(name, b, h)
		return c.err
	}
	r.worker(r.options.Workers - 1)
	if packed {
		r.served(name, c, b, h)
	} else {
		r.taken(name, c, b, h)
	}
	return c.err
}

// taken has the workers take turns in cutting a block off the input, and decode what they have cut while others have
// their turn: text stays on the core that read it.
func (r *reader) taken(name string, c *cutter, begun *block, h head) {
	var wg sync.WaitGroup
	for i, w := range r.workers[:r.options.Workers] {
		wg.Go(func() {
			b := &block{}
			if i == 0 {
				b = begun
				w.lines(name, b, h)
			}
			for r.ctx.Err() == nil && c.next(b) {
				w.lines(name, b, h)
			}
		})
	}
	wg.Wait()
}

// served has one goroutine cut the blocks for all workers. Where that takes unpacking, what it looks back to, often
// some MiB, stays on its core.
func (r *reader) served(name string, c *cutter, begun *block, h head) {
	workers := r.workers[:r.options.Workers]
	free, full := make(chan *block, len(workers)+1), make(chan *block, len(workers)+1)
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			for b := range full {
				w.lines(name, b, h)
				free <- b
			}
		})
	}
	full <- begun
	for range cap(free) - 1 {
		free <- &block{}
	}
	for b := range free {
		if r.ctx.Err() != nil || !c.next(b) {
			break
		}
		full <- b
	}
	close(full)
	wg.Wait()
}

// lineDecoder is a decoder that finds the end of a line by reading the record in it.
type lineDecoder interface {
	// Line decodes the line that text begins with, and returns its length with the end of the line; 0 where it does not
	// know it, and then nothing was handed on.
	Line(text []byte) int
}

// lines decodes the lines of a block.
func (w *worker) lines(name string, b *block, h head) {
	if b.tooLong {
		w.malformed(name, b.line, model.TooLong, brokenText[model.TooLong])
	}
	line := b.line
	known, _ := w.decoders[0].(lineDecoder)
	for rest := b.text; len(rest) > 0; line++ {
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
		switch text = bytes.TrimSpace(text); {
		case h.joins:
			w.container(name, line, text)
		case h.events && isEventField(text):
		default:
			w.item(name, line, text, false)
		}
	}
	w.endOfContainer(name)
	w.unended = false
}
