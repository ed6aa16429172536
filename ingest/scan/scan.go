// Package scan reads JSON from a buffer in which a zero byte stands behind the record, with Slack bytes to read from
// there on. No part of JSON passes a zero byte, so no function looks for the end. Each takes the index to start at and
// returns the index after what it read, -1 where that is not there. What is valid is what encoding/json takes.
package scan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Slack is how many bytes behind the record can be read, whatever they hold beside the first.
const Slack = 64

// Room makes records end as the functions of this package want it.
type Room struct {
	own    []byte // for a record behind which there is no slack
	behind byte
}

// Open returns the bytes of a record, a zero byte and more behind it. Until Close the byte behind text is the Room's,
// where text has room for one; what is read of the record may be kept longer, until the next Open.
func (r *Room) Open(text []byte) []byte {
	n := len(text)
	b := text
	if cap(b)-n < Slack {
		r.own = append(append(r.own[:0], b...), make([]byte, Slack)...)
		b = r.own
	}
	b = b[:n+Slack]
	r.behind, b[n] = b[n], 0
	return b
}

// Close puts back the byte behind a record of n bytes.
func (r *Room) Close(b []byte, n int) { b[n] = r.behind }

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	// maxDepth is how deep values may nest that are passed over: what encoding/json takes.
	maxDepth = 10000
)

// Word returns the eight bytes at b[i:], the first one lowest.
func Word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

// Has reports whether lit stands at b[i:].
func Has(b []byte, i int, lit string) bool {
	return i+len(lit) <= len(b) && string(b[i:i+len(lit)]) == lit
}

// stop marks the bytes of x that end a run of plain text: quotes, backslashes, control characters and all beyond
// ASCII. With its second bit turned a quote is 0x20, and as before are control characters alone below that. The lowest
// mark is exact: what is taken from a byte below is taken from none before it.
func stop(x uint64) uint64 {
	return (x | ((x ^ 0x02*ones) - 0x21*ones) | ((x ^ '\\'*ones) - ones)) & highs
}

// Plain returns the index of the first byte from i on that is not plain text.
func Plain(b []byte, i int) int {
	for {
		if m := stop(Word(b, i)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
}

// PlainWithin is Plain for a text with nothing behind it: where fewer than eight bytes are left, it stops before them.
func PlainWithin(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := stop(binary.LittleEndian.Uint64(b[i : i+8 : i+8])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// IsPlain reports whether all of a text is plain. Words that overlap cover its end.
func IsPlain(text []byte) bool {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		if stop(Word(text, i)) != 0 {
			return false
		}
	}
	switch n := len(text); {
	case i == n:
		return true
	case n > 8:
		return stop(Word(text, n-8)) == 0
	}
	for _, c := range text {
		if c < 0x20 || c >= 0x80 || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// TextEnd reads the rest of a string whose opening quote stands before i.
func TextEnd(b []byte, i int) int {
	for {
		i = Plain(b, i)
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			switch b[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if hex4(b[i+2:]) < 0 {
					return -1
				}
				i += 6
			default:
				return -1
			}
		case c >= 0x80:
			i++ // what is not UTF-8 is read as U+FFFD
		default:
			return -1
		}
	}
}

func hex4(b []byte) rune {
	var v rune
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			v = v<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return v
}

// Unescape appends the text of a valid string.
func Unescape(to, s []byte) []byte {
	for len(s) > 0 {
		switch c := s[0]; {
		case c >= 0x80:
			x, n := utf8.DecodeRune(s)
			to = utf8.AppendRune(to, x)
			s = s[n:]
		case c != '\\':
			to = append(to, c)
			s = s[1:]
		case s[1] != 'u':
			to = append(to, escaped(s[1]))
			s = s[2:]
		default:
			x := hex4(s[2:])
			s = s[6:]
			if utf16.IsSurrogate(x) {
				y := rune(-1)
				if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
					y = hex4(s[2:])
				}
				if x = utf16.DecodeRune(x, y); x != utf8.RuneError {
					s = s[6:]
				}
			}
			to = utf8.AppendRune(to, x)
		}
	}
	return to
}

func escaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// Blank passes over blanks.
func Blank(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// Null reads null.
func Null(b []byte, i int) int {
	if Has(b, i, "null") {
		return i + 4
	}
	return -1
}

// Digits reads an integer of at most nine digits behind which no fraction and no exponent stands.
func Digits(b []byte, i int) (uint32, int) {
	x := Word(b, i) ^ '0'*ones
	n := digits(x)
	if n == 0 || n > 1 && byte(x) == 0 {
		return 0, -1
	}
	v := eight(x << (64 - 8*n))
	if i += n; n == 8 && b[i]-'0' <= 9 {
		v = v*10 + uint32(b[i]-'0')
		i++
	}
	if c := b[i]; c-'0' <= 9 || c == '.' || c|0x20 == 'e' {
		return 0, -1
	}
	return v, i
}

// DigitsEnd passes over what Digits reads. What stands behind eight digits or less is left to whoever calls it.
func DigitsEnd(b []byte, i int) int {
	x := Word(b, i) ^ '0'*ones
	n := digits(x)
	if n == 8 {
		_, i = Digits(b, i)
		return i
	}
	if n == 0 || n > 1 && byte(x) == 0 {
		return -1
	}
	return i + n
}

// Fraction reads the digits behind a point, at most nine, as parts of a hundred million, rounded down.
func Fraction(b []byte, i int) (uint32, int) {
	x := Word(b, i) ^ '0'*ones
	n := digits(x)
	if n == 0 {
		return 0, -1
	}
	if i += n; n == 8 && b[i]-'0' <= 9 {
		i++
	}
	return eight(x & (1<<(8*n) - 1)), i
}

// digits counts the digits that eight bytes begin with, each less '0'.
func digits(x uint64) int { return bits.TrailingZeros64((x|(x+(0x80-10)*ones))&highs) >> 3 }

// eight is the number that eight digits make, the first one in the lowest byte, each by its value.
func eight(x uint64) uint32 {
	x = (x*10 + (x >> 8)) & 0x00ff00ff00ff00ff
	x = (x*100 + (x >> 16)) & 0x0000ffff0000ffff
	return uint32(x*10000 + (x >> 32))
}

// number passes over a number. Most are integers of few digits.
func number(b []byte, i int) int {
	x := Word(b, i) ^ '0'*ones
	if n := digits(x); n > 0 && n < 8 && (n == 1 || byte(x) != 0) {
		if c := b[i+n]; c != '.' && c|0x20 != 'e' {
			return i + n
		}
	}
	if b[i] == '-' {
		i++
	}
	switch c := b[i]; {
	case c == '0':
		i++
	case c-'1' <= 8:
		i = someDigits(b, i)
	default:
		return -1
	}
	if b[i] == '.' {
		if i = someDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if b[i]|0x20 == 'e' {
		if i++; b[i] == '+' || b[i] == '-' {
			i++
		}
		return someDigits(b, i)
	}
	return i
}

func someDigits(b []byte, i int) int {
	if b[i]-'0' > 9 {
		return -1
	}
	for b[i]-'0' <= 9 {
		i++
	}
	return i
}

// Skip passes over any value; depth is how many objects and arrays it is in.
func Skip(b []byte, i, depth int) int {
	switch b[i] {
	case '"':
		return TextEnd(b, i+1)
	case '{':
		return skipObject(b, i, depth+1)
	case '[':
		return skipArray(b, i, depth+1)
	case 't':
		if Has(b, i, "true") {
			return i + 4
		}
	case 'f':
		if Has(b, i, "false") {
			return i + 5
		}
	case 'n':
		return Null(b, i)
	default:
		return number(b, i)
	}
	return -1
}

func skipObject(b []byte, i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	if i = Blank(b, i+1); b[i] == '}' {
		return i + 1
	}
	for {
		if b[i] != '"' {
			return -1
		}
		if i = TextEnd(b, i+1); i < 0 {
			return -1
		}
		if b[i] != ':' {
			if i = Blank(b, i); b[i] != ':' {
				return -1
			}
		}
		if i++; b[i] <= ' ' {
			i = Blank(b, i)
		}
		if i = Skip(b, i, depth); i < 0 {
			return -1
		}
		if b[i] <= ' ' {
			i = Blank(b, i)
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			i = Blank(b, i+1)
		default:
			return -1
		}
	}
}

func skipArray(b []byte, i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	if i = Blank(b, i+1); b[i] == ']' {
		return i + 1
	}
	for {
		if i = Skip(b, i, depth); i < 0 {
			return -1
		}
		if b[i] <= ' ' {
			i = Blank(b, i)
		}
		switch b[i] {
		case ']':
			return i + 1
		case ',':
			i = Blank(b, i+1)
		default:
			return -1
		}
	}
}
