package bundle

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"sluice/synth/layout"
)

// PictureFile draws the namespaces, in the places that all pictures of the bundle have. Of a bundle for one namespace
// the review has a picture in itself, where it can.
const PictureFile = "picture.svg"

// The sizes up to which the picture shows single peers, and up to which arrows are drawn and say their ports.
const (
	maxNodes   = 60
	maxDrawn   = 160
	maxLabeled = 60
)

// pictured reports whether the bundle has a picture in a file of its own.
func (m *Manifest) pictured() bool {
	return len(m.Namespaces) > 1 || len(m.Namespaces) == 1 && len(m.shown(m.Namespaces[0].Name)) > maxArrows
}

// Picture draws who talks to whom: every peer, or where that is too much, namespaces as closed boxes with the heaviest
// arrows between them.
func (m *Manifest) Picture() ([]byte, error) {
	d := &picture{at: map[string]int{}}
	places := m.Places()
	var arrows map[arrow]*drawn
	if len(m.Ends()) <= maxNodes {
		arrows = m.arrows("", func(id string) string { return id })
	}
	if n := len(arrows); n > 0 && n <= maxArrows {
		d.open(places)
	} else {
		arrows = m.arrows("", d.closed(places))
	}
	var b bytes.Buffer
	err := layout.SVG(&b, d.shapes, d.lines(arrows))
	return b.Bytes(), err
}

type picture struct {
	shapes []layout.Shape
	at     map[string]int // the shape of a name
}

func (d *picture) open(places *Places) {
	for i := range places.Groups {
		g := &places.Groups[i]
		d.shapes = append(d.shapes, g.Box(layout.OpenBox, g.Name))
		for k := range g.Peers {
			peer := &g.Peers[k]
			s := g.Shape(peer)
			s.Label, s.Title = strings.TrimPrefix(peer.ID, g.Name+"/"), peer.ID
			d.at[peer.ID] = len(d.shapes)
			d.shapes = append(d.shapes, s)
		}
	}
}

// closed draws groups, and returns what tells the group of a peer.
func (d *picture) closed(places *Places) func(id string) string {
	group := map[string]string{}
	for i := range places.Groups {
		g := &places.Groups[i]
		d.at[g.Name] = len(d.shapes)
		d.shapes = append(d.shapes, g.Box(layout.ClosedBox, fmt.Sprintf("%s (%d)", g.Name, len(g.Peers))))
		for k := range g.Peers {
			group[g.Peers[k].ID] = g.Name
		}
	}
	return func(id string) string { return group[id] }
}

// lines are the arrows, the heaviest of many.
func (d *picture) lines(arrows map[arrow]*drawn) []layout.Line {
	for _, a := range arrows {
		slices.Sort(a.ports)
		a.ports = slices.Compact(a.ports)
	}
	maps.DeleteFunc(arrows, func(a arrow, _ *drawn) bool { return a.from == a.to })
	keys := slices.SortedFunc(maps.Keys(arrows), func(a, b arrow) int {
		return cmp.Or(cmp.Compare(len(arrows[b].ports), len(arrows[a].ports)), cmp.Compare(a.from, b.from),
			cmp.Compare(a.to, b.to))
	})
	keys = keys[:min(len(keys), maxDrawn)]
	var out []layout.Line
	for _, k := range keys {
		a := arrows[k]
		ports := strings.Join(a.ports, ", ")
		l := layout.Line{From: d.at[k.from], To: d.at[k.to], Title: k.from + " → " + k.to + " " + ports, Dashed: a.denied,
			Width: 1 + math.Log2(float64(len(a.ports)))}
		if len(keys) <= maxLabeled {
			l.Label = ports
			if n := len(a.ports); n > 3 {
				l.Label = fmt.Sprintf("%d ports", n)
			}
		}
		out = append(out, l)
	}
	return out
}
