package eval

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/model"
	"sluice/synth/policy"
)

// TestSubjects: a policy that is passed over selects the pod in no semantics.
func TestSubjects(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	label := func() string { return fmt.Sprintf("k%d=%s", r.IntN(4), []string{"", "a", "b", "c"}[r.IntN(4)]) }
	for range 300 {
		var set policy.PolicySet
		for i := range 20 {
			var sel policy.Selector
			for range r.IntN(3) {
				q := policy.Requirement{Key: fmt.Sprintf("k%d", r.IntN(4)), Op: []policy.Op{policy.In, policy.NotIn, policy.Exists, policy.DoesNotExist}[r.IntN(4)]}
				if q.Op == policy.In || q.Op == policy.NotIn {
					q.Values = []string{"", "a", "b", "c"}[r.IntN(3) : 3+r.IntN(2)]
				}
				sel = append(sel, q)
			}
			set.Policies = append(set.Policies, policy.Policy{Name: fmt.Sprint(i), Namespace: "shop", Subject: sel, Ingress: true})
		}
		labels := model.MakeLabels([]string{label(), label(), label()})
		for _, sem := range []Semantics{Spec, Cilium, Calico} {
			e := New(set, sem)
			end := e.End(Facts{IsPod: true, Namespace: "shop", Labels: labels})
			var want, got []int
			for i := range set.Policies {
				if set.Policies[i].Subject.Matches(labels) {
					want = append(want, i)
				}
			}
			for _, s := range end.ingress.policies {
				got = append(got, s.policy)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%v: %v selected by %v, want %v of %v", sem, labels, got, want, set.Policies)
			}
		}
	}
}
