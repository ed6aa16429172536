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

// ciliumTiers finds what Cilium makes of ClusterNetworkPolicies where it decides.
func (l *linter) ciliumTiers() {
	if l.Semantics != eval.Cilium {
		return
	}
	l.each(func(p *policy.Policy) {
		if !p.Around() {
			return
		}
		if finds(p.SubjectNamespaces) && p.Subject.Matches(nil) {
			l.found(p, []string{"subject"}, "add {key: kubernetes.io/metadata.name, operator: Exists} to the selector",
				"selects namespaces by what they lack: to Cilium 1.20 the proxy of Ingress and Gateway is its subject as well")
		}
		for i := range p.Rules {
			l.ciliumTier(p, i)
		}
	})
}

// ciliumTier tells what Cilium makes of a rule.
func (l *linter) ciliumTier(p *policy.Policy, i int) {
	r, id := &p.Rules[i], p.RuleID(i)
	has := func(f func(*policy.Peer) bool) bool {
		return slices.ContainsFunc(r.Peers, func(q policy.Peer) bool { return f(&q) })
	}
	if has(func(q *policy.Peer) bool {
		return q.Kind == policy.PeerPods && len(q.Pods) == 0 && !q.Inside && finds(q.Namespaces)
	}) {
		l.foundRule(p, i, "add {key: kubernetes.io/metadata.name, operator: Exists} to the selector",
			"rule %s chooses namespaces by what they lack: to Cilium 1.20 it is for everybody, the namespaces that it leaves out and what is outside among them", id)
	}
	if has(func(q *policy.Peer) bool { return q.Kind == policy.PeerNodes }) {
		l.foundRule(p, i, "set enable-node-selector-labels: true in cilium-config, or leave nodes out",
			"rule %s has nodes: without enable-node-selector-labels Cilium refuses the policy, and none of its rules is in force", id)
	}
	if asked := has(func(q *policy.Peer) bool { return q.Kind == policy.PeerFQDN }); asked && r.Action == policy.Allow {
		l.foundRule(p, i, "accept the other names in the same rule, or give such pods a CiliumNetworkPolicy",
			"rule %s has domain names: Cilium sends its pods' questions to k8s-app=kube-dns through its proxy, which lets these names through only", id)
	}
	first := slices.IndexFunc(p.Rules, func(r policy.Rule) bool { return r.Action == policy.Allow })
	if p.Tier == policy.BaselineTier && i == first {
		l.foundRule(p, i, "accept there only what every pod may have",
			"rule %s accepts in Baseline: Cilium 1.20 lets that through to pods that a NetworkPolicy isolates, too", id)
	}
}

// finds reports whether a selector asks for labels to be absent only, and so finds what has none.
func finds(s policy.Selector) bool { return len(s) > 0 && s.Matches(nil) }

func isBlock(q policy.Peer) bool { return q.Kind == policy.PeerCIDR }
