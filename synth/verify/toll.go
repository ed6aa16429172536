package verify

import (
	"cmp"
	"slices"

	"sluice/model/graph"
)

// Toll is what would be lost in a namespace, or by a policy.
type Toll struct {
	Name        string
	Edges       int
	Connections int
	Records     uint64
}

// Tolls adds up the lost edges of a report by the namespaces of the ends that deny them, and by the policies that do or
// that isolate the end. An edge that both its ends deny counts in both namespaces. The largest come first.
func Tolls(g *graph.Graph, r *Report) (namespaces, policies []Toll) {
	byNamespace, byPolicy := map[string]*Toll{}, map[string]*Toll{}
	for i := range r.Cases {
		c := &r.Cases[i]
		if c.Verdict != Lost {
			continue
		}
		e := &g.Edges[c.Edge]
		src, dst := g.Peers[e.Src].Namespace, g.Peers[e.Dst].Namespace
		if c.Egress {
			charge(byNamespace, src, c)
		}
		if c.Ingress && !(c.Egress && src == dst) {
			charge(byNamespace, dst, c)
		}
		if c.Policy != "" {
			charge(byPolicy, c.Policy, c)
		}
	}
	return largest(byNamespace), largest(byPolicy)
}

func charge(of map[string]*Toll, name string, c *Case) {
	if of[name] == nil {
		of[name] = &Toll{Name: name}
	}
	of[name].Edges++
	of[name].Connections += c.Connections
	of[name].Records += c.Records
}

func largest(of map[string]*Toll) []Toll {
	var out []Toll
	for _, t := range of {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Toll) int {
		return cmp.Or(cmp.Compare(b.Edges, a.Edges), cmp.Compare(a.Name, b.Name))
	})
	return out
}
