package synth

import (
	"fmt"
	"maps"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// writeAll writes the policies of all subjects: one for those of a namespace that need the same, where a selector
// selects exactly them, else one each.
func (l *learner) writeAll(bySubject map[int]map[model.Direction][]need) {
	same := map[string][]int{}
	for s, needs := range bySubject {
		k := l.g.Workloads[s].Namespace + "\x00" + l.needsKey(needs)
		same[k] = append(same[k], s)
	}
	var groups [][]int
	for _, users := range same {
		slices.Sort(users)
		groups = append(groups, users)
	}
	slices.SortFunc(groups, slices.Compare)
	for _, users := range groups {
		ns := l.g.Workloads[users[0]].Namespace
		for _, part := range l.partition(ns, users) {
			l.writeShared(ns, part, bySubject)
		}
	}
}

// needsKey is equal for subjects that need the same of the same peers.
func (l *learner) needsKey(needs map[model.Direction][]need) string {
	var list []string
	for _, d := range slices.Sorted(maps.Keys(needs)) {
		for _, n := range needs[d] {
			list = append(list, fmt.Sprintf("%d %d %d %d-%d %q", d, n.peer, n.proto, n.port, n.last, l.named(n)))
		}
	}
	slices.Sort(list)
	return fmt.Sprint(slices.Compact(list))
}

// writeShared writes the policy of subjects that need the same.
func (l *learner) writeShared(ns string, part selected, bySubject map[int]map[model.Direction][]need) {
	var all []learned
	var proofs [3]Proof
	for _, d := range []model.Direction{model.Ingress, model.Egress} {
		var needs []need
		for _, u := range part.users {
			needs = append(needs, bySubject[u][d]...)
		}
		if len(needs) > 0 {
			rules, proof := l.rules(d, needs)
			all, proofs[d] = append(all, rules...), proof
		}
	}
	for _, u := range part.users {
		l.proofs[u] = proofs
	}
	first := l.g.Workloads[part.users[0]].Name
	name := ""
	if n := len(part.users); n == 1 {
		name = l.nameOf(ns, first, part.sel)
	} else {
		name = l.claim(ns, hashed(fmt.Sprintf("%s-and-%d-more", first, n-1), ns, part.sel), part.sel)
	}
	l.add(policy.Policy{Name: name, Namespace: ns, Subject: part.sel}, part.users, all)
}
