package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/model/graph"
)

// The sizes up to which a picture is shown open, can be read at all, and still names each peer of another namespace.
const (
	maxOpenArrows = 30
	maxArrows     = 150
	maxPeers      = 60
)

// pictureHead begins the section of the picture.
const pictureHead = "\n## Picture\n"

type arrow struct{ from, to string }

// drawn is what a picture says of an arrow.
type drawn struct {
	ports  []string
	fresh  bool
	denied bool
}

// diagram draws who talks to whom in a namespace, "" for all: workloads, and the ends that they meet. Questions for
// names are left out, as nearly all workloads ask them. Where that is too much, other namespaces are one box each.
func (p *page) diagram(m *Manifest, namespace string) {
	arrows := m.arrows(namespace, func(id string) string { return id })
	if len(arrows) > maxPeers {
		arrows = m.arrows(namespace, func(id string) string {
			if spaceOf(id) == namespace || namespace == "" && kindOf(id) == "pod" {
				return id
			}
			return spaceOf(id)
		})
	}
	if len(arrows) > maxArrows { // the namespace is one box, too
		arrows = m.arrows(namespace, spaceOf)
	}
	if len(arrows) == 0 {
		return
	}
	p.head("Picture")
	if len(arrows) > maxArrows {
		p.line("%d arrows are too many for a picture: the table of rules has them.", len(arrows))
		return
	}
	p.details(len(arrows) > maxOpenArrows, count(len(arrows), "arrow", "arrows"), func() { p.flowchart(namespace, arrows) })
	p.line("\nThick and green: new. Dashed and red: denied. Grey: outside or a node. Blue: another namespace. Name lookups are left out.")
}

// flowchart writes the picture in the language that forges draw.
func (p *page) flowchart(namespace string, arrows map[arrow]*drawn) {
	p.line("```mermaid\nflowchart LR")
	nodes := map[string]int{}
	node := func(id string) int {
		n, ok := nodes[id]
		if !ok {
			n = len(nodes)
			nodes[id] = n
			class := ""
			switch {
			case kindOf(id) != "pod" || id == outside:
				class = ":::outside"
			case namespace != "" && spaceOf(id) != namespace && id != namespace:
				class = ":::other"
			}
			p.line("  n%d[\"%s\"]%s", n, label(strings.TrimPrefix(id, namespace+"/")), class)
		}
		return n
	}
	keys := slices.SortedFunc(maps.Keys(arrows), func(a, b arrow) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	var styles []string
	for i, a := range keys {
		d := arrows[a]
		slices.Sort(d.ports)
		ports := slices.Compact(d.ports)
		if len(ports) > 3 {
			ports = append(ports[:3:3], "...")
		}
		from, to := node(a.from), node(a.to)
		line := "-->"
		switch {
		case d.denied:
			line = "-.->"
			styles = append(styles, fmt.Sprintf("  linkStyle %d stroke:#d1242f", i))
		case d.fresh:
			line = "==>"
			styles = append(styles, fmt.Sprintf("  linkStyle %d stroke:#1a7f37", i))
		}
		p.line("  n%d %s|\"%s\"| n%d", from, line, label(strings.Join(ports, ", ")), to)
	}
	for _, s := range styles {
		p.line("%s", s)
	}
	p.line("  classDef outside fill:#eaeef2,stroke:#6e7781,color:#24292f\n" +
		"  classDef other fill:#ddf4ff,stroke:#0969da,color:#24292f\n```")
}

// arrows returns what is learned, and what is denied, between what name makes of the ends.
func (m *Manifest) arrows(namespace string, name func(string) string) map[arrow]*drawn {
	out := map[arrow]*drawn{}
	add := func(e *Edge, fresh, denied bool) {
		within := namespace == "" || spaceOf(e.Source) == namespace || spaceOf(e.Destination) == namespace
		if !within || strings.HasPrefix(e.Port, "53/") {
			return
		}
		a := arrow{name(e.Source), name(e.Destination)}
		d := out[a]
		if d == nil {
			d = &drawn{denied: denied}
			out[a] = d
		}
		if d.denied == denied {
			d.ports = append(d.ports, e.brief())
		}
		d.fresh = d.fresh || fresh
	}
	for _, r := range m.Rules {
		for _, i := range r.Edges {
			add(&m.Edges[i], r.New, false)
		}
	}
	const most = 20
	n := 0
	for i := range m.Edges {
		if e := &m.Edges[i]; e.State == graph.Denied.String() && !e.Accepted && n < most {
			add(e, false, true)
			n++
		}
	}
	return out
}

// outside stands for what has no namespace.
const outside = "outside"

// spaceOf is the namespace of a workload; what lies outside is one.
func spaceOf(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) < 2 || strings.ContainsRune(parts[0], ':') {
		return outside
	}
	return parts[len(parts)-2]
}
