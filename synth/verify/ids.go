package verify

import "sluice/synth/render"

// id is that of a rule, by the indices of the evaluator's set.
func (v *verifier) id(of, rule int) string {
	if v.ids == nil {
		set := v.ev.Policies().Policies
		v.ids = make([][]string, len(set))
		render.Each(len(set), func(i int) {
			v.ids[i] = make([]string, len(set[i].Rules))
			for j := range set[i].Rules {
				v.ids[i][j] = set[i].RuleID(j)
			}
		})
	}
	return v.ids[of][rule]
}
