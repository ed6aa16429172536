package synth

import (
	"net/netip"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// need is one thing that a policy of subject must allow: an accepted edge seen from one of its ends.
type need struct {
	subject int // index into Graph.Workloads
	dir     model.Direction
	peer    int // index into Graph.Peers
	proto   model.Proto
	port    uint16
	last    uint16 // port, or the last of a range, inclusive
	edge    int    // index into Graph.Edges: the evidence
	widened bool   // opened beside what was seen
}

// end is one side of an edge that lies in a chosen namespace.
type end struct {
	dir       model.Direction
	self      int // index into Graph.Peers
	peer      int
	namespace string
}

// ends gives the sides of an edge that policies are written for, egress first.
func (l *learner) ends(e *graph.Edge) []end {
	var out []end
	add := func(dir model.Direction, self, peer int) {
		if p := &l.g.Peers[self]; p.Kind == model.KindPod && l.chosen(p.Namespace) && l.ownCluster(p) {
			out = append(out, end{dir, self, peer, p.Namespace})
		}
	}
	add(model.Egress, e.Src, e.Dst)
	add(model.Ingress, e.Dst, e.Src)
	return out
}

func (l *learner) ownCluster(p *graph.Peer) bool {
	return p.Workload < 0 || l.g.Workloads[p.Workload].Cluster == l.cluster
}

// accepted says whether an edge is to be allowed.
func (l *learner) accepted(e *graph.Edge) bool {
	return e.State.Worked() || e.State == graph.Denied && l.cfg.LearnDenied
}

// gather sorts the edges: into needs, or into findings where there is no rule for one.
func (l *learner) gather() {
	for i := range l.g.Edges {
		e := &l.g.Edges[i]
		for _, en := range l.ends(e) {
			l.gatherEnd(i, e, en)
		}
	}
}

func (l *learner) gatherEnd(i int, e *graph.Edge, en end) {
	if !l.accepted(e) {
		l.leaveOut(i, e, en)
		return
	}
	self := &l.g.Peers[en.self]
	if why, consequence := l.inexpressible(e, en); why != "" {
		l.lose(i, en, why, consequence)
		return
	}
	l.remark(i, e, en)
	l.needs = append(l.needs, need{self.Workload, en.dir, en.peer, e.Proto, e.Port, e.Port, i, false})
}

// inexpressible says why the dialect has no rule for an edge at one end, and what follows; "" if it has.
func (l *learner) inexpressible(e *graph.Edge, en end) (why, consequence string) {
	cut := "isolating " + l.g.Peers[en.self].ID + " for " + en.dir.String() + " would cut it"
	if self := l.selectable(en.self); self != "" {
		return self, "no policy can select this end, a default deny would cut it"
	}
	if e.Proto.HasPorts() && e.Port == 0 {
		return "the log does not name the port", cut
	}
	peer := &l.g.Peers[en.peer]
	switch peer.Kind {
	case model.KindPod:
		if why := l.selectable(en.peer); why != "" {
			return why, cut
		}
		if l.g.Workloads[peer.Workload].Cluster != l.cluster {
			return "no peer selects pods of another cluster", cut
		}
	case model.KindAddress:
	case model.KindEntity:
		if narrowest(peer.Entities) == model.World {
			return l.peerless(peer), cut // everything outside is never chosen silently
		}
	case model.KindHost:
		if len(l.network(en.namespace, NodesNetwork)) == 0 {
			return "there is no peer for a node (name the CIDRs of the nodes as network " + NodesNetwork + " in the configuration)", cut
		}
	case model.KindNetwork, model.KindNetworkSet:
		if len(l.network(en.namespace, peer.Name)) == 0 {
			what := map[model.Kind]string{model.KindNetwork: "network ", model.KindNetworkSet: "NetworkSet "}[peer.Kind]
			return "the log has no addresses for " + what + peer.Name + " (name its CIDRs under networks in the configuration)", cut
		}
	default:
		return "the log does not identify the peer", cut
	}
	rule := policy.Rule{Direction: en.dir, AnyPeer: true, Ports: []policy.Port{policy.OnePort(e.Proto, e.Port)}}
	if !l.says(rule) {
		return "the dialect " + l.dialect.Name() + " has no rule for " + e.Proto.String() + " alone", cut
	}
	rule.Peers, rule.AnyPeer = []policy.Peer{l.peer(en.namespace, en.peer)}, false
	if peer.Kind != model.KindPod && !l.says(rule) {
		return l.peerless(peer), cut
	}
	return "", ""
}

// says says whether the dialect can write a rule as it stands.
func (l *learner) says(r policy.Rule) bool {
	p := policy.Policy{Name: "check", Namespace: "check", Ingress: r.Direction == model.Ingress, Egress: r.Direction == model.Egress, Rules: []policy.Rule{r}}
	_, lost := l.dialect.Project(policy.PolicySet{Policies: []policy.Policy{p}})
	return len(lost) == 0
}

// nodes are the entities that are a node's addresses.
const nodes = model.Host | model.RemoteNode | model.KubeAPIServer

// peerless says why the dialect has no peer for something outside the cluster's pods.
func (l *learner) peerless(p *graph.Peer) string {
	what := p.ID
	if p.Kind == model.KindEntity {
		what = p.Entities.String()
	}
	why := "the dialect " + l.dialect.Name() + " has no peer for " + what
	switch e := p.Entities; {
	case narrowest(e) == model.World:
		return "the log gives no address for the outside peer"
	case e&nodes != 0:
		return why + ": node addresses change and match differently on every network plugin"
	}
	return why
}

// selectable says why no selector reaches a pod peer, "" if one does.
func (l *learner) selectable(peer int) string {
	p := &l.g.Peers[peer]
	if p.Workload < 0 {
		return p.ID + " has no labels to select it by"
	}
	w := &l.g.Workloads[p.Workload]
	if len(w.Selector) == 0 {
		return p.ID + " cannot be selected: " + w.Refusal
	}
	if why := l.badNamespace(w.Namespace); why != "" {
		return p.ID + " cannot be selected: " + why
	}
	if why := l.badLabels(p.Workload, w); why != "" {
		return p.ID + " cannot be selected: " + why
	}
	return ""
}

// prefix is the network that holds one address only.
func prefix(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen())
}
