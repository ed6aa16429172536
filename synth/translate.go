package synth

import (
	"net/netip"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// translator says in peers of a policy what peers of the graph are.
type translator struct {
	*scope
	*addresses
	*selecting
}

// worldRule asks whether a dialect has a peer for everything outside.
var worldRule = policy.Rule{Direction: model.Ingress, AnyPort: true,
	Peers: []policy.Peer{{Kind: policy.PeerEntities, Entities: model.World}}}

// peersOf returns the peers in policies of namespace ns for peers of the graph that inexpressible let through.
func (t *translator) peersOf(ns string, peers []graph.PeerID, names map[graph.PeerID][]string) []policy.Peer {
	var out []policy.Peer
	var workloads []graph.WorkloadID
	var addresses []netip.Addr
	for _, i := range peers {
		switch p := &t.g.Peers[i]; {
		case p.Kind == model.KindPod && t.foreign(p):
			out = append(out, t.peer(ns, i))
		case p.Kind == model.KindPod:
			workloads = append(workloads, p.Workload)
		case p.Masked() && t.says(worldRule):
			out = append(out, t.peer(ns, i))
		case len(names[i]) > 0 && !p.Masked():
			out = append(out, namePeers(names[i])...)
		case p.Kind == model.KindAddress:
			addresses = append(addresses, prefix(p.Address).Addr())
		case p.Kind == model.KindHost:
			out = append(out, t.nodePeers(ns)...)
		case p.Kind == model.KindNetwork || p.Kind == model.KindNetworkSet:
			out = append(out, t.network(ns, p)...)
		default:
			out = append(out, t.peer(ns, i))
		}
	}
	out = append(out, t.outside(ns, addresses)...)
	products := t.products(workloads)
	out = slices.Grow(out, len(products))
	for _, p := range products {
		out = append(out, policy.Peer{Kind: policy.PeerPods, Namespaces: t.inNamespaces(p.namespaces), Pods: p.sel})
	}
	return out
}

// peer returns the peer in policies of namespace ns for one peer of the graph.
func (t *translator) peer(ns string, i graph.PeerID) policy.Peer {
	switch p := &t.g.Peers[i]; p.Kind {
	case model.KindAddress:
		if p.Masked() && t.says(worldRule) {
			return policy.Peer{Kind: policy.PeerEntities, Entities: model.World}
		}
	case model.KindHost:
		return t.nodePeers(ns)[0]
	case model.KindNetwork, model.KindNetworkSet:
		return t.network(ns, p)[0]
	case model.KindPod:
		if t.foreign(p) {
			pods, _ := PeerOf(t.g, i)
			pods, _ = t.ofCluster(pods, t.g.Workloads[p.Workload].Cluster)
			return pods
		}
	default:
	}
	p, _ := PeerOf(t.g, i)
	return p
}

// PeerOf returns what policies call a peer of the graph by itself, false for one that takes more to name.
func PeerOf(g *graph.Graph, i graph.PeerID) (policy.Peer, bool) {
	switch p := &g.Peers[i]; {
	case p.Kind == model.KindAddress:
		return policy.Peer{Kind: policy.PeerCIDR, CIDR: prefix(p.Address)}, true
	case p.Kind == model.KindEntity:
		return policy.Peer{Kind: policy.PeerEntities, Entities: narrowest(p.Entities)}, true
	case p.Kind == model.KindPod && p.Workload >= 0:
		w := &g.Workloads[p.Workload]
		return policy.PodsIn(w.Namespace, policy.MatchLabels(w.Selector)), w.Refusal == ""
	}
	return policy.Peer{}, false
}

// means reports whether a peer in policies of namespace ns means a peer of the graph.
func (t *translator) means(ns string, p *policy.Peer, peer graph.PeerID) bool {
	if n := t.setOf(p.Name); p.Kind == policy.PeerNetwork && n != nil {
		q := &t.g.Peers[peer]
		return (q.Kind == model.KindNetwork || q.Kind == model.KindNetworkSet) && t.configuredFor(q) == n ||
			q.Kind == model.KindHost && n.Name == NodesNetwork ||
			q.Kind == model.KindAddress && within(prefix(q.Address).Addr(), n.CIDRs)
	}
	is := t.peer(ns, peer)
	if p.Kind != is.Kind {
		return false
	}
	if p.Kind != policy.PeerPods {
		return (p.CIDR == is.CIDR || is.CIDR.IsValid() && p.CIDR.Contains(is.CIDR.Addr())) &&
			p.Entities == is.Entities &&
			p.Name == is.Name
	}
	w := &t.g.Workloads[t.g.Peers[peer].Workload]
	if t.foreign(&t.g.Peers[peer]) {
		return p.Pods.Compare(is.Pods) == 0 && p.Namespaces.Compare(is.Namespaces) == 0
	}
	return p.Pods.Matches(w.Common) && p.Namespaces.Matches(model.Labels{policy.NamespaceName + "=" + w.Namespace})
}

// holds reports whether a rule allows an edge, as far as peers and ports go.
func (t *translator) holds(ns string, r *policy.Rule, edge graph.EdgeID) bool {
	e := &t.g.Edges[edge]
	peer := e.Src
	if r.Direction == model.Egress {
		peer = e.Dst
	}
	return (r.AnyPeer || slices.ContainsFunc(r.Peers, func(p policy.Peer) bool { return t.means(ns, &p, peer) })) &&
		(r.AnyPort || slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
			return p.Proto == e.Proto && p.Name == "" && p.First <= e.Port && e.Port <= p.Last
		}))
}

func namePeers(names []string) []policy.Peer {
	var out []policy.Peer
	for _, name := range names {
		out = append(out, policy.Peer{Kind: policy.PeerFQDN, Name: name})
	}
	return out
}

// narrowest returns the one entity that names an end with several: an API server is also a node, or outside.
func narrowest(e model.Entities) model.Entities {
	if e&model.KubeAPIServer != 0 {
		return model.KubeAPIServer
	}
	return e & -e
}
