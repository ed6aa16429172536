package source

import (
	"errors"
	"io"
)

// batch is what a worker decodes at once of an input that a splitter cuts: a stretch, or else some values.
type batch struct {
	buf     []byte
	values  []value // their texts are in buf
	stretch *splitter
	whole   bool // it is a stretch
}

// fill takes the next batch off an input, and is false where nothing is left.
func (b *batch) fill(s *splitter) bool {
	b.values = b.values[:0]
	if b.whole = s.stretch(b); b.whole {
		return true
	}
	text, more := b.buf[:0], true
	for more && len(text) < s.block && len(b.values) < s.block/64 {
		var v value
		if v, more = s.next(); more {
			text = append(text, v.text...)
			b.values = append(b.values, v)
		}
	}
	b.buf = text[:cap(text)]
	for i := range b.values { // the texts do not move any more
		n := len(b.values[i].text)
		b.values[i].text, text = text[:n], text[n:]
	}
	return len(b.values) > 0
}

// newSplitter makes a splitter of an input.
func (r *reader) newSplitter(in io.Reader) *splitter {
	search := r.newSearch()
	has := func(text []byte) bool { return search.finder.find(text) > 0 }
	records := func(text []byte) ([]string, bool) { return search.records(text[:min(len(text), probeSize)], maxKnown) }
	return &splitter{in: in, block: r.block, line: 1, record: r.sniff, records: records, has: func(text []byte) bool {
		return !r.sniff(text) && (has(text[:min(len(text), probeSize)]) || has(text))
	}}
}

// probeSize is how much of a value is looked into first for records. It is asked for each bracket around those of an
// answer, and most have one at once.
const probeSize = 64 << 10

// values reads records that take more than a line each, or part of one.
func (r *reader) values(name string, in io.Reader, packed bool) error {
	s := r.newSplitter(in)
	newBatch := func() *batch { return &batch{stretch: r.newSplitter(nil)} }
	begun := newBatch()
	if begun.fill(s); s.done() {
		r.worker(0).batch(name, begun)
		return s.failed()
	}
	decode := func(w *worker, b *batch) { w.batch(name, b) }
	share(r, packed, begun, newBatch, func(b *batch) bool { return b.fill(s) }, decode)
	err := s.failed()
	for _, w := range r.workers {
		if w.twice && err == nil {
			err = errTwice
		}
		w.twice = false
	}
	return err
}

// batch decodes one.
func (w *worker) batch(name string, b *batch) {
	if b.whole {
		w.stretch(name, b.stretch)
		w.twice = w.twice || errors.Is(b.stretch.err, errTwice)
	}
	for i := range b.values {
		w.value(name, &b.values[i])
	}
}

// done reports whether nothing is left of the input.
func (s *splitter) done() bool { return s.err != nil && s.pos == s.end && len(s.outer) == 0 }

// failed returns why the input ended too early, nil where it did not.
func (s *splitter) failed() error {
	if s.err == nil || errors.Is(s.err, io.EOF) {
		return nil
	}
	return plain(s.err)
}
