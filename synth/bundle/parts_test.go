package bundle

import (
	"fmt"
	"strings"
	"testing"
)

// TestParts: of a rule with edges to every namespace each one's part has its own edge, and the owner's has all.
func TestParts(t *testing.T) {
	const spaces = 50
	m := &Manifest{Namespaces: []Namespace{{Name: "shop"}}, Rules: []Rule{{ID: "r", Policy: "shop/web"}}}
	for i := range spaces {
		name := fmt.Sprint("n", i)
		m.Namespaces = append(m.Namespaces, Namespace{Name: name})
		m.Edges = append(m.Edges, Edge{Source: name + "/app", Destination: "shop/web", Port: "443/tcp"})
		m.Rules[0].Edges = append(m.Rules[0].Edges, i)
	}
	p := m.byNamespace()
	filed := 0
	for _, of := range p.of {
		for _, r := range of.rules {
			filed += len(r.edges)
		}
	}
	if filed != 2*spaces {
		t.Errorf("%d edges are filed for %d of two namespaces each", filed, spaces)
	}
	for i := range m.Namespaces {
		n := &m.Namespaces[i]
		part, want := p.part(n.Name), 1
		if n.Name == "shop" {
			want = spaces
		}
		if len(part.Rules) != 1 || len(part.Rules[0].Edges) != want {
			t.Errorf("%s: %d rules, %v", n.Name, len(part.Rules), part.Rules)
			continue
		}
		for _, i := range part.Rules[0].Edges {
			if e := &part.Edges[i]; !strings.HasPrefix(e.Source, n.Name+"/") && !strings.HasPrefix(e.Destination, n.Name+"/") {
				t.Errorf("%s: has the edge %s -> %s of others", n.Name, e.Source, e.Destination)
			}
		}
	}
}
