package store

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Parquet's DELTA_BINARY_PACKED: the first value, then the steps from one to the next. A block of steps begins with the
// smallest of them, and with the bits that each of its parts takes for what the others are above that.
const (
	deltaBlock = 128
	deltaParts = 4
	deltaPart  = deltaBlock / deltaParts
)

// appendDelta appends values. Steps that overflow do no harm: they do so again, the other way, when they are read.
func appendDelta[T int32 | int64](b []byte, values []T) []byte {
	b = binary.AppendUvarint(b, deltaBlock)
	b = binary.AppendUvarint(b, deltaParts)
	b = binary.AppendUvarint(b, uint64(len(values)))
	if len(values) == 0 {
		return binary.AppendVarint(b, 0)
	}
	b = binary.AppendVarint(b, int64(values[0]))
	unsigned := ^uint64(0) >> (64 - 8*binary.Size(T(0)))
	var steps [deltaBlock]uint64
	for n := 0; len(values) > 1; values = values[n:] {
		n = min(deltaBlock, len(values)-1)
		least := values[1] - values[0]
		for i := range n {
			least = min(least, values[i+1]-values[i])
		}
		for i := range n {
			steps[i] = uint64(values[i+1]-values[i]-least) & unsigned
		}
		clear(steps[n:])
		b = binary.AppendVarint(b, int64(least))
		widths := len(b)
		b = append(b, make([]byte, deltaParts)...)
		for p := 0; p*deltaPart < n; p++ {
			var width int
			b, width = appendBits(b, (*[deltaPart]uint64)(steps[p*deltaPart:]))
			b[widths+p] = byte(width)
		}
	}
	return b
}

// appendBits appends numbers, each in as many bits as the largest of them needs.
func appendBits(b []byte, numbers *[deltaPart]uint64) (_ []byte, width int) {
	all := uint64(0)
	for _, v := range numbers {
		all |= v
	}
	width = bits.Len64(all)
	if width == 0 {
		return b, 0
	}
	word, used := uint64(0), 0
	for _, v := range numbers {
		word |= v << used
		if used += width; used >= 64 {
			b = binary.LittleEndian.AppendUint64(b, word)
			used -= 64
			word = v >> (width - used)
		}
	}
	if used > 0 { // 32 numbers end with a word, or with half of one
		b = binary.LittleEndian.AppendUint32(b, uint32(word))
	}
	return b, width
}

// readDelta reads what appendDelta wrote of so many values.
func readDelta[T int32 | int64](b []byte, out []T) error {
	var head [3]uint64
	for i := range head {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return errDelta
		}
		head[i], b = v, b[n:]
	}
	if head != [...]uint64{deltaBlock, deltaParts, uint64(len(out))} || len(out) == 0 {
		return errDelta
	}
	first, n := binary.Varint(b)
	if n <= 0 {
		return errDelta
	}
	b = b[n:]
	last := T(first)
	out[0], out = last, out[1:]
	for len(out) > 0 {
		step, n := binary.Varint(b)
		if n <= 0 || len(b) < n+deltaParts {
			return errDelta
		}
		least, widths := T(step), b[n:n+deltaParts]
		b = b[n+deltaParts:]
		for _, width := range widths {
			if len(out) == 0 {
				break
			}
			size := int(width) * deltaPart / 8
			if width > 64 || size > len(b) {
				return errDelta
			}
			part := out[:min(deltaPart, len(out))]
			last = unpackSteps(part, b[:size], uint(width), last, least)
			b, out = b[size:], out[len(part):]
		}
	}
	return nil
}

// errDelta is the error for values that appendDelta did not write.
var errDelta = fmt.Errorf("steps between values: %w", ErrDamaged)

// unpackSteps adds up steps, of so many bits each and above the least one, and returns the last sum.
func unpackSteps[T int32 | int64](out []T, packed []byte, width uint, last, least T) T {
	if width == 0 {
		for i := range out {
			last += least
			out[i] = last
		}
		return last
	}
	var room [(deltaPart + 2) * 8]byte // words are read whole, and the next one
	copy(room[:], packed)
	mask := ^uint64(0) >> (64 - width)
	for i := range out {
		at := uint(i) * width
		word := room[at/64*8:][:16]
		v := binary.LittleEndian.Uint64(word)>>(at%64) | binary.LittleEndian.Uint64(word[8:])<<1<<(63-at%64)
		last += least + T(v&mask)
		out[i] = last
	}
	return last
}
