package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/synth/layout"
)

// pictureHead begins the section of the picture.
const pictureHead = "\n## Picture\n"

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
