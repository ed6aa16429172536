package render

import (
	"strings"

	"sluice/synth/policy"
)

// Losses collects what a dialect cannot say, of one policy after the other.
type Losses struct {
	List   []Loss
	policy string // what the next ones are lost of
	rules  *policy.Policy
	rule   int
}

// Of says that the next ones are lost of p.Rules[i]; p is nil for no rule.
func (l *Losses) Of(p *policy.Policy, i int) { l.rules, l.rule = p, i }

// Whole says that the next ones are lost of an object, none of its rules. Namespace is "" for a cluster-wide one.
func (l *Losses) Whole(namespace, name string) {
	l.policy, l.rules = strings.TrimPrefix(namespace+"/"+name, "/"), nil
}

// Add adds a loss of the present policy and rule.
func (l *Losses) Add(wider bool, lost, consequence string) {
	x := Loss{Policy: l.policy, Lost: lost, Consequence: consequence, Wider: wider}
	if l.rules != nil {
		x.Rule = l.rules.RuleID(l.rule)
	}
	l.List = append(l.List, x)
}

// PodsOnly leaves of a policy what it says of pods. It returns false where nothing is left.
func (l *Losses) PodsOnly(p *policy.Policy) bool {
	if p.SubjectEntities != 0 {
		l.Add(
			true,
			"that the policy selects "+p.SubjectEntities.String()+" as well",
			"these ends are not isolated by it",
		)
		p.SubjectEntities = 0
	}
	if p.EntitiesOnly {
		l.Add(false, "that the policy selects no pod", "nothing of it is in force")
	}
	return !p.EntitiesOnly
}
