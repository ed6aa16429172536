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
	for depth := 0; ; {
		if OpensQuote(b, i) {
			if to, i = unquoteText(append(to, '"'), b, i+2); i < 0 || depth == 0 {
				return to, i
			}
			continue
		}
		c := b[i]
		switch {
		case c < ' ' || c == '\\' || c == '"':
			return to, -1
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == '}' || c == ']'): // a number or a word ends before it
			return to, i
		case c == '}' || c == ']':
			depth--
		}
		to = append(to, c)
		if i++; depth == 0 && (c == '}' || c == ']') {
			return to, i
		}
	}
}

// unquoteText appends the rest of a text with its quote, and returns the index behind that.
func unquoteText(to, b []byte, i int) (value []byte, end int) {
	for {
		end := Plain(b, i)
		to = append(to, b[i:end]...)
		switch i = end; {
		case OpensQuote(b, i):
			return append(to, '"'), i + 2
		case b[i] < 0x80:
			return to, -1
		}
		to = append(to, b[i])
		i++
	}
}
