package eval

import (
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

// lanes are those of a policy for one direction.
type lanes struct {
	all []lane // in the order of the rules
	// Where they are many, those of one port by it and then in their order, and the others.
	single, wide []lane
}

// few are as many lanes as are looked through one by one.
const few = 8

// sort divides the lanes.
func (l *lanes) sort() {
	if len(l.all) <= few {
		l.wide = l.all
		return
	}
	for _, x := range l.all {
		if x.proto != 0 && x.first == x.last {
			l.single = append(l.single, x)
		} else {
			l.wide = append(l.wide, x)
		}
	}
	slices.SortStableFunc(l.single, func(a, b lane) int { return a.compare(b.proto, b.first) })
}

// compare orders lanes of one port.
func (l *lane) compare(proto model.Proto, port uint16) int {
	if l.proto != proto {
		return int(l.proto) - int(proto)
	}
	return int(l.first) - int(port)
}

// rules goes through the rules of a policy that may match a connection, in their order.
type rules struct {
	proto        model.Proto
	port         uint16
	single, wide []lane // left, of the one kind on the port alone
}

func (e *Evaluator) rulesFor(policy int, a *asked) rules {
	l := &e.rules[policy][a.dir]
	first, end := 0, len(l.single)
	for first < end {
		if m := int(uint(first+end) >> 1); l.single[m].compare(a.proto, a.port) < 0 {
			first = m + 1
		} else {
			end = m
		}
	}
	for end < len(l.single) && l.single[end].compare(a.proto, a.port) == 0 {
		end++
	}
	return rules{a.proto, a.port, l.single[first:end], l.wide}
}

// next is the next rule, -1 after the last one.
func (r *rules) next() int {
	for len(r.wide) > 0 && r.wide[0].misses(r.proto, r.port) {
		r.wide = r.wide[1:]
	}
	from := &r.wide
	if len(r.wide) == 0 || len(r.single) > 0 && r.single[0].rule < r.wide[0].rule {
		if from = &r.single; len(r.single) == 0 {
			return -1
		}
	}
	rule := (*from)[0].rule
	*from = (*from)[1:]
	return rule
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
