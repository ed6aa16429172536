package synth

import (
	"fmt"
	"net/netip"

	"sluice/model"
	"sluice/model/graph"
)

// need is one thing that a policy of subject must allow: an accepted edge seen from one of its ends.
type need struct {
	subject int // index into Graph.Workloads
	dir     model.Direction
	peer    int // index into Graph.Peers
	proto   model.Proto
	port    uint16
	edge    int  // index into Graph.Edges: the evidence
	widened bool // opened beside what was seen
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
	l.needs = append(l.needs, need{self.Workload, en.dir, en.peer, e.Proto, e.Port, i, false})
}

// inexpressible says why the kubernetes dialect has no rule for an edge at one end, and what follows; "" if it has.
func (l *learner) inexpressible(e *graph.Edge, en end) (why, consequence string) {
	cut := "isolating " + l.g.Peers[en.self].ID + " for " + en.dir.String() + " would cut it"
	if self := l.selectable(en.self); self != "" {
		return self, "no policy can select this end, a default deny would cut it"
	}
	switch {
	case e.Proto == model.ICMP || e.Proto == model.ICMPv6:
		return "a NetworkPolicy cannot name ICMP", cut
	case !e.Proto.HasPorts():
		return fmt.Sprintf("a NetworkPolicy cannot name protocol %s", e.Proto), cut
	case e.Port == 0:
		return "the log does not name the port", cut
	}
	peer := &l.g.Peers[en.peer]
	switch peer.Kind {
	case model.KindPod:
		if why := l.selectable(en.peer); why != "" {
			return why, cut
		}
		if l.g.Workloads[peer.Workload].Cluster != l.cluster {
			return "a NetworkPolicy cannot name pods of another cluster", cut
		}
		return "", ""
	case model.KindAddress:
		return "", ""
	case model.KindEntity:
		return entityWithoutPeer(peer.Entities), cut
	case model.KindHost:
		return "a NetworkPolicy has no peer for a node", cut
	case model.KindNetwork:
		return "the log has no addresses for network " + peer.Name, cut
	case model.KindNetworkSet:
		return "a NetworkPolicy has no peer for a NetworkSet", cut
	}
	return "the log does not identify the peer", cut
}

// nodes are the entities that are a node's addresses.
const nodes = model.Host | model.RemoteNode | model.KubeAPIServer

func entityWithoutPeer(e model.Entities) string {
	switch {
	case e&nodes != 0:
		return "a NetworkPolicy has no peer for " + e.String() + ": node addresses change and match differently on every network plugin"
	case e&model.World != 0:
		return "the log gives no address for the outside peer"
	}
	return "a NetworkPolicy has no peer for " + e.String()
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
