package source

import (
	"context"
	"io"
	"sync"
)

// pageSize is that of files in memory.
const pageSize = 4 << 10

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

	b.place(a.cut.size)
	start, at := headSize, a.from+number*int64(a.cut.size)
	if over := int(at % pageSize); over > 0 { // all but the first one begin with a page
		if at -= int64(over); number == 0 {
			start, at = start+over, a.from
		}
	}
	n, err := a.file.read(b.buf[start:], at)

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
	a.cut.cut(b, start, start+n, err)
	return true
}

// end leaves the file where the last block that was cut ends.
func (a *ahead) end() error {
	_, err := a.file.Seek(*a.file.counter.n, io.SeekStart)
	return plain(err)
}
