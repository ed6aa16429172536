package synth

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"sluice/model/graph"
	"sluice/model/workload"
	"sluice/synth/policy"
)

// selecting finds selectors that select exactly some workloads. It knows which workloads have a label and remembers
// the keys that each may be selected by.
type selecting struct {
	*scope
	// having are the workloads of the cluster by label key and value, sorted by namespace.
	having map[string]map[string][]graph.WorkloadID
	stable map[graph.WorkloadID][]string // keys of a workload that may stand in a selector
	// Selectors stand in the policies of all who need the same; each is kept once.
	ofWorkload  []policy.Selector
	ofNamespace map[string]policy.Selector
}

func newSelecting(sc *scope) *selecting {
	s := &selecting{sc, map[string]map[string][]graph.WorkloadID{}, map[graph.WorkloadID][]string{},
		make([]policy.Selector, len(sc.g.Workloads)), map[string]policy.Selector{}}
	for i, w := range sc.g.AllWorkloads() {
		s.ofWorkload[i] = slices.Clip(policy.MatchLabels(w.Selector))
		if s.ofNamespace[w.Namespace] == nil {
			s.ofNamespace[w.Namespace] = policy.Namespace(w.Namespace)
		}
		if w.Cluster == sc.cluster {
			s.index(i)
		}
	}
	for _, byValue := range s.having {
		for _, list := range byValue {
			slices.SortStableFunc(list, func(a, b graph.WorkloadID) int {
				return cmp.Compare(s.g.Workloads[a].Namespace, s.g.Workloads[b].Namespace)
			})
		}
	}
	return s
}

// own is the selector of one workload.
func (s *selecting) own(i graph.WorkloadID) policy.Selector { return s.ofWorkload[i] }

// value is what a workload is selected by under a key, "" for nothing.
func (s *selecting) value(i graph.WorkloadID, key string) string {
	for _, r := range s.ofWorkload[i] {
		if r.Key == key {
			return r.Values[0]
		}
	}
	return ""
}

// inNamespaces is the selector of some namespaces that have workloads, by their names.
func (s *selecting) inNamespaces(namespaces []string) policy.Selector {
	if len(namespaces) > 1 {
		return policy.Namespace(namespaces...)
	}
	return s.ofNamespace[namespaces[0]]
}

// selection is some workloads of one namespace and the selector that selects exactly them.
type selection struct {
	sel   policy.Selector
	users []graph.WorkloadID // sorted
}

// partition finds few selectors for workloads of a namespace, sorted: one for all of them if there is one, else one for
// as many as share a label key, and so on. Each selects all pods of its workloads and no others of the namespace.
func (s *selecting) partition(ns string, users []graph.WorkloadID) []selection {
	var out []selection
	for left := users; len(left) > 0; {
		g := s.largest(ns, left)
		out = append(out, g)
		left = slices.DeleteFunc(slices.Clone(left), func(u graph.WorkloadID) bool { return slices.Contains(g.users, u) })
	}
	slices.SortFunc(out, func(a, b selection) int { return slices.Compare(a.users, b.users) })
	return out
}

// largest returns the largest group among the users that one selector selects, the first user alone at the least.
func (s *selecting) largest(ns string, users []graph.WorkloadID) selection {
	if sel, ok := s.selectExactly(ns, users); ok {
		return selection{sel, users}
	}
	best := selection{s.own(users[0]), users[:1]}
	byKey := map[string][]graph.WorkloadID{}
	for _, u := range users {
		for k := range s.g.Workloads[u].Selector {
			byKey[k] = append(byKey[k], u)
		}
	}
	for _, list := range byKey {
		if len(list) < 2 || len(list) == len(users) ||
			cmp.Or(cmp.Compare(len(best.users), len(list)), slices.Compare(list, best.users)) >= 0 {
			continue
		}
		if sel, ok := s.selectExactly(ns, list); ok {
			best = selection{sel, list}
		}
	}
	return best
}

// selectExactly finds one selector for a set of workloads of a namespace that selects no other workload there: a
// single label with the values of each, else two labels. false: there is none, or only one that would also take in
// workloads that are yet to come.
func (s *selecting) selectExactly(ns string, users []graph.WorkloadID) (policy.Selector, bool) {
	if len(users) == 1 {
		return s.own(users[0]), true
	}
	keys := s.sharedKeys(users)
	for i := range keys {
		if sel := s.valuesOf(keys[i:i+1], users); s.exact(sel, ns, users) {
			return sel, true
		}
	}
	for i := range keys {
		for j := i + 1; j < len(keys); j++ {
			if sel := s.valuesOf([]string{keys[i], keys[j]}, users); s.exact(sel, ns, users) {
				return sel, true
			}
		}
	}
	return nil, false
}

// sharedKeys are the label keys that tell all the given workloads: first those that all of them are selected by, then
// stable ones with a value of its own on each.
func (s *selecting) sharedKeys(users []graph.WorkloadID) []string {
	var selecting, telling []string
	first := &s.g.Workloads[users[0]]
	for k := range first.Selector {
		if s.all(users, func(w *workload.Workload) bool { _, ok := w.Selector[k]; return ok }) {
			selecting = append(selecting, k)
		}
	}
	for _, k := range s.stableKeys(users[0]) {
		if !slices.Contains(selecting, k) &&
			!slices.ContainsFunc(users, func(u graph.WorkloadID) bool { return !slices.Contains(s.stableKeys(u), k) }) &&
			len(s.valuesOf([]string{k}, users)[0].Values) == len(users) {
			telling = append(telling, k)
		}
	}
	slices.Sort(selecting)
	slices.Sort(telling)
	return append(selecting, telling...)
}

// stableKeys are the keys whose value all pods of a workload share and that may stand in a selector: a log may have
// what no API server would have let in.
func (s *selecting) stableKeys(i graph.WorkloadID) []string {
	if keys, ok := s.stable[i]; ok {
		return keys
	}
	w := &s.g.Workloads[i]
	var out []string
	for k := range w.Selector {
		out = append(out, k)
	}
	for _, d := range w.Dropped() {
		v, _ := w.Common.Get(d.Key)
		if d.Why == workload.NotNeeded && notOfPods(policy.MatchLabels(map[string]string{d.Key: v})) == "" {
			out = append(out, d.Key)
		}
	}
	slices.Sort(out)
	s.stable[i] = out
	return out
}

func (s *selecting) all(users []graph.WorkloadID, ok func(*workload.Workload) bool) bool {
	return !slices.ContainsFunc(users, func(u graph.WorkloadID) bool { return !ok(&s.g.Workloads[u]) })
}

// valuesOf is the selector of the values that the users have for each key.
func (s *selecting) valuesOf(keys []string, users []graph.WorkloadID) policy.Selector {
	var sel policy.Selector
	for _, k := range keys {
		r := policy.Requirement{Key: k, Op: policy.In}
		for _, u := range users {
			v, _ := s.g.Workloads[u].Common.Get(k)
			r.Values = append(r.Values, v)
		}
		sel = append(sel, r)
	}
	return sel.Canonical()
}

// exact reports whether a selector selects all pods of the users, which are sorted, and none of the namespace's other
// workloads.
func (s *selecting) exact(sel policy.Selector, ns string, users []graph.WorkloadID) bool {
	for _, i := range s.in[ns] {
		_, user := slices.BinarySearch(users, i)
		for _, labels := range s.g.Workloads[i].LabelSets {
			if sel.Matches(labels) != user {
				return false
			}
		}
	}
	return true
}

// index notes which workloads have a pod with a label.
func (s *selecting) index(i graph.WorkloadID) {
	for _, set := range s.g.Workloads[i].LabelSets {
		for _, kv := range set {
			k, v, _ := strings.Cut(kv, "=")
			if s.having[k] == nil {
				s.having[k] = map[string][]graph.WorkloadID{}
			}
			if list := s.having[k][v]; len(list) == 0 || list[len(list)-1] != i {
				s.having[k][v] = append(list, i)
			}
		}
	}
}

// keyOf joins texts of any content into one that tells them apart.
func keyOf(list []string) string {
	var k []byte
	for _, s := range list {
		k = append(binary.AppendUvarint(k, uint64(len(s))), s...)
	}
	return string(k)
}
