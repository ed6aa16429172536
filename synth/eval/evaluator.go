package eval

import (
	"sync/atomic"

	"sluice/model"
	"sluice/synth/policy"
)

// Evaluator decides connections by one set of policies. It does not change and safe for concurrent use.
type Evaluator struct {
	set         policy.PolicySet
	semantics   Semantics
	networks    map[string][]*policy.Network // by name; Peers do not say of which kind
	byNamespace map[string]*subjects
	clusterWide []int
	rules       [][3]lanes                 // per policy and direction
	ordered     []bool                     // per policy: its meaning depends on tiers or order
	denies      []bool                     // per policy: not all of its rules allow
	tiers       *tiers                     // Calico's order of evaluation
	peers       [][]peerSet                // per policy and rule, its peers
	ids         [][]atomic.Pointer[string] // per policy and rule, its id once it was asked for

	ofPods, ofNamespaces conditions
	pairs                pairs
}

// New prepares a set. The set must not change afterwards.
func New(set policy.PolicySet, sem Semantics) *Evaluator {
	e := &Evaluator{set: set, semantics: sem, byNamespace: map[string]*subjects{},
		networks: map[string][]*policy.Network{},
		rules:    make([][3]lanes, len(set.Policies)), ordered: make([]bool, len(set.Policies)),
		denies: make([]bool, len(set.Policies)),
		peers:  make([][]peerSet, len(set.Policies)),
		ids:    make([][]atomic.Pointer[string], len(set.Policies)),
		pairs:  newPairs()}
	if sem == Calico {
		e.tiers = newTiers(set)
	}
	for i := range set.Networks {
		n := &set.Networks[i]
		e.networks[n.Name] = append(e.networks[n.Name], n)
	}
	for i := range set.Policies {
		p := &set.Policies[i]
		e.ids[i] = make([]atomic.Pointer[string], len(p.Rules))
		if p.Staged || neverRead(p, sem) {
			continue
		}
		if p.Namespace == "" {
			e.clusterWide = append(e.clusterWide, i)
		} else {
			if e.byNamespace[p.Namespace] == nil {
				e.byNamespace[p.Namespace] = &subjects{}
			}
			e.byNamespace[p.Namespace].add(i, p.Subject)
		}
		e.ordered[i] = p.Sequential() || p.Tier != "" && p.Tier != policy.DefaultTier
		e.peers[i] = make([]peerSet, len(p.Rules))
		for j := range p.Rules {
			r := &p.Rules[j]
			e.peers[i][j] = e.resolve(p, r.Peers)
			e.rules[i][r.Direction].all = append(e.rules[i][r.Direction].all, e.laneOf(p, j))
			e.ordered[i] = e.ordered[i] || r.Action == policy.Pass
			e.denies[i] = e.denies[i] || r.Action != policy.Allow
		}
		for d := range e.rules[i] {
			e.rules[i][d].sort()
		}
	}
	e.pairs.placed = nil
	return e
}

// Policies returns the set that decides; Part refers to it by index.
func (e *Evaluator) Policies() policy.PolicySet { return e.set }

// Decide reports whether a connection from src to port of dst may be made. Both ends must be of this Evaluator. For
// ICMP the port is the message type.
func (e *Evaluator) Decide(src, dst *End, proto model.Proto, port uint16) Decision {
	d := Decision{
		Egress:  e.part(model.Egress, src, dst, dst, proto, port),
		Ingress: e.part(model.Ingress, dst, src, dst, proto, port),
	}
	eg, in := d.Egress.Outcome, d.Ingress.Outcome
	d.Allowed = eg == Allowed && in == Allowed
	d.Unknown = !d.Allowed && eg != Denied && in != Denied
	return d
}

// part decides one direction: that of subject, whose other end is peer.
func (e *Evaluator) part(d model.Direction, subject, peer, server *End, proto model.Proto, port uint16) Part {
	a := asked{d, subject, peer, server, proto, port}
	if subject.selection(d).surrounded() {
		return e.around(&a)
	}
	p, _ := e.namespaced(&a)
	return p
}
