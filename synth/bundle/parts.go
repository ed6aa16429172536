package bundle

import (
	"slices"
	"strings"
)

// parts divide what a manifest says of single namespaces. There may be thousands, and each is looked at alone: what a
// part holds is found once for all of them, and the part is made when it is asked for.
type parts struct {
	whole *Manifest
	of    map[string]*part
}

// part are the indices of what is of a namespace: its findings, its rules, and of the rules and edges of others those
// that touch it. The order of edges is that of the part.
type part struct {
	edges, findings []int
	rules           []partRule
}

// partRule is a rule with those of its edges that are of a part.
type partRule struct {
	rule  int
	edges []int
}

func (m *Manifest) byNamespace() *parts {
	m.order() // once for all of them
	p := &parts{m, map[string]*part{}}
	for i := range m.Namespaces {
		p.of[m.Namespaces[i].Name] = &part{}
	}
	for i := range m.Edges {
		for _, ns := range p.touched(i) {
			p.of[ns].edges = append(p.of[ns].edges, i)
		}
	}
	for i := range m.Rules {
		p.use(i)
	}
	for i := range m.Findings {
		if c := p.of[m.Findings[i].Namespace]; c != nil {
			c.findings = append(c.findings, i)
		}
	}
	return p
}

// touched are the namespaces with a part that an edge has an end in.
func (p *parts) touched(edge int) []string {
	e := &p.whole.Edges[edge]
	list := []string{spaceOf(e.Source), spaceOf(e.Destination)}
	return slices.DeleteFunc(slices.Compact(list), func(ns string) bool { return p.of[ns] == nil })
}

// use files a rule under the namespace of its policy, with all its edges, and under each that these have an end in,
// with those alone: a rule may have edges with every namespace.
func (p *parts) use(rule int) {
	r := &p.whole.Rules[rule]
	own := ownerOf(r)
	if c := p.of[own]; c != nil {
		c.rules = append(c.rules, partRule{rule, r.Edges})
	}
	for _, i := range r.Edges {
		for _, ns := range p.touched(i) {
			if ns == own {
				continue
			}
			c := p.of[ns]
			if n := len(c.rules); n == 0 || c.rules[n-1].rule != rule {
				c.rules = append(c.rules, partRule{rule: rule})
			}
			of := &c.rules[len(c.rules)-1]
			of.edges = append(of.edges, i)
		}
	}
}

// ownerOf is the namespace of the policy of a rule.
func ownerOf(r *Rule) string {
	own, _, _ := strings.Cut(r.Policy, "/")
	return own
}

// part returns the manifest of one namespace: a rule of its policies with all its edges, one of others with those that
// touch it.
func (p *parts) part(ns string) *Manifest {
	c := *p.whole
	c.Namespaces, c.Findings = nil, nil
	c.Edges, c.Rules = make([]Edge, 0, len(p.of[ns].edges)), make([]Rule, 0, len(p.of[ns].rules))
	at := make(map[int]int, len(p.of[ns].edges)) // of an edge, in the part
	edge := func(i int) int {
		k, ok := at[i]
		if !ok {
			k = len(c.Edges)
			at[i] = k
			c.Edges = append(c.Edges, p.whole.Edges[i])
		}
		return k
	}
	for _, i := range p.of[ns].edges {
		edge(i)
	}
	for _, of := range p.of[ns].rules {
		r := p.whole.Rules[of.rule]
		r.Edges = make([]int, 0, len(of.edges))
		for _, i := range of.edges {
			r.Edges = append(r.Edges, edge(i))
		}
		c.Rules = append(c.Rules, r)
	}
	for _, i := range p.of[ns].findings {
		f := p.whole.Findings[i]
		if f.Edge != nil {
			k := edge(*f.Edge)
			f.Edge = &k
		}
		c.Findings = append(c.Findings, f)
	}
	return &c
}
