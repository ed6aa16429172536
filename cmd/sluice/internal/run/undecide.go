package run

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// errForm says that an entry has a form of which it is not known where it ends.
var errForm = errors.New("they have a form that nothing can be taken out of: do it by hand")

// withoutDecisions takes some of the decisions out of a configuration, by their index. What stands around them stays as
// it is, comments above them too.
func withoutDecisions(text []byte, remove []int) ([]byte, error) {
	if len(remove) == 0 {
		return text, nil
	}
	_, seq, err := decisionsIn(text)
	if err != nil {
		return nil, err
	}
	if seq == nil || seq.Kind != yaml.SequenceNode {
		return nil, errForm
	}
	e := &entries{lines: strings.SplitAfter(string(text), "\n"), seq: seq}
	cut := e.block
	if seq.Style&yaml.FlowStyle != 0 {
		cut = e.flow
	}
	remove = slices.Sorted(slices.Values(remove))
	for _, i := range slices.Backward(slices.Compact(remove)) { // so that what comes before keeps its place
		if i < 0 || i >= len(seq.Content) || !cut(i) {
			return nil, errForm
		}
	}
	return []byte(strings.Join(e.lines, "")), nil
}

// entries are those of a list in the lines of a text.
type entries struct {
	lines []string
	seq   *yaml.Node
}

// block takes out the lines of an entry: that with its dash, and what is indented more.
func (e *entries) block(i int) bool {
	dash := func(line string) bool {
		return indentOf(line) == e.seq.Column-1 && strings.HasPrefix(strings.TrimLeft(line, " "), "-")
	}
	from := e.seq.Content[i].Line - 1
	for from >= 0 && !dash(e.lines[from]) {
		from--
	}
	if from < 0 {
		return false
	}
	to := from + 1
	for n := to; n < len(e.lines); n++ {
		if strings.TrimSpace(e.lines[n]) == "" {
			continue
		}
		if indentOf(e.lines[n]) < e.seq.Column {
			break
		}
		to = n + 1
	}
	e.lines = slices.Delete(e.lines, from, to)
	return true
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// flow takes an entry out of a list in brackets, with the comma that it needed.
func (e *entries) flow(i int) bool {
	text := []rune(strings.Join(e.lines, ""))
	at := func(n *yaml.Node) int {
		offset := n.Column - 1
		for _, line := range e.lines[:n.Line-1] {
			offset += len([]rune(line))
		}
		return offset
	}
	list := e.seq.Content
	from := at(list[i])
	to := endOf(text, from)
	switch {
	case to < 0:
		return false
	case i+1 < len(list):
		to = at(list[i+1])
		list[i+1].Line, list[i+1].Column = list[i].Line, list[i].Column // where it is then
	case i > 0:
		if from = endOf(text, at(list[i-1])); from < 0 {
			return false
		}
	}
	e.seq.Content = slices.Delete(list, i, i+1)
	e.lines = strings.SplitAfter(string(text[:from])+string(text[to:]), "\n")
	return true
}

// endOf is where the mapping in braces that begins somewhere ends, -1: it is none.
func endOf(text []rune, at int) int {
	if at >= len(text) || text[at] != '{' {
		return -1
	}
	depth := 0
	for last := '{'; at < len(text); at++ {
		switch r := text[at]; {
		case strings.ContainsRune("\"'", r) && strings.ContainsRune("{[,:", last):
			if at = quoteEnd(text, at); at < 0 {
				return -1
			}
		case r == '#' && strings.ContainsRune(" \t\n", text[at-1]):
			for at+1 < len(text) && text[at+1] != '\n' {
				at++
			}
			continue
		case strings.ContainsRune("{[", r):
			depth++
		case strings.ContainsRune("}]", r):
			if depth--; depth == 0 {
				return at + 1
			}
		}
		if !strings.ContainsRune(" \t\r\n", text[at]) {
			last = text[at]
		}
	}
	return -1
}

// quoteEnd is where the quoted text that begins somewhere has its last quote, -1: nowhere.
func quoteEnd(text []rune, at int) int {
	quote := text[at]
	for at++; at < len(text); at++ {
		switch {
		case text[at] == '\\' && quote == '"':
			at++
		case text[at] == quote && quote == '\'' && at+1 < len(text) && text[at+1] == quote:
			at++
		case text[at] == quote:
			return at
		}
	}
	return -1
}
