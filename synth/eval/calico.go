package eval

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// Calico decides in tiers, by their order. In a tier the first rule that matches decides, over all its policies by
// order and name; if none does and a policy of the tier selects the pod, the tier's end decides: it denies or passes.
// What every tier passes, the namespace's profile allows. Policies of other dialects stand in the default tier.

// tiered decides one direction as Calico does.
func (e *Evaluator) tiered(a *asked) Part {
	var o outlook
	list := a.subject.selection(a.dir).policies
	passed := false
	for len(list) > 0 {
		tier := e.tiers.of[list[0].policy]
		n := slices.IndexFunc(list, func(s selected) bool { return e.tiers.of[s.policy] != tier })
		if n < 0 {
			n = len(list)
		}
		if tier < 0 {
			name := e.set.Policies[list[0].policy].Tier
			return Part{
				Outcome: Unknown,
				Reason:  Lacking,
				Policy:  list[0].policy,
				Rule:    -1,
				Needs:   needTier + name + ", which is not among the policies",
			}
		}
		if !e.tier(&o, e.tiers.list[tier].Pass, list[:n], a) {
			return o.part()
		}
		list, passed = list[n:], true
	}
	end := Part{Outcome: Allowed, Reason: NotIsolated, Policy: -1, Rule: -1}
	if passed {
		end.Reason = Passed
	}
	o.add(end)
	return o.part()
}

// tier goes through the policies of one tier and reports whether the connection can reach the next.
func (e *Evaluator) tier(o *outlook, pass bool, list []selected, a *asked) (next bool) {
	sure := Part{Outcome: Denied, Reason: NoRule, Policy: -1, Rule: -1}
	for _, s := range list {
		if s.sure && sure.Policy < 0 {
			sure.Policy = s.policy
		}
		p := &e.set.Policies[s.policy]
		rules := e.rulesFor(s.policy, a)
		for j := rules.next(); j >= 0; j = rules.next() {
			var lacks need
			action, m := p.Rules[j].Action, model.Yes
			if closed(p, &p.Rules[j]) {
				action = policy.Deny
			} else {
				m = e.calicoRule(p, &p.Rules[j], &e.peers[s.policy][j], a, &lacks)
			}
			if m = s.applies(m, a, &lacks); m == model.No {
				continue
			}
			if m == model.Unknown {
				o.lacks.unknown(lacks)
			}
			switch action {
			case policy.Allow:
				o.add(Part{Outcome: Allowed, Reason: ByRule, Policy: s.policy, Rule: j})
			case policy.Deny:
				o.add(Part{Outcome: Denied, Reason: ByRule, Policy: s.policy, Rule: j})
			default:
				next = true
			}
			if m == model.Yes {
				return next
			}
		}
	}
	switch {
	case pass:
		return true
	case sure.Policy < 0: // whether any policy of the tier selects the pod is not known
		o.lacks.unknown(a.subject.lacks)
		next, sure.Policy = true, list[0].policy
	}
	o.add(sure)
	return next
}
