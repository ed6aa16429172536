package eval

import (
	"sluice/model"
	"sluice/synth/policy"
)

// namespaced decides one direction by the policies of namespaces, to Calico by all. For a pod that nothing isolates
// lacks is what it would take to know that a rule allows the connection.
func (e *Evaluator) namespaced(a *asked) (p Part, lacks need) {
	d, subject, peer := a.dir, a.subject, a.peer
	s := subject.selection(d)
	allow := Part{Outcome: Denied, Reason: NoRule, Policy: s.by, Rule: -1}
	if s.isolated == model.No {
		allow = Part{Outcome: Allowed, Reason: NotIsolated, Policy: -1, Rule: -1}
	} else if peer.Entities&model.Host != 0 && (d == model.Ingress || e.semantics == Spec) {
		allow = Part{Outcome: Allowed, Reason: OwnNode, Policy: -1, Rule: -1}
		if e.semantics != Cilium { // where a denial is stronger
			return allow, ""
		}
	}
	if e.semantics == Calico && (s.isolated != model.No || s.around) {
		p := e.tiered(a)
		if p.Outcome == Denied && d == model.Ingress && peer.aNode() {
			p = Part{Outcome: Unknown, Reason: Lacking, Policy: p.Policy, Rule: -1, Needs: string(needNode)}
		}
		return p, ""
	}
	var deny need
	for _, sp := range s.policies {
		if e.ordered[sp.policy] {
			return Part{Outcome: Unknown, Reason: Lacking, Policy: sp.policy, Rule: -1, Needs: string(needOrder)}, ""
		}
		allowed := func() bool { return allow.Outcome == Allowed && (allow.Reason == ByRule || len(s.after) == 0) }
		rules := e.rulesFor(sp.policy, a)
		for j := rules.next(); j >= 0 && (e.denies[sp.policy] || !allowed()); j = rules.next() {
			r := &e.set.Policies[sp.policy].Rules[j]
			if r.Action == policy.Allow && allowed() {
				continue
			}
			var n need
			switch m := sp.applies(e.matchRule(r, &e.peers[sp.policy][j], a, &n), a, &n); {
			case m == model.Yes && r.Action == policy.Deny:
				return Part{Outcome: Denied, Reason: ByRule, Policy: sp.policy, Rule: j}, ""
			case m == model.Yes:
				allow = Part{Outcome: Allowed, Reason: ByRule, Policy: sp.policy, Rule: j}
			case m == model.Unknown && r.Action == policy.Deny:
				deny.unknown(n)
			case m == model.Unknown:
				lacks.unknown(n)
			}
		}
	}
	if allow.Outcome == Denied && s.isolated == model.Unknown && !s.surrounded() {
		lacks.unknown(subject.lacks)
	}
	if peer.aNode() && (d == model.Ingress || e.semantics == Spec) {
		lacks.unknown(needNode)
	}
	return settle(allow, lacks, deny), lacks
}

// settle turns what the rules say into an answer: an unsure deny spoils an allow, whatever is lacking a denial.
func settle(p Part, lacks, deny need) Part {
	switch {
	case p.Outcome == Allowed && deny != "":
		return Part{Outcome: Unknown, Reason: Lacking, Policy: p.Policy, Rule: p.Rule, Needs: string(deny)}
	case p.Outcome == Denied && lacks != "":
		return Part{Outcome: Unknown, Reason: Lacking, Policy: p.Policy, Rule: -1, Needs: string(lacks)}
	}
	return p
}
