package source

import (
	"bytes"

	"sluice/ingest"
	"sluice/ingest/scan"
)

// wrapper is what stood around a record that was a member of another object, or a string of one: lines of one source
// have the same. It is a prediction: all but numbers and texts that hold nothing has to be there again, and what is
// behind the record must not hold another.
type wrapper struct {
	before, behind pattern
	quoted         bool     // the record was a string, behind whose quote behind stood
	cell           bool     // the record was a cell of CSV, of doubled quotes, behind which behind stood, with its quote
	plain          bool     // the record was a string in a text that is no JSON, where no other text has brackets
	inside         *wrapper // what stood around the record in that string, where the string was not the record itself
	between        pattern  // of a list what stood between its records, nil where there was one
	around         around   // of a record that is a string
}

// ends reports whether what stands behind the record of a wrapper in a string ends the line and holds no other one: it
// is what stood behind one before, or was looked through.
func (w *worker) ends(p *wrapper, behind []byte, r *repeat) bool {
	if p.plain {
		return !bytes.ContainsAny(behind, "[{")
	}
	return p.behind.begins(behind, r) == len(behind) ||
		p.around.open != "" && w.beyond(&p.around, behind, 0) == len(behind)
}

// maxWrappers is how many are remembered: a few for the pods of a cluster, which metadata tells apart.
const maxWrappers = 8

// quotedDecoder is a decoder that can read a record where it stands in a string of JSON.
type quotedDecoder interface {
	// Quoted decodes the record that is the inside of a string, with which text begins, if what stands behind the string
	// ends the line. It is false where it cannot, and then nothing was handed on.
	Quoted(text []byte, ends func(behind []byte) bool) bool
}

// unwrap decodes the record of a text that looks like one before, and is false where it does not.
func (w *worker) unwrap(source string, line int64, text []byte) bool {
	for i := range w.wrappers {
		if w.alike(&w.wrappers[i], 0, source, line, text) {
			w.used(i)
			return true
		}
	}
	return false
}

// alike decodes the records of a text that has the same around them, and is false where it has not. depth is in how
// many strings the text stands.
func (w *worker) alike(p *wrapper, depth int, source string, line int64, text []byte) bool {
	r := &repeat{}
	n := p.before.begins(text, r)
	switch {
	case n < 0 || !bytes.HasPrefix(text[n:], r.excerpt):
		return false
	case p.between != nil:
		return w.list(p, source, line, text, n)
	case p.cell:
		return w.cell(p, source, line, text, n)
	case p.plain && !opensEscaped(text, n):
		return false
	case !p.quoted:
		end := p.behind.ends(text)
		return end > n && w.flow(source, line, text[n:end])
	}
	if d, ok := w.decoders[0].(quotedDecoder); ok && p.inside == nil {
		ends := func(behind []byte) bool {
			return w.ends(p, behind, &repeat{quoted: text[n-1 : len(text)-len(behind)]})
		}
		if d.Quoted(text[n:], ends) {
			return true
		}
	}
	for len(w.inner) <= depth {
		w.inner = append(w.inner, nil)
	}
	inner, end := unquote(w.inner[depth][:0], text[n:])
	w.inner[depth] = inner
	if end < 0 {
		return false
	}
	inner = bytes.TrimSpace(inner)
	if end += n + 1; len(inner) == 0 || !w.ends(p, text[end:], &repeat{quoted: text[n-1 : end], object: inner}) {
		return false
	}
	if p.inside != nil {
		return w.alike(p.inside, depth+1, source, line, inner)
	}
	return w.flow(source, line, inner)
}

// opensEscaped reports whether an object of escaped quotes, and nothing before it, begins at n of a text.
func opensEscaped(text []byte, n int) bool {
	if n == len(text) || text[n] != '{' || bytes.ContainsAny(text[:n], "[{") {
		return false
	}
	i := begin(text, n)
	return i < len(text) && text[i] == '\\'
}

// cell decodes the record of a cell of CSV that begins at n, where no other text has brackets, or what stands behind is
// as it was.
func (w *worker) cell(p *wrapper, source string, line int64, text []byte, n int) bool {
	if n == 0 || n == len(text) || text[n] != '{' || !doubled(text[begin(text, n):]) || bytes.ContainsAny(text[:n], "[{") {
		return false
	}
	inner, end := undouble(w.cells[:0], text[n:])
	w.cells = inner
	if behind := text[n+end:]; bytes.ContainsAny(behind, "[{") && p.behind.begins(behind, &repeat{}) != len(behind) {
		return false
	}
	return w.flow(source, line, bytes.TrimSpace(inner))
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

// wrapped remembers what stood around the records that the finder found in a text.
func (w *worker) wrapped(text []byte, records []node) {
	first, last := records[0], records[len(records)-1]
	if first.kind == 'b' {
		return
	}
	if first.kind == 'c' {
		if len(records) == 1 {
			p := wrapper{before: newPattern(text[:first.from], &repeat{}), quoted: true, cell: true}
			p.behind = newDigits(text[first.to:])
			w.keep(p)
		}
		return
	}
	if first.kind == 'e' {
		if len(records) == 1 && bytes.HasSuffix(text[:first.from], []byte(`"`)) {
			w.keep(wrapper{before: newPattern(text[:first.from], &repeat{}), quoted: true, plain: true})
		}
		return
	}
	p := wrapper{quoted: first.kind != '{'}
	r := &repeat{}
	if p.quoted {
		r.excerpt = text[first.begin():first.to]
	}
	p.before = newPattern(text[:first.begin()], r)
	if p.quoted {
		p.around = newAround(text[:first.from])
	}
	for i, n := range records {
		if n.kind != first.kind {
			return
		}
		r := &repeat{}
		if p.quoted {
			r.quoted = text[n.from:n.to]
		}
		if p.quoted && len(records) == 1 {
			inner, _ := unquote(nil, text[n.begin():])
			r.object = bytes.TrimSpace(inner)
		}
		behind := text[n.to:]
		if n != last {
			behind = text[n.to:records[i+1].begin()]
		}
		if w.holdsMore(behind, r) {
			return
		}
		switch {
		case n == last:
			p.behind = newPattern(behind, r)
		case i == 0:
			p.between = newPattern(behind, r)
			if p.quoted {
				p.around.list(behind)
			}
		case p.between.begins(behind, r) != len(behind) && w.next(&p.around, text, int(n.to)) != int(records[i+1].begin()):
			return
		}
	}
	w.keep(p)
}

// wrappedDeep remembers what stood around the one record of a text, which the finder found in strings of strings.
func (w *worker) wrappedDeep(text []byte, path []node) {
	var outer wrapper
	p := &outer
	for i, n := range path {
		r := &repeat{}
		if p.quoted = n.kind == '"'; p.quoted {
			r.quoted = text[n.from:n.to]
		} else if n.kind != '{' {
			return
		}
		if w.holdsMore(text[n.to:], r) {
			return
		}
		p.before, p.behind = newPattern(text[:n.begin()], &repeat{}), newPattern(text[n.to:], r)
		if i < len(path)-1 {
			inner, _ := unquote(nil, text[n.begin():])
			text = bytes.TrimSpace(inner)
			p.inside = &wrapper{}
			p = p.inside
		}
	}
	w.keep(outer)
}

func (w *worker) keep(p wrapper) {
	if len(w.wrappers) < maxWrappers {
		w.wrappers = append(w.wrappers, p)
		return
	}
	w.wrappers[w.nextWrapper%maxWrappers] = p
	w.nextWrapper++
}

// list decodes the records of a text that begins like a list before, of which the first one begins at i. It is false,
// and nothing was handed on, where the text is none, or where one of them is no flow.
func (w *worker) list(p *wrapper, source string, line int64, text []byte, i int) bool {
	if cap(text)-len(text) < scan.Slack { // else decoders would copy it for each record
		text = append(make([]byte, 0, len(text)+scan.Slack), text...)
	}
	w.listed, w.rehearse = w.listed[:0], true
	defer func() { w.rehearse = false }()
	for {
		from := i
		if p.quoted {
			from--
		}
		end := w.record(source, line, text, i, p.quoted)
		if end < 0 {
			return false
		}
		w.listed = append(w.listed, int32(i))
		r := &repeat{}
		if p.quoted {
			r.quoted = text[from:end]
		}
		if next := p.between.begins(text[end:], r); next > 0 {
			i = end + next
			continue
		}
		if p.behind.begins(text[end:], r) != len(text)-end {
			if i = w.next(&p.around, text, end); i < 0 {
				return false
			}
			if i < len(text) {
				continue
			}
		}
		w.rehearse = false
		for _, i := range w.listed {
			w.record(source, line, text, int(i), p.quoted)
		}
		return true
	}
}

// record decodes the record at i, or in the string whose inside begins there, and returns the index behind it, -1 where
// it is no flow.
func (w *worker) record(source string, line int64, text []byte, i int, quoted bool) (end int) {
	if !quoted {
		if d, ok := w.decoders[0].(knownDecoder); ok {
			if n := d.Next(text[i:], nil); n > 0 {
				return i + n
			}
		}
		if n := ingest.End(text[i:]); n > 0 && w.flow(source, line, text[i:i+n]) {
			return i + n
		}
		return -1
	}
	any := func(behind []byte) bool {
		end = len(text) - len(behind)
		return true
	}
	if d, ok := w.decoders[0].(quotedDecoder); ok && d.Quoted(text[i:], any) {
		return end
	}
	inner, n := unquote(w.cells[:0], text[i:])
	w.cells = inner
	if inner = bytes.TrimSpace(inner); n < 0 || len(inner) == 0 || !w.flow(source, line, inner) {
		return -1
	}
	return i + n + 1
}

// holdsMore reports whether a record may stand behind one, beside one that has its very bytes: what says the same once
// more may say something else the next time. Behind one that was a string any string with a brace may be one.
func (w *worker) holdsMore(behind []byte, r *repeat) bool {
	for i := 0; i < len(behind); {
		n, _ := r.begins(behind[i:])
		switch c := behind[i]; {
		case n > 0:
		case c == '{' && w.finder.sniff(behind[i:]):
			return true
		case c == '"' && r.quoted != nil && i+1 < len(behind): // at the end another record begins
			whole := false
			if n, whole = strEnd(behind[i:], 1); !whole || bytes.IndexByte(behind[i:i+n], '{') >= 0 {
				return true
			}
		}
		i += max(n, 1)
	}
	return false
}
