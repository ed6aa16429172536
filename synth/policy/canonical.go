package policy

import (
	"cmp"
	"net/netip"
	"slices"
)

// sortedSet returns a sorted copy without repetitions, nil when empty.
func sortedSet[S ~[]E, E any](s S, compare func(a, b E) int) S {
	if len(s) == 0 {
		return nil
	}
	return makeSet(slices.Clone(s), compare)
}

// makeSet makes a list that nobody else has a sorted one without repetitions, nil when empty.
func makeSet[S ~[]E, E any](s S, compare func(a, b E) int) S {
	switch len(s) {
	case 0:
		return nil
	case 1:
		return s
	}
	slices.SortFunc(s, compare)
	return slices.CompactFunc(s, func(a, b E) bool { return compare(a, b) == 0 })
}

// Canonical returns the set in the one order in which equal sets are equal values: policies by namespace and name,
// rules, peers, ports and selectors by their content, repetitions removed. The rules of a policy in which their order
// matters keep it. It changes no meaning and merges nothing.
func (s PolicySet) Canonical() PolicySet {
	out := make([]Policy, len(s.Policies))
	for i := range s.Policies {
		out[i] = s.Policies[i].Canonical()
	}
	slices.SortFunc(out, comparePolicies)
	return PolicySet{Policies: out, Tiers: canonicalTiers(s.Tiers), Networks: canonicalNetworks(s.Networks)}
}

// Equal reports whether two sets say the same in the same policies, wherever they were read.
func (s PolicySet) Equal(t PolicySet) bool {
	same := func(a, b Policy) bool { return comparePolicies(a, b) == 0 }
	s, t = s.Canonical(), t.Canonical()
	return slices.EqualFunc(s.Policies, t.Policies, same) && slices.CompareFunc(s.Tiers, t.Tiers, compareTiers) == 0 &&
		slices.CompareFunc(s.Networks, t.Networks, compareNetworks) == 0
}

// Canonical returns the policy in canonical order.
func (p Policy) Canonical() Policy {
	p.Subject, p.SubjectNamespaces = p.Subject.Canonical(), p.SubjectNamespaces.Canonical()
	rules := make([]Rule, len(p.Rules))
	for i, r := range p.Rules {
		rules[i] = r.Canonical()
	}
	if p.Rules = rules; !p.Sequential() {
		p.Rules = makeSet(rules, compareRules)
	}
	return p
}

// Canonical returns the rule in canonical order. AnyPeer and AnyPort win over what is listed beside them.
func (r Rule) Canonical() Rule {
	r.Peers, r.Self = canonicalPeers(r.Peers), canonicalPeers(r.Self)
	r.Ports, r.NotPorts = sortedSet(r.Ports, comparePorts), sortedSet(r.NotPorts, comparePorts)
	if r.AnyPeer {
		r.Peers = nil
	}
	if r.AnyPort {
		r.Ports = nil
	}
	return r
}

// Canonical returns the peer in canonical order, its addresses masked.
func (p Peer) Canonical() Peer {
	p.Namespaces, p.Pods = p.Namespaces.Canonical(), p.Pods.Canonical()
	p.CIDR = p.CIDR.Masked()
	except := make([]netip.Prefix, len(p.Except))
	for i, e := range p.Except {
		except[i] = e.Masked()
	}
	p.Except = makeSet(except, netip.Prefix.Compare)
	p.All, p.None = canonicalPeers(p.All), canonicalPeers(p.None)
	return p
}

func canonicalPeers(list []Peer) []Peer {
	out := make([]Peer, len(list))
	for i, p := range list {
		out[i] = p.Canonical()
	}
	return makeSet(out, comparePeers)
}

func comparePolicies(a, b Policy) int {
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
		a.Subject.Compare(b.Subject),
		a.SubjectNamespaces.Compare(b.SubjectNamespaces),
		cmp.Compare(a.SubjectEntities, b.SubjectEntities),
		compareBools(
			a.EntitiesOnly,
			b.EntitiesOnly,
		),
		compareBools(a.Ingress, b.Ingress),
		compareBools(a.Egress, b.Egress),
		cmp.Compare(a.Tier, b.Tier),
		compareOrders(a.Order, b.Order),
		compareBools(a.Staged, b.Staged),
		slices.CompareFunc(a.Rules, b.Rules, compareRules),
	)
}

func compareRules(a, b Rule) int {
	return cmp.Or(
		cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Action, b.Action),
		compareBools(a.AnyPeer, b.AnyPeer),
		slices.CompareFunc(
			a.Peers,
			b.Peers,
			comparePeers,
		),
		compareBools(a.AnyPort, b.AnyPort),
		slices.CompareFunc(a.Ports, b.Ports, comparePorts),
		slices.CompareFunc(a.Self, b.Self, comparePeers),
		slices.CompareFunc(a.NotPorts, b.NotPorts, comparePorts),
	)
}

func comparePeers(a, b Peer) int {
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind),
		a.Namespaces.Compare(b.Namespaces),
		a.Pods.Compare(b.Pods),
		a.CIDR.Compare(b.CIDR),
		slices.CompareFunc(
			a.Except,
			b.Except,
			netip.Prefix.Compare,
		),
		cmp.Compare(a.Entities, b.Entities),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(
			a.Namespace,
			b.Namespace,
		),
		slices.CompareFunc(a.All, b.All, comparePeers),
		slices.CompareFunc(a.None, b.None, comparePeers),
	)
}

func comparePorts(a, b Port) int {
	return cmp.Or(
		cmp.Compare(a.Proto, b.Proto),
		cmp.Compare(a.First, b.First),
		cmp.Compare(a.Last, b.Last),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Code, b.Code),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareOrders puts nil last, where Calico evaluates it.
func compareOrders(a, b *float64) int {
	if a == nil || b == nil {
		return compareBools(a == nil, b == nil)
	}
	return cmp.Compare(*a, *b)
}
