package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/model/graph"
	"sluice/synth/layout"
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
	arrows := m.shown(namespace)
	if len(arrows) == 0 {
		return
	}
	p.head("Picture")
	if len(arrows) > maxArrows {
		p.line("%d arrows are too many for a picture here: the table of rules has them, and %s has namespaces in the place of workloads.",
			len(arrows), PictureFile)
		return
	}
	p.details(len(arrows) > maxOpenArrows, count(len(arrows), "arrow", "arrows"), func() { p.flowchart(m, namespace, arrows) })
	p.line("\nThick and green: new. Dashed and red: denied. Grey: outside or a node. Blue: another namespace. Name lookups are left out.")
}

// shown is what a picture of a namespace draws.
func (m *Manifest) shown(namespace string) map[arrow]*drawn {
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
	return arrows
}

// flowchart writes the picture in the language that forges draw. They find places by themselves, from the order of what
// they are given: that of the bundle's own, with namespaces as boxes.
func (p *page) flowchart(m *Manifest, namespace string, arrows map[arrow]*drawn) {
	p.line("```mermaid\nflowchart LR")
	nodes := p.nodes(m.inOrder(arrows), namespace)
	keys := slices.SortedFunc(maps.Keys(arrows), func(a, b arrow) int {
		return cmp.Or(cmp.Compare(nodes[a.from], nodes[b.from]), cmp.Compare(nodes[a.to], nodes[b.to]))
	})
	var styles []string
	for i, a := range keys {
		d := arrows[a]
		slices.Sort(d.ports)
		ports := slices.Compact(d.ports)
		if len(ports) > 3 {
			ports = append(ports[:3:3], "...")
		}
		line := "-->"
		switch {
		case d.denied:
			line = "-.->"
			styles = append(styles, fmt.Sprintf("  linkStyle %d stroke:#d1242f", i))
		case d.fresh:
			line = "==>"
			styles = append(styles, fmt.Sprintf("  linkStyle %d stroke:#1a7f37", i))
		}
		p.line("  n%d %s|\"%s\"| n%d", nodes[a.from], line, label(strings.Join(ports, ", ")), nodes[a.to])
	}
	for _, s := range styles {
		p.line("%s", s)
	}
	p.line("  classDef outside fill:#eaeef2,stroke:#6e7781,color:#24292f\n" +
		"  classDef other fill:#ddf4ff,stroke:#0969da,color:#24292f\n```")
}

// nodes writes the ends of arrows, those of a namespace in a box where there are others beside them, and returns their
// numbers.
func (p *page) nodes(ids []string, namespace string) map[string]int {
	numbers := map[string]int{}
	for n := 0; n < len(ids); {
		group, workload := layout.GroupOf(ids[n])
		end := n + 1
		for end < len(ids) && workload {
			if g, ok := layout.GroupOf(ids[end]); !ok || g != group {
				break
			}
			end++
		}
		box := end-n > 1 && end-n < len(ids)
		if box {
			p.line("  subgraph g%d[\"%s\"]", n, label(group))
		}
		for ; n < end; n++ {
			id, text := ids[n], strings.TrimPrefix(ids[n], namespace+"/")
			if box {
				text = strings.TrimPrefix(id, group+"/")
			}
			class := ""
			switch {
			case kindOf(id) != "pod" || id == outside:
				class = ":::outside"
			case namespace != "" && spaceOf(id) != namespace && id != namespace:
				class = ":::other"
			}
			numbers[id] = n
			p.line("  n%d[\"%s\"]%s", n, label(text), class)
		}
		if box {
			p.line("  end")
		}
	}
	return numbers
}

// inOrder are the ends of arrows in the order of their places; one that stands for a namespace lies where its first
// workload does.
func (m *Manifest) inOrder(arrows map[arrow]*drawn) []string {
	at := m.order()
	ids := map[string]bool{}
	for a := range arrows {
		ids[a.from], ids[a.to] = true, true
	}
	return slices.SortedFunc(maps.Keys(ids), func(a, b string) int {
		return cmp.Or(cmp.Compare(at[a], at[b]), cmp.Compare(a, b))
	})
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
	at := strings.LastIndexByte(id, '/')
	if first, _, _ := strings.Cut(id, "/"); at < 0 || strings.IndexByte(first, ':') >= 0 {
		return outside
	}
	return id[strings.LastIndexByte(id[:at], '/')+1 : at]
}
