package graphtest

import (
	"fmt"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// Listing is the set without any thought of size: a policy for each workload of some namespaces and in it a rule for
// each peer and port that worked.
type Listing struct {
	Set    policy.PolicySet
	Tuples int     // its rules: (workload, peer, port)
	Equal  float64 // share of workloads whose rules another one has too
}

// List lists the edges of pods and addresses.
func List(g *graph.Graph, namespaces []string) Listing {
	chosen := map[string]bool{}
	for _, ns := range namespaces {
		chosen[ns] = true
	}
	rules := map[graph.WorkloadID][]policy.Rule{}
	add := func(d model.Direction, self, peer *graph.Peer, e *graph.Edge) {
		if self.Workload < 0 || !chosen[self.Namespace] || !e.State.Worked() {
			return
		}
		var to policy.Peer
		switch {
		case peer.Workload >= 0:
			to = policy.PodsIn(peer.Namespace, policy.MatchLabels(g.Workloads[peer.Workload].Selector))
		case peer.Kind == model.KindAddress:
			to.Kind = policy.PeerCIDR
			to.CIDR, _ = peer.Address.Prefix(peer.Address.BitLen())
		default:
			return
		}
		rules[self.Workload] = append(rules[self.Workload],
			policy.Rule{Direction: d, Peers: []policy.Peer{to}, Ports: []policy.Port{policy.OnePort(e.Proto, e.Port)}})
	}
	for _, e := range g.AllEdges() {
		add(model.Egress, &g.Peers[e.Src], &g.Peers[e.Dst], e)
		add(model.Ingress, &g.Peers[e.Dst], &g.Peers[e.Src], e)
	}
	var l Listing
	same := map[string]int{}
	for i, list := range rules {
		w := &g.Workloads[i]
		p := policy.Policy{Name: w.Name, Namespace: w.Namespace, Subject: policy.MatchLabels(w.Selector), Rules: list}
		for _, r := range list {
			p.Ingress, p.Egress = p.Ingress || r.Direction == model.Ingress, p.Egress || r.Direction == model.Egress
		}
		p = p.Canonical()
		l.Tuples += len(p.Rules)
		same[fmt.Sprint(p.Rules)]++
		l.Set = l.Set.Add(p)
	}
	for _, n := range same {
		if n > 1 {
			l.Equal += float64(n) / float64(len(rules))
		}
	}
	l.Set = l.Set.Canonical()
	return l
}
