package eval

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// ClusterNetworkPolicies stand in two tiers around the policies of namespaces. The tier Admin is asked first; what it
// does not decide, or passes, goes to the policies of namespaces, which decide for every pod that they isolate; the
// rest goes to the tier Baseline, and what that leaves open is allowed. In a tier the policy of the lower priority
// comes first, and in a policy the rule that stands first. Which of two policies with one priority is asked first the
// API leaves open: where they differ, nobody knows.
//
// Calico has the same tiers under names of its own and asks policies of one priority by their names. Calico 3.32 knows
// neither nodes nor domain names: a rule with one of them allows nothing, and denies everything where it does not
// allow. Cilium 1.20 has the default deny of a NetworkPolicy stand after Baseline, and takes ends outside the cluster
// for namespaces that NotIn chooses: this is not done here, and lint says so (cilium-tiers).

// around decides one direction where policies around those of namespaces select the subject.
func (e *Evaluator) around(a *asked) Part {
	s := a.subject.selection(a.dir)
	var o outlook
	if e.walk(&o, s.before, a) && e.between(&o, s.isolated, a) && e.walk(&o, s.after, a) {
		end := Part{Outcome: Allowed, Reason: NotIsolated, Policy: -1, Rule: -1}
		if s.isolated == model.No {
			end.Reason = Passed
		}
		o.add(end)
	}
	return o.part()
}

// between asks the policies of namespaces, and says whether the connection can reach the tier after them.
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

// mayIsolate returns the first policy of a namespace that isolates the subject if it selects it.
func (e *Evaluator) mayIsolate(a *asked) int {
	list := a.subject.selection(a.dir).policies
	i := slices.IndexFunc(list, func(s selected) bool { return e.set.Policies[s.policy].Isolates(a.dir) })
	return list[i].policy
}

// walk goes through the policies of a tier and says whether the connection can reach the next.
func (e *Evaluator) walk(o *outlook, list []selected, a *asked) (next bool) {
	for len(list) > 0 {
		n := 1
		for n < len(list) && e.priority(list[n]) == e.priority(list[0]) {
			n++
		}
		var all answers
		none := true
		for _, s := range list[:n] {
			one := e.first(s, a, &o.lacks)
			none = none && one.none
			all.join(&one)
		}
		if all.several() {
			o.lacks.unknown(needPriority)
		}
		for _, p := range []*Part{all.allow, all.deny} {
			if p != nil {
				o.add(*p)
			}
		}
		if next = next || all.pass; !none {
			return next
		}
		list = list[n:]
	}
	return true
}

// answers is what a policy may say of a connection. An evaluation that is sure of everything has one of them.
type answers struct {
	allow, deny *Part
	pass, none  bool
}

func (x *answers) join(y *answers) {
	x.allow, x.deny, x.pass = cmp.Or(x.allow, y.allow), cmp.Or(x.deny, y.deny), x.pass || y.pass
}

// several reports whether answers differ.
func (x *answers) several() bool {
	n := 0
	for _, b := range []bool{x.allow != nil, x.deny != nil, x.pass} {
		if b {
			n++
		}
	}
	return n > 1
}

// first finds the rule of a policy that decides, or those that may.
func (e *Evaluator) first(s selected, a *asked, lacks *need) answers {
	x := answers{none: true}
	p := &e.set.Policies[s.policy]
	for j := range e.rulesFor(s.policy, a) {
		var n need
		m := s.applies(e.matchRule(&p.Rules[j], e.peers[s.policy][j], a, &n), a, &n)
		if m == model.No {
			continue
		}
		if m == model.Unknown {
			lacks.unknown(n)
		}
		switch p.Rules[j].Action {
		case policy.Allow:
			x.allow = cmp.Or(x.allow, &Part{Outcome: Allowed, Reason: ByRule, Policy: s.policy, Rule: j})
		case policy.Deny:
			x.deny = cmp.Or(x.deny, &Part{Outcome: Denied, Reason: ByRule, Policy: s.policy, Rule: j})
		default:
			x.pass = true
		}
		if x.none = m != model.Yes; !x.none {
			break
		}
	}
	return x
}
