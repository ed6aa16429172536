package verify

import (
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Half is the answer at one of the ends.
type Half struct {
	Outcome eval.Outcome
	Why     string          // in words
	Policy  string          // that decides or isolates: "namespace/name", "" for none
	Kind    string          // of that policy
	At      policy.Position // where it stands
	Rule    string          // the id of the rule that decides, "" for none
	Text    string          // what the rule says
	Denial  bool            // a rule denies it: none that is added beside it allows it
}

// halfOf tells the answer at one end with what decides it.
func halfOf(ev *eval.Evaluator, p eval.Part) Half {
	h := Half{Outcome: p.Outcome, Why: ev.WhyPart(p)}
	if p.Policy < 0 {
		return h
	}
	pol := &ev.Policies().Policies[p.Policy]
	h.Policy, h.Kind, h.At = policyName(pol), pol.Kind, pol.Source
	if p.Rule >= 0 {
		h.Rule, h.Text = ev.RuleID(p.Policy, p.Rule), pol.Rules[p.Rule].String()
		h.Denial = p.Outcome == eval.Denied && !below(ev, &p)
	}
	return h
}
