package synth

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sluice/model"
	"sluice/model/workload"
	"sluice/synth/policy"
)

// dnsGroup is a set of workloads of one namespace that ask the same resolvers on the same ports.
type dnsGroup struct {
	users []int // sorted
	needs []need
}

// writeDNS writes the shared DNS policies: per namespace one for each group, most often a single one.
func (l *learner) writeDNS(needs []need) {
	byNamespace := map[string][]need{}
	for _, n := range needs {
		byNamespace[l.namespace(n)] = append(byNamespace[l.namespace(n)], n)
	}
	for _, ns := range slices.Sorted(maps.Keys(byNamespace)) {
		for i, g := range dnsGroups(byNamespace[ns]) {
			l.writeGroup(ns, i, g)
		}
	}
}

func (l *learner) writeGroup(ns string, i int, g dnsGroup) {
	if sel, ok := l.selectExactly(ns, g.users); ok {
		name := NameDNS
		if i > 0 {
			name = NameDNS + "-" + l.resolverName(g)
		}
		l.addDNS(ns, name, sel, g.users, g.needs)
		return
	}
	for _, u := range g.users {
		own := slices.DeleteFunc(slices.Clone(g.needs), func(n need) bool { return n.subject != u })
		w := &l.g.Workloads[u]
		l.addDNS(ns, NameDNS+"-"+w.Name, policy.MatchLabels(w.Selector), []int{u}, own)
	}
}

func (l *learner) addDNS(ns, name string, subject policy.Selector, of []int, needs []need) {
	p := policy.Policy{Name: l.claim(ns, name, subject), Namespace: ns, Subject: subject}
	l.add(p, of, l.rules(model.Egress, needs))
}

func (l *learner) resolverName(g dnsGroup) string {
	p := &l.g.Peers[g.needs[0].peer]
	if p.Workload >= 0 {
		return l.g.Workloads[p.Workload].Name
	}
	return "address"
}

// dnsGroups sorts the queries of a namespace into groups, the largest first. The policy of a group allows all its
// users all its resolvers, so a resolver is in a group only if all users ask it on the same ports.
func dnsGroups(needs []need) []dnsGroup {
	ports := map[query][]policy.Port{}
	for _, n := range needs {
		q := query{n.subject, n.peer}
		ports[q] = append(ports[q], policy.OnePort(n.proto, n.port))
	}
	type column struct {
		resolver int
		ports    string
	}
	users := map[column][]int{}
	for q, p := range ports {
		c := column{q.resolver, fmt.Sprint(policy.Rule{Ports: p}.Canonical().Ports)}
		users[c] = append(users[c], q.subject)
	}
	groups := map[string]*dnsGroup{}
	groupOf := map[query]*dnsGroup{}
	for c, u := range users {
		slices.Sort(u)
		key := fmt.Sprint(u)
		if groups[key] == nil {
			groups[key] = &dnsGroup{users: u}
		}
		for _, s := range u {
			groupOf[query{s, c.resolver}] = groups[key]
		}
	}
	for _, n := range needs {
		g := groupOf[query{n.subject, n.peer}]
		g.needs = append(g.needs, n)
	}
	var out []dnsGroup
	for _, g := range groups {
		slices.SortFunc(g.needs, func(a, b need) int { return cmp.Or(cmp.Compare(a.peer, b.peer), cmp.Compare(a.edge, b.edge)) })
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b dnsGroup) int {
		return cmp.Or(cmp.Compare(len(b.users), len(a.users)), slices.Compare(a.users, b.users))
	})
	return out
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
	for _, k := range stableKeys(first) {
		if !slices.Contains(selecting, k) && l.all(users, func(w *workload.Workload) bool { return slices.Contains(stableKeys(w), k) }) &&
			len(l.valuesOf([]string{k}, users)[0].Values) == len(users) {
			telling = append(telling, k)
		}
	}
	slices.Sort(selecting)
	slices.Sort(telling)
	return append(selecting, telling...)
}

// stableKeys are the keys whose value all pods of a workload share and that may stand in a selector.
func stableKeys(w *workload.Workload) []string {
	var out []string
	for k := range w.Selector {
		out = append(out, k)
	}
	for _, d := range w.Dropped {
		if d.Why == workload.NotNeeded {
			out = append(out, d.Key)
		}
	}
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

// exact says whether a selector selects all pods of the users, which are sorted, and none of the namespace's other workloads.
func (l *learner) exact(s policy.Selector, ns string, users []int) bool {
	for i := range l.g.Workloads {
		w := &l.g.Workloads[i]
		if w.Namespace != ns || w.Cluster != l.cluster {
			continue
		}
		_, user := slices.BinarySearch(users, i)
		for _, labels := range w.LabelSets {
			if s.Matches(labels) != user {
				return false
			}
		}
	}
	return true
}
