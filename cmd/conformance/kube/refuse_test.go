package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	goodKubernetes = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 7070, protocol: TCP}]
`
	goodCilium = `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: cart}}
  enableDefaultDeny: {ingress: false, egress: false}
  ingress:
  - fromEndpoints: [{matchLabels: {app: web}}]
    toPorts: [{ports: [{port: "7070", protocol: TCP}]}]
`
	goodCalico = `apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  selector: app == 'cart'
  types: [Ingress]
  ingress:
  - action: Allow
    protocol: TCP
    source: {selector: app == 'web'}
    destination: {ports: [7070]}
`
	goodOverlay = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [cart.yaml]\n"
)

// TestRefuse: the judge can say no, and says why. A file is refused with one thing changed in it that is accepted as it
// stands.
func TestRefuse(t *testing.T) {
	c := theCluster(t)
	for _, x := range []struct{ name, file, text, old, new, want string }{
		{"kubernetes", "cart.yaml", goodKubernetes, "", "", ""},
		{"an unknown field", "cart.yaml", goodKubernetes, "podSelector: {matchLabels: {app: web}}", "podSelectors: {}", `unknown field "spec.ingress[0].from[0].podSelectors"`},
		{"a key twice", "cart.yaml", goodKubernetes, "  policyTypes: [Ingress]", "  policyTypes: [Ingress]\n  policyTypes: [Egress]", "already set"},
		{"a port too high", "cart.yaml", goodKubernetes, "7070", "70700", "between 1 and 65535"},
		{"another protocol", "cart.yaml", goodKubernetes, "TCP", "ICMP", "Unsupported value"},
		{"a label's value", "cart.yaml", goodKubernetes, "app: web", "app: web/1", "a valid label must be"},
		{"a name", "cart.yaml", goodKubernetes, "name: cart", "name: Cart_1", "RFC 1123"},
		{"an older API", "cart.yaml", goodKubernetes, "networking.k8s.io/v1", "extensions/v1beta1", "knows no kind"},
		{"the second document", "cart.yaml", goodKubernetes + "---\n" + goodKubernetes, "---\napi", "---\nnothing: 1\napi", "document 2"},
		{"no YAML", "cart.yaml", goodKubernetes, "spec:", "spec: {", "document 1"},
		{"nothing", "cart.yaml", "# empty\n", "", "", "knows no kind"},

		{"cilium", "cart.yaml", goodCilium, "", "", ""},
		{"an unknown field for cilium", "cart.yaml", goodCilium, "fromEndpoints", "fromEndpoint", `unknown field "spec.ingress[0].fromEndpoint"`},
		{"a port that is no text", "cart.yaml", goodCilium, `"7070"`, "7070", "must be of type string"},
		{"another protocol for cilium", "cart.yaml", goodCilium, "TCP", "tcp", "Unsupported value"},

		{"calico", "cart.yaml", goodCalico, "", "", ""},
		{"an unknown field for calico", "cart.yaml", goodCalico, "source:", "sources:", `unknown field "spec.ingress[0].sources"`},
		{"a selector that is no text", "cart.yaml", goodCalico, "app == 'cart'", "[app]", "must be of type string"},

		{"kustomization", "kustomization.yaml", goodOverlay, "", "", ""},
		{"a file that is not there", "kustomization.yaml", goodOverlay, "cart.yaml", "cart.yml", "cart.yml"},
		{"a file twice", "kustomization.yaml", goodOverlay, "[cart.yaml]", "[cart.yaml, again.yaml]", "already registered id"},
		{"an unknown field of kustomize", "kustomization.yaml", goodOverlay, "resources", "resource", "resource"},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{x.file: strings.Replace(x.text, x.old, x.new, 1)}
			if x.file == "kustomization.yaml" {
				files["cart.yaml"], files["again.yaml"] = goodKubernetes, goodKubernetes
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			verdicts, err := judge(t.Context(), c, dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range verdicts {
				if filepath.Base(v.File) != x.file {
					continue
				}
				if v.Accepted != (x.want == "") || !strings.Contains(v.Error, x.want) {
					t.Errorf("want %q, got %+v", x.want, v)
				}
			}
		})
	}
	if _, err := judge(t.Context(), c, t.TempDir()); err == nil {
		t.Error("a directory without a file was judged")
	}
}
