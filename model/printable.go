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
	return T(printable(string(s), "\n\t"))
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
func isPlain(s, keep string) bool {
	for i := range len(s) {
		if c := s[i]; c-' ' > '~'-' ' && strings.IndexByte(keep, c) < 0 {
			return false
		}
	}
	return true
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
