package bundle

import (
	"slices"
	"strings"
)

// Find returns the edges that have every one of the words: the name of an end, whole or its last part, or a port with
// or without its protocol.
func (m *Manifest) Find(words []string) []int {
	var out []int
	for i := range m.Edges {
		e := &m.Edges[i]
		if !slices.ContainsFunc(words, func(w string) bool { return !e.has(w) }) {
			out = append(out, i)
		}
	}
	return out
}

func (e *Edge) has(word string) bool {
	port, _, _ := strings.Cut(e.Port, "/")
	return word != "" && (named(e.Source, word) || named(e.Destination, word) || e.holds(word) || port == word ||
		e.Edges > 1 && e.holds(word+e.Port[strings.LastIndexByte(e.Port, '/'):]))
}

// named reports whether a peer has a name, or a name without the namespace.
func named(peer, name string) bool { return peer == name || strings.HasSuffix(peer, "/"+name) }

// RulesOf returns the rules that rest on some of the edges, and those of the edges that no rule rests on.
func (m *Manifest) RulesOf(edges []int) (rules []Rule, without []Edge) {
	ruled := map[int]bool{}
	for _, r := range m.Rules {
		found := false
		for _, e := range r.Edges {
			ruled[e] = true
			found = found || slices.Contains(edges, e)
		}
		if found {
			rules = append(rules, r)
		}
	}
	for _, e := range edges {
		if !ruled[e] {
			without = append(without, m.Edges[e])
		}
	}
	return rules, without
}
