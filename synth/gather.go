package synth

import (
	"fmt"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// need is one thing that a policy of subject must allow: an accepted edge seen from one of its ends.
type need struct {
	subject   graph.WorkloadID
	namespace string // of the subject
	dir       model.Direction
	peer      graph.PeerID
	proto     model.Proto
	port      uint16
	last      uint16       // port, or the last of a range, inclusive
	edge      graph.EdgeID // the evidence
	widened   bool         // opened beside what was seen
}

// gatherer sorts the edges: into needs, or into findings where there is no rule for one.
type gatherer struct {
	*scope
	*translator
	*speech
	*notes
	*reach
	*leaver
	crowds *crowds
	heaps  *heaps
	needs  []need
}

// gather returns what the policies must allow.
func gather(t *translator, sp *speech, n *notes) []need {
	r := &reach{t.scope, sp, map[graph.WorkloadID]string{}}
	l := newLeaver(r, n)
	c := &crowds{l, t.addresses, findCrowds(t.scope, t.addresses, sp)}
	x := &gatherer{t.scope, t, sp, n, r, l, c, &heaps{l, findHeaps(c)}, nil}
	most := 0
	for i, e := range t.g.AllEdges() {
		if t.accepted(i) {
			for range t.ends(e) {
				most++
			}
		}
	}
	x.needs = make([]need, 0, most)
	for i, e := range t.g.AllEdges() {
		for en := range t.ends(e) {
			x.end(i, e, en)
		}
	}
	return x.needs
}

func (x *gatherer) end(i graph.EdgeID, e *graph.Edge, en edgeEnd) {
	if !x.accepted(i) {
		x.leaveOut(i, e, en)
		return
	}
	if why := x.suspect[i]; why != "" && x.cfg.HoldSuspect {
		x.block(en.namespace, en.dir, x.holdable(en.self), i, x.edgeText(e)+": "+why)
		return
	}
	self := &x.g.Peers[en.self]
	if x.g.Peers[en.peer].Kind != model.KindPod && !x.decides(en.dir) {
		return // it stays open, whatever is written: see remarkOpen
	}
	if why, consequence := x.inexpressible(e, en); why != "" {
		x.lose(Loss{i, en.namespace, en.dir, x.edgeText(e) + ": " + why, consequence}, x.holdable(en.self))
		return
	}
	if x.crowds.crowded(i, e, en) || x.heaps.heaped(i, e, en) {
		return
	}
	remarkEdge(x.scope, x.notes, i, en)
	x.needs = append(x.needs, need{self.Workload, en.namespace, en.dir, en.peer, e.Proto, e.Port, lastPort(e), i, false})
}

// inexpressible says why the dialect has no rule for an edge at one end, and what follows; "" if it has.
func (x *gatherer) inexpressible(e *graph.Edge, en edgeEnd) (why, consequence string) {
	if self := x.selectable(en.self); self != "" {
		return self, "no policy can select this end, a default deny would cut it"
	}
	why = x.unsayable(e, en)
	if why == "" {
		return "", ""
	}
	consequence = "isolating " + x.g.Peers[en.self].ID + " for " + en.dir.String() + " would cut it"
	if !e.Proto.HasPorts() {
		// Who is pinged once would keep every port open for whoever did: the reviewer has to know, and how to close it.
		consequence += fmt.Sprintf("; what holds it open is every port, since no rule says less: if nothing needs it, decide: "+
			"{source: %q, destination: %q, port: %s, verdict: ignore, reason: ...}",
			x.g.Peers[e.Src].ID, x.g.Peers[e.Dst].ID, e.PortString())
	}
	return why, consequence
}

// unsayable says why the dialect has no rule for an edge at one end that can be selected, "" if it has.
func (x *gatherer) unsayable(e *graph.Edge, en edgeEnd) string {
	if e.Proto.HasPorts() && e.Port == 0 {
		return "the log does not name the port"
	}
	peer := &x.g.Peers[en.peer]
	switch peer.Kind {
	case model.KindPod:
		if why := x.selectable(en.peer); why != "" {
			return why
		}
		if w := &x.g.Workloads[peer.Workload]; x.foreign(peer) {
			if _, ok := x.ofCluster(policy.Peer{}, w.Cluster); !ok {
				return fmt.Sprintf("no peer of the dialect %s selects pods of another cluster (%q)", x.speech.name(), w.Cluster)
			}
		}
	case model.KindAddress:
		if why := x.masked(peer, en.dir); why != "" {
			return why
		}
	case model.KindEntity:
		if narrowest(peer.Entities) == model.World {
			return x.peerless(peer) // everything outside is never chosen silently
		}
	case model.KindHost:
		if len(x.nodePeers(en.namespace)) == 0 {
			return "there is no peer for a node (" + toAllow(NodesNetwork) + ")"
		}
	case model.KindNetwork, model.KindNetworkSet:
		if len(x.network(en.namespace, peer)) == 0 {
			return "the log has no addresses for " + nameless(peer, en.dir) +
				" (name its CIDRs as network " + peer.NetworkName() + " in the configuration)"
		}
	default:
		return "the log does not identify the peer"
	}
	rule := policy.Rule{Direction: en.dir, AnyPeer: true,
		Ports: []policy.Port{{Proto: e.Proto, First: e.Port, Last: lastPort(e)}}}
	if !x.says(rule) {
		return "the dialect " + x.speech.name() + " has no rule for " + e.Proto.String() + " alone"
	}
	if peer.Kind == model.KindPod {
		return ""
	}
	rule.Peers, rule.AnyPeer = []policy.Peer{x.peer(en.namespace, en.peer)}, false
	if !x.says(rule) {
		return x.peerless(peer)
	}
	return ""
}

// nameless says what may stand behind a name that a log of Calico has in place of addresses. What a node sends to its
// own pods passes no policy of Calico, so that no record tells of it (filterOutputChain and tc.c of Felix 3.31).
func nameless(p *graph.Peer, dir model.Direction) string {
	switch {
	case p.Kind == model.KindNetworkSet:
		return "NetworkSet " + p.NetworkName()
	case p.Name == "pvt" && dir == model.Ingress:
		return "network pvt: other nodes, by the addresses of their tunnels too, or hosts outside, and no kubelet that probes its " +
			"own pods, which this log leaves out"
	}
	return "network " + p.Name
}

// peerless says why the dialect has no peer for something outside the cluster's pods.
func (x *gatherer) peerless(p *graph.Peer) string {
	what := p.ID
	if p.Kind == model.KindEntity {
		what = p.Entities.String()
	}
	why := "the dialect " + x.speech.name() + " has no peer for " + what
	switch e := p.Entities; {
	case narrowest(e) == model.World:
		return "the log gives no address for the outside peer"
	case e&nodeEntities != 0:
		return why + ": Cilium finds a node by its identity, and by no range of addresses"
	}
	return why
}
