package kubernetes_test

import (
	"fmt"
	"os"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// What a dialect cannot say comes back as a loss and is left out: it never becomes a wider rule.
func ExampleDialect_Render() {
	web := policy.PodsIn("shop", policy.MatchLabels(map[string]string{"app": "web"}))
	set := policy.PolicySet{Policies: []policy.Policy{{
		Name: "cart", Namespace: "shop", Ingress: true,
		Subject: policy.MatchLabels(map[string]string{"app": "cart"}),
		Rules: []policy.Rule{
			{Direction: model.Ingress, Peers: []policy.Peer{web}, Ports: []policy.Port{policy.OnePort(model.TCP, 7070)}},
			{Direction: model.Ingress, Peers: []policy.Peer{web}, Ports: []policy.Port{policy.OnePort(model.ICMP, 8)}},
		},
	}}}
	files, losses, err := kubernetes.Dialect{}.Render(set)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(files[0].Path())
	for _, l := range losses {
		fmt.Printf("lost of %s: %s; %s\n", l.Policy, l.Lost, l.Consequence)
	}
	// Output:
	// shop/cart.yaml
	// lost of shop/cart: protocol icmp; ingress of it is denied: only a rule for every port would let it pass
}

// Parse reads anybody's YAML strictly: what it does not take over is a problem with its line.
func ExampleDialect_Kinds() {
	text := `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelectr: {matchLabels: {app: cart}}
`
	set, problems := render.Parse(strings.NewReader(text), "cart.yaml", kubernetes.Dialect{}.Kinds())
	fmt.Println(len(set.Policies), "policies")
	for _, p := range problems {
		fmt.Fprintln(os.Stdout, p.Severity, p.Error())
	}
	// Output:
	// 0 policies
	// invalid cart.yaml:5 (document 1): spec: unknown field "podSelectr" (did you mean "podSelector"?)
}
