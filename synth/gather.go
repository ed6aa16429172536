package synth

import (
	"cmp"
	"fmt"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// need is one thing that a policy of subject must allow: an accepted edge seen from one of its ends.
type need struct {
	subject   int    // index into Graph.Workloads
	namespace string // of the subject
	dir       model.Direction
	peer      int // index into Graph.Peers
	proto     model.Proto
	port      uint16
	last      uint16 // port, or the last of a range, inclusive
	edge      int    // index into Graph.Edges: the evidence
	widened   bool   // opened beside what was seen
}

// gatherer sorts the edges: into needs, or into findings where there is no rule for one.
type gatherer struct {
	*scope
	*translator
	*speech
	*notes
	labels map[int]string // by workload: why no policy can name it, "" for nothing
	// fanOut has the edges that belong to one of Graph.FanOuts, fannedOut those that were noted.
	fanOut    map[int]int
	fannedOut map[fanOutIn]bool
	needs     []need
}

// gather returns what the policies must allow.
func gather(t *translator, sp *speech, n *notes) []need {
	x := &gatherer{scope: t.scope, translator: t, speech: sp, notes: n, labels: map[int]string{},
		fanOut: fanOuts(t.g), fannedOut: map[fanOutIn]bool{}}
	for i := range t.g.Edges {
		e := &t.g.Edges[i]
		for _, en := range t.ends(e) {
			x.end(i, e, en)
		}
	}
	return x.needs
}

func (x *gatherer) end(i int, e *graph.Edge, en end) {
	if !x.accepted(i) {
		x.leaveOut(i, e, en)
		return
	}
	self := &x.g.Peers[en.self]
	if why, consequence := x.inexpressible(e, en); why != "" {
		x.lose(i, en, x.holdable(en.self), x.edgeText(e)+": "+why, consequence)
		return
	}
	x.remark(i, e, en)
	x.needs = append(x.needs, need{self.Workload, en.namespace, en.dir, en.peer, e.Proto, e.Port, e.Port, i, false})
}

// inexpressible says why the dialect has no rule for an edge at one end, and what follows; "" if it has.
func (x *gatherer) inexpressible(e *graph.Edge, en end) (why, consequence string) {
	cut := "isolating " + x.g.Peers[en.self].ID + " for " + en.dir.String() + " would cut it"
	if self := x.selectable(en.self); self != "" {
		return self, "no policy can select this end, a default deny would cut it"
	}
	if e.Proto.HasPorts() && e.Port == 0 {
		return "the log does not name the port", cut
	}
	peer := &x.g.Peers[en.peer]
	switch peer.Kind {
	case model.KindPod:
		if why := x.selectable(en.peer); why != "" {
			return why, cut
		}
		if x.g.Workloads[peer.Workload].Cluster != x.cluster {
			return "no peer selects pods of another cluster", cut
		}
	case model.KindAddress:
	case model.KindEntity:
		if narrowest(peer.Entities) == model.World {
			return x.peerless(peer), cut // everything outside is never chosen silently
		}
	case model.KindHost:
		if len(x.network(en.namespace, NodesNetwork)) == 0 {
			return "there is no peer for a node (name the CIDRs of the nodes as network " + NodesNetwork + " in the configuration)", cut
		}
	case model.KindNetwork, model.KindNetworkSet:
		if len(x.network(en.namespace, peer.Name)) == 0 {
			what := map[model.Kind]string{model.KindNetwork: "network ", model.KindNetworkSet: "NetworkSet "}[peer.Kind]
			return "the log has no addresses for " + what + peer.Name + " (name its CIDRs under networks in the configuration)", cut
		}
	default:
		return "the log does not identify the peer", cut
	}
	rule := policy.Rule{Direction: en.dir, AnyPeer: true, Ports: []policy.Port{policy.OnePort(e.Proto, e.Port)}}
	if !x.says(rule) {
		return "the dialect " + x.speech.name() + " has no rule for " + e.Proto.String() + " alone", cut
	}
	rule.Peers, rule.AnyPeer = []policy.Peer{x.peer(en.namespace, en.peer)}, false
	if peer.Kind != model.KindPod && !x.says(rule) {
		return x.peerless(peer), cut
	}
	return "", ""
}

// nodes are the entities that are a node's addresses.
const nodes = model.Host | model.RemoteNode | model.KubeAPIServer

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
	case e&nodes != 0:
		return why + ": node addresses change and match differently on every network plugin"
	}
	return why
}

// holdable returns the workload of a pod peer where a policy can select it and nothing else, else -1.
func (x *gatherer) holdable(peer int) int {
	if x.selectable(peer) != "" {
		return -1
	}
	return x.g.Peers[peer].Workload
}

// selectable says why no selector reaches a pod peer, "" if one does.
func (x *gatherer) selectable(peer int) string {
	p := &x.g.Peers[peer]
	if p.Workload < 0 {
		return p.ID + " cannot be selected: " + cmp.Or(p.Refusal, "the log has no labels for it")
	}
	w := &x.g.Workloads[p.Workload]
	if len(w.Selector) == 0 {
		return p.ID + " cannot be selected: " + w.Refusal
	}
	if why := x.speech.namespace(w.Namespace); why != "" {
		return p.ID + " cannot be selected: " + why
	}
	why, ok := x.labels[p.Workload]
	if !ok {
		why = x.speech.labels(policy.MatchLabels(w.Selector))
		x.labels[p.Workload] = why
	}
	if why != "" {
		return p.ID + " cannot be selected: " + why
	}
	return ""
}

// leaveOut notes an edge that is not learned.
func (x *gatherer) leaveOut(i int, e *graph.Edge, en end) {
	if x.leaveDecided(i, e, en) || x.leavePending(i, e, en) {
		return
	}
	if e.State == graph.Denied {
		x.find(KindDenied.at(i, en.namespace, en.dir, x.edgeText(e)+" was denied by policy",
			"it stays denied; learn it with --learn-denied or a decision"))
		return
	}
	text := fmt.Sprintf("%s: records refused: %d (%s)", x.edgeText(e), e.RefusedRecords, e.Reason)
	if why := cmp.Or(x.g.Peers[e.Src].Refusal, x.g.Peers[e.Dst].Refusal); e.Reason == model.Unlabelled && why != "" {
		text += ": " + why
	}
	if e.NeverWorked {
		x.find(
			KindRefused.at(i, en.namespace, en.dir, text, "every record of it was a denial: nothing depends on it").
				as(Info),
		)
		return
	}
	x.find(KindRefused.at(i, en.namespace, en.dir, text, "no rule is learned from it, a default deny may cut it"))
	x.block(en.namespace, en.dir, x.holdable(en.self), text)
	if e.Reason == model.UnknownDirection {
		// Which end is the server is open, so the other direction of this end may be the one that is cut.
		x.block(en.namespace, opposite(en.dir), x.holdable(en.self), text)
	}
}

func opposite(d model.Direction) model.Direction {
	if d == model.Egress {
		return model.Ingress
	}
	return model.Egress
}

// remark notes what is odd about an edge that is learned.
func (x *gatherer) remark(i int, e *graph.Edge, en end) {
	note := func(kind Kind, text, consequence string) {
		x.find(kind.at(i, en.namespace, en.dir, x.edgeText(e)+" "+text, consequence))
	}
	switch e.State {
	case graph.Mixed:
		note(KindMixed, "worked and was also denied", "it is allowed; check that it should be")
	case graph.Denied:
		note(KindLearnedDenied, "was denied by policy", "it is allowed because denied edges are learned")
	default:
	}
	for _, m := range []struct {
		mark              model.Marks
		kind              Kind
		text, consequence string
	}{
		{model.MarkWorldPod, KindWorldPod, "has an end that is a pod by name and world by identity",
			"the rule names the pod; the datapath may enforce on world and drop it"},
		{model.MarkUnmanaged, KindUnmanaged, "has an end that the network plugin does not manage", "no policy is enforced at that end"},
		{model.MarkHostNetwork, KindHostNetwork, "has a pod on the network of its node", "it is its node to every policy"},
		{model.MarkL7Denied, KindL7Denied, "had requests denied by an L7 rule", "the connection is allowed, its requests stay the L7 rule's"},
		{model.MarkStagedDeny, KindAudit, "would be denied by a staged policy of the cluster", "the staged policy and this one disagree"},
	} {
		if e.Marks&m.mark != 0 {
			note(m.kind, m.text, m.consequence)
		}
	}
	if x.g.Peers[en.peer].Kind == model.KindAddress {
		text := "has an outside peer that is known by its address"
		if len(e.Names) > 0 {
			text += " (asked for as " + strings.Join(e.Names, ", ") + ")"
		}
		note(KindFragile, text, "the rule breaks when the address changes")
		if len(owners(e.Names)) > 1 {
			note(KindOwners, "has names of several owners for one address, asked for by "+x.g.Peers[e.Src].ID+": "+
				strings.Join(e.Names, ", "),
				"where the dialect allows names each is allowed, and its owner can point it at any address; "+
					"reject those that are not needed")
		}
	}
}
