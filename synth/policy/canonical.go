package policy

import (
	"cmp"
	"net/netip"
	"slices"
)

// Most of what is asked for its canonical order has it already. Each of the functions below then returns what it was
// given, clipped: nothing is copied, and who appends writes into nobody's list.

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
	if p.areRules() {
		p.Rules = slices.Clip(p.Rules)
		return p
	}
	rules := make([]Rule, len(p.Rules))
	for i, r := range p.Rules {
		rules[i] = r.Canonical()
	}
	if p.Rules = rules; !p.Sequential() {
		p.Rules = makeSet(rules, compareRules)
	}
	return p
}

// areRules reports whether the rules are in canonical order.
func (p *Policy) areRules() bool {
	if len(p.Rules) == 0 || p.Sequential() {
		return p.Rules == nil
	}
	for i := range p.Rules {
		if !p.Rules[i].canonical() || i > 0 && compareRules(p.Rules[i-1], p.Rules[i]) >= 0 {
			return false
		}
	}
	return true
}

// canonical reports whether Canonical would change nothing.
func (r *Rule) canonical() bool {
	return arePeers(r.Peers) && arePeers(r.Self) && isSet(r.Ports, comparePorts) && isSet(r.NotPorts, comparePorts) &&
		!(r.AnyPeer && r.Peers != nil) && !(r.AnyPort && r.Ports != nil)
}

// Share returns p with the lists of q where the two say the same, so that they are kept once, and whether they do. Both
// are canonical.
func (p Policy) Share(q *Policy) (Policy, bool) {
	if comparePolicies(p, *q) != 0 {
		return p, false
	}
	rules := make([]Rule, len(p.Rules))
	for i := range rules {
		rules[i] = q.Rules[i]
		rules[i].Source = p.Rules[i].Source
	}
	shared := *q
	shared.Kind, shared.Bundle, shared.Source, shared.Rules = p.Kind, p.Bundle, p.Source, rules
	return shared, true
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
	p.CIDR = masked(p.CIDR)
	if slices.ContainsFunc(p.Except, func(e netip.Prefix) bool { return e != e.Masked() }) {
		except := make([]netip.Prefix, len(p.Except))
		for i, e := range p.Except {
			except[i] = e.Masked()
		}
		p.Except = except
	}
	p.Except = sortedSet(p.Except, netip.Prefix.Compare)
	p.All, p.None = canonicalPeers(p.All), canonicalPeers(p.None)
	return p
}

// masked spares the error that netip makes for a prefix that is none.
func masked(p netip.Prefix) netip.Prefix {
	if !p.IsValid() {
		return netip.Prefix{}
	}
	return p.Masked()
}

// canonical reports whether Canonical would change nothing.
func (p *Peer) canonical() bool {
	return p.Namespaces.canonical() && p.Pods.canonical() && p.CIDR == masked(p.CIDR) &&
		!slices.ContainsFunc(p.Except, func(e netip.Prefix) bool { return e != e.Masked() }) &&
		isSet(p.Except, netip.Prefix.Compare) && arePeers(p.All) && arePeers(p.None)
}

// arePeers reports whether a list of peers is in canonical order.
func arePeers(list []Peer) bool {
	if len(list) == 0 {
		return list == nil
	}
	for i := range list {
		if !list[i].canonical() || i > 0 && comparePeer(&list[i-1], &list[i]) >= 0 {
			return false
		}
	}
	return true
}

func canonicalPeers(list []Peer) []Peer {
	switch {
	case len(list) == 0:
		return nil
	case arePeers(list):
		return slices.Clip(list)
	}
	out := make([]Peer, len(list))
	for i, p := range list {
		out[i] = p.Canonical()
	}
	return makeSet(out, comparePeers)
}

// The comparisons stop at the first difference: cmp.Or would compare all of both.

func comparePolicies(a, b Policy) int {
	if c := cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name)); c != 0 {
		return c
	}
	if c := cmp.Or(
		a.Subject.Compare(b.Subject),
		a.SubjectNamespaces.Compare(b.SubjectNamespaces),
		cmp.Compare(a.SubjectEntities, b.SubjectEntities),
		compareBools(a.EntitiesOnly, b.EntitiesOnly),
		compareBools(a.Ingress, b.Ingress),
		compareBools(a.Egress, b.Egress),
		cmp.Compare(a.Tier, b.Tier),
		compareOrders(a.Order, b.Order),
		compareBools(a.Staged, b.Staged),
	); c != 0 {
		return c
	}
	return slices.CompareFunc(a.Rules, b.Rules, compareRules)
}

func compareRules(a, b Rule) int {
	if c := cmp.Or(
		cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Action, b.Action),
		compareBools(a.AnyPeer, b.AnyPeer),
	); c != 0 {
		return c
	}
	if c := slices.CompareFunc(a.Peers, b.Peers, comparePeers); c != 0 {
		return c
	}
	return cmp.Or(
		compareBools(a.AnyPort, b.AnyPort),
		slices.CompareFunc(a.Ports, b.Ports, comparePorts),
		slices.CompareFunc(a.Self, b.Self, comparePeers),
		slices.CompareFunc(a.NotPorts, b.NotPorts, comparePorts),
	)
}

func comparePeers(a, b Peer) int { return comparePeer(&a, &b) }

func comparePeer(a, b *Peer) int {
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	if c := a.Namespaces.Compare(b.Namespaces); c != 0 {
		return c
	}
	if c := a.Pods.Compare(b.Pods); c != 0 {
		return c
	}
	return cmp.Or(
		compareBools(a.Inside, b.Inside),
		a.CIDR.Compare(b.CIDR),
		slices.CompareFunc(a.Except, b.Except, netip.Prefix.Compare),
		cmp.Compare(a.Entities, b.Entities),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Namespace, b.Namespace),
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
