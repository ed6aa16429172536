package eval

import (
	"sluice/model"
	"sluice/synth/policy"
)

// Cilium 1.20 reads ClusterNetworkPolicies into its own engine and differs from their API so:
//
//   - The default deny that a policy of a namespace brings stands after the tier Baseline, and so does what lets a
//     node's host reach its pods: where no rule of these policies names a connection, Baseline is asked, isolated or
//     not.
//   - Policies of one priority stand side by side rule by rule: the first rules of all of them come before the second
//     ones, and of those that stand together one that denies is stronger than one that accepts, and that than one
//     that passes.
//   - A peer of namespaces alone asks for no cluster, and is asked of everything: what is no pod has no label of a
//     namespace, and NotIn and DoesNotExist find it. They also find the identities that stand for all pods of the
//     cluster and of others (aggregate-cluster), and then the rule is for everybody, the namespaces that it leaves
//     out among them; save that of those no names of ports are known, which a rule of egress may have. A subject of
//     namespaces finds the proxy of Ingress and Gateway and the health endpoint that way.
//   - A rule that accepts domain names lets its pods ask for them: every pod with the label k8s-app=kube-dns, on its
//     ports named dns and dns-tcp.
//
// A policy with a peer of nodes Cilium refuses as a whole unless it is told to give nodes their labels
// (enable-node-selector-labels): here it is.

// named asks the rules of policies of namespaces, and reports whether the connection can reach the tier after them.
func (e *Evaluator) named(o *outlook, a *asked) (next bool) {
	for _, action := range []policy.Action{policy.Deny, policy.Allow} {
		for _, sp := range a.subject.selection(a.dir).policies {
			if e.ordered[sp.policy] {
				o.either(needOrder, Part{Policy: sp.policy, Rule: -1})
				return false
			}
			rules := e.rulesFor(sp.policy, a)
			for j := rules.next(); j >= 0; j = rules.next() {
				r := &e.set.Policies[sp.policy].Rules[j]
				if r.Action != action {
					continue
				}
				var n need
				m := sp.applies(e.matchRule(r, &e.peers[sp.policy][j], a, &n), a, &n)
				if m == model.No {
					continue
				}
				o.lacks.unknown(n)
				o.add(partOf(action, sp.policy, j))
				if m == model.Yes {
					return false
				}
			}
		}
	}
	return true
}

// last is what comes after all tiers.
func (e *Evaluator) last(o *outlook, a *asked) {
	s := a.subject.selection(a.dir)
	allowed := Part{Outcome: Allowed, Reason: Passed, Policy: -1, Rule: -1}
	denied := Part{Reason: NoRule, Policy: s.by, Rule: -1}
	switch {
	case s.isolated == model.No:
		o.add(allowed)
	case a.dir == model.Ingress && a.peer.Entities&model.Host != 0:
		allowed.Reason = OwnNode
		o.add(allowed)
	case a.dir == model.Ingress && a.peer.aNode():
		o.either(needNode, denied)
	case s.isolated == model.Unknown:
		denied.Policy = e.mayIsolate(a)
		o.either(a.subject.lacks, denied)
	default:
		o.add(denied)
	}
}

// beside finds the rules that decide, or may, of policies of one priority.
func (e *Evaluator) beside(list []selected, a *asked, lacks *need) answers {
	x := answers{none: true}
	longest := 0
	for _, s := range list {
		longest = max(longest, len(e.rules[s.policy][a.dir].all))
	}
	for k := range longest {
		for _, action := range []policy.Action{policy.Deny, policy.Allow, policy.Pass} {
			for _, s := range list {
				lanes, p := e.rules[s.policy][a.dir].all, &e.set.Policies[s.policy]
				if k >= len(lanes) || p.Rules[lanes[k].rule].Action != action || lanes[k].misses(a.proto, a.port) {
					continue
				}
				if e.answer(s, lanes[k].rule, a, lacks, &x) {
					return x
				}
			}
		}
	}
	return x
}
