package verify

// id is that of a rule, by the indices of the evaluator's set.
func (v *verifier) id(of, rule int) string {
	if v.ids == nil {
		set := v.ev.Policies().Policies
		v.ids = make([][]string, len(set))
		for i := range set {
			for j := range set[i].Rules {
				v.ids[i] = append(v.ids[i], set[i].RuleID(j))
			}
		}
	}
	return v.ids[of][rule]
}
