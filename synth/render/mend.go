package render

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Trap names a kind of problem: the id of its page in lint. "" is one without a page of its own.
type Trap string

// The traps that reading alone finds.
const (
	UnknownField    Trap = "unknown-field"
	MisplacedField  Trap = "misplaced-field"
	Quotes          Trap = "typographic-quotes"
	BareSelector    Trap = "bare-selector"
	WrongValue      Trap = "wrong-value"
	NoNamespace     Trap = "no-namespace"
	IdleRules       Trap = "rules-without-type"
	IdleDefaultDeny Trap = "default-deny-without-rules"
	NoRules         Trap = "no-rules"
	AgentDrops      Trap = "felix-drops"
	OldKind         Trap = "deprecated-kind"
)

// Edit replaces a part of a file: Old, which stands there, by New. Nothing else of the file changes.
type Edit struct {
	Line, Column int // where Old begins, 1-based, the column in characters
	Old, New     string
}

// Called says which trap a problem is, and the edits that mend it. What curly quotes are was told already by what
// stands there.
func (p *Problem) Called(trap Trap, edits ...Edit) {
	if p.Trap == Quotes {
		return
	}
	p.Trap, p.Edits = trap, slices.DeleteFunc(edits, func(e Edit) bool { return e.Line == 0 })
}

// Replace is the edit that puts a text in the place of a scalar, zero where the scalar is not written there on one
// line as it reads: behind an anchor, or over several lines.
func (r *Reader) Replace(n *yaml.Node, text string) Edit {
	old := n.Value
	rest := r.textAt(n)
	switch {
	case n.Kind != yaml.ScalarNode || old == "":
		return Edit{}
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && rest != "":
		i := strings.IndexByte(rest[1:], rest[0])
		if i < 0 || rest[1:1+i] != old {
			return Edit{}
		}
		old = rest[:i+2]
		if isWord(text) {
			text = rest[:1] + text + rest[:1] // JSON wants its quotes
		}
	}
	if !strings.HasPrefix(rest, old) {
		return Edit{}
	}
	return Edit{r.at.Line + n.Line, n.Column, old, text}
}

// isWord reports whether a text is of letters alone.
func isWord(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool { return !unicode.IsLetter(c) }) < 0
}

// Meant is the edit that writes the one of some names that a scalar differs from in its case alone.
func (r *Reader) Meant(n *yaml.Node, names ...string) Edit {
	for _, name := range names {
		if strings.EqualFold(name, n.Value) {
			return r.Replace(n, name)
		}
	}
	return Edit{}
}

// textAt is the line of a node from its column on.
func (r *Reader) textAt(n *yaml.Node) string {
	if n.Line < 1 || n.Line > len(r.lines()) {
		return ""
	}
	line := r.lines()[n.Line-1]
	return line[Offset(line, n.Column):]
}

// Offset is the byte that a column of a line begins at.
func Offset(line string, column int) int {
	at := 0
	for range column - 1 {
		_, size := utf8.DecodeRuneInString(line[at:])
		at += size
	}
	return at
}

// unquoted is a text with the quotes of a word processor made quotes of YAML: around it double ones, inside of it
// those that the languages of selectors know.
func unquoted(s string) string {
	in := strings.Trim(s, typographic)
	if whole := len(in) < len(s) && strings.HasSuffix(s, in) == strings.HasPrefix(s, in); whole && !anyQuote(in) {
		return `"` + in + `"`
	}
	return `"` + strings.Map(func(c rune) rune {
		if strings.ContainsRune(typographic, c) {
			return '\''
		}
		return c
	}, s) + `"`
}

func anyQuote(s string) bool { return strings.ContainsAny(s, typographic+`"'\`) }

// wrap is the edit that puts what a map has under further keys, one in the other.
func (r *Reader) wrap(n *yaml.Node, keys ...string) Edit {
	old, ok := r.span(n)
	if !ok {
		return Edit{}
	}
	text := old
	for _, k := range slices.Backward(keys) {
		if n.Style&yaml.FlowStyle != 0 {
			text = "{" + k + ": " + text + "}"
			continue
		}
		text = k + ":\n" + strings.Repeat(" ", n.Column+1) + strings.ReplaceAll(text, "\n", "\n  ")
	}
	return Edit{r.at.Line + n.Line, n.Column, old, text}
}

// span is the text of a map of scalars: in braces on one line, or lines from its first key to its last value.
func (r *Reader) span(n *yaml.Node) (string, bool) {
	rest := r.textAt(n)
	if n.Style&yaml.FlowStyle != 0 {
		end := strings.IndexByte(rest, '}')
		return rest[:end+1], end > 0 && strings.HasPrefix(rest, "{") && !strings.ContainsAny(rest[1:end], `{"'#`)
	}
	last := lastLine(n)
	if rest == "" || last > len(r.lines()) || strings.Contains(rest, "\t") {
		return "", false
	}
	lines := append([]string{rest}, r.lines()[n.Line:last]...)
	return strings.Join(lines, "\n"), true
}

// lastLine is the line that the last scalar of a node begins in.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// outdent is the edit that moves an entry of the only item of a list one level up, beside the list: it is the last
// entry of the item, or is made so. It is zero where the entry is not written on lines of its own.
func (r *Reader) outdent(item *yaml.Node, e Entry) Edit {
	if len(r.path) == 0 {
		return Edit{}
	}
	list := r.path[len(r.path)-1]
	last, first := lastLine(item), e.Key.Line
	end := max(first, lastLine(e.Value))
	alone := list.Value.Kind == yaml.SequenceNode && len(list.Value.Content) == 1 &&
		Target(list.Value.Content[0]) == item
	block := (list.Value.Style|item.Style|e.Value.Style)&yaml.FlowStyle == 0
	if !alone || !block || first == item.Line || last > len(r.lines()) || list.Key.Column >= e.Key.Column {
		return Edit{}
	}
	lines := r.lines()[first-1 : last]
	moved, rest := lines[:end-first+1], lines[end-first+1:]
	out := slices.Clone(rest)
	for _, l := range moved {
		cut := e.Key.Column - list.Key.Column
		if strings.TrimSpace(l[:min(cut, len(l))]) != "" {
			return Edit{}
		}
		out = append(out, l[min(cut, len(l)):])
	}
	return Edit{r.at.Line + first, 1, strings.Join(lines, "\n"), strings.Join(out, "\n")}
}
