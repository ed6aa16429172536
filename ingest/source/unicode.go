package source

import (
	"unicode/utf16"
	"unicode/utf8"
)

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
