package bundle

import (
	"strings"

	"sluice/model"
)

// parts divide what a manifest says of single namespaces. There may be thousands, and each is looked at alone: what a
// part holds is found once for all of them, and the part is made when it is asked for.
type parts struct {
	whole *Manifest
	of    map[string]*part
}

// part are the indices of what is of a namespace: its findings, its rules, of the rules of others those that touch it,
// and of the edges those that are denied.
type part struct {
	denied, findings []int
	rules            []partRule
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
		p.of[m.Namespaces[i].Name] = &part{denied: []int{}}
	}
	touched := make([][2]*part, len(m.Edges))
	model.Each(len(m.Edges), func(i int) { touched[i] = p.touched(&m.Edges[i]) })
	for _, i := range m.deniedEdges() {
		for _, c := range touched[i] {
			if c != nil {
				c.denied = append(c.denied, i)
			}
		}
	}
	for i := range m.Rules {
		p.use(i, touched)
	}
	for i := range m.Findings {
		if c := p.of[m.Findings[i].Namespace]; c != nil {
			c.findings = append(c.findings, i)
		}
	}
	return p
}

// touched are the parts, each once, of the namespaces that an edge has an end in, nil for none.
func (p *parts) touched(e *Edge) (of [2]*part) {
	of[0] = p.of[spaceOf(e.Source)]
	if other := p.of[spaceOf(e.Destination)]; other != of[0] {
		of[1] = other
	}
	return of
}

// use files a rule under the namespace of its policy, with all its edges, and under each that these have an end in,
// with those alone: a rule may have edges with every namespace. touched are the parts of each edge.
func (p *parts) use(rule int, touched [][2]*part) {
	r := &p.whole.Rules[rule]
	own := p.of[ownerOf(r)]
	if own != nil {
		own.rules = append(own.rules, partRule{rule, r.Edges})
	}
	for _, i := range r.Edges {
		for _, c := range touched[i] {
			if c == nil || c == own {
				continue
			}
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
// touch it. Its edges are those of the whole, of which it knows the denied ones that are its own.
func (p *parts) part(ns string) *Manifest {
	of, c := p.of[ns], *p.whole
	c.Namespaces, c.Findings, c.Rules = nil, make([]Finding, len(of.findings)), make([]Rule, len(of.rules))
	for i, k := range of.findings {
		c.Findings[i] = p.whole.Findings[k]
	}
	for i, k := range of.rules {
		c.Rules[i] = p.whole.Rules[k.rule]
		c.Rules[i].Edges = k.edges
	}
	c.denied = of.denied
	return &c
}
