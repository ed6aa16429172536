package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
)

// chunk is the text between two document separators. Each is decoded by itself, so that a broken one hides no other.
type chunk struct {
	text []byte
	line int // lines of the file before it
}

// split cuts a file at its separator lines.
func split(text []byte) []chunk {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var out []chunk
	start, startLine, line, directive := 0, 0, 0, false
	for at := 0; at < len(text); line++ {
		next := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		l := text[at:next]
		switch {
		case isSeparator(l) && directive:
			directive = false // "%YAML" belongs to the document that this line begins
		case isSeparator(l):
			out = append(out, chunk{text[start:at], startLine})
			start, startLine = at, line
		case l[0] == '%' && blank(text[start:at]):
			directive = true
		}
		at = next
	}
	out = append(out, chunk{text[start:], startLine})
	filled := out[:0]
	for _, c := range out {
		if !blank(c.text) {
			filled = append(filled, c)
		}
	}
	return filled
}

func isSeparator(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// blank reports whether a text holds only comments and separators.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		if isSeparator(line) {
			line = line[3:]
		}
		if t := bytes.TrimSpace(line); len(t) > 0 && t[0] != '#' {
			return false
		}
	}
	return true
}

// nodes returns the root node of every document of a file, and a problem for each that is no YAML.
func nodes(text []byte, file string) ([]document, []Problem) {
	var docs []document
	var problems []Problem
	n := 0
	for _, c := range split(text) {
		lines := sync.OnceValue(func() []string { return strings.Split(string(c.text), "\n") })
		if root, lent, ok := readWritten(c.text); ok {
			n++
			docs = append(docs, document{root, policy.Position{File: file, Document: n, Line: c.line}, lines, lent})
			continue
		}
		dec := yaml.NewDecoder(bytes.NewReader(c.text))
		for {
			n++
			var root yaml.Node
			err := dec.Decode(&root)
			if errors.Is(err, io.EOF) {
				n--
				break
			}
			if err != nil {
				problems = append(problems, syntaxProblem(err, c, policy.Position{File: file, Document: n}))
				break
			}
			if size(&root, maxValues) < 0 {
				at := policy.Position{File: file, Document: n, Line: c.line + 1}
				problems = append(problems, Problem{Severity: Invalid, At: at,
					Text: fmt.Sprintf("more than %d values once its aliases are followed", maxValues)})
			} else if len(root.Content) == 1 {
				docs = append(docs, document{root.Content[0], policy.Position{File: file, Document: n, Line: c.line}, lines, nil})
			}
		}
	}
	return docs, problems
}

// maxValues bounds a document: a few lines of aliases to aliases can stand for billions of values.
const maxValues = 2_000_000

// size returns what is left of a budget of nodes when aliases are followed, negative if it does not suffice.
func size(n *yaml.Node, budget int) int {
	if budget--; budget < 0 {
		return budget
	}
	if n.Kind == yaml.AliasNode {
		return size(n.Alias, budget)
	}
	for _, c := range n.Content {
		if budget = size(c, budget); budget < 0 {
			return budget
		}
	}
	return budget
}

// document is one YAML document; Line of its position counts the lines before its chunk.
type document struct {
	root  *yaml.Node
	at    policy.Position
	lines func() []string // of its chunk
	lent  [][]yaml.Node   // to be given back, if nobody has a node of it any more
}

var lineInError = regexp.MustCompile(`line (\d+)`)

// syntaxProblem places an error of the YAML parser in the file, and says what people usually did.
func syntaxProblem(err error, c chunk, at policy.Position) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	at.Line = c.line + 1
	lines := bytes.Split(c.text, []byte("\n"))
	if m := lineInError.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		n = min(max(n, 1), len(lines))
		at.Line = c.line + n
		text = strings.TrimPrefix(text, m[0]+": ")
	}
	for i, l := range lines {
		if indent := bytes.TrimLeft(l, " \t"); bytes.HasPrefix(indent, []byte("\u00a0")) {
			at.Line, text = c.line+i+1, "a no-break space in the indentation, as web pages have them: YAML knows plain spaces only"
			return Problem{Severity: Invalid, At: at, Text: text}
		}
	}
	if !strings.Contains(text, "tab character") && !strings.Contains(text, "cannot start any token") {
		return Problem{Severity: Invalid, At: at, Text: text}
	}
	for i, l := range lines {
		if indent := l[:len(l)-len(bytes.TrimLeft(l, " \t"))]; bytes.IndexByte(indent, '\t') >= 0 {
			at.Line = c.line + i + 1
			text = "a tab in the indentation: YAML allows spaces only"
			break
		}
	}
	return Problem{Severity: Invalid, At: at, Text: text}
}
