package model

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// IsPrintable reports whether a character shows as itself: no control, no change of direction, nothing without width
// and no blank but the usual one, which could all make a text look like another.
func IsPrintable(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r <= '~'
	}
	return strconv.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		r != '\u2800' && r != '\u034f' // a blank of Braille, and a joiner
}

// Printable is the one gate that texts from outside pass before a person sees them: names, labels, messages of servers.
// Characters that do not show as themselves become escapes as JSON has them, \u202e, and what is no UTF-8 a mark.
func Printable(s string) string {
	return string(printable(s, ""))
}

// PrintableText is Printable for whole outputs: line ends and tabs stay. In JSON the escapes mean what was there.
func PrintableText[T string | []byte](s T) T {
	const keep = "\n\t"
	if isPlain(s, keep) {
		return s
	}
	return T(printable(string(s), keep))
}

func printable(s, keep string) string {
	if isPlain(s, keep) {
		return s
	}
	at := strings.IndexFunc(s, func(r rune) bool { return hidden(r, keep) })
	if at < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r, keep) {
			appendEscape(&b, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPlain reports whether a text is of printable ASCII and what is kept alone.
func isPlain[T string | []byte](s T, keep string) bool {
	for i := 0; i < len(s); i++ {
		for i+8 <= len(s) && allPrintable(s[i:i+8]) {
			i += 8
		}
		if i < len(s) && s[i]-' ' > '~'-' ' && strings.IndexByte(keep, s[i]) < 0 {
			return false
		}
	}
	return true
}

// allPrintable reports whether eight bytes are printable ASCII.
func allPrintable[T string | []byte](s T) bool {
	const ones = 0x0101010101010101
	_ = s[7]
	x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return (x|(x-' '*ones)|(x+ones))&(0x80*ones) == 0
}

func hidden(r rune, keep string) bool { return !IsPrintable(r) && !strings.ContainsRune(keep, r) }

// appendEscape writes a character as JSON escapes it: above 0xffff as two.
func appendEscape(b *strings.Builder, r rune) {
	const digits = "0123456789abcdef"
	units := []uint16{uint16(r)}
	if r > 0xffff {
		units = utf16.Encode([]rune{r})
	}
	for _, u := range units {
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(digits[u>>shift&15])
		}
	}
}
