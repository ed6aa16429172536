package bundle

import (
	"cmp"
	"slices"
	"strings"
)

// maxArrows is the size up to which a diagram can be read.
const maxArrows = 30

type arrow struct{ from, to string }

// diagram draws the learned edges between workloads, or between namespaces where that would be too many, or nothing.
func (p *page) diagram(m *Manifest) {
	arrows := m.arrows(func(id string) string { return id })
	if len(arrows) > maxArrows {
		arrows = m.arrows(spaceOf)
	}
	if len(arrows) == 0 || len(arrows) > maxArrows {
		return
	}
	p.head("Diagram")
	p.line("```mermaid\nflowchart LR")
	nodes := map[string]int{}
	node := func(id string) int {
		n, ok := nodes[id]
		if !ok {
			n = len(nodes)
			nodes[id] = n
			p.line("  n%d[\"%s\"]", n, label(id))
		}
		return n
	}
	var keys []arrow
	for a := range arrows {
		keys = append(keys, a)
	}
	slices.SortFunc(keys, func(a, b arrow) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for _, a := range keys {
		ports := arrows[a]
		slices.Sort(ports)
		ports = slices.Compact(ports)
		if len(ports) > 3 {
			ports = append(ports[:3:3], "...")
		}
		from, to := node(a.from), node(a.to)
		p.line("  n%d -->|\"%s\"| n%d", from, label(strings.Join(ports, ", ")), to)
	}
	p.line("```")
}

// arrows returns the ports between what name makes of the ends of learned edges.
func (m *Manifest) arrows(name func(string) string) map[arrow][]string {
	out := map[arrow][]string{}
	for _, r := range m.Rules {
		for _, i := range r.Edges {
			e := &m.Edges[i]
			a := arrow{name(e.Source), name(e.Destination)}
			out[a] = append(out[a], e.Port)
		}
	}
	return out
}

// spaceOf is the namespace of a workload; what lies outside is one.
func spaceOf(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) < 2 || strings.ContainsRune(parts[0], ':') {
		return "outside"
	}
	return parts[len(parts)-2]
}
