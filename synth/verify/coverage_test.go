package verify_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// TestCoverage: what isolates workloads by name leaves pods to come open; a default deny does not, unless a policy opens
// the namespace again.
func TestCoverage(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 1/tcp", "bank/app -> shop/db 1/tcp", "192.0.2.1 -> shop/web 80/tcp")
	type row struct {
		Ingress, Egress []string
		Whole           policy.ByDirection[bool]
	}
	one := np("db", `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}`)
	deny := np("deny", `{podSelector: {}, policyTypes: [Ingress]}`)
	open := np("open", `{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}`)
	all := []string{"shop/db", "shop/web"}
	for _, c := range []struct {
		docs []string
		want row
	}{
		{nil, row{all, all, policy.ByDirection[bool]{}}},
		{[]string{one}, row{[]string{"shop/web"}, all, policy.ByDirection[bool]{}}},
		{[]string{deny}, row{nil, all, policy.ByDirection[bool]{Ingress: true}}},
		{[]string{deny, open}, row{all, all, policy.ByDirection[bool]{}}},
		{[]string{np("both", denyAll)}, row{nil, nil, policy.ByDirection[bool]{Ingress: true, Egress: true}}},
	} {
		covers := verify.Coverage(g, set(t, c.docs...), verify.Config{Semantics: eval.Spec})
		if len(covers) != 2 || covers[0].Namespace != "bank" || covers[0].Workloads != 1 || covers[1].Workloads != 2 {
			t.Fatalf("%+v", covers)
		}
		shop := covers[1]
		if d := cmp.Diff(c.want, row{shop.Open.Ingress, shop.Open.Egress, shop.Whole}); d != "" {
			t.Errorf("%v: -want +got\n%s", c.docs, d)
		}
		if shop.Enforced() != (c.want.Whole.Ingress && c.want.Whole.Egress) {
			t.Errorf("%v: enforced %v", c.docs, shop.Enforced())
		}
	}
}
