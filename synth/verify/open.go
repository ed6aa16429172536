package verify

import (
	"cmp"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// Opening is a direction of a namespace that a policy opens for every pod to everything: nothing is isolated there,
// and it is told by name instead of being counted in Over.
type Opening struct {
	Namespace string // "" is the cluster
	Direction model.Direction
	Policy    string
	Pods      string // the selector of those that it opens, "" for every pod
	Only      string // the rule, where it does not open them to everything
}

// LeftOpen lists the namespaces in which what opens them for a while still stands: it undoes other policies there,
// people's own among them.
func (r *Report) LeftOpen() []string {
	var out []string
	for _, o := range r.Open {
		if o.Policy == policy.OpenName {
			out = append(out, o.Namespace)
		}
	}
	return slices.Compact(out)
}

// HeldOpen lists the workloads that are open for good, because something stands in the way of their default deny.
func (r *Report) HeldOpen() []Opening {
	var out []Opening
	for _, o := range r.Open {
		if o.Pods != "" && strings.HasPrefix(o.Policy, policy.OpenName+"-") {
			out = append(out, o)
		}
	}
	return out
}

// opens reports whether a rule allows everything.
func opens(r *policy.Rule) bool {
	return r.Action == policy.Allow && r.AnyPeer && r.AnyPort && len(r.Self) == 0 && len(r.NotPorts) == 0
}

// openersLast puts the policies that open everything, and those that hold a workload open, behind the others: the
// evaluator names the first rule that allows a connection, and a rule is not unused because another opens more than it
// for a while.
func openersLast(set policy.PolicySet) policy.PolicySet {
	var others, openers []policy.Policy
	for _, p := range set.Policies {
		if strings.HasPrefix(p.Name, policy.OpenName+"-") ||
			slices.ContainsFunc(p.Rules, func(r policy.Rule) bool { return opens(&r) }) {
			openers = append(openers, p)
		} else {
			others = append(others, p)
		}
	}
	set.Policies = append(others, openers...)
	return set
}

// restricts reports whether a policy has rules for a direction that do not allow: what opens beside them is not
// everything.
func restricts(p *policy.Policy, d model.Direction) bool {
	return slices.ContainsFunc(
		p.Rules,
		func(r policy.Rule) bool { return r.Direction == d && r.Action != policy.Allow },
	)
}

func openings(set policy.PolicySet) []Opening {
	var out []Opening
	for i := range set.Policies {
		p := &set.Policies[i]
		if p.Staged || len(p.Subject) > 0 || len(p.SubjectNamespaces) > 0 {
			continue
		}
		for j := range p.Rules {
			if opens(&p.Rules[j]) && !restricts(p, p.Rules[j].Direction) {
				out = append(out, Opening{Namespace: p.Namespace, Direction: p.Rules[j].Direction, Policy: p.Name})
			}
		}
	}
	slices.SortFunc(out, func(a, b Opening) int {
		return cmp.Or(
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Direction, b.Direction),
			cmp.Compare(a.Policy, b.Policy),
		)
	})
	return slices.Compact(out)
}

// held are the openings of single workloads by rules that are meant to.
func held(set policy.PolicySet, rules map[string]bool) []Opening {
	if len(rules) == 0 {
		return nil
	}
	var out []Opening
	for i := range set.Policies {
		p := &set.Policies[i]
		for j := range p.Rules {
			if !mayHold(p, j) || !rules[p.RuleID(j)] {
				continue
			}
			o := Opening{p.Namespace, p.Rules[j].Direction, p.Name, p.Subject.String(), ""}
			if !opens(&p.Rules[j]) {
				o.Only = strings.TrimPrefix(p.Rules[j].String(), "allow ")
			}
			out = append(out, o)
		}
	}
	return out
}

// holds reports whether a rule holds a workload open that is meant to be, for everything or for what it says.
func holds(p *policy.Policy, rule int, id string, rules map[string]bool) bool {
	return rules[id] && mayHold(p, rule)
}

func mayHold(p *policy.Policy, rule int) bool {
	return !p.Staged && len(p.Subject) > 0 &&
		(opens(&p.Rules[rule]) || strings.Contains(p.Name, policy.OpenName+"-"))
}
