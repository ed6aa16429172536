package verify_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// TestCasesByEdge: pods of one workload are one case, with their records together and the rules that would allow it.
func TestCasesByEdge(t *testing.T) {
	g := graphtest.Graph(t, "shop/{app=web,pod-template-hash=5f7c9d8b6} -> shop/db 1/tcp times=2", "shop/{app=web,pod-template-hash=6c8f4d9c5} -> shop/db 1/tcp times=3")
	deny := policy.DefaultDeny("shop", true, true)
	rep, err := verify.Verify(t.Context(), g, policy.PolicySet{}.Add(deny), verify.Config{Semantics: eval.Spec})
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		edge        string
		connections int
		records     uint64
		missing     []string
	}
	var got []row
	for _, c := range rep.Cases {
		got = append(got, row{c.Src + " -> " + c.Dst + " " + c.Port, c.Connections, c.Records, c.Missing})
	}
	want := []row{{"shop/web -> shop/db 1/tcp", 2, 5, []string{"egress of shop/web to shop/db 1/tcp", "ingress of shop/db from shop/web 1/tcp"}}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
		t.Error(d)
	}
}
