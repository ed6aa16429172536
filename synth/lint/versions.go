package lint

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// ciliumVersion finds what versions of Cilium read in different ways, where a policy is Cilium's or decided as it does.
func (l *linter) ciliumVersion() {
	l.each(func(p *policy.Policy) {
		plain := strings.HasPrefix(p.Kind, "networking.k8s.io/")
		if !OfCilium(p) && !(plain && l.Semantics == eval.Cilium) {
			return
		}
		for i := range p.Rules {
			r := &p.Rules[i]
			named := slices.IndexFunc(r.Ports, func(q policy.Port) bool { return q.Name != "" })
			switch {
			case r.Direction == model.Egress && named >= 0:
				l.foundRule(p, i, "write the number, or make sure that the cluster has 1.20",
					"rule %s names port %s for egress: before Cilium 1.20 it allows nothing where the name has two numbers in the cluster",
					p.RuleID(i), r.Ports[named].Name)
			case r.Direction == model.Ingress && plain && slices.ContainsFunc(r.Peers, isBlock):
				l.foundRule(p, i, "make sure that the cluster has 1.20, or 1.19 of June 2026 or later",
					"rule %s allows an ipBlock: Cilium 1.19 before June 2026 lets in every pod of %s too", p.RuleID(i), p.Namespace)
			}
		}
	})
}

// ciliumTiers finds ClusterNetworkPolicies that accept in the tier Baseline where Cilium decides.
func (l *linter) ciliumTiers() {
	if l.Semantics != eval.Cilium {
		return
	}
	l.each(func(p *policy.Policy) {
		i := slices.IndexFunc(p.Rules, func(r policy.Rule) bool { return r.Action == policy.Allow })
		if p.Tier == policy.BaselineTier && i >= 0 {
			l.foundRule(p, i, "accept there only what every pod may have",
				"rule %s accepts in Baseline: Cilium 1.20 lets that through to pods that a NetworkPolicy isolates, too", p.RuleID(i))
		}
	})
}

func isBlock(q policy.Peer) bool { return q.Kind == policy.PeerCIDR }
