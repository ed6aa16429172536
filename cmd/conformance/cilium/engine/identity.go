package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/policy/api"
)

// identities gives ends the identities that the agent would.
type identities struct {
	read     *objects
	prefixes []netip.Prefix
	names    []*api.FQDNSelector
	next     identity.NumericIdentity
}

// other is the number of a cluster that the policies are not of; theirs is 0.
const other = 2

func newIdentities(read *objects) *identities {
	return &identities{read: read, prefixes: read.prefixes(), names: read.names(), next: 1000}
}

// of returns the identity of an end.
func (ids *identities) of(end *End) (*identity.Identity, error) {
	switch {
	case end.Namespace != "":
		var of identity.NumericIdentity
		if end.Cluster != "" {
			of = other << identity.GetClusterIDShift()
		}
		return ids.number(of, podLabels(end)), nil
	case end.Address != "" && (len(end.Entities) == 0 || slices.Contains(end.Entities, "world")):
		return ids.outside(end)
	case len(end.Entities) == 1:
		n := identity.GetReservedID(end.Entities[0])
		if n == identity.IdentityUnknown {
			return nil, fmt.Errorf("no entity %q", end.Entities[0])
		}
		return identity.LookupReservedIdentity(n), nil
	}
	l := labels.Labels{}
	for _, name := range end.Entities {
		l.MergeLabels(labels.NewLabelsFromModel([]string{"reserved:" + name}))
	}
	if len(l) == 0 {
		return nil, fmt.Errorf("an end without namespace, address and entities")
	}
	return ids.number(identity.ScopeForLabels(l), l), nil
}

// number returns the next identity. By its first bits Cilium takes it together with its kind: pods of the cluster, pods
// of others, nodes, and what is outside.
func (ids *identities) number(scope identity.NumericIdentity, l labels.Labels) *identity.Identity {
	ids.next++
	return identity.NewIdentity(scope|ids.next, l)
}

// podLabels are a pod's labels and what the agent adds to them.
func podLabels(end *End) labels.Labels {
	l := labels.Labels{}
	add := func(k, v string) { l.MergeLabels(labels.Labels{k: labels.NewLabel(k, v, labels.LabelSourceK8s)}) }
	for k, v := range end.Labels {
		add(k, v)
	}
	for k, v := range end.NamespaceLabels {
		add("io.cilium.k8s.namespace.labels."+k, v)
	}
	add("io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name", end.Namespace)
	add("io.kubernetes.pod.namespace", end.Namespace)
	add("io.cilium.k8s.policy.serviceaccount", cmp.Or(end.ServiceAccount, "default"))
	if end.Cluster == "" {
		add("io.cilium.k8s.policy.cluster", cluster)
	} else {
		add("io.cilium.k8s.policy.cluster", end.Cluster)
	}
	return l
}

// outside returns the identity of an address: the longest network that policies name, the groups of every network
// around it, and the selectors of names that find one of its own.
func (ids *identities) outside(end *End) (*identity.Identity, error) {
	a, err := netip.ParseAddr(end.Address)
	if err != nil {
		return nil, err
	}
	longest := netip.PrefixFrom(a, 0).Masked()
	for _, p := range ids.prefixes {
		if p.Contains(a) && p.Bits() > longest.Bits() {
			longest = p
		}
	}
	l := labels.GetCIDRLabels(longest)
	for name, prefixes := range ids.read.groups {
		if slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
			g := api.LabelForCIDRGroupRef(name)
			l[g.Key] = g
		}
	}
	for _, s := range ids.names {
		re, err := s.ToRegex()
		if err != nil {
			return nil, err
		}
		for _, name := range end.Names {
			if re.MatchString(strings.TrimSuffix(strings.ToLower(name), ".") + ".") {
				f := s.IdentityLabel()
				l[f.Key] = f
			}
		}
	}
	for _, name := range end.Entities {
		if name != "world" {
			l.MergeLabels(labels.NewLabelsFromModel([]string{"reserved:" + name}))
		}
	}
	return ids.number(identity.ScopeForLabels(l), l), nil
}
