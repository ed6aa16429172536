// Package layout says where the boxes of a picture lie: workloads in ranks inside the box of their namespace, clients
// to the left of servers, and the boxes of namespaces beside each other. The same nodes and arrows give the same
// places, whatever order they come in: all pictures of a bundle agree. It draws nothing and reads nothing.
package layout

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// NodeWidth is the width of a node, in the picture's own units.
const NodeWidth = 150.0

// NodeHeight is its height.
const NodeHeight = 40.0

// The space around a node, and what belongs to a group.
const (
	cellWidth, cellHeight = 200.0, 84.0
	padding, title        = 26.0, 40.0
	gap                   = 100.0
)

// most is how many groups are put into ranks too. More of them are put into rows: in ranks they would be one long line.
const most = 12

// Node is something with arrows.
type Node struct {
	ID    string
	Group string
}

// Point is the middle of a node. Y grows downwards.
type Point struct{ X, Y float64 }

// Box is the place of a group.
type Box struct {
	Name                string
	X, Y, Width, Height float64 // of its upper left corner
	Nodes               []int   // in the order of their places: by rank, then from above
}

// Layout is where everything lies.
type Layout struct {
	Nodes         []Point // by the index of the node
	Groups        []Box   // in the order of their places
	Width, Height float64
}

// Lay finds the places.
func Lay(nodes []Node, arrows []Arrow) *Layout {
	l := &Layout{Nodes: make([]Point, len(nodes))}
	members := map[string][]int{}
	for i, n := range nodes {
		members[n.Group] = append(members[n.Group], i)
	}
	names := slices.Sorted(maps.Keys(members))
	group := map[string]int{}
	within := make([][]Arrow, len(names))
	local := make([]int, len(nodes))
	for g, name := range names {
		group[name] = g
		slices.SortFunc(members[name], func(a, b int) int {
			return cmp.Or(cmp.Compare(nodes[a].ID, nodes[b].ID), cmp.Compare(a, b))
		})
		for k, i := range members[name] {
			local[i] = k
		}
	}
	var between []Arrow
	for _, a := range arrows {
		from, to := group[nodes[a.From].Group], group[nodes[a.To].Group]
		if from == to {
			within[from] = append(within[from], Arrow{local[a.From], local[a.To]})
		} else {
			between = append(between, Arrow{from, to})
		}
	}
	boxes := make([]Box, len(names))
	for g, name := range names {
		boxes[g] = l.inside(name, members[name], within[g])
	}
	order := l.place(boxes, ranks(len(names), between))
	for _, g := range order {
		b := &boxes[g]
		for _, i := range b.Nodes {
			l.Nodes[i].X += b.X
			l.Nodes[i].Y += b.Y
		}
		l.Groups = append(l.Groups, *b)
		l.Width, l.Height = max(l.Width, b.X+b.Width), max(l.Height, b.Y+b.Height)
	}
	return l
}

// inside puts the members of a group into ranks, relative to the corner of its box.
func (l *Layout) inside(name string, members []int, arrows []Arrow) Box {
	b := Box{Name: name}
	rows := max(4, int(math.Ceil(math.Sqrt(float64(len(members)))*1.3)))
	column, deepest := 0, 0
	var columns [][]int
	for _, rank := range ranks(len(members), arrows) {
		for part := range slices.Chunk(rank, rows) {
			columns = append(columns, part)
			deepest = max(deepest, len(part))
		}
	}
	for _, part := range columns {
		above := float64(deepest-len(part)) * cellHeight / 2
		for k, i := range part {
			l.Nodes[members[i]] = Point{padding + (float64(column)+0.5)*cellWidth,
				title + above + (float64(k)+0.5)*cellHeight}
			b.Nodes = append(b.Nodes, members[i])
		}
		column++
	}
	b.Width, b.Height = 2*padding+float64(column)*cellWidth, title+padding+float64(deepest)*cellHeight
	return b
}

// place puts the boxes of groups beside each other, and returns them in the order of their places.
func (l *Layout) place(boxes []Box, ranks [][]int) []int {
	var order []int
	if len(boxes) <= most {
		tallest := 0.0
		heights := make([]float64, len(ranks))
		for r, rank := range ranks {
			for _, g := range rank {
				heights[r] += boxes[g].Height + gap
			}
			tallest = max(tallest, heights[r])
		}
		x := 0.0
		for r, rank := range ranks {
			y, widest := (tallest-heights[r])/2, 0.0
			for _, g := range rank {
				boxes[g].X, boxes[g].Y = x, y
				y += boxes[g].Height + gap
				widest = max(widest, boxes[g].Width)
			}
			x += widest + gap
			order = append(order, rank...)
		}
		return order
	}
	area := 0.0
	for i := range boxes {
		area += (boxes[i].Width + gap) * (boxes[i].Height + gap)
	}
	wide := 1.6 * math.Sqrt(area) // screens are wider than high
	x, y, tallest := 0.0, 0.0, 0.0
	for _, g := range slices.Concat(ranks...) {
		b := &boxes[g]
		if x > 0 && x+b.Width > wide {
			x, y, tallest = 0, y+tallest+gap, 0
		}
		b.X, b.Y = x, y
		x += b.Width + gap
		tallest = max(tallest, b.Height)
		order = append(order, g)
	}
	return order
}
