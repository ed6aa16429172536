package eval

import (
	"iter"

	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// lane is a rule and the ports that it can match at most: most rules of a policy are told apart by them without being
// read.
type lane struct {
	rule        int
	proto       model.Proto // 0: several, or any
	first, last uint16      // inclusive
}

func newLane(rule int, r *policy.Rule) lane {
	l := lane{rule: rule, first: policy.LastPort}
	if r.AnyPort {
		return lane{rule: rule, last: policy.LastPort}
	}
	for i := range r.Ports {
		p := &r.Ports[i]
		first, last := p.First, p.Last
		if p.Name != "" {
			first, last = 0, policy.LastPort
		}
		l.first, l.last = min(l.first, first), max(l.last, last)
		if i == 0 {
			l.proto = p.Proto
		} else if l.proto != p.Proto {
			l.proto = 0
		}
	}
	return l
}

// rulesFor yields the rules of a policy that may match a connection, in their order.
func (e *Evaluator) rulesFor(policy int, a *asked) iter.Seq[int] {
	lanes := e.rules[policy][a.dir]
	return func(yield func(int) bool) {
		for k := range lanes {
			if !lanes[k].misses(a.proto, a.port) && !yield(lanes[k].rule) {
				return
			}
		}
	}
}

// misses reports whether the rule matches nothing on a port.
func (l *lane) misses(proto model.Proto, port uint16) bool {
	return l.proto != 0 && l.proto != proto || port < l.first || port > l.last
}

// closed reports whether Calico does not understand a rule of a policy around those of namespaces, and so closes it.
func closed(p *policy.Policy, r *policy.Rule) bool {
	return p.Around() && slices.ContainsFunc(r.Peers, func(q policy.Peer) bool {
		return q.Kind == policy.PeerNodes || q.Kind == policy.PeerFQDN
	})
}

// nameless reports whether Calico takes a rule for one of every port: up to 3.31, which was the last to read
// AdminNetworkPolicies, it did not know the names of ports in them.
func nameless(p *policy.Policy, r *policy.Rule) bool {
	return strings.HasSuffix(p.Kind, "AdminNetworkPolicy") &&
		slices.ContainsFunc(r.Ports, func(q policy.Port) bool { return q.Name != "" })
}

// laneOf is the lane of a rule. One that Calico closes matches every port, or nothing where it would allow.
func (e *Evaluator) laneOf(p *policy.Policy, j int) lane {
	r := &p.Rules[j]
	if e.semantics == Cilium && asking(p, r) || e.semantics == Calico && nameless(p, r) {
		return lane{rule: j, last: policy.LastPort}
	}
	if e.semantics != Calico || !closed(p, r) {
		return newLane(j, r)
	}
	if r.Action == policy.Allow {
		return lane{rule: j, first: policy.LastPort, last: 0}
	}
	return lane{rule: j, last: policy.LastPort}
}

// asking reports whether a rule lets its pods ask for names as well.
func asking(p *policy.Policy, r *policy.Rule) bool {
	return p.Around() && r.Action == policy.Allow &&
		slices.ContainsFunc(r.Peers, func(q policy.Peer) bool { return q.Kind == policy.PeerFQDN })
}
