package synth

import (
	"cmp"
	"slices"

	"sluice/model/workload"
	"sluice/synth/policy"
)

// selected are workloads of one namespace and the selector that selects exactly them.
type selected struct {
	sel   policy.Selector
	users []int // sorted
}

// partition finds few selectors for workloads of a namespace, sorted: one for all of them if there is one, else one for
// as many as share a label key, and so on. Each selects all pods of its workloads and no others of the namespace.
func (l *learner) partition(ns string, users []int) []selected {
	var out []selected
	for left := users; len(left) > 0; {
		g := l.largest(ns, left)
		out = append(out, g)
		left = slices.DeleteFunc(slices.Clone(left), func(u int) bool { return slices.Contains(g.users, u) })
	}
	slices.SortFunc(out, func(a, b selected) int { return slices.Compare(a.users, b.users) })
	return out
}

// largest gives the largest group among the users that one selector selects, the first user alone at the least.
func (l *learner) largest(ns string, users []int) selected {
	if s, ok := l.selectExactly(ns, users); ok {
		return selected{s, users}
	}
	best := selected{policy.MatchLabels(l.g.Workloads[users[0]].Selector), users[:1]}
	byKey := map[string][]int{}
	for _, u := range users {
		for k := range l.g.Workloads[u].Selector {
			byKey[k] = append(byKey[k], u)
		}
	}
	for _, list := range byKey {
		if len(list) < 2 || len(list) == len(users) || cmp.Or(cmp.Compare(len(best.users), len(list)), slices.Compare(list, best.users)) >= 0 {
			continue
		}
		if s, ok := l.selectExactly(ns, list); ok {
			best = selected{s, list}
		}
	}
	return best
}

// selectExactly finds one selector for a set of workloads of a namespace that selects no other workload there: a
// single label with the values of each, else two labels. false: there is none, or only one that would also take in
// workloads that are yet to come.
func (l *learner) selectExactly(ns string, users []int) (policy.Selector, bool) {
	if len(users) == 1 {
		return policy.MatchLabels(l.g.Workloads[users[0]].Selector), true
	}
	keys := l.sharedKeys(users)
	for i := range keys {
		if s := l.valuesOf(keys[i:i+1], users); l.exact(s, ns, users) {
			return s, true
		}
	}
	for i := range keys {
		for j := i + 1; j < len(keys); j++ {
			if s := l.valuesOf([]string{keys[i], keys[j]}, users); l.exact(s, ns, users) {
				return s, true
			}
		}
	}
	return nil, false
}

// sharedKeys are the label keys that tell all the given workloads: first those that all of them are selected by, then
// stable ones with a value of its own on each.
func (l *learner) sharedKeys(users []int) []string {
	var selecting, telling []string
	first := &l.g.Workloads[users[0]]
	for k := range first.Selector {
		if l.all(users, func(w *workload.Workload) bool { _, ok := w.Selector[k]; return ok }) {
			selecting = append(selecting, k)
		}
	}
	for _, k := range l.stableKeys(users[0]) {
		if !slices.Contains(selecting, k) && !slices.ContainsFunc(users, func(u int) bool { return !slices.Contains(l.stableKeys(u), k) }) &&
			len(l.valuesOf([]string{k}, users)[0].Values) == len(users) {
			telling = append(telling, k)
		}
	}
	slices.Sort(selecting)
	slices.Sort(telling)
	return append(selecting, telling...)
}

// stableKeys are the keys whose value all pods of a workload share and that may stand in a selector.
func (l *learner) stableKeys(i int) []string {
	if keys, ok := l.stable[i]; ok {
		return keys
	}
	w := &l.g.Workloads[i]
	var out []string
	for k := range w.Selector {
		out = append(out, k)
	}
	for _, d := range w.Dropped() {
		if d.Why == workload.NotNeeded {
			out = append(out, d.Key)
		}
	}
	slices.Sort(out)
	l.stable[i] = out
	return out
}

func (l *learner) all(users []int, ok func(*workload.Workload) bool) bool {
	return !slices.ContainsFunc(users, func(u int) bool { return !ok(&l.g.Workloads[u]) })
}

// valuesOf is the selector of the values that the users have for each key.
func (l *learner) valuesOf(keys []string, users []int) policy.Selector {
	var s policy.Selector
	for _, k := range keys {
		r := policy.Requirement{Key: k, Op: policy.In}
		for _, u := range users {
			v, _ := l.g.Workloads[u].Common.Get(k)
			r.Values = append(r.Values, v)
		}
		s = append(s, r)
	}
	return s.Canonical()
}

// exact says whether a selector selects all pods of the users, which are sorted, and none of the namespace's other
// workloads.
func (l *learner) exact(s policy.Selector, ns string, users []int) bool {
	for _, i := range l.in[ns] {
		_, user := slices.BinarySearch(users, i)
		for _, labels := range l.g.Workloads[i].LabelSets {
			if s.Matches(labels) != user {
				return false
			}
		}
	}
	return true
}
