package source

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"sync"
)

// pageSize is that of files in memory.
const pageSize = 4 << 10

// file is an input that can be read at several places at once.
type file struct {
	*os.File
	counter *counter // of what was read of it, in its order
}

// ahead has workers read blocks of a file beside each other. Only cutting them into whole lines goes in the order of
// the file, and takes next to no time: workers that wait for each other's reads sleep, and are woken for every block.
type ahead struct {
	file *file
	cut  *cutter
	from int64 // where in the file it begins

	mu    sync.Mutex
	cuts  sync.Cond // another block was cut
	given int64     // blocks that somebody reads, or has read
	block int64     // the next one to be cut
}

// newAhead goes on behind what a cutter has read of a file.
func newAhead(f *file, c *cutter) *ahead {
	a := &ahead{file: f, cut: c, from: *f.counter.n}
	a.cuts.L = &a.mu
	return a
}

// next reads and cuts a block, false if nothing is left. Any number of goroutines may call it at once.
func (a *ahead) next(ctx context.Context, b *block) bool {
	a.mu.Lock()
	number := a.given
	a.given++
	a.mu.Unlock()

	b.place(0, a.cut.size)
	start, at := headSize, a.from+number*int64(a.cut.size)
	if over := int(at % pageSize); over > 0 { // all but the first one begin with a page
		if at -= int64(over); number == 0 {
			start, at = start+over, a.from
		}
	}
	n, err := a.file.ReadAt(b.buf[start:], at)

	a.mu.Lock()
	defer a.mu.Unlock()
	for a.block != number {
		a.cuts.Wait()
	}
	defer a.cuts.Broadcast()
	a.block++
	if ctx.Err() != nil || a.cut.done {
		return false
	}
	a.file.counter.count(b.buf[start : start+n])
	a.cut.nextOf(b, start, start+n, err)
	return true
}

// end leaves the file where the last block that was cut ends.
func (a *ahead) end() error {
	_, err := a.file.Seek(*a.file.counter.n, io.SeekStart)
	return plain(err)
}

// nextOf cuts a block of what stands in its buffer from start to end, behind the room for the start of a line. A piece
// of a long line is a block of no lines.
func (c *cutter) nextOf(b *block, start, end int, err error) {
	b.number, b.numbers, b.line, b.tooLong, b.text = c.blocks, c.numbers, 0, false, nil
	c.blocks++
	first := bytes.IndexByte(b.buf[start:end], '\n')
	if first < 0 {
		first = end - start
	}
	if len(c.rest)+first >= maxLine {
		c.over, c.rest = true, c.rest[:0]
	}
	if c.over {
		start = c.skipLine(b, start, end)
	}
	text := b.buf[start:end]
	whole := bytes.LastIndexByte(text, '\n') + 1
	if whole == 0 && err == nil {
		c.rest = append(c.rest, text...)
		return
	}
	if n := len(c.rest); n <= start {
		copy(b.buf[start-n:], c.rest)
		text = b.buf[start-n : end]
	} else {
		text = slices.Concat(c.rest, text)
	}
	whole += len(c.rest)
	c.rest = c.rest[:0]
	if err != nil {
		c.finish(b, text, err)
		return
	}
	b.text = text[:whole]
	c.rest = append(c.rest, text[whole:]...)
}
