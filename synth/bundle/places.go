package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

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
