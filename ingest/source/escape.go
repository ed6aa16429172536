package source

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// escaped is the byte that an escape of two stands for, 0 where that has to be looked at.
var escaped = [256]byte{
	'"':  '"',
	'\\': '\\',
	'/':  '/',
	'\'': '\'',
	'n':  '\n',
	't':  '\t',
	'r':  '\r',
	'b':  8,
	'f':  12,
	'a':  7,
	'v':  11,
}

// unescape adds the text that the inside of a string of JSON or of Go stands for. What is no escape stays as it is.
func unescape(to, text []byte) []byte {
	to, _ = unescapeTo(to, text, false)
	return to
}

// unescapeTo adds what a string stands for, up to the quote that ends it if there is to be one, and returns how much
// of text that took; -1 where the quote is missing.
func unescapeTo(to, text []byte, quoted bool) ([]byte, int) {
	from := len(to)
	to = slices.Grow(to, len(text)+utf8.UTFMax) // no escape is shorter than what it stands for
	out := to[:cap(to)]
	j := from
	for i := 0; i < len(text); {
		if i+8 <= len(text) && j+8 <= len(out) {
			x := binary.LittleEndian.Uint64(text[i:])
			binary.LittleEndian.PutUint64(out[j:], x)
			m := marks(x)
			n := bits.TrailingZeros64(m) >> 3 // 8 where there is no mark
			if i, j = i+n, j+n; m == 0 {
				continue
			}
		}
		c := text[i]
		if c != '\\' && (c != '"' || !quoted) {
			out[j] = c
			i, j = i+1, j+1
			continue
		}
		if c == '"' {
			return out[:j], i
		}
		if i+1 == len(text) {
			out[j] = c
			j++
			break
		}
		if e := escaped[text[i+1]]; e != 0 {
			out[j] = e
			i, j = i+2, j+1
			// Between two quotes of JSON there is often but one byte, a colon or a comma.
			if i+3 <= len(text) && text[i+1] == '\\' && text[i] != '\\' && (text[i] != '"' || !quoted) {
				if e := escaped[text[i+2]]; e != 0 {
					out[j], out[j+1] = text[i], e
					i, j = i+3, j+2
				}
			}
			continue
		}
		more, n := otherEscape(out[:j], text[i:])
		i, j = i+n, len(more)
	}
	if quoted {
		return out[:j], -1
	}
	return out[:j], len(text)
}

// unquote adds what the string stands for whose inside text begins with, Base64 decoded, and returns how long that
// inside is; -1 where the quote is missing.
func unquote(to, text []byte) ([]byte, int) {
	if !bytes.HasPrefix(text, encodedObject) {
		return unescapeTo(to, text, true)
	}
	n := bytes.IndexByte(text, '"')
	if n < 0 {
		return to, -1
	}
	return decode64(to, text[:n]), n
}

// undouble adds what a cell of CSV stands for, up to the quote that ends it, and returns how much of text that took.
func undouble(to, text []byte) ([]byte, int) {
	for i := 0; ; {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return append(to, text[i:]...), len(text)
		}
		if i += n; i+1 == len(text) || text[i+1] != '"' {
			return append(to, text[i-n:i]...), i
		}
		to = append(to, text[i-n:i+1]...)
		i += 2
	}
}

// marks marks the quotes and backslashes among eight bytes, the first one lowest. The lowest mark is exact.
func marks(x uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	return ((x ^ '"'*ones - ones) | (x ^ '\\'*ones - ones)) &^ x & highs
}

// otherEscape adds what an escape of hexadecimal digits stands for, and returns how long it is.
func otherEscape(to, text []byte) ([]byte, int) {
	switch text[1] {
	case 'u':
		return unicodeEscape(to, text)
	case 'x':
		if v, ok := hexDigits(text[2:], 2); ok {
			return append(to, byte(v)), 4
		}
	}
	return append(to, '\\', text[1]), 2
}

// decode64 adds what a text of Base64 stands for, of either alphabet and filled up or not, nothing where it is none.
func decode64(to, text []byte) []byte {
	if more, err := base64.StdEncoding.AppendDecode(to, text); err == nil {
		return more
	}
	of := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		of = base64.RawURLEncoding
	}
	if more, err := of.AppendDecode(to, bytes.TrimRight(text, "=")); err == nil {
		return more
	}
	return to
}

// unicodeEscape adds the character of an escape \uXXXX, or of two that are a pair, and returns how long it is.
func unicodeEscape(to, text []byte) ([]byte, int) {
	r, ok := hexDigits(text[2:], 4)
	if !ok {
		return append(to, '\\', 'u'), 2
	}
	if utf16.IsSurrogate(r) && len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if low, ok := hexDigits(text[8:], 4); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return utf8.AppendRune(to, pair), 12
			}
		}
	}
	return utf8.AppendRune(to, r), 6
}

// hexDigits reads n hexadecimal digits.
func hexDigits(text []byte, n int) (v rune, ok bool) {
	if len(text) < n {
		return 0, false
	}
	for _, c := range text[:n] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		v = v<<4 | rune(c)
	}
	return v, true
}
