package source

import "bytes"

// wrapper is what stood around a record that was a member of another object, or a string of one: lines of one source
// have the same. It is a prediction: all but numbers and texts that hold nothing has to be there again, and what is
// behind the record must not hold another.
type wrapper struct {
	before pattern
	// behind is what stood behind a record that was no string, with which the line ends again; empty for a string.
	behind pattern
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
		p := &w.wrappers[i]
		n := p.before.begins(text)
		if n < 0 {
			continue
		}
		if p.behind != nil {
			if end := p.behind.ends(text); end <= n || !w.flow(source, line, text[n:end]) {
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
		if !w.flow(source, line, bytes.TrimSpace(w.inner)) {
			return false
		}
		w.used(i)
		return true
	}
	return false
}

// flow decodes a record that is a flow. It is false where it is none, and then nothing was handed on: what is told of
// other records must not depend on those before.
func (w *worker) flow(source string, line int64, text []byte) bool {
	w.trying = true
	took := w.decoders[0].Record(source, line, text)
	flow := took && w.trying
	w.trying = false
	return flow
}

// used puts a wrapper first.
func (w *worker) used(i int) { w.wrappers[0], w.wrappers[i] = w.wrappers[i], w.wrappers[0] }

// wrapped remembers what stood around the record that the finder found in a text.
func (w *worker) wrapped(text []byte, n node) {
	p, behind := wrapper{before: newPattern(text[:n.from+1])}, text[n.to:]
	if n.kind == '{' {
		p = wrapper{newPattern(text[:n.from]), newPattern(behind)}
	}
	for i, c := range behind {
		// A record that says the same once more may say something else the next time.
		if c == '{' && (n.kind != '{' || w.finder.sniff(behind[i:])) {
			return
		}
	}
	if len(w.wrappers) < maxWrappers {
		w.wrappers = append(w.wrappers, p)
		return
	}
	w.wrappers[w.nextWrapper%maxWrappers] = p
	w.nextWrapper++
}
