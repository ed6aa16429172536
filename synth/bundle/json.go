package bundle

import (
	"bytes"
	"strings"

	"sluice/model"
)

// jsonWriter takes JSON in one line and keeps it with a line for each value. A bundle.json may be large: it is gone
// through once, and copied once.
type jsonWriter struct{ text []byte }

// Write takes a whole object.
func (w *jsonWriter) Write(in []byte) (int, error) {
	w.text = make([]byte, 0, len(in)*3/2)
	depth := 0
	for i := 0; i < len(in); i++ {
		switch c := in[i]; c {
		case '"':
			end := stringEnd(in, i)
			w.string(in[i:end])
			i = end - 1
		case '{', '[':
			w.text = append(w.text, c)
			if closing := in[i+1]; closing == '}' || closing == ']' {
				w.text = append(w.text, closing)
				i++
				continue
			}
			depth++
			w.line(depth)
		case '}', ']':
			depth--
			w.line(depth)
			w.text = append(w.text, c)
		case ',':
			w.text = append(w.text, c)
			w.line(depth)
		case ':':
			w.text = append(w.text, ':', ' ')
		default:
			w.text = append(w.text, c)
		}
	}
	return len(in), nil
}

// stringEnd is where the string that begins at a quote ends.
func stringEnd(in []byte, start int) int {
	for i := start + 1; ; i++ {
		switch in[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// string adds a string with its quotes. Arrows stay readable, and no text of a log can open a tag.
func (w *jsonWriter) string(s []byte) {
	for _, c := range s {
		if c < ' ' || c > '~' || c == '<' {
			w.text = append(w.text, strings.ReplaceAll(model.Printable(string(s)), "<", `\u003c`)...)
			return
		}
	}
	w.text = append(w.text, s...)
}

// lineStart is a line end and the indentation of the deepest values that there are.
var lineStart = append([]byte{'\n'}, bytes.Repeat([]byte("  "), 32)...)

func (w *jsonWriter) line(depth int) { w.text = append(w.text, lineStart[:1+2*depth]...) }
