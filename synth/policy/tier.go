package policy

import (
	"cmp"
	"net/netip"
	"slices"

	"sluice/model"
)

// DefaultTier is the tier of Calico that is always there, at order 1000000, and denies at its end.
const DefaultTier = "default"

// Tier is a stage of Calico's evaluation. One whose policies select a pod and match nothing denies, unless it passes.
type Tier struct {
	Name  string
	Order *float64 // nil is last
	Pass  bool     // leave what nothing matched to the next tier
}

// Network is a named set of addresses: a NetworkSet or GlobalNetworkSet of Calico, a CIDRGroup of Cilium.
type Network struct {
	Name      string
	Namespace string       // "" is cluster-wide
	Labels    model.Labels // what selectors find it by
	CIDRs     []netip.Prefix
}

// Sequential reports whether the order of the policy's rules matters: the first that matches decides.
func (p *Policy) Sequential() bool {
	return p.Tier != "" && slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.Action != Allow })
}

func canonicalTiers(list []Tier) []Tier { return sortedSet(list, compareTiers) }

func canonicalNetworks(list []Network) []Network {
	out := make([]Network, len(list))
	for i, n := range list {
		cidrs := make([]netip.Prefix, len(n.CIDRs))
		for j, c := range n.CIDRs {
			cidrs[j] = c.Masked()
		}
		n.CIDRs = sortedSet(cidrs, netip.Prefix.Compare)
		out[i] = n
	}
	return sortedSet(out, compareNetworks)
}

func compareTiers(a, b Tier) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), compareOrders(a.Order, b.Order), compareBools(a.Pass, b.Pass))
}

func compareNetworks(a, b Network) int {
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
		slices.Compare(a.Labels, b.Labels),
		slices.CompareFunc(a.CIDRs, b.CIDRs, netip.Prefix.Compare),
	)
}
