package policy

import (
	"net/netip"
	"slices"

	"sluice/model"
)

// Tiers of ClusterNetworkPolicies, around the policies of namespaces. Their names are those that Calico has for them.
const (
	AdminTier    = "kube-admin"    // decides before all policies of namespaces
	BaselineTier = "kube-baseline" // decides what none of them isolates
)

// LastPriority is the highest number that a ClusterNetworkPolicy can have: it comes last in its tier.
const LastPriority = 1000

// Around reports whether the policy stands in a tier around those of namespaces: Order is then its priority, the first
// of its rules that matches decides, and what none of them matches goes on to the next tier.
func (p *Policy) Around() bool { return p.Tier == AdminTier || p.Tier == BaselineTier }

// Everywhere are all addresses, of both families.
func Everywhere() []Peer {
	return []Peer{{Kind: PeerCIDR, CIDR: netip.PrefixFrom(netip.IPv4Unspecified(), 0)},
		{Kind: PeerCIDR, CIDR: netip.PrefixFrom(netip.IPv6Unspecified(), 0)}}
}

// Floor reports whether a policy in a tier around those of namespaces denies at its end whatever it can name in a
// direction: pods coming in, pods and addresses going out, on every port. It then isolates its pods as far as its API
// can.
func (p *Policy) Floor(d model.Direction) bool {
	if !p.Around() {
		return false
	}
	for i := len(p.Rules) - 1; i >= 0; i-- {
		if r := &p.Rules[i]; r.Direction == d {
			return r.Action == Deny && r.AnyPort && len(r.NotPorts) == 0 && (r.AnyPeer || coversAll(r.Peers, d))
		}
	}
	return false
}

func coversAll(peers []Peer, d model.Direction) bool {
	has := func(q Peer) bool {
		return slices.ContainsFunc(peers, func(p Peer) bool {
			p.Inside = false
			return comparePeers(p.Canonical(), q) == 0
		})
	}
	if d == model.Ingress {
		return has(Peer{Kind: PeerPods})
	}
	all := Everywhere()
	return has(all[0]) && has(all[1])
}
