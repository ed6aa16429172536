package layout

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// world makes nodes in groups and arrows between them.
func world(groups, each, arrows int) ([]Node, []Arrow) {
	r := rand.New(rand.NewPCG(1, 2))
	var nodes []Node
	for g := range groups {
		for k := range each {
			nodes = append(nodes, Node{fmt.Sprintf("g%02d/n%02d", g, k), fmt.Sprintf("g%02d", g)})
		}
	}
	var out []Arrow
	for range arrows {
		out = append(out, Arrow{r.IntN(len(nodes)), r.IntN(len(nodes))})
	}
	return nodes, out
}

// TestRanks: clients stand left of their servers, also where a circle has to be cut, and what has no arrows stands last.
func TestRanks(t *testing.T) {
	for _, c := range []struct {
		n      int
		arrows []Arrow
		want   [][]int
	}{
		{0, nil, [][]int{}},
		{2, nil, [][]int{{0, 1}}},
		{3, []Arrow{{0, 1}, {1, 2}, {0, 2}}, [][]int{{0}, {1}, {2}}},
		{4, []Arrow{{2, 1}, {1, 0}}, [][]int{{2}, {1}, {0}, {3}}},
		{3, []Arrow{{0, 1}, {1, 2}, {2, 0}, {1, 1}}, [][]int{{0}, {1}, {2}}},
		{4, []Arrow{{0, 3}, {1, 2}}, [][]int{{0, 1}, {3, 2}}}, // no arrows cross
	} {
		if got := ranks(c.n, c.arrows); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%v: %v, want %v", c.arrows, got, c.want)
		}
	}
}

// TestLay: every node lies in the box of its group, no two nodes and no two boxes overlap, few groups or many.
func TestLay(t *testing.T) {
	for _, c := range []struct{ groups, each, arrows int }{{1, 1, 0}, {3, 12, 40}, {12, 3, 50}, {60, 7, 2000}} {
		nodes, arrows := world(c.groups, c.each, c.arrows)
		l := Lay(nodes, arrows)
		if len(l.Groups) != c.groups {
			t.Fatalf("%d groups of %d", len(l.Groups), c.groups)
		}
		seen := 0
		for i, b := range l.Groups {
			for _, n := range b.Nodes {
				p := l.Nodes[n]
				if nodes[n].Group != b.Name || p.X-NodeWidth/2 < b.X || p.X+NodeWidth/2 > b.X+b.Width || p.Y-NodeHeight/2 < b.Y || p.Y+NodeHeight/2 > b.Y+b.Height {
					t.Errorf("%v at %v is not in %v", nodes[n], p, b)
				}
				for _, m := range b.Nodes {
					q := l.Nodes[m]
					if n != m && abs(p.X-q.X) < NodeWidth && abs(p.Y-q.Y) < NodeHeight {
						t.Errorf("%v and %v overlap", nodes[n], nodes[m])
					}
				}
				seen++
			}
			for _, o := range l.Groups[i+1:] {
				if b.X < o.X+o.Width && o.X < b.X+b.Width && b.Y < o.Y+o.Height && o.Y < b.Y+b.Height {
					t.Errorf("%s and %s overlap", b.Name, o.Name)
				}
			}
			if b.X+b.Width > l.Width || b.Y+b.Height > l.Height {
				t.Errorf("%s sticks out", b.Name)
			}
		}
		if seen != len(nodes) {
			t.Errorf("%d of %d nodes have a place", seen, len(nodes))
		}
	}
}

func abs(x float64) float64 { return max(x, -x) }

// TestLaySame: the places do not depend on the order of nodes and arrows.
func TestLaySame(t *testing.T) {
	nodes, arrows := world(14, 5, 300)
	want := map[string]Point{}
	first := Lay(nodes, arrows)
	for i, n := range nodes {
		want[n.ID] = first.Nodes[i]
	}
	r := rand.New(rand.NewPCG(3, 4))
	order := r.Perm(len(nodes))
	shuffled, at := make([]Node, len(nodes)), make([]int, len(nodes))
	for i, k := range order {
		shuffled[k], at[i] = nodes[i], k
	}
	var turned []Arrow
	for _, k := range r.Perm(len(arrows)) {
		turned = append(turned, Arrow{at[arrows[k].From], at[arrows[k].To]})
	}
	got := map[string]Point{}
	second := Lay(shuffled, turned)
	for i, n := range shuffled {
		got[n.ID] = second.Nodes[i]
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("another order, other places")
	}
}
