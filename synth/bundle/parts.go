package bundle

import (
	"slices"
	"strings"
)

// byNamespace divides what a manifest says of single namespaces, each in the manifest of one: its findings, its rules,
// and of the rules and edges of others those that touch it. There may be thousands, and each is looked at alone.
func (m *Manifest) byNamespace() map[string]*Manifest {
	m.order() // once for all of them
	d := &dividing{whole: m, parts: map[string]*Manifest{}, at: map[partEdge]int{}}
	for i := range m.Namespaces {
		c := *m
		c.Namespaces, c.Rules, c.Edges, c.Findings = nil, nil, nil, nil
		d.parts[m.Namespaces[i].Name] = &c
	}
	for i := range m.Edges {
		for _, ns := range d.touched(i) {
			d.edge(ns, i)
		}
	}
	for i := range m.Rules {
		d.rule(&m.Rules[i])
	}
	for i := range m.Findings {
		f := m.Findings[i]
		c := d.parts[f.Namespace]
		if c == nil {
			continue
		}
		if f.Edge != nil {
			at := d.edge(f.Namespace, *f.Edge)
			f.Edge = &at
		}
		c.Findings = append(c.Findings, f)
	}
	return d.parts
}

type partEdge struct {
	namespace string
	edge      int // of the whole
}

type dividing struct {
	whole *Manifest
	parts map[string]*Manifest
	at    map[partEdge]int // in the part
}

// touched are the namespaces with a part that an edge has an end in.
func (d *dividing) touched(edge int) []string {
	e := &d.whole.Edges[edge]
	list := []string{spaceOf(e.Source), spaceOf(e.Destination)}
	return slices.DeleteFunc(slices.Compact(list), func(ns string) bool { return d.parts[ns] == nil })
}

// edge returns the index of an edge in a part, to which it is added.
func (d *dividing) edge(ns string, edge int) int {
	k := partEdge{ns, edge}
	at, ok := d.at[k]
	if !ok {
		at = len(d.parts[ns].Edges)
		d.at[k] = at
		d.parts[ns].Edges = append(d.parts[ns].Edges, d.whole.Edges[edge])
	}
	return at
}

// rule adds a rule to the part of its policy with all its edges, and to those that its edges touch with these.
func (d *dividing) rule(r *Rule) {
	own, _, _ := strings.Cut(r.Policy, "/")
	edges := map[string][]int{}
	for _, i := range r.Edges {
		list := d.touched(i)
		if d.parts[own] != nil && !slices.Contains(list, own) {
			list = append(list, own)
		}
		for _, ns := range list {
			edges[ns] = append(edges[ns], d.edge(ns, i))
		}
	}
	if d.parts[own] != nil && len(r.Edges) == 0 {
		edges[own] = []int{}
	}
	for ns, list := range edges {
		c := *r
		c.Edges = list
		d.parts[ns].Rules = append(d.parts[ns].Rules, c)
	}
}
