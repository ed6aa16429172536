package render

import (
	"bytes"
	"sync"

	"go.yaml.in/yaml/v3"
)

// readWritten reads a document that is as Marshal writes it, in a fraction of the time that a parser of all of YAML
// takes: a bundle has tens of thousands. ok is false for every other text, and for what it does not know to be the
// same to that parser: it then has to read it. The nodes are those that it gives, without comments.
//
// They are lent: once they are given back they are those of another document.
func readWritten(text []byte) (root *yaml.Node, lent [][]yaml.Node, ok bool) {
	const most = 4 << 20 // bytes: far fewer values than maxValues
	if len(text) > most || !bytes.HasSuffix(text, []byte{'\n'}) {
		return nil, nil, false
	}
	for _, c := range text {
		if c != '\n' && (c < ' ' || c > '~') {
			return nil, nil, false
		}
	}
	words := allWords.Get().(map[string]string)
	defer allWords.Put(words)
	r := &writtenReader{text: text, words: words}
	r.next()
	root = r.mapping(0, 0)
	if r.failed || !r.done {
		giveBack(r.lent)
		return nil, nil, false
	}
	return root, r.lent, true
}

// nodesAtOnce are made together. A bundle of thousands of policies has millions of them, each of some 150 bytes.
const nodesAtOnce = 64

var written = sync.Pool{New: func() any { return new([nodesAtOnce]yaml.Node) }}

// giveBack ends the use of nodes.
func giveBack(lent [][]yaml.Node) {
	for _, nodes := range lent {
		for i := range nodes {
			nodes[i] = yaml.Node{Content: nodes[i].Content[:0]}
		}
		written.Put((*[nodesAtOnce]yaml.Node)(nodes))
	}
}

// writtenReader goes through a text line by line.
type writtenReader struct {
	text   []byte // that follows the line
	line   []byte // without its end
	number int    // of the line, 1-based
	indent int    // of the line
	at     int    // in the line
	done   bool   // there is no line left
	failed bool
	words  map[string]string
	nodes  []yaml.Node // not used yet
	lent   [][]yaml.Node
}

// maxNested is how deep values may lie in each other.
const maxNested = 50

func (r *writtenReader) fail() *yaml.Node {
	r.failed = true
	return nil
}

// next goes to the next line that is no comment.
func (r *writtenReader) next() {
	for len(r.text) > 0 {
		end := bytes.IndexByte(r.text, '\n')
		r.line, r.text = r.text[:end], r.text[end+1:]
		r.number++
		r.indent = len(r.line) - len(bytes.TrimLeft(r.line, " "))
		if r.at = r.indent; r.at == len(r.line) {
			r.failed = true // an empty line is not written
			return
		}
		if r.line[r.at] != '#' {
			return
		}
	}
	r.done, r.line, r.indent, r.at = true, nil, -1, 0
}

func (r *writtenReader) node(kind yaml.Kind, tag, value string) *yaml.Node {
	if len(r.nodes) == 0 {
		r.nodes = written.Get().(*[nodesAtOnce]yaml.Node)[:]
		r.lent = append(r.lent, r.nodes)
	}
	n := &r.nodes[0]
	r.nodes = r.nodes[1:]
	n.Kind, n.Tag, n.Value, n.Line, n.Column = kind, tag, value, r.number, r.at+1
	return n
}

// rest is what of the line is not read yet.
func (r *writtenReader) rest() []byte { return r.line[r.at:] }

// take goes past a text, and reports whether it was there.
func (r *writtenReader) take(text string) bool {
	if len(r.rest()) < len(text) || string(r.rest()[:len(text)]) != text {
		return false
	}
	r.at += len(text)
	return true
}

// mapping reads a map, the first key of which is where the reader is.
func (r *writtenReader) mapping(indent, depth int) *yaml.Node {
	if r.failed || r.done || r.at != indent || depth > maxNested {
		return r.fail()
	}
	n := r.node(yaml.MappingNode, "!!map", "")
	for first := true; first || r.indent == indent && !r.done && !r.item(); first = false {
		key := r.scalar(false)
		if r.failed || key.Tag != "!!str" || !r.take(":") {
			return r.fail()
		}
		value := r.below(indent, depth)
		if r.failed {
			return nil
		}
		n.Content = append(n.Content, key, value)
	}
	if r.indent > indent {
		return r.fail()
	}
	return n
}

// item reports whether the line is an item of a list.
func (r *writtenReader) item() bool { return bytes.HasPrefix(r.rest(), []byte("- ")) }

// below reads the value of a key: in its line, or below it.
func (r *writtenReader) below(indent, depth int) *yaml.Node {
	if r.at < len(r.line) {
		if !r.take(" ") {
			return r.fail()
		}
		return r.inline(depth)
	}
	switch r.next(); {
	case r.failed:
		return nil
	case r.indent == indent && r.item():
		return r.list(indent, depth+1)
	case r.indent == indent+2 && !r.item():
		return r.mapping(indent+2, depth+1)
	}
	return r.fail()
}

// inline reads a value up to the end of the line, and goes to the next one.
func (r *writtenReader) inline(depth int) *yaml.Node {
	n := r.value(false, depth)
	if !r.failed && n.Style == yaml.FlowStyle && len(n.Content) == 0 && r.take(" # ") {
		r.at = len(r.line) // what nothing means there
	}
	if r.failed || r.at != len(r.line) {
		return r.fail()
	}
	r.next()
	return n
}

// list reads the items of a list, each of which begins a line.
func (r *writtenReader) list(indent, depth int) *yaml.Node {
	if depth > maxNested {
		return r.fail()
	}
	n := r.node(yaml.SequenceNode, "!!seq", "")
	for !r.failed && !r.done && r.indent == indent && r.take("- ") {
		var value *yaml.Node
		if r.keyed() {
			r.indent = indent + 2
			value = r.mapping(indent+2, depth+1)
		} else {
			value = r.inline(depth + 1)
		}
		n.Content = append(n.Content, value)
	}
	if r.indent > indent {
		return r.fail()
	}
	return n
}

// keyed reports whether what follows in the line begins with a key.
func (r *writtenReader) keyed() bool {
	if r.at == len(r.line) || r.line[r.at] == '{' || r.line[r.at] == '[' {
		return false
	}
	_, _, length := r.scalarText(false)
	rest := r.rest()[length:]
	return length > 0 && (len(rest) == 1 && rest[0] == ':' || bytes.HasPrefix(rest, []byte(": ")))
}

// value reads a value in one line.
func (r *writtenReader) value(inFlow bool, depth int) *yaml.Node {
	if r.failed || r.at == len(r.line) || depth > maxNested {
		return r.fail()
	}
	n := (*yaml.Node)(nil)
	switch r.line[r.at] {
	case '[':
		n = r.node(yaml.SequenceNode, "!!seq", "")
		r.flow(n, "[", "]", depth)
	case '{':
		n = r.node(yaml.MappingNode, "!!map", "")
		r.flow(n, "{", "}", depth)
	default:
		return r.scalar(inFlow)
	}
	n.Style = yaml.FlowStyle
	return n
}

// flow reads what stands between brackets.
func (r *writtenReader) flow(n *yaml.Node, begin, end string, depth int) {
	r.take(begin)
	for first := true; !r.failed && !r.take(end); first = false {
		if !first && !r.take(", ") {
			r.failed = true
		}
		if n.Kind == yaml.MappingNode {
			key := r.scalar(true)
			if r.failed || key.Tag != "!!str" || !r.take(": ") {
				r.failed = true
				return
			}
			n.Content = append(n.Content, key)
		}
		n.Content = append(n.Content, r.value(true, depth+1))
	}
}

// scalar reads a text, a number or a boolean.
func (r *writtenReader) scalar(inFlow bool) *yaml.Node {
	if r.failed || r.at == len(r.line) {
		return r.fail()
	}
	value, tag, length := r.scalarText(inFlow)
	if length == 0 {
		return r.fail()
	}
	n := r.node(yaml.ScalarNode, tag, r.word(value))
	if r.line[r.at] == '"' {
		n.Style = yaml.DoubleQuotedStyle
	}
	r.at += length
	return n
}

// scalarText is the scalar that follows, what it is, and how long it is with its quotes: 0 where it takes a parser to
// say.
func (r *writtenReader) scalarText(inFlow bool) (value []byte, tag string, length int) {
	rest := r.rest()
	if rest[0] == '"' {
		end := bytes.IndexByte(rest[1:], '"')
		if end < 0 || end > maxKey || bytes.IndexByte(rest[:end+1], '\\') >= 0 {
			return nil, "", 0
		}
		return rest[1 : end+1], "!!str", end + 2
	}
	value = rest[:r.plain(inFlow)]
	if tag = tagOf(value); len(value) > maxKey || tag == "" {
		return nil, "", 0
	}
	return value, tag, len(value)
}

// maxKey is how long a text may be: YAML bounds keys.
const maxKey = 1000

// allWords are the texts of documents that were read before: many have the same.
var allWords = sync.Pool{New: func() any { return map[string]string{} }}

// mostWords are kept at a time.
const mostWords = 1 << 12

// word is a text that is kept once for many documents.
func (r *writtenReader) word(text []byte) string {
	if s, ok := r.words[string(text)]; ok {
		return s
	}
	if len(r.words) == mostWords {
		clear(r.words)
	}
	s := string(text)
	r.words[s] = s
	return s
}

// plain is how long the text without quotes is that follows. It ends before what can only follow one.
func (r *writtenReader) plain(inFlow bool) int {
	s, is := r.rest(), &blockChars
	if inFlow {
		is = &flowChars
	}
	for i, c := range s {
		switch more := i > 0 && i+1 < len(s); {
		case is[c]:
		case c == ' ' && more && is[s[i+1]]:
		case c == ':' && !inFlow && more && (is[s[i+1]] || s[i+1] == ':'):
		default:
			return i
		}
	}
	return len(s)
}

// The characters that mean nothing in a text without quotes, between brackets and elsewhere. tagOf allows few of them
// in the first place.
var (
	flowChars  = setOf(wordChars)
	blockChars = setOf(wordChars + "{},*")
)

const wordChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./()=&|!'"

func setOf(chars string) (is [256]bool) {
	for _, c := range []byte(chars) {
		is[c] = true
	}
	return is
}

// tagOf is what a text without quotes is, "" where it takes a parser to say.
func tagOf(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	switch c := text[0]; {
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		const longest = len("false")
		if len(text) > longest {
			return "!!str"
		}
		if s := string(text); s == "true" || s == "false" {
			return "!!bool"
		} else if isNoText(s) {
			return ""
		}
		return "!!str"
	case c == '/' || c == '(':
		return "!!str"
	case c >= '0' && c <= '9':
		return tagOfDigits(text)
	}
	return ""
}

// tagOfDigits is tagOf for what begins with a digit: an address with its prefix is no number.
func tagOfDigits(text []byte) string {
	const most = 9 // digits
	if bytes.IndexByte(text, '/') > 0 {
		return "!!str"
	}
	if len(text) > most || text[0] == '0' && len(text) > 1 {
		return ""
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return ""
		}
	}
	return "!!int"
}
