package synth

import (
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// noEdge is the edge of an obstacle that is of none.
const noEdge = graph.EdgeID(-1)

// mostStrays is how many connections that stand in the way are kept by rules of their own; of more, all is.
const mostStrays = 100

// stray is a connection that nothing can be learned from: of a workload, or of a pod that the log does not name. Any
// pod of the namespace may be the one that needs that.
type stray struct {
	rule     policy.Rule
	workload graph.WorkloadID // anyPod for one that the log does not name
	peer     graph.PeerID
	proto    model.Proto
	port     uint16
	any      bool // what it needs no rule can say, or nobody knows
}

// strays are those of one direction of a namespace.
type strays struct {
	*translator
	reach *reach
	ns    string
	d     model.Direction
	list  []stray
	has   map[graph.WorkloadID]map[int]bool // which of them a workload has learned rules for
}

// straysOf finds them among what stands in the way of a direction.
func straysOf(t *translator, sp *speech, ns string, d model.Direction, why []Obstacle) *strays {
	x := &strays{t, &reach{t.scope, sp, map[graph.WorkloadID]string{}}, ns, d, nil, map[graph.WorkloadID]map[int]bool{}}
	for _, o := range why {
		if o.Direction == d && o.Workload != unnamed {
			x.list = append(x.list, x.stray(o))
		}
	}
	if !slices.ContainsFunc(x.list, func(s stray) bool { return s.workload == anyPod }) {
		return x
	}
	for i, e := range t.g.AllEdges() {
		if !t.accepted(i) {
			continue
		}
		for en := range t.ends(e) {
			if en.namespace == ns && en.dir == d {
				x.learned(e, en)
			}
		}
	}
	return x
}

// learned notes which strays a workload may make by what is learned for it.
func (x *strays) learned(e *graph.Edge, en edgeEnd) {
	for i, s := range x.list {
		w := x.g.Peers[en.self].Workload
		same := s.peer == en.peer && s.proto == e.Proto && s.port == e.Port
		if w >= 0 && !s.any && same {
			if x.has[w] == nil {
				x.has[w] = map[int]bool{}
			}
			x.has[w][i] = true
		}
	}
}

// keeps returns the rules by which a workload keeps what is its own or may be, nil if it has them all. Where they are
// too many or cannot be said, the one rule allows everything.
func (x *strays) keeps(w graph.WorkloadID) []policy.Rule {
	var out []policy.Rule
	for i, s := range x.list {
		switch {
		case s.workload != w && (s.workload != anyPod || x.has[w][i]):
		case s.any:
			return []policy.Rule{{Direction: x.d, AnyPeer: true, AnyPort: true}}
		case !slices.ContainsFunc(out, func(r policy.Rule) bool { return r.String() == s.rule.String() }):
			out = append(out, s.rule)
		}
	}
	if len(out) > mostStrays {
		return []policy.Rule{{Direction: x.d, AnyPeer: true, AnyPort: true}}
	}
	return out
}

// stray says in a rule what stands in the way.
func (x *strays) stray(o Obstacle) stray {
	all := stray{workload: o.Workload, any: true}
	if o.Edge < 0 || x.g.Edges[o.Edge].Reason == model.ServiceAddress { // whose backends have ports of their own
		return all
	}
	e := &x.g.Edges[o.Edge]
	self, peer := e.Src, e.Dst
	if x.d == model.Ingress {
		self, peer = e.Dst, e.Src
	}
	s := stray{workload: o.Workload, peer: peer, proto: e.Proto, port: e.Port}
	s.rule = policy.Rule{Direction: x.d, AnyPeer: true, AnyPort: true}
	ends := slices.Collect(x.ends(e))
	here := slices.ContainsFunc(ends, func(en edgeEnd) bool { return en.dir == x.d && en.namespace == x.ns })
	if !here || x.reach.holdable(self) != o.Workload && x.reach.holdable(peer) == o.Workload {
		// Which end is the server is open, and it is the other way round.
		s.peer, s.port = self, 0
	} else if e.Proto != 0 && (e.Port != 0 || e.Proto.Whole()) &&
		e.Reason != model.UnknownDirection && e.Reason != model.NoPort {
		s.rule.AnyPort, s.rule.Ports = false, []policy.Port{{Proto: e.Proto, First: e.Port, Last: lastPort(e)}}
	}
	if peers := x.of(s.peer); len(peers) > 0 && !o.AnyPeer && !takenForOther(e) {
		narrow := s.rule
		narrow.AnyPeer, narrow.Peers = false, peers
		if !x.says(narrow) && !e.Proto.HasPorts() { // a rule for all ports allows it, and less than one for all peers
			narrow.AnyPort, narrow.Ports = true, nil
		}
		if x.says(narrow) {
			s.rule = narrow
			return s
		}
	}
	if s.rule.AnyPort || !x.says(s.rule) {
		return all
	}
	return s
}

// takenForOther reports whether the network plugin may not take an end for the pod that it is: what selects pods, even
// all of a namespace, does not find it.
func takenForOther(e *graph.Edge) bool {
	return e.ByAddress || e.Marks&(model.MarkUnmanaged|model.MarkWorldPod|model.MarkHostNetwork) != 0
}

// of returns the peers for one peer of the graph, those of its namespace for a pod that no selector names; none where
// that takes every peer.
func (x *strays) of(peer graph.PeerID) []policy.Peer {
	p := &x.g.Peers[peer]
	switch {
	case p.Masked() || p.Passing() || p.Kind == model.KindUnknown || p.Kind == model.KindPod && x.foreign(p):
		return nil
	case p.Kind == model.KindAddress && !p.Address.IsValid():
		return nil
	case p.Kind != model.KindPod:
		var out []policy.Peer
		for _, q := range x.peersOf(x.ns, []graph.PeerID{peer}, nil) {
			if q.Kind != policy.PeerNetwork {
				out = append(out, q)
				continue
			}
			for _, c := range x.cidrsOf(&q) {
				out = append(out, policy.Peer{Kind: policy.PeerCIDR, CIDR: c})
			}
		}
		return out
	case x.reach.selectable(peer) == "":
		return []policy.Peer{x.peer(x.ns, peer)}
	case x.reach.namespace(p.Namespace) == "":
		return []policy.Peer{policy.PodsIn(p.Namespace, nil)}
	}
	return nil
}
