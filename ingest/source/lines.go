package source

import (
	"bytes"
	"io"
	"strconv"
	"sync"

	"sluice/ingest"
	"sluice/model"
)

const (
	// blockSize is how much text a worker takes at once: enough to make handing over cheap, little enough to
	// stay in the cache of the core that read it.
	blockSize = 256 << 10
	// maxLine is how long a line may be. Real records have a few kB.
	maxLine = 16 << 20
)

// block is a run of whole lines.
type block struct {
	buf     []byte
	n       int   // bytes of buf that are whole lines
	line    int64 // number of the first line
	tooLong bool  // instead of lines: the line of that number is over the limit
}

// lines reads records of one line each: this goroutine cuts the input into blocks, the workers decode them. An
// input of one block is decoded at once.
func (r *reader) lines(name string, in io.Reader) error {
	c := &cutter{in: in, line: 1}
	first := r.block()
	more, err := c.cut(first)
	if !more {
		r.lineBlock(0, name, first)
		r.blocks = append(r.blocks, first)
		return err
	}
	free := make(chan *block, r.options.Workers+2)
	full := make(chan *block, r.options.Workers)
	for range cap(free) - 1 {
		free <- r.block()
	}
	r.worker(r.options.Workers - 1)
	var wg sync.WaitGroup
	for i := range r.options.Workers {
		wg.Go(func() {
			for b := range full {
				r.lineBlock(i, name, b)
				free <- b
			}
		})
	}
	full <- first
	for more && r.ctx.Err() == nil {
		b := <-free
		more, err = c.cut(b)
		full <- b
	}
	close(full)
	wg.Wait()
	close(free)
	for b := range free {
		r.blocks = append(r.blocks, b)
	}
	return err
}

func (r *reader) block() *block {
	if n := len(r.blocks); n > 0 {
		b := r.blocks[n-1]
		r.blocks = r.blocks[:n-1]
		return b
	}
	return &block{buf: make([]byte, blockSize)}
}

// lineBlock decodes the lines of a block with one worker.
func (r *reader) lineBlock(n int, name string, b *block) {
	w := r.workers[n]
	if b.tooLong {
		w.Reject(ingest.Rejection{Fate: model.Malformed, Reason: model.TooLong, Source: name, Line: b.line,
			Detail: "longer than " + strconv.Itoa(maxLine) + " bytes"})
	}
	line := b.line
	for rest := b.buf[:b.n]; len(rest) > 0; line++ {
		text := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			text, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			w.hubble.Record(name, line, text)
		}
	}
}

// cutter cuts an input into blocks of whole lines.
type cutter struct {
	in   io.Reader
	rest []byte // start of the line that the last block left unfinished
	line int64
	over bool // in a line over the limit
}

// cut fills b and says whether there is more. An error ends the input after what b holds.
func (c *cutter) cut(b *block) (more bool, err error) {
	b.n, b.line, b.tooLong = 0, c.line, false
	if len(b.buf) > 2*blockSize && len(c.rest) < blockSize {
		b.buf = make([]byte, blockSize) // grown for a long line
	}
	if len(b.buf) <= len(c.rest) {
		b.buf = make([]byte, 2*len(c.rest))
	}
	n := copy(b.buf, c.rest)
	c.rest = c.rest[:0]
	for {
		k, err := io.ReadAtLeast(c.in, b.buf[n:], 1)
		for n += k; err == nil && n < len(b.buf) && len(b.buf) == blockSize; n += k {
			k, err = io.ReadAtLeast(c.in, b.buf[n:], 1)
		}
		if c.over {
			n = c.skipLine(b, n)
		}
		end := bytes.LastIndexByte(b.buf[:n], '\n') + 1
		switch {
		case err != nil:
			b.n = n
			if c.over {
				b.n, b.tooLong = 0, true
			}
			if err == io.EOF {
				err = nil
			}
			return false, plain(err)
		case end > 0:
			b.n = end
			c.rest = append(c.rest, b.buf[end:n]...)
			c.line += int64(bytes.Count(b.buf[:end], []byte{'\n'}))
			return true, nil
		case n >= maxLine:
			c.over, n = true, 0
		case n == len(b.buf):
			b.buf = append(b.buf, make([]byte, len(b.buf))...)
		}
	}
}

// skipLine drops what b holds of a line over the limit, and gives how much is left.
func (c *cutter) skipLine(b *block, n int) int {
	i := bytes.IndexByte(b.buf[:n], '\n')
	if i < 0 {
		return 0
	}
	c.over, b.tooLong = false, true
	b.line = c.line
	return copy(b.buf, b.buf[i:n])
}
