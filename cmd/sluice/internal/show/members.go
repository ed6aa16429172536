package show

import (
	"bytes"
	"strconv"
)

// members adds the members of a JSON object one after the other, as encoding/json writes them without escapes for HTML:
// for what there are hundreds of thousands of, at a fourth of its time. Those that begin with some leave out what is
// empty.
type members []byte

func (m *members) name(name string) {
	if b := *m; b[len(b)-1] != '{' {
		*m = append(b, ',')
	}
	*m = append(append(append(*m, '"'), name...), '"', ':')
}

func (m *members) open() { *m = append(*m, '{') }

func (m *members) close() { *m = append(*m, '}') }

func (m *members) text(name, v string) {
	m.name(name)
	*m = appendText(*m, v)
}

func (m *members) someText(name, v string) {
	if v != "" {
		m.text(name, v)
	}
}

func (m *members) count(name string, v uint64) {
	m.name(name)
	*m = strconv.AppendUint(*m, v, 10)
}

func (m *members) someCount(name string, v uint64) {
	if v != 0 {
		m.count(name, v)
	}
}

func (m *members) null(name string) {
	m.name(name)
	*m = append(*m, "null"...)
}

func (m *members) texts(name string, list []string) {
	if list == nil {
		m.null(name)
		return
	}
	m.name(name)
	*m = append(*m, '[')
	for i, v := range list {
		if i > 0 {
			*m = append(*m, ',')
		}
		*m = appendText(*m, v)
	}
	*m = append(*m, ']')
}

func (m *members) someTexts(name string, list []string) {
	if len(list) > 0 {
		m.texts(name, list)
	}
}

// appendText adds a string. What is not plain is left to the library.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendEscaped(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendEscaped(b []byte, s string) []byte {
	out := bytes.NewBuffer(b)
	_ = printLine(out, s) // a text and a buffer have no errors
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'})
}
