package source

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"slices"

	"sluice/ingest"
)

// finder finds the records in a text, wherever they stand and however often they are escaped: as the whole of it,
// behind a prefix, in a member or an array of another object, in a string that is JSON once more. It looks from
// outside to inside, and what is a record is not looked into: strings in records are written by strangers, who may
// write records.
//
// It knows brackets and strings only. Time and memory are linear in the text.
type finder struct {
	// claim takes an object at an offset of the outermost text, and reports whether it is a record.
	claim func(text []byte, offset int) bool
	// sniff reports whether an object that is cut off or broken would have been a record.
	sniff func(object []byte) bool
	signs *signs // of records: an object without any is none
	// miss takes what stands among the records of a list and is none. Nil: nobody asks.
	miss func(text []byte, offset int)

	nodes  []node
	open   []int32 // open brackets, as indices into nodes
	texts  [][]byte
	depth  int
	offset int // of the string that is looked into, in the outermost text
	found  int
	hits   []node // the objects and strings of the outermost text that were records
	path   []node // the strings that are looked into, the outermost first
	deep   []node // where the last record stood that is in a string of a string, or in an object of one
	single bool   // the outermost text is one object, which was not asked about
	broken brokenness
	// endless counts objects and arrays without an end.
	endless int
}

// node is a place of a text that may be or hold a record.
type node struct {
	from, to int32 // to is -1 where it has no end
	// kind is '{' or '[', '"' for a string, 'e' for an object of escaped quotes in plain text, 'c' for one of doubled
	// ones, 'b' for a text of Base64.
	kind byte
	sign bool // a key of it, or of an object in it, may be one of a record
}

// begin is where what is in a record's string begins, or the record.
func (n node) begin() int32 {
	if n.kind == '"' {
		return n.from + 1
	}
	return n.from
}

// brokenness says what is wrong with a text.
type brokenness uint8

const (
	sound     brokenness = iota
	damaged              // an object or array without end, or with the wrong one
	cutRecord            // a record of which only the start can be read
)

const (
	// maxNested is how deep objects and arrays around records are looked into, and maxEscaped how often they are escaped.
	maxNested  = 48
	maxEscaped = 6
	// maxEndless is how many objects without an end are looked at in a text, each of which may cost a look at all of it.
	maxEndless = 64
)

// find looks through a text and returns how many records it found. What is wrong with the rest stands in f.broken.
func (f *finder) find(text []byte) int {
	f.nodes, f.depth, f.found, f.single, f.broken, f.endless, f.offset = f.nodes[:0], 0, 0, false, sound, 0, 0
	f.hits, f.deep = f.hits[:0], f.deep[:0]
	f.look(text)
	return f.found
}

// look looks into one text: the outermost, or one that was unescaped.
func (f *finder) look(text []byte) {
	from := len(f.nodes)
	f.scan(text)
	var kept twice
	for i, end := from, int32(-1); i < len(f.nodes) && f.broken != cutRecord; {
		n := f.nodes[i]
		if end < 0 || !isCellEnd(text[end:n.from]) {
			kept = twice{} // a list, or another line
		}
		i, end = f.again(&kept, text, i), n.to
	}
	f.nodes = f.nodes[:from]
}

// isCellEnd reports whether a text between two of a line ends a cell of a table or a value of a name: no more than
// blanks and commas stand between the records of a list.
func isCellEnd(between []byte) bool {
	return bytes.ContainsAny(between, "\t\"=") && !bytes.ContainsAny(between, "\r\n")
}

// at translates an offset into one of the outermost text.
func (f *finder) at(offset int32) int {
	if f.depth > 0 {
		return f.offset
	}
	return int(offset)
}

// visit looks at the node i with all in it, and returns the node after them.
func (f *finder) visit(text []byte, i int) int {
	n := f.nodes[i]
	switch {
	case n.to < 0:
		if n.kind == '{' && (f.endless == maxEndless || f.sniff(text[n.from:])) {
			f.broken = cutRecord
			return len(f.nodes)
		}
		f.endless++
		f.broken = max(f.broken, damaged)
		return i + 1
	case n.kind == '{':
		whole := n.from == 0 && int(n.to) == len(text) // who calls has tried that
		f.single = f.single || whole && f.depth == 0
		if !whole && n.sign && f.claim(text[n.from:n.to], f.at(n.from)) {
			f.found++
			if f.depth == 0 {
				f.hits = append(f.hits, n)
			} else {
				f.deep = append(append(f.deep[:0], f.path[:f.depth]...), n)
			}
			return f.after(i)
		}
		return f.members(text, i)
	case n.kind == '[':
		return f.elements(text, i)
	}
	f.inside(text, n)
	return i + 1
}

// after returns the first node that is not in node i.
func (f *finder) after(i int) int {
	to := f.nodes[i].to
	for i++; i < len(f.nodes) && f.nodes[i].from < to; i++ {
	}
	return i
}

// members looks into an object that is no record. Pipelines keep a record twice, as the text that came and as what they
// read of it: what stands in a second member and says the same is no other record.
func (f *finder) members(text []byte, i int) int {
	end := f.nodes[i].to
	var kept twice
	for i++; i < len(f.nodes) && f.nodes[i].from < end && f.broken != cutRecord; {
		if f.excerpt(text, i, i-1, end) || f.excerpt(text, i, i+1, end) {
			i++
			continue
		}
		if kept.some && f.nodes[i].to > 0 && isHighlight(text[:f.nodes[i].from]) {
			i = f.after(i)
			continue
		}
		i = f.again(&kept, text, i)
	}
	return i
}

// isHighlight reports whether a member, of which all before its value is given, has what was found in another one, as
// Elasticsearch marks it for readers.
func isHighlight(before []byte) bool {
	before = bytes.TrimRight(before, ":"+blankBytes)
	return bytes.HasSuffix(before, []byte(`"highlight"`)) || bytes.HasSuffix(before, []byte(`"highlights"`))
}

// twice are the records of the first of several members, elements or cells that has any.
type twice struct {
	some  bool
	first int32 // the node of it
	known map[string]bool
}

// again visits a node of several which may hold the same records: those that the first one has are no others.
func (f *finder) again(kept *twice, text []byte, i int) (next int) {
	if !kept.some {
		before := f.found
		if next = f.visit(text, i); f.found > before {
			kept.some, kept.first = true, int32(i)
		}
		return next
	}
	next, again := f.collect(text, i)
	if len(again) > 0 && kept.known == nil {
		_, list := f.collect(text, int(kept.first))
		kept.known = map[string]bool{}
		for _, record := range list {
			kept.known[meaning(record)] = true
		}
	}
	for _, record := range again {
		if !kept.known[meaning(record)] && f.claim(record, f.at(f.nodes[i].from)) {
			f.found++
		}
	}
	return next
}

// excerpt reports whether node i is a string that is the beginning of another one of the object that ends at end, as
// GELF has for readers: what is cut off there stands in the other.
func (f *finder) excerpt(text []byte, i, other int, end int32) bool {
	if other >= len(f.nodes) || f.nodes[other].from >= end || f.nodes[i].kind != '"' || f.nodes[other].kind != '"' {
		return false
	}
	a, b := f.nodes[i], f.nodes[other]
	return a.to-a.from < b.to-b.from && bytes.HasPrefix(text[b.from:b.to], text[a.from:a.to-1])
}

// collect returns copies of the records in node i, and the node after it.
func (f *finder) collect(text []byte, i int) (next int, records [][]byte) {
	claim, miss, found, hits := f.claim, f.miss, f.found, len(f.hits)
	deep := slices.Clone(f.deep)
	f.claim = func(text []byte, _ int) bool {
		if end := ingest.End(text); !f.sniff(text) || end > 0 && end < len(text) { // a text of several is looked into
			return false
		}
		records = append(records, bytes.Clone(text))
		return true
	}
	f.miss = nil
	next = f.visit(text, i)
	f.claim, f.miss, f.found, f.hits, f.deep = claim, miss, found, f.hits[:hits], deep
	return next, records
}

// meaning returns a text that is the same for records that say the same, whatever the order of their keys and what
// stands around a flow.
func meaning(record []byte) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(record))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return string(record)
	}
	if m, ok := v.(map[string]any); ok && m["flow"] != nil {
		v = m["flow"]
	}
	sorted, _ := json.Marshal(v)
	return string(sorted)
}

// elements looks into an array. Where one object in it has a record, all others should.
func (f *finder) elements(text []byte, i int) int {
	end := f.nodes[i].to
	var missed []node
	some := false
	var kept twice
	row := f.isRow(text, i)
	for i++; i < len(f.nodes) && f.nodes[i].from < end && f.broken != cutRecord; {
		n, before := f.nodes[i], f.found
		if row {
			i = f.again(&kept, text, i)
		} else {
			i = f.visit(text, i)
		}
		switch {
		case row, n.kind != '{' && n.kind != '[':
		case f.found > before:
			some = true
		case f.miss != nil:
			missed = append(missed, n)
		}
	}
	if some {
		for _, n := range missed {
			if to := n.to; to >= 0 {
				f.miss(text[n.from:to], f.at(n.from))
			}
		}
	}
	return i
}

// isRow reports whether an array is no list of records but a row of cells, or the columns of a table, which may hold a
// record twice: texts and objects stand in it, or other values beside them, or fields with their names.
func (f *finder) isRow(text []byte, i int) bool {
	list := f.nodes[i]
	if bytes.HasPrefix(bytes.TrimLeft(text[list.from+1:], blankBytes), []byte(`{"field":`)) {
		return true
	}
	at, kind := list.from+1, byte(0)
	for i++; i < len(f.nodes) && f.nodes[i].from < list.to; i = f.after(i) {
		n := f.nodes[i]
		if n.to < 0 || len(bytes.Trim(text[at:n.from], ","+blankBytes)) > 0 {
			return n.to >= 0
		}
		leaf := i
		for leaf+1 < len(f.nodes) && f.nodes[leaf].kind == '[' && f.nodes[leaf+1].from < n.to {
			leaf++
		}
		if is := f.nodes[leaf].kind; kind != 0 && is != kind && is != '[' && kind != '[' {
			return true
		} else if kind == 0 || kind == '[' {
			kind = is
		}
		at = n.to
	}
	return kind != 0 && list.to > at && len(bytes.Trim(text[at:list.to-1], ","+blankBytes)) > 0
}

// inside looks into a string.
func (f *finder) inside(text []byte, n node) {
	if f.depth == maxEscaped {
		return
	}
	if f.depth == 0 {
		f.offset = int(n.from)
	}
	for len(f.texts) <= f.depth {
		f.texts = append(f.texts, nil)
	}
	raw := text[n.from:n.to]
	buf := f.texts[f.depth][:0]
	switch n.kind {
	case '"':
		if raw = raw[1 : len(raw)-1]; bytes.HasPrefix(raw, encodedObject) {
			buf = decode64(buf, raw)
		} else {
			buf = unescape(buf, raw)
		}
	case 'e':
		buf = unescape(buf, raw)
	case 'b':
		if buf = decode64(buf, raw); !bytes.HasSuffix(bytes.TrimSpace(buf), []byte("}")) {
			return // the first line of several
		}
	case 'c':
		buf = append(buf, bytes.ReplaceAll(raw, []byte(`""`), []byte(`"`))...)
	}
	f.texts[f.depth] = buf
	inner := bytes.TrimSpace(buf)
	before, broken := f.found, f.broken
	f.path = append(f.path[:f.depth], n)
	f.depth++
	if f.claim(inner, f.offset) {
		f.found++
		if f.depth > 1 {
			f.deep = append(f.deep[:0], f.path...)
		} else {
			f.hits = append(f.hits, n)
		}
	} else {
		f.look(inner)
	}
	f.depth--
	if f.found == before && f.broken == damaged {
		f.broken = broken // a text that no record was in may have any brackets
	}
}

// scan lists the nodes of a text in the order in which they begin.
func (f *finder) scan(text []byte) {
	f.open = f.open[:0]
	if isBase64(text) {
		f.nodes = append(f.nodes, node{to: int32(len(text)), kind: 'b'})
		return
	}
	if bytes.HasPrefix(text, quotedEncoded) {
		f.str(text, 0)
		return
	}
	for i := 0; i < len(text); {
		c := text[i]
		if len(f.open) == 0 {
			i = f.plain(text, i)
			continue
		}
		switch c {
		case '"':
			from := i
			if i = f.str(text, i); i < len(text) {
				f.key(text, from, i)
			}
		case '{', '[':
			f.push(i, c)
			i++
		case '}', ']':
			if i++; !f.pop(i, c) {
				f.open = f.open[:0]
			}
		default:
			i++
		}
	}
}

// key marks the objects that the key from one index to another tells of: the innermost, and the one around it.
func (f *finder) key(text []byte, from, to int) {
	if text[to] != ':' {
		if to = ingest.Blanks(text, to); to == len(text) || text[to] != ':' {
			return
		}
	}
	to = bytes.LastIndexByte(text[:to], '"')
	if to <= from {
		return
	}
	if key := text[from+1 : to]; bytes.IndexByte(key, '\\') < 0 && !f.signs.has(key) {
		return
	}
	for n := len(f.open) - 1; n >= max(0, len(f.open)-2); n-- {
		if at := f.open[n]; at >= 0 {
			f.nodes[at].sign = true
		}
	}
}

func (f *finder) push(at int, kind byte) {
	if len(f.open) >= maxNested {
		f.open = append(f.open, -1)
		return
	}
	f.open = append(f.open, int32(len(f.nodes)))
	f.nodes = append(f.nodes, node{from: int32(at), to: -1, kind: kind})
}

// pop closes the innermost bracket, and reports whether c is the one that closes it.
func (f *finder) pop(end int, c byte) bool {
	last := len(f.open) - 1
	if n := f.open[last]; n >= 0 {
		if f.nodes[n].kind != c-2 { // '[' and ']', '{' and '}' are two apart
			return false
		}
		f.nodes[n].to = int32(end)
	}
	f.open = f.open[:last]
	return true
}

// plain takes what begins at i of a text outside of any JSON, and returns where to go on.
func (f *finder) plain(text []byte, i int) int {
	c := text[i]
	if c != '{' && c != '[' {
		return i + 1
	}
	j := begin(text, i)
	next := byte(0)
	if j < len(text) {
		next = text[j]
	}
	switch {
	case next == '\\':
		end := escapedEnd(text, j)
		f.nodes = append(f.nodes, node{from: int32(i), to: int32(end), kind: 'e'})
		return end
	case next == '"' && doubled(text[j:]):
		end := doubledEnd(text, j)
		f.nodes = append(f.nodes, node{from: int32(i), to: int32(end), kind: 'c'})
		return end
	case next == '"', next == 0:
		f.push(i, c)
	}
	return i + 1
}

// begin returns the index of what begins in the object or array at i: over blanks, over those that are escaped, and
// over the brackets of what an array holds.
func begin(text []byte, i int) int {
	array := text[i] == '['
	for i++; i < len(text); i++ {
		switch c := text[i]; {
		case c <= ' ', array && c == '[':
		case array && c == '{':
			array = false
		case c == '\\' && i+1 < len(text) && (text[i+1] == 'n' || text[i+1] == 't' || text[i+1] == 'r'):
			i++
		default:
			return i
		}
	}
	return i
}

// doubled reports whether the quotes at the start of text are those of CSV: "" and then a key.
func doubled(text []byte) bool {
	return len(text) > 2 && text[1] == '"' && (text[2] == '_' || 'a' <= text[2]|0x20 && text[2]|0x20 <= 'z')
}

// doubledEnd returns the index of the quote that ends a cell of CSV.
func doubledEnd(text []byte, i int) int {
	for ; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		if i+1 == len(text) || text[i+1] != '"' {
			return i
		}
		i++
	}
	return i
}

// escapedEnd returns the index of the quote that ends a string; i is in it.
func escapedEnd(text []byte, i int) int {
	for ; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return min(i, len(text))
}

// str takes the string at i, and returns where to go on. What begins like an object, plain or in Base64, is a node.
func (f *finder) str(text []byte, i int) int {
	from, holds := i, false
	for i = nextMark(text, i+1); i < len(text); i = nextMark(text, i+1) {
		switch text[i] {
		case '{':
			holds = true
		case '\\':
			if i++; bytes.HasPrefix(text[i:], []byte("u007b")) || bytes.HasPrefix(text[i:], []byte("u007B")) {
				holds = true
			}
		case '"':
			i++
			if holds || bytes.HasPrefix(text[from+1:], encodedObject) {
				f.nodes = append(f.nodes, node{from: int32(from), to: int32(i), kind: '"'})
			}
			return i
		}
	}
	f.nodes = append(f.nodes, node{from: int32(from), to: int32(len(text)), kind: 'e'}) // without its end
	return len(text)
}

// nextMark returns the index of the next quote, backslash or brace from i on, the length of the text where there is
// none.
func nextMark(text []byte, i int) int {
	for ; i+8 <= len(text); i += 8 {
		if m := ingest.Marks(binary.LittleEndian.Uint64(text[i:]), '"', '\\', '{'); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] != '{' {
		i++
	}
	return i
}

// isBase64 reports whether a text is an object in Base64, or the first line of it.
func isBase64(text []byte) bool {
	return bytes.HasPrefix(text, encodedObject) && !bytes.ContainsAny(text, " \"{[:,")
}

var encodedObject, quotedEncoded = []byte("eyJ"), []byte(`"eyJ`) // {" in Base64
