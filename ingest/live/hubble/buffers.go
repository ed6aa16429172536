package hubble

import (
	"sync"

	"google.golang.org/grpc/mem"
)

// buffers is the memory that flows are received into. gRPC's own clears each buffer before it is used again, twice
// the bytes of a flow and more; here only what was received is ever read.
type buffers struct{ pools [len(bufferSizes)]sync.Pool }

var _ mem.BufferPool = (*buffers)(nil)

// bufferSizes are those of nearly all flows, of the largest frames, and of reads from the connection.
var bufferSizes = [...]int{4 << 10, 16 << 10, 32 << 10}

// Get returns a buffer of a length, with the bytes of whoever had it before.
func (p *buffers) Get(length int) *[]byte {
	for i, size := range bufferSizes {
		if length > size {
			continue
		}
		if b, ok := p.pools[i].Get().(*[]byte); ok {
			*b = (*b)[:length]
			return b
		}
		b := make([]byte, length, size)
		return &b
	}
	b := make([]byte, length)
	return &b
}

// Put takes a buffer back.
func (p *buffers) Put(b *[]byte) {
	for i, size := range bufferSizes {
		if cap(*b) == size {
			p.pools[i].Put(b)
			return
		}
	}
}
