package workload

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"sluice/model"
)

// TestSort: pods stand in the order of their keys, and so do sets of labels, each once.
func TestSort(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 500 {
		var sp space
		var sets []model.Labels
		for range r.IntN(60) {
			var labels []string
			for k := range r.IntN(5) {
				labels = append(labels, fmt.Sprint("k", k, "=", r.IntN(3)))
			}
			e := &model.Endpoint{Kind: model.KindPod, Namespace: "shop", Labels: model.MakeLabels(labels)}
			if r.IntN(2) == 0 {
				e.Owner = model.Owner{Kind: fmt.Sprint("Kind", r.IntN(2)), Name: fmt.Sprint("web", r.IntN(3))}
			}
			e.ServiceAccount = fmt.Sprint(r.IntN(2))
			sp.pods, sets = append(sp.pods, &pod{Endpoint: e}), append(sets, e.Labels)
		}
		sp.sort()
		if !slices.IsSortedFunc(sp.pods, func(a, b *pod) int { return a.Compare(b.Endpoint) }) {
			t.Fatalf("%v is not in order", sp.pods)
		}
		want := slices.Clone(sets)
		slices.SortFunc(want, func(a, b model.Labels) int { return slices.Compare(a, b) })
		want = slices.CompactFunc(want, func(a, b model.Labels) bool { return slices.Equal(a, b) })
		if got := distinct(sets); !slices.EqualFunc(got, want, func(a, b model.Labels) bool { return slices.Equal(a, b) }) {
			t.Fatalf("sets %q, want %q", got, want)
		}
	}
}

// TestRollouts: workloads have the same selectors after any number of rollouts.
func TestRollouts(t *testing.T) {
	build := func(rollouts int) (out []map[string]string) {
		var eps []*model.Endpoint
		for n := range rollouts {
			for _, app := range []string{"web", "cart", "till"} {
				for _, owner := range []string{"", app} {
					eps = append(eps, &model.Endpoint{Kind: model.KindPod, Namespace: "shop",
						Owner: model.Owner{Kind: "Deployment", Name: owner}, Labels: model.MakeLabels([]string{"app=" + app,
							"tier=back", "team=" + app[:1], fmt.Sprint("pod-template-hash=", 1000+n), "version=v1",
							"io.cilium.k8s.namespace.labels.team=a"})})
					if owner == "" {
						eps[len(eps)-1].Owner = model.Owner{}
					}
				}
			}
		}
		for _, w := range Build(eps, nil, Config{}).Workloads {
			out = append(out, w.Selector)
		}
		return out
	}
	once := build(1)
	if len(once) != 3 {
		t.Fatalf("workloads %v, want three", once)
	}
	for _, n := range []int{2, 100} {
		if got := build(n); !reflect.DeepEqual(got, once) {
			t.Errorf("after %d rollouts %v, before %v", n, got, once)
		}
	}
}
