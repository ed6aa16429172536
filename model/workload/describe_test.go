package workload

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/model"
)

// What a reviewer is told of a workload.
func TestDescription(t *testing.T) {
	s := build([]string{
		"ReplicaSet/web-7d9f8c6b5 | app.kubernetes.io/name=shop app.kubernetes.io/component=web app.kubernetes.io/version=1.2 canary=yes io.cilium.k8s.policy.cluster=c pod-template-hash=7d9f8c6b5 region=eu shard=a",
		"ReplicaSet/web-6b7c8d9f5 | app.kubernetes.io/name=shop app.kubernetes.io/component=web app.kubernetes.io/version=1.3 mirror=mixer-1.2.3 pod-template-hash=6b7c8d9f5 region=eu shard=b sum=3f9a2c71",
		"StatefulSet/db | app.kubernetes.io/name=shop app.kubernetes.io/component=db",
		"Deployment/cart | app.kubernetes.io/name=cart app.kubernetes.io/component=web",
	}, Config{AddVolatile: []string{"reg*"}})
	i := s.Of(0)
	if i < 0 || i != s.Of(1) {
		t.Fatalf("of %d and %d", i, s.Of(1))
	}
	got := s.Workloads[i]
	want := Workload{
		ID: "shop/web", Namespace: "shop", Name: "web", Kind: "Deployment", Observed: true,
		Selector:  map[string]string{"app.kubernetes.io/name": "shop", "app.kubernetes.io/component": "web"},
		Common:    model.Labels{"app.kubernetes.io/component=web", "app.kubernetes.io/name=shop", "region=eu"},
		LabelSets: got.LabelSets,
	}
	if d := cmp.Diff(got, want, cmpopts.IgnoreUnexported(Workload{})); d != "" {
		t.Errorf("-got +want\n%s", d)
	}
	separates := []Separation{
		{Key: "app.kubernetes.io/component", Value: "web", From: []string{"db"}},
		{Key: "app.kubernetes.io/name", Value: "shop", From: []string{"cart"}},
	}
	if d := cmp.Diff(got.Separates(), separates); d != "" {
		t.Errorf("separates: -got +want\n%s", d)
	}
	dropped := []DroppedLabel{
		{"app.kubernetes.io/version", Builtin}, {"canary", NotOnAll}, {"io.cilium.k8s.policy.cluster", NotOfPod},
		{"mirror", Version}, {"pod-template-hash", Builtin}, {"region", Configured}, {"shard", Varies}, {"sum", Random},
	}
	if d := cmp.Diff(got.Dropped(), dropped); d != "" {
		t.Errorf("dropped: -got +want\n%s", d)
	}
	if len(got.LabelSets) != 2 {
		t.Errorf("%d label sets", len(got.LabelSets))
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ row, want string }{
		{"@web-7d9f8c6b5-x2x4z||", "add app.kubernetes.io/name: web to its template"},
		{"| pod-template-hash=7d9f8c6b5 |", "all its labels change with rollouts or runs"},
		{"||", "neither its labels nor its owner"},
	} {
		s := build([]string{c.row}, Config{})
		if len(s.Refused) != 1 || s.Refused[0].Reason != model.Unlabelled || !strings.Contains(s.Refused[0].Detail, c.want) {
			t.Errorf("%q: %+v", c.row, s.Refused)
		}
	}
	for _, c := range []struct{ row, want string }{
		{"Deployment/web||", "the log has no labels for its pods; add app.kubernetes.io/name: web to its pod template"},
		{"Job/seed | job-name=seed |", "all its labels change with rollouts, runs or replicas; add app.kubernetes.io/name: seed to its pod template"},
		{"| pod-template-hash=7d9f8c6b5 | web-7d9f8c6b5-x2x4z", "all its labels change with rollouts, runs or replicas; add app.kubernetes.io/name: web to its pod template"},
	} {
		s := build([]string{c.row}, Config{})
		if len(s.Workloads) != 1 || s.Workloads[0].Refusal != c.want {
			t.Errorf("%q: %+v", c.row, s.Workloads)
		}
	}
}

// No two of these can be selected apart, and no label is on all three.
func TestConflictIsRefused(t *testing.T) {
	s := build([]string{"| app=a |", "| app=a role=b |", "| role=b |"}, Config{})
	if len(s.Workloads) != 1 || len(s.Workloads[0].Selector) > 0 || !strings.Contains(s.Workloads[0].Refusal, "overlap") {
		t.Errorf("%+v", s.Workloads)
	}
}

// Pods of no owner, with the labels of one: those that its name does not explain are told.
func TestStrangers(t *testing.T) {
	const deployment = "ReplicaSet/db-6d5f7c8b9d | app=db | db-6d5f7c8b9d-x2x4z db-6d5f7c8b9d-v8wqk"
	for _, c := range []struct {
		rows []string
		want []string
	}{
		{[]string{deployment, "| app=db | debug"}, []string{"db", "debug"}},
		{[]string{deployment, "| app=db | db-x"}, []string{"db", "db-x"}},
		{[]string{deployment, "| app=db trace=on | seed-x2x4z"}, []string{"db", "seed"}},
		{[]string{deployment, "| app=db | db-6d5f7c8b9d-kq8wv"}, nil}, // of another node, whose owner Cilium does not name
		{[]string{deployment, "| app=db |"}, nil},
		{[]string{"| app=db | db-6d5f7c8b9d-x2x4z", "| app=db | debug"}, []string{"db", "debug"}},
		{[]string{"StatefulSet/db | app=db | db-0", "| app=db | db-1 debug"}, []string{"db", "debug"}},
		// Nothing says what the pods of one application are called.
		{[]string{"| app=store | db-0 db-1"}, nil},
		{[]string{"Cluster/db | app=db | pg-a", "| app=db | pg-b"}, nil},
		{[]string{"EphemeralRunner/r1 | app=run | r1", "| app=run |"}, nil},
	} {
		s := build(c.rows, Config{})
		if len(s.Workloads) != 1 {
			t.Errorf("%q: %d workloads", c.rows, len(s.Workloads))
			continue
		}
		if d := cmp.Diff(s.Workloads[0].Merged, c.want); d != "" {
			t.Errorf("%q: -got +want\n%s", c.rows, d)
		}
	}
}
