package calico

import "testing"

// TestDecider: a policy has the same name in every form, and no two have one.
func TestDecider(t *testing.T) {
	for _, c := range []struct{ policies, want string }{
		{`{"enforced_policies":[{"kind":1,"namespace":"shop","tier":"default","name":"default.web"}]}`,
			"projectcalico.org/v3 NetworkPolicy shop/web\x00"},
		{`{"all_policies":["0|default|shop/default.web|allow|0"]}`,
			"projectcalico.org/v3 NetworkPolicy shop/web\x00"},
		{`{"all_policies":["0|default|shop/knp.default.web|allow|0"]}`, "networking.k8s.io/v1 NetworkPolicy shop/web\x00"},
		{`{"enforced":[{"kind":"GlobalNetworkPolicy","name":"floor"}]}`, "projectcalico.org/v3 GlobalNetworkPolicy /floor\x00"},
		{`{"enforced":[{"kind":"CalicoNetworkPolicy","namespace":"shop/web","name":"x"}]}`, ""},
		{`{"enforced":[{"kind":"CalicoNetworkPolicy","namespace":"shop","name":"a\u0000b"}]}`, ""},
		{`{"all_policies":["0|default|a b/default.web|allow|0"]}`, ""},
	} {
		if got := readTrace([]byte(c.policies)).deciders; got != c.want {
			t.Errorf("%s: %q, want %q", c.policies, got, c.want)
		}
	}
}
