package kube_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"sluice/cmd/sluice/internal/kube"
)

// TestTiers: Calico's API server lists the policies of those tiers alone that the user may read, by rights of its own:
// the role gives them, and who lacks them is told of these and not of those that are there.
func TestTiers(t *testing.T) {
	var role struct {
		Rules []struct{ APIGroups, Resources, Verbs []string }
	}
	if err := yaml.Unmarshal([]byte(kube.Reading()), &role); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	for _, r := range role.Rules {
		for _, resource := range r.Resources {
			given[resource+" of "+r.APIGroups[0]] += strings.Join(r.Verbs, " ")
		}
	}
	for what, want := range map[string]string{
		"tiers of projectcalico.org": "get list", "tier.networkpolicies of projectcalico.org": "get list",
		"tier.globalnetworkpolicies of projectcalico.org": "get list",
		"tier.networkpolicies of crd.projectcalico.org":   "", "tier.networkpolicies of networking.k8s.io": "",
		"tier.networksets of projectcalico.org": "",
	} {
		if given[what] != want {
			t.Errorf("%s: %q, want %q", what, given[what], want)
		}
	}

	const calico = "/apis/projectcalico.org/v3"
	said := map[string]string{ // as Calico 3.31 and Kubernetes do
		calico + "/networkpolicies": `networkpolicies.projectcalico.org is forbidden: User "frontier" cannot list resource ` +
			`"networkpolicies" in API group "projectcalico.org" at the cluster scope`,
		calico + "/namespaces/shop/networkpolicies": "networkpolicies.projectcalico.org is forbidden: operation on Calico tiered policy is forbidden",
		calico + "/globalnetworkpolicies":           "globalnetworkpolicies.projectcalico.org is forbidden: operation on Calico tiered policy is forbidden",
		calico + "/tiers":                           `tiers.projectcalico.org is forbidden: User "frontier" cannot list resource "tiers" in API group "projectcalico.org"`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch text := said[r.URL.Path]; {
		case text != "":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"kind":"Status","message":%q}`, text)
		case r.URL.Path == calico:
			fmt.Fprint(w, `{"resources":[{"name":"networkpolicies"},{"name":"globalnetworkpolicies"},{"name":"tiers"}]}`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	lost, err := open(t, s.URL).Each(t.Context(), kube.Policies, []string{"shop"}, func(string, []byte) error { return nil })
	if err != nil || len(lost) != 3 {
		t.Fatalf("%v, %v", lost, err)
	}
	for i, want := range []string{
		"Calico wants a ClusterRole with the verb list on tier.networkpolicies.projectcalico.org and get on tiers.projectcalico.org (sluice install",
		"Calico wants a ClusterRole with the verb list on tier.globalnetworkpolicies.projectcalico.org and get on tiers.projectcalico.org",
		"the user needs a ClusterRole with the verb list on tiers.projectcalico.org (sluice install --rbac prints it): tiers",
	} {
		if !strings.Contains(lost[i].Error(), want) {
			t.Errorf("%v\ndoes not say %s", lost[i], want)
		}
	}
}
