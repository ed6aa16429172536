package verify

import "sluice/model"

// id is that of a rule, by the indices of the evaluator's set. It serves one goroutine.
func (v *verifier) id(of, rule int) string {
	set := v.ev.Policies().Policies
	if v.ids == nil {
		v.ids = make([][]string, len(set))
	}
	if v.ids[of] == nil {
		v.ids[of] = make([]string, len(set[of].Rules))
	}
	if v.ids[of][rule] == "" {
		v.ids[of][rule] = set[of].RuleID(rule)
	}
	return v.ids[of][rule]
}

// identify finds the ids of all rules at once, for who asks for them all.
func (v *verifier) identify() {
	set := v.ev.Policies().Policies
	v.ids = make([][]string, len(set))
	model.Each(len(set), func(i int) {
		v.ids[i] = make([]string, len(set[i].Rules))
		for j := range set[i].Rules {
			v.ids[i][j] = set[i].RuleID(j)
		}
	})
}
