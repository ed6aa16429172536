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
		arrows = joined(arrows, func(id string) string {
			if spaceOf(id) == namespace || namespace == "" && kindOf(id) == "pod" {
				return id
			}
			return spaceOf(id)
		})
	}
	if len(arrows) > maxArrows { // the namespace is one box, too
		return m.arrows(namespace, spaceOf)
	}
	return arrows
}

// joined are arrows between what name makes of their ends. What is learned is drawn in the place of what is denied.
func joined(arrows map[arrow]*drawn, name func(string) string) map[arrow]*drawn {
	out := map[arrow]*drawn{}
	for _, denied := range []bool{false, true} {
		for a, d := range arrows {
			if d.denied != denied {
				continue
			}
			to := out[arrow{name(a.from), name(a.to)}]
			if to == nil {
				to = &drawn{denied: denied}
				out[arrow{name(a.from), name(a.to)}] = to
			}
			for _, port := range d.ports {
				if to.denied == denied {
					to.add(port)
				}
			}
			to.fresh = to.fresh || d.fresh
		}
	}
	return out
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
			d.add(e.brief())
		}
		d.fresh = d.fresh || fresh
	}
	for i := range m.Rules {
		r := &m.Rules[i]
		for _, i := range r.Edges {
			add(&m.Edges[i], r.New, false)
		}
	}
	denied := m.deniedEdges()
	for _, i := range denied[:min(len(denied), mostDenied)] {
		add(&m.Edges[i], false, true)
	}
	return out
}

// mostDenied is how many denied edges a picture has.
const mostDenied = 20

// deniedEdges are the indices of the edges that are denied.
func (m *Manifest) deniedEdges() []int {
	if m.denied != nil {
		return m.denied
	}
	out := []int{}
	for i := range m.Edges {
		if e := &m.Edges[i]; e.State == graph.Denied.String() && !e.Accepted {
			out = append(out, i)
		}
	}
	return out
}

// add adds a port, which most arrows have few of and often again.
func (d *drawn) add(port string) {
	const few = 8
	if !slices.Contains(d.ports[max(0, len(d.ports)-few):], port) {
		d.ports = append(d.ports, port)
	}
}
