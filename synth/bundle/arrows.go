package bundle

import (
	"cmp"
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

type arrow struct{ from, to string }

// drawn is what a picture says of an arrow.
type drawn struct {
	ports  []string
	fresh  bool
	denied bool
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
