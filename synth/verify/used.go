package verify

import (
	"cmp"
	"slices"
)

// measured lists the rules that the data plane used, as it says, and if there are any those that it did not: the least
// used first. A text that is no rule's id is somebody else's.
func (v *verifier) measured() {
	if len(v.cfg.Logged) == 0 {
		return
	}
	identify(v.ev)
	var out []Used
	logs := false
	for i := range v.ev.Policies().Policies {
		p := &v.ev.Policies().Policies[i]
		for j := range p.Rules {
			id := v.ev.RuleID(i, j)
			use := v.cfg.Logged[id]
			logs = logs || use.Count > 0
			if !p.Staged {
				out = append(out, Used{Rule{id, policyName(p), p.Rules[j].String(), p.Source}, use})
			}
		}
	}
	if !logs {
		return
	}
	slices.SortStableFunc(out, func(a, b Used) int {
		return cmp.Or(cmp.Compare(a.Count, b.Count), cmp.Compare(a.Last, b.Last), cmp.Compare(a.ID, b.ID))
	})
	v.report.Used = out
}
