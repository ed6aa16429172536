package ingest

import (
	"encoding/binary"
	"iter"
)

// Keys yields the members of a JSON object that may be cut off or broken: each key as written, without its quotes, and
// the text from its value on. It ends where the object does, or where the damage begins.
func Keys(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, rest []byte) bool) {
		i := Blanks(object, 1)
		for i < len(object) && object[i] == '"' {
			end := stringEnd(object, i)
			if end < 0 {
				return
			}
			key := object[i+1 : end-1]
			if i = Blanks(object, end); i >= len(object) || object[i] != ':' {
				return
			}
			if i = Blanks(object, i+1); i >= len(object) || !yield(key, object[i:]) {
				return
			}
			if i = valueEnd(object, i); i < 0 {
				return
			}
			if i = Blanks(object, i); i >= len(object) || object[i] != ',' {
				return
			}
			i = Blanks(object, i+1)
		}
	}
}

// Elements yields the text from each element of a JSON array on, and nothing of another value. It ends where the array
// does, or where the damage begins.
func Elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(rest []byte) bool) {
		if len(array) == 0 || array[0] != '[' {
			return
		}
		for i := Blanks(array, 1); i < len(array) && array[i] != ']'; {
			end := valueEnd(array, i)
			if !yield(array[i:]) || end < 0 {
				return
			}
			if i = Blanks(array, end); i >= len(array) || array[i] != ',' {
				return
			}
			i = Blanks(array, i+1)
		}
	}
}

// Blanks returns the index of the first byte from i on that is no blank of JSON.
func Blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// End returns the index after the value that a JSON text begins with, -1 where it has no end. It looks at brackets and
// strings only.
func End(text []byte) int { return valueEnd(text, 0) }

// valueEnd returns the index after the value at i, -1 where it has no end.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			if i = stringEnd(b, i) - 1; i < 0 {
				return -1
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1 + depth // a scalar before a bracket ends before it
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// stringEnd returns the index after the string at i, -1 where it has no end.
func stringEnd(b []byte, i int) int {
	for i++; ; i++ {
		i = Inside(b, i)
		for i < len(b) && b[i] != '"' && b[i] != '\\' {
			i++
		}
		switch {
		case i >= len(b):
			return -1
		case b[i] == '"':
			return i + 1
		}
		i++
	}
}

// Inside passes over eight bytes at a time that are inside of a string, with the escapes in them, of which one that
// holds a record has many. It stops where that is not sure, before an escape or before eight bytes in which the string
// or a line may end. Marks of quotes and line breaks may be too many, those of backslashes are exact.
func Inside(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	escaped := uint64(0) // of the next byte
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		y := x ^ '\\'*ones
		slashes := ^((y&^highs + ^uint64(highs)) | y) & highs
		escaped |= slashes << 8
		quotes, breaks := x^'"'*ones, x^'\n'*ones
		stops := (quotes-ones)&^quotes&highs&^escaped | (breaks-ones)&^breaks&highs
		if stops|slashes&escaped != 0 {
			break
		}
		escaped = slashes >> 56
	}
	if escaped&0xff != 0 {
		i--
	}
	return i
}

// Marks marks those among eight bytes, the first one lowest, that are p, q or r, all of ASCII. The lowest mark is
// exact: what is taken from a byte below is taken from none before it.
func Marks(x uint64, p, q, r byte) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	p8, q8, r8 := x^uint64(p)*ones, x^uint64(q)*ones, x^uint64(r)*ones
	return ((p8 - ones) | (q8 - ones) | (r8 - ones)) &^ x & highs
}
