package verify

import (
	"slices"

	"sluice/model"
)

// Gap is a Side that a set is said to isolate whole, and the pods there that anything can reach or that can reach
// anything: nothing isolates them, or a policy opens the side.
type Gap struct {
	Side
	Pods []string // names of members of the universe, unlabelled and unknown pods among them; sorted
}

// gaps looks at every pod of the universe. What nothing isolates is in no other number: Over counts what is allowed at
// isolated ends, and a connection that worked is not lost by it. No policy of one cluster isolates the pods of another.
func gaps(u *universe, open []Opening, want []Side) []Gap {
	var out []Gap
	of := map[string][]*member{}
	for i := range u.members {
		if m := &u.members[i]; m.end.IsPod && !m.end.Foreign {
			of[m.end.Namespace] = append(of[m.end.Namespace], m)
		}
	}
	whole := map[Side]bool{}
	for _, o := range open {
		if o.Pods == "" {
			whole[Side{o.Namespace, o.Direction}] = true
		}
	}
	for _, side := range want {
		opened := whole[side] || whole[Side{"", side.Direction}]
		var pods []string
		for _, m := range of[side.Namespace] {
			if opened || m.end.Isolated(side.Direction) != model.Yes {
				pods = append(pods, m.name)
			}
		}
		if len(pods) > 0 {
			slices.Sort(pods)
			out = append(out, Gap{side, slices.Compact(pods)})
		}
	}
	return out
}
