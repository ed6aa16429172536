package eval

import "sluice/model"

// End is a prepared end of connections: Facts, and the policies that select it. It belongs to the Evaluator that made
// it and is safe for concurrent use.
type End struct {
	Facts
	namespace       model.Labels // with the name label
	namespaceKnown  bool
	lacks           need // what makes it unsure whether some policy selects the end
	labels          view // the pod's and its namespace's, as Calico sees them
	ofNamespace     view
	ingress, egress selection
	pods            met // conditions on pods that the end meets, and on namespaces
	namespaces      met
	pairs           met // selectors of peers that find it
}

// Isolated reports whether policies isolate the end in direction d: Unknown where that needs a fact that was not given.
func (e *End) Isolated(d model.Direction) model.Tri {
	s := e.selection(d)
	return either(s.isolated, s.floored)
}

// Policies returns the indices of the policies that may select the end and say something of direction d.
func (e *End) Policies(d model.Direction) []int {
	var out []int
	for _, list := range [][]selected{e.selection(d).before, e.selection(d).policies, e.selection(d).after} {
		for _, s := range list {
			out = append(out, s.policy)
		}
	}
	return out
}

// selection are the policies that may select an end, for one direction.
type selection struct {
	policies []selected
	isolated model.Tri
	by       int // the first policy that isolates it for sure, or -1
	// before and after are those around the policies of namespaces, floored whether one of them isolates the end as far
	// as its API can.
	before, after []selected
	floored       model.Tri
	around        bool // policies has some of them, as Calico asks all in one order
}

// selected is the index of a policy, and whether it is sure that it selects the end.
type selected struct {
	policy int
	sure   bool
}

func (e *End) selection(d model.Direction) *selection {
	if d == model.Ingress {
		return &e.ingress
	}
	return &e.egress
}

// surrounded reports whether policies around those of namespaces select the end.
func (s *selection) surrounded() bool { return len(s.before)+len(s.after) > 0 }

// aNode reports whether the end is a node of which it is not known whether it is the other end's own.
func (e *End) aNode() bool {
	return (e.Node || e.HostNetwork) && e.Entities&(model.Host|model.RemoteNode) == 0
}

// elsewhere reports whether both are known to be of different clusters.
func elsewhere(a, b *End) bool { return a.Cluster != "" && b.Cluster != "" && a.Cluster != b.Cluster }
