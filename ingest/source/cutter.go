package source

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

const (
	// blockSize is how much text a worker takes at once: enough that workers seldom wait for each other's reads, and
	// little enough to stay in the cache of the core that read it. It is a multiple of the page: reading a file at other
	// offsets costs several times the system time.
	blockSize = 256 << 10
	// packedSize is blockSize of what is unpacked: that takes longer than reading it as records, and workers sleep until
	// the next block is there. Smaller ones took more CPU, larger ones no less.
	packedSize = 2 << 20
	// headSize is the room before a block for the start of a line that the block before left unfinished. Without
	// it a read would have to begin amid a page.
	headSize = 32 << 10
	// maxLine is how long a line may be. Real records have a few kB.
	maxLine = 16 << 20
)

// block is a run of whole lines. The last one of an input may lack its end.
type block struct {
	buf     []byte
	text    []byte // the lines, mostly within buf
	number  int    // of blocks
	line    int64  // number of the first line, 0 where nobody asked
	numbers *numbers
	tooLong bool // the first line is over the limit, and text has only its end
}

// first returns the number of the first line.
func (b *block) first() int64 {
	if b.line == 0 {
		b.line = b.numbers.first(b.number, int64(bytes.Count(b.text, newline)))
	}
	return b.line
}

// done says that the block, which has so many lines, was read.
func (b *block) done(lines int64) {
	if b.line == 0 {
		b.numbers.count(b.number, lines)
	}
}

// place makes room for size bytes behind headSize.
func (b *block) place(size int) {
	if len(b.buf) != headSize+size {
		b.buf = make([]byte, headSize+size)
	}
}

// cutter cuts an input into blocks of whole lines.
type cutter struct {
	in   io.Reader
	size int    // of a block
	rest []byte // start of the line that the last block left unfinished
	over bool   // in a line over the limit
	// joins: lines may be parts of longer ones, which a block has whole.
	joins bool
	open  int   // how much of rest is known to hold no end of such a line
	done  bool  // nothing is left
	err   error // why the input ended too early

	blocks  int // that were cut
	numbers *numbers
}

// next reads and cuts a block, false if nothing is left.
func (c *cutter) next(b *block) bool {
	if c.done {
		return false
	}
	b.place(c.size)
	end, err := c.fill(b.buf, headSize)
	c.cut(b, headSize, end, err)
	return true
}

// cut cuts a block of what stands in its buffer from start to end, behind the room for the start of a line. A piece of
// a long line is a block of no lines.
func (c *cutter) cut(b *block, start, end int, err error) {
	b.number, b.numbers, b.line, b.tooLong, b.text = c.blocks, c.numbers, 0, false, nil
	c.blocks++
	first := bytes.IndexByte(b.buf[start:end], '\n')
	if first < 0 {
		first = end - start
	}
	if len(c.rest)+first >= maxLine && !c.inLines() {
		c.over, c.rest = true, c.rest[:0]
	}
	if c.over {
		start = c.skipLine(b, start, end)
	}
	text := b.buf[start:end]
	// A long line is looked at each time that twice as much of it is there, not with every block.
	n := len(c.rest) + len(text)
	if err == nil && n < maxLine && (n < 2*c.open || bytes.IndexByte(text, '\n') < 0) {
		c.rest = append(c.rest, text...)
		return
	}
	if n := len(c.rest); n <= start {
		copy(b.buf[start-n:], c.rest)
		text = b.buf[start-n : end]
	} else {
		text = slices.Concat(c.rest, text)
	}
	c.rest = c.rest[:0]
	if err != nil {
		c.finish(b, text, err)
		return
	}
	whole := c.whole(text)
	b.text = text[:whole]
	c.rest = append(c.rest, text[whole:]...)
	if c.open = 0; whole == 0 {
		c.open = len(c.rest)
	}
}

// inLines reports whether what is left of the last block has whole lines, to which others belong.
func (c *cutter) inLines() bool { return c.joins && bytes.IndexByte(c.rest, '\n') >= 0 }

// whole returns how much of text are whole lines.
func (c *cutter) whole(text []byte) int {
	end := bytes.LastIndexByte(text, '\n') + 1
	if c.joins && len(text) < maxLine {
		return wholeLines(text[:end])
	}
	return end
}

// fill reads until buf is full.
func (c *cutter) fill(buf []byte, n int) (int, error) {
	for n < len(buf) {
		k, err := c.in.Read(buf[n:])
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// finish ends the input with what there is.
func (c *cutter) finish(b *block, text []byte, err error) {
	b.text, c.done = text, true
	if c.over {
		b.text, b.tooLong = nil, true
	}
	if !errors.Is(err, io.EOF) {
		c.err = plain(err)
	}
}

// skipLine drops what b holds of a line over the limit and gives where the rest starts: with the line break, which
// counts.
func (c *cutter) skipLine(b *block, start, n int) int {
	i := bytes.IndexByte(b.buf[start:n], '\n')
	if i < 0 {
		return n
	}
	c.over, b.tooLong = false, true
	return start + i
}
