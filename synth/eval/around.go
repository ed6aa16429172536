package eval

import "sluice/model"

// ClusterNetworkPolicies stand in two tiers around the policies of namespaces. The tier Admin is asked first; what it
// does not decide, or passes, goes to the policies of namespaces, which decide for every pod that they isolate; the
// rest goes to the tier Baseline, and what that leaves open is allowed. In a tier the policy of the lower priority
// comes first, and in a policy the rule that stands first. Which of two policies with one priority is asked first the
// API leaves open: where they differ, nobody knows.
//
// Calico has the same tiers under names of its own and asks policies of one priority by their names. Calico 3.32 knows
// neither nodes nor domain names: a rule with one of them allows nothing, and denies everything where it does not
// allow. Up to 3.31 it read AdminNetworkPolicies, in the same way, and took a rule with the name of a port for one of
// every port. What Cilium 1.20 does stands in around_cilium.go.

// around decides one direction where policies around those of namespaces select the subject.
func (e *Evaluator) around(a *asked) Part {
	s := a.subject.selection(a.dir)
	var o outlook
	if e.semantics == Cilium {
		if e.walk(&o, s.before, a) && e.named(&o, a) && e.walk(&o, s.after, a) {
			e.last(&o, a)
		}
		return o.part()
	}
	if e.walk(&o, s.before, a) && e.between(&o, s.isolated, a) && e.walk(&o, s.after, a) {
		end := Part{Outcome: Allowed, Reason: NotIsolated, Policy: -1, Rule: -1}
		if s.isolated == model.No {
			end.Reason = Passed
		}
		o.add(end)
	}
	return o.part()
}

// between asks the policies of namespaces, and reports whether the connection can reach the tier after them.
func (e *Evaluator) between(o *outlook, isolated model.Tri, a *asked) (next bool) {
	p, lacks := e.namespaced(a)
	if isolated != model.Yes && p.Reason != ByRule {
		next = true
	}
	switch {
	case p.Outcome == Unknown:
		o.lacks.unknown(need(p.Needs))
		o.add(Part{Outcome: Allowed, Reason: Lacking, Policy: p.Policy, Rule: p.Rule})
		o.add(Part{Outcome: Denied, Reason: Lacking, Policy: p.Policy, Rule: p.Rule})
	case p.Reason == NoRule && p.Policy < 0:
		p.Policy = e.mayIsolate(a)
		o.add(p)
	case p.Reason != NotIsolated:
		o.add(p)
	case lacks != "":
		o.lacks.unknown(lacks)
		o.add(Part{Outcome: Allowed, Reason: Lacking, Policy: p.Policy, Rule: p.Rule})
	}
	if next && isolated == model.Unknown {
		o.lacks.unknown(a.subject.lacks)
	}
	return next
}

// walk goes through the policies of a tier and reports whether the connection can reach the next.
func (e *Evaluator) walk(o *outlook, list []selected, a *asked) (next bool) {
	for len(list) > 0 {
		n := 1
		for n < len(list) && e.priority(list[n]) == e.priority(list[0]) {
			n++
		}
		all := e.together(list[:n], a, &o.lacks)
		for _, p := range []*Part{all.allow, all.deny} {
			if p != nil {
				o.add(*p)
			}
		}
		if next = next || all.pass; !all.none {
			return next
		}
		list = list[n:]
	}
	return true
}

// together asks the policies of one priority.
func (e *Evaluator) together(list []selected, a *asked, lacks *need) answers {
	if e.semantics == Cilium {
		return e.beside(list, a, lacks)
	}
	all := answers{none: true}
	for _, s := range list {
		one := e.first(s, a, lacks)
		all.join(&one)
	}
	if all.several() {
		lacks.unknown(needPriority)
	}
	return all
}

// first finds the rule of a policy that decides, or those that may.
func (e *Evaluator) first(s selected, a *asked, lacks *need) answers {
	x := answers{none: true}
	rules := e.rulesFor(s.policy, a)
	for j := rules.next(); j >= 0; j = rules.next() {
		if e.answer(s, j, a, lacks, &x) {
			break
		}
	}
	return x
}
