package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/layout"
)

// PlacesFile says where everything lies in the pictures of the bundle. It is computed, for programs, and never applied.
const PlacesFile = "layout.json"

const placesKind = "Layout"

// Places is where the peers of a bundle lie in its pictures: on the review page, in drawings, and by their order in
// what forges draw. The fields are additive within v1.
type Places struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Groups     []PlacedGroup `json:"groups"` // in the order of their places
}

// PlacedGroup is the box of a namespace, or of what lies outside all of them.
type PlacedGroup struct {
	Name   string       `json:"name"`
	X      int          `json:"x"` // of its upper left corner
	Y      int          `json:"y"`
	Width  int          `json:"width"`
	Height int          `json:"height"`
	Peers  []PlacedPeer `json:"peers"` // in the order of their places
}

// PlacedPeer is the end of an edge.
type PlacedPeer struct {
	ID string `json:"id"`
	X  int    `json:"x"` // of its middle, from the corner of the box
	Y  int    `json:"y"`
}

// Shape is the peer as a node of a drawing.
func (g *PlacedGroup) Shape(p *PlacedPeer) layout.Shape {
	return layout.Shape{X: float64(g.X + p.X), Y: float64(g.Y + p.Y), Width: layout.NodeWidth, Height: layout.NodeHeight}
}

// Box is the group in a drawing.
func (g *PlacedGroup) Box(kind layout.Kind, text string) layout.Shape {
	return layout.Shape{X: float64(g.X) + float64(g.Width)/2, Y: float64(g.Y) + float64(g.Height)/2,
		Width: float64(g.Width), Height: float64(g.Height), Label: text, Title: text, Kind: kind}
}

// Lay finds the places of peers with arrows between them.
func Lay(ids []string, arrows []layout.Arrow) *Places {
	nodes := make([]layout.Node, len(ids))
	for i, id := range ids {
		group, _ := layout.GroupOf(id)
		nodes[i] = layout.Node{ID: id, Group: group}
	}
	l := layout.Lay(nodes, arrows)
	round := func(x float64) int { return int(math.Round(x)) }
	p := &Places{APIVersion: apiVersion, Kind: placesKind}
	for i := range l.Groups {
		b := &l.Groups[i]
		g := PlacedGroup{b.Name, round(b.X), round(b.Y), round(b.Width), round(b.Height), []PlacedPeer{}}
		for _, n := range b.Nodes {
			g.Peers = append(g.Peers, PlacedPeer{ids[n], round(l.Nodes[n].X - b.X), round(l.Nodes[n].Y - b.Y)})
		}
		p.Groups = append(p.Groups, g)
	}
	return p
}

// Ends are the peers of the bundle, sorted: the ends of its edges, and the workloads that it has policies for.
func (m *Manifest) Ends() []string {
	ids := map[string]bool{}
	for i := range m.Edges {
		ids[m.Edges[i].Source], ids[m.Edges[i].Destination] = true, true
	}
	for i := range m.Subjects {
		ids[m.Subjects[i].Workload] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// Places are those that the bundle came with. Where it came with none, or with some that are not of its edges, they are
// computed: by all edges but questions for names, which nearly everything asks.
func (m *Manifest) Places() *Places {
	if m.places == nil {
		ids := m.Ends()
		at := make(map[string]int, len(ids))
		for i, id := range ids {
			at[id] = i
		}
		var arrows []layout.Arrow
		for i := range m.Edges {
			if e := &m.Edges[i]; !strings.HasPrefix(e.Port, "53/") {
				arrows = append(arrows, layout.Arrow{From: at[e.Source], To: at[e.Destination]})
			}
		}
		m.places = Lay(ids, arrows)
	}
	return m.places
}

// order ranks the peers by their places, and the namespaces by those of their first peers.
func (m *Manifest) order() map[string]int {
	if m.rank == nil {
		m.rank = map[string]int{}
		for _, g := range m.Places().Groups {
			for _, peer := range g.Peers {
				for _, id := range []string{peer.ID, spaceOf(peer.ID)} {
					if _, ok := m.rank[id]; !ok {
						m.rank[id] = len(m.rank)
					}
				}
			}
		}
	}
	return m.rank
}

// readPlaces reads the places that a bundle came with.
func (m *Manifest) readPlaces(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, PlacesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	p := &Places{}
	if json.Unmarshal(text, p) == nil && p.of(m) { // else somebody changed it, which verify tells: it is computed anew
		m.places = p
	}
	return nil
}

// farthest is how far from the others something can lie, at most.
const farthest = 1 << 30

// of reports whether these are places for all peers of a bundle and for nothing else.
func (p *Places) of(m *Manifest) bool {
	ok := p.APIVersion == apiVersion && p.Kind == placesKind
	var ids []string
	within := func(list ...int) {
		for _, x := range list {
			ok = ok && x >= 0 && x <= farthest
		}
	}
	for i := range p.Groups {
		g := &p.Groups[i]
		within(g.X, g.Y, g.Width, g.Height)
		for _, peer := range g.Peers {
			group, _ := layout.GroupOf(peer.ID)
			ok = ok && group == g.Name
			within(peer.X, peer.Y)
			ids = append(ids, peer.ID)
		}
	}
	slices.Sort(ids)
	return ok && slices.Equal(ids, m.Ends())
}

// encode writes a peer a line, so that what moved can be seen.
func (p *Places) encode() ([]byte, error) {
	var b bytes.Buffer
	var failed error
	object := func(v any) string {
		text, err := json.Marshal(v)
		failed = errors.Join(failed, err)
		return string(text)
	}
	fmt.Fprintf(&b, "{\n\"apiVersion\": %s,\n\"kind\": %s,\n\"groups\": [", object(p.APIVersion), object(p.Kind))
	for i := range p.Groups {
		g := &p.Groups[i]
		fmt.Fprintf(&b, "%s\n{\"name\": %s, \"x\": %d, \"y\": %d, \"width\": %d, \"height\": %d, \"peers\": [",
			comma(i), object(g.Name), g.X, g.Y, g.Width, g.Height)
		for k := range g.Peers {
			fmt.Fprintf(&b, "%s\n %s", comma(k), object(&g.Peers[k]))
		}
		b.WriteString("\n]}")
	}
	b.WriteString("\n]\n}\n")
	return model.PrintableText(b.Bytes()), failed
}

// comma stands before all but the first of a list.
func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}
