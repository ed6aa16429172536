package lint_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/model"
	"sluice/synth/lint"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/kubernetes"
)

// TestValid finds nothing in 500 policies that say what they seem to: written by the dialects, and by hand out of
// subjects, peers and ports as people put them.
func TestValid(t *testing.T) {
	texts := append(rendered(t), byHand()...)
	if len(texts) < 500 {
		t.Fatalf("%d policies", len(texts))
	}
	for _, text := range texts {
		if found := check([]byte(text), nil); len(found) > 0 {
			t.Fatalf("%+v\n%s", found, text)
		}
	}
}

// rendered are policies with random peers and ports in each dialect, and default denies.
func rendered(t *testing.T) []string {
	r := rand.New(rand.NewPCG(11, 3))
	pods := func() policy.Peer {
		return policy.PodsIn(fmt.Sprint("team-", r.IntN(5)), policy.MatchLabels(map[string]string{"app": fmt.Sprint("a", r.IntN(30))}))
	}
	dns := policy.Rule{Direction: model.Egress, Peers: []policy.Peer{policy.PodsIn("kube-system",
		policy.MatchLabels(map[string]string{"k8s-app": "kube-dns"}))}, Ports: []policy.Port{policy.OnePort(model.UDP, 53), policy.OnePort(model.TCP, 53)}}
	var set policy.PolicySet
	for i := range 100 {
		p := policy.Policy{Name: fmt.Sprint("p", i), Namespace: fmt.Sprint("team-", i%5), Ingress: true, Egress: i%2 == 0,
			Subject: policy.MatchLabels(map[string]string{"app": fmt.Sprint("a", i)})}
		for range 1 + r.IntN(3) {
			p.Rules = append(p.Rules, policy.Rule{Direction: model.Ingress, Peers: []policy.Peer{pods(), pods()},
				Ports: []policy.Port{policy.OnePort(model.TCP, uint16(1024+r.IntN(9000)))}})
		}
		if p.Egress {
			p.Rules = append(p.Rules, dns, policy.Rule{Direction: model.Egress, Peers: []policy.Peer{pods()},
				Ports: []policy.Port{policy.OnePort(model.TCP, uint16(1024+r.IntN(9000)))}})
		}
		set.Policies = append(set.Policies, p)
	}
	var out []string
	for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}} {
		written := set
		for i := range 5 {
			written = written.Add(policy.Policy{Name: "default-deny", Namespace: fmt.Sprint("team-", i), Ingress: true, Egress: true})
		}
		files, lost, err := d.Render(written)
		if err != nil || len(lost) > 0 {
			t.Fatal(err, lost)
		}
		for _, f := range files {
			out = append(out, string(f.YAML))
		}
	}
	return out
}

// byHand are NetworkPolicies out of parts that people write, each with each.
func byHand() []string {
	subjects := []string{"podSelector: {}", "podSelector: {matchLabels: {app: cart}}", "podSelector:\n    matchExpressions:\n    - {key: tier, operator: In, values: [a, b]}",
		"podSelector:\n    matchLabels:\n      app.kubernetes.io/name: cart   # the cart"}
	peers := []string{"podSelector: {matchLabels: {app: web}}", "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}",
		"namespaceSelector: {matchLabels: {team: a}}\n      podSelector: {matchLabels: {app: web}}", "ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}",
		"podSelector: {}", "ipBlock:\n        cidr: 2001:db8::/32"}
	ports := []string{"", "    ports:\n    - port: 8080\n", "    ports: [{port: http}]\n", "    ports:\n    - {protocol: UDP, port: 8000, endPort: 8010}\n"}
	dns := "  - to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]\n    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]\n"
	var out []string
	for i, s := range subjects {
		for j, peer := range peers {
			for k, port := range ports {
				head := fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p%d%d%d, namespace: shop}\nspec:\n  %s\n", i, j, k, s)
				out = append(out, head+"  ingress:\n  - from:\n    - "+peer+"\n"+port,
					head+"  policyTypes: [Egress]\n  egress:\n  - to:\n    - "+peer+"\n"+port+dns)
			}
		}
	}
	return out
}

// TestExamples says of every example of what people write which traps it shows, and of no other any.
func TestExamples(t *testing.T) {
	want := map[string]string{
		"calico/ip-version.yaml":                "opens-everything",
		"cilium/cidr-no-pods.yaml":              "opens-everything",
		"cilium/clusterwide-default-deny.yaml":  "isolates-proxy",
		"cilium/clusterwide-dns.yaml":           "isolates-proxy system-namespaces",
		"cilium/deny-takes-precedence.yaml":     "opens-everything",
		"cilium/enable-default-deny-false.yaml": "egress-without-dns",
		"cilium/entity-kube-apiserver.yaml":     "egress-without-dns",
		"cilium/fqdn-name.yaml":                 "egress-without-dns names-unseen",
		"cilium/fqdn-pattern.yaml":              "names-unseen",
	}
	got := map[string]string{}
	for _, d := range []string{"kubernetes", "cilium", "calico"} {
		a, err := txtar.ParseFile(filepath.Join("..", "eval", "testdata", "examples", d+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			var ids []string
			for _, x := range check(f.Data, nil) {
				if x.Severity > lint.Info {
					ids = append(ids, x.ID)
				}
			}
			if slices.Sort(ids); len(ids) > 0 {
				got[d+"/"+f.Name] = strings.Join(slices.Compact(ids), " ")
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
