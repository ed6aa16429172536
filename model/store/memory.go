package store

import "github.com/apache/arrow/go/v15/arrow/memory"

// roomy allocates for Arrow's buffers. Their own allocator makes room for 64 bytes more at each step when levels are
// written, and copies everything each time.
type roomy struct{ memory.Allocator }

func init() { memory.DefaultAllocator = roomy{memory.NewGoAllocator()} }

// Reallocate returns b with the given length and, where it has to move, room to double.
func (a roomy) Reallocate(size int, b []byte) []byte {
	if cap(b) < size {
		b = append(make([]byte, 0, 2*size), b...)
	}
	return b[:size]
}
