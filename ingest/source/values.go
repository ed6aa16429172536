package source

import (
	"errors"
	"io"
	"sync"
)

// batch is a copy of some values.
type batch struct {
	text   []byte
	values []value // their texts are in text
}

// fill takes values until there are enough, and is false at the end of the input.
func (b *batch) fill(s *splitter) bool {
	b.text, b.values = b.text[:0], b.values[:0]
	for len(b.text) < blockSize && len(b.values) < blockSize/64 {
		v, ok := s.next()
		if !ok {
			b.place()
			return false
		}
		b.text = append(b.text, v.text...)
		b.values = append(b.values, v)
	}
	b.place()
	return true
}

// place points the values to their texts, which do not move any more.
func (b *batch) place() {
	rest := b.text
	for i := range b.values {
		n := len(b.values[i].text)
		b.values[i].text, rest = rest[:n], rest[n:]
	}
}

// values reads records that take more than a line each: one goroutine splits, all workers decode.
func (r *reader) values(name string, in io.Reader) error {
	search := r.newSearch()
	s := &splitter{in: in, line: 1, record: r.sniff, has: func(text []byte) bool {
		return !r.sniff(text) && search.finder.find(text) > 0
	}}
	decode := func(w *worker, b *batch) {
		for i := range b.values {
			w.value(name, &b.values[i])
		}
	}
	begun := &batch{}
	more := begun.fill(s)
	if !more {
		decode(r.worker(0), begun)
		return s.failed()
	}
	r.worker(r.options.Workers - 1)
	workers := r.workers[:r.options.Workers]
	free, full := make(chan *batch, len(workers)+1), make(chan *batch, len(workers)+1)
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			for b := range full {
				decode(w, b)
				free <- b
			}
		})
	}
	full <- begun
	for range cap(free) - 1 {
		free <- &batch{}
	}
	for more && r.ctx.Err() == nil {
		b := <-free
		more = b.fill(s)
		full <- b
	}
	close(full)
	wg.Wait()
	return s.failed()
}

// failed returns why the input ended too early, nil where it did not.
func (s *splitter) failed() error {
	if s.err == nil || errors.Is(s.err, io.EOF) {
		return nil
	}
	return plain(s.err)
}
