package hubble

import (
	"encoding/binary"
	"math/bits"
)

// The scanners below read JSON without blanks and escapes, the way the exporter writes it. Each takes the index
// to start at and gives the index after what it read, or -1: then encoding/json has to look. They never accept what
// is not valid JSON, because the bytes they pass over are not looked at again.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// has says whether lit stands at b[i:].
func has(b []byte, i int, lit string) bool {
	return i+len(lit) <= len(b) && string(b[i:i+len(lit)]) == lit
}

// at gives b[i], 0 outside of b.
func at(b []byte, i int) byte {
	if uint(i) < uint(len(b)) {
		return b[i]
	}
	return 0
}

// stop marks the bytes of x that end a run of plain text: quotes, backslashes, control characters and all beyond
// ASCII. The lowest mark is exact.
func stop(x uint64) uint64 {
	quote := x ^ '"'*ones
	slash := x ^ '\\'*ones
	return (x | (quote-ones)&^quote | (slash-ones)&^slash | (x-0x20*ones)&^x) & highs
}

// textEnd reads the rest of a string whose opening quote stands before i.
func textEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := stop(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			if b[i] == '"' {
				return i + 1
			}
			return -1
		}
	}
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\' || c < 0x20 || c >= 0x80:
			return -1
		}
	}
	return -1
}

// number reads an integer of at most 32 bits.
func number(b []byte, i int) (uint32, int) {
	start, v := i, uint64(0)
	for i < len(b) && b[i]-'0' <= 9 {
		v = v*10 + uint64(b[i]-'0')
		i++
	}
	if n := i - start; n == 0 || n > 10 || n > 1 && b[start] == '0' || v > 1<<32-1 {
		return 0, -1
	}
	if c := at(b, i); c != ',' && c != '}' && c != ']' {
		return 0, -1 // a fraction or an exponent
	}
	return uint32(v), i
}

// maxDepth is how deep values may nest that are passed over.
const maxDepth = 16

// skip passes over any value.
func skip(b []byte, i, depth int) int {
	switch c := at(b, i); {
	case c == '"':
		return textEnd(b, i+1)
	case c == '{' && depth < maxDepth:
		return skipObject(b, i+1, depth+1)
	case c == '[' && depth < maxDepth:
		return skipArray(b, i+1, depth+1)
	case c == 't' && has(b, i, "true"), c == 'n' && has(b, i, "null"):
		return i + 4
	case c == 'f' && has(b, i, "false"):
		return i + 5
	case c-'0' <= 9:
		return skipDigits(b, i)
	}
	return -1
}

func skipDigits(b []byte, i int) int {
	if b[i] == '0' {
		return i + 1
	}
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

func skipObject(b []byte, i, depth int) int {
	if at(b, i) == '}' {
		return i + 1
	}
	for {
		if at(b, i) != '"' {
			return -1
		}
		i = textEnd(b, i+1)
		if i < 0 || at(b, i) != ':' {
			return -1
		}
		if i = skip(b, i+1, depth); i < 0 {
			return -1
		}
		switch at(b, i) {
		case '}':
			return i + 1
		case ',':
			i++
		default:
			return -1
		}
	}
}

func skipArray(b []byte, i, depth int) int {
	if at(b, i) == ']' {
		return i + 1
	}
	for {
		if i = skip(b, i, depth); i < 0 {
			return -1
		}
		switch at(b, i) {
		case ']':
			return i + 1
		case ',':
			i++
		default:
			return -1
		}
	}
}
