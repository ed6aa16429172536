package source

import "bytes"

// wrapper is what stood around a record that was a member of another object, or a string of one: lines of one source
// have the same. It is a prediction: numbers aside all of it has to be there again, and what is behind the record must
// not hold another.
type wrapper struct {
	before []byte
	// behind is what stood behind a record that was no string, with which the line ends again; nil for a string.
	behind []byte
}

// maxWrappers is how many are remembered: a few for the pods of a cluster, which metadata tells apart.
const maxWrappers = 8

// quotedDecoder is a decoder that can read a record where it stands in a string of JSON.
type quotedDecoder interface {
	// Quoted decodes the record that is the inside of a string, with which text begins; behind the string no object may
	// begin. It is false where it cannot, and then nothing was handed on.
	Quoted(text []byte) bool
}

// unwrap decodes the record of a text that looks like one before, and is false where it does not.
func (w *worker) unwrap(source string, line int64, text []byte) bool {
	for i := range w.wrappers {
		n := w.wrappers[i].match(text)
		if n < 0 {
			continue
		}
		if behind := w.wrappers[i].behind; behind != nil {
			if end := len(text) - len(behind); end <= n || !bytes.HasSuffix(text, behind) ||
				!w.decoders[0].Record(source, line, text[n:end]) {
				continue
			}
			w.used(i)
			return true
		}
		if d, ok := w.decoders[0].(quotedDecoder); ok && d.Quoted(text[n:]) {
			w.used(i)
			return true
		}
		var end int
		if w.inner, end = unescapeTo(w.inner[:0], text[n:], true); end < 0 || bytes.IndexByte(text[n+end:], '{') >= 0 {
			return false
		}
		if !w.decoders[0].Record(source, line, bytes.TrimSpace(w.inner)) {
			return false
		}
		w.used(i)
		return true
	}
	return false
}

// used puts a wrapper first.
func (w *worker) used(i int) { w.wrappers[0], w.wrappers[i] = w.wrappers[i], w.wrappers[0] }

// match returns the length of what stands before the record, -1 where it is something else.
func (p *wrapper) match(text []byte) int {
	i, b := 0, p.before
	for j := 0; j < len(b); {
		if i == len(text) {
			return -1
		}
		switch {
		case text[i] == b[j]:
			i, j = i+1, j+1
		case isDigit(b[j]) || j > 0 && isDigit(b[j-1]):
			for i < len(text) && isDigit(text[i]) {
				i++
			}
			for j < len(b) && isDigit(b[j]) {
				j++
			}
			if i == len(text) || j == len(b) || text[i] != b[j] {
				return -1
			}
		default:
			return -1
		}
	}
	return i
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// wrapped remembers what stood around the record that the finder found in a text.
func (w *worker) wrapped(text []byte, n node) {
	if bytes.IndexByte(text[n.to:], '{') >= 0 {
		return
	}
	p := wrapper{before: bytes.Clone(text[:n.from+1])}
	if n.kind == '{' {
		p = wrapper{bytes.Clone(text[:n.from]), bytes.Clone(text[n.to:])}
	}
	if len(w.wrappers) < maxWrappers {
		w.wrappers = append(w.wrappers, p)
		return
	}
	w.wrappers[w.nextWrapper%maxWrappers] = p
	w.nextWrapper++
}
