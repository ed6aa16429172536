package scan

import "strings"

// A text that stands in a string of JSON has a backslash before each of its quotes.

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Quoted spells a text as it stands in a string.
func Quoted(text string) string { return quoted.Replace(text) }

// OpensQuote reports whether a quote stands at b[i:], as a string has it.
func OpensQuote(b []byte, i int) bool { return b[i] == '\\' && b[i+1] == '"' }

// StringEnd returns the index behind the quote that ends a string, before which blanks alone may stand from i on.
func StringEnd(b []byte, i int) int {
	for {
		switch b[i] {
		case '"':
			return i + 1
		case ' ':
			i++
		case '\\':
			if c := b[i+1]; c != 'n' && c != 'r' && c != 't' {
				return -1
			}
			i += 2
		default:
			return -1
		}
	}
}

// Unquote appends the value at b[i:] as it is outside of a string, and returns the index behind it; -1 for one with
// other escapes.
func Unquote(to, b []byte, i int) (value []byte, end int) {
	for depth, inside := 0, false; ; i++ {
		c := b[i]
		if OpensQuote(b, i) {
			i++
			c, inside = '"', !inside
		} else if c < ' ' || c == '\\' || c == '"' {
			return to, -1
		}
		switch {
		case inside:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		scalar := depth < 0 || depth == 0 && c == ',' && !inside // ends before c
		if scalar {
			return to, i
		}
		to = append(to, c)
		if depth == 0 && !inside && (c == '"' || c == '}' || c == ']') {
			return to, i + 1
		}
	}
}
