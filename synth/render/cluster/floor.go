package cluster

import (
	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

var _ render.Below = Dialect{}

// Floor is a policy of the tier Baseline that comes last in it. What comes in from outside and from nodes no
// ClusterNetworkPolicy can deny.
func (Dialect) Floor(system []string, resolvers []policy.Peer, ingress, egress bool) policy.Policy {
	last := float64(policy.LastPriority)
	p := policy.DefaultDeny("", ingress, egress)
	p.Tier, p.Order = policy.BaselineTier, &last
	if len(system) > 0 { // to Cilium what has no namespace, as the proxy of Ingress, is in none of these either
		p.SubjectNamespaces = policy.Selector{{Key: policy.NamespaceName, Op: policy.Exists},
			{Key: policy.NamespaceName, Op: policy.NotIn, Values: system}}
	}
	pods := policy.Peer{Kind: policy.PeerPods}
	if ingress {
		p.Rules = append(p.Rules, policy.Rule{Direction: model.Ingress, Action: policy.Deny, AnyPort: true,
			Peers: []policy.Peer{pods}})
	}
	if egress && len(resolvers) > 0 {
		p.Rules = append(p.Rules, policy.Rule{Direction: model.Egress, Peers: resolvers,
			Ports: []policy.Port{policy.OnePort(model.UDP, 53), policy.OnePort(model.TCP, 53)}})
	}
	if egress {
		p.Rules = append(p.Rules, policy.Rule{Direction: model.Egress, Action: policy.Deny, AnyPort: true,
			Peers: append([]policy.Peer{pods}, policy.Everywhere()...)})
	}
	return p.Canonical()
}
