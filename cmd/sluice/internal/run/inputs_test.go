package run

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// serving is a cluster with as many services, and a policy for each hundred.
type serving int

func (n serving) Declared(_ context.Context, take func(string, []byte) error) ([]error, error) {
	for i := range n {
		const text = `{"apiVersion":"v1","kind":"Service","metadata":{"namespace":"shop","name":"s%d"},"spec":{"clusterIP":"None"}}`
		if err := take(fmt.Sprint("s", i), fmt.Appendf(nil, text, i)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (n serving) Policies(_ context.Context, take func(string, []byte) error) ([]error, error) {
	for i := range n / 100 {
		const text = `{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"namespace":"shop","name":"p%d"},` +
			`"spec":{"podSelector":{}}}`
		if err := take(fmt.Sprint("p", i), fmt.Appendf(nil, text, i)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// TestCluster: all that a cluster has is known, in its order and once, and who waits is told what is read.
func TestCluster(t *testing.T) {
	const n = 2*maxTaken + 7
	var told []string
	in := Inputs{Cluster: serving(n), Watch: func(what string, _ int64) (func(int64, int64), func()) {
		told = append(told, what)
		return func(int64, int64) {}, func() { told = append(told, "done") }
	}}
	t.Chdir(t.TempDir()) // no file here is called as the cluster is
	c := &Config{}
	if err := c.ReadManifests(t.Context(), []string{"cluster"}, in); err != nil {
		t.Fatal(err)
	}
	for _, m := range []int{len(c.Cluster.Services), len(c.InForce.Set.Manifests.Services)} {
		if m != n {
			t.Errorf("%d services, want %d", m, n)
		}
	}
	if first, last := c.Cluster.Services[0].Name, c.Cluster.Services[n-1].Name; first != "s0" || last != fmt.Sprint("s", n-1) {
		t.Errorf("from %s to %s", first, last)
	}
	if got := len(c.InForce.Set.Policies); got != n/100 {
		t.Errorf("%d policies in force", got)
	}
	if p, err := OpenRevision(t.Context(), "cluster", in); err != nil || len(p.Set.Policies) != n/100 {
		t.Errorf("%v, %+v", err, p)
	}
	want := []string{"reading what the cluster declares", "done", "reading the policies of the cluster", "done"}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}
