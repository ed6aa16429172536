package synth

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// learned is a rule with the edges that ask for it.
type learned struct {
	policy.Rule
	edges []int
}

// rules makes the rules of one subject and direction out of its needs: peers with the same ports share a rule, so
// that no peer is allowed a port of another.
func (l *learner) rules(dir model.Direction, needs []need) []learned {
	type row struct {
		peer  int
		ports []policy.Port
		edges []int
	}
	rows := map[int]*row{}
	for _, n := range needs {
		r := rows[n.peer]
		if r == nil {
			r = &row{peer: n.peer}
			rows[n.peer] = r
		}
		r.ports = append(r.ports, policy.OnePort(n.proto, n.port))
		r.edges = append(r.edges, n.edge)
	}
	var list []*row
	for _, r := range rows {
		r.ports = policy.Rule{Ports: r.ports}.Canonical().Ports
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *row) int {
		return cmp.Or(slices.CompareFunc(a.ports, b.ports, comparePorts), cmp.Compare(a.peer, b.peer))
	})
	var out []learned
	for i, r := range list {
		if i == 0 || !slices.Equal(r.ports, list[i-1].ports) {
			out = append(out, learned{Rule: policy.Rule{Direction: dir, Ports: r.ports}})
		}
		last := &out[len(out)-1]
		last.Peers = append(last.Peers, l.peer(r.peer))
		last.edges = append(last.edges, r.edges...)
	}
	return out
}

func comparePorts(a, b policy.Port) int {
	return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
}

// peer gives the policy's peer of a peer of the graph that inexpressible let through.
func (l *learner) peer(i int) policy.Peer {
	p := &l.g.Peers[i]
	if p.Kind == model.KindAddress {
		return policy.Peer{Kind: policy.PeerCIDR, CIDR: prefix(p.Address)}
	}
	w := &l.g.Workloads[p.Workload]
	return policy.PodsIn(w.Namespace, policy.MatchLabels(w.Selector))
}
