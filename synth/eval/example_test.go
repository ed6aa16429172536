package eval_test

import (
	"fmt"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// A policy isolates cart for ingress and lets web in on one port.
func ExampleEvaluator_Decide() {
	cart := policy.Policy{
		Name: "cart", Namespace: "shop", Ingress: true,
		Subject: policy.MatchLabels(map[string]string{"app": "cart"}),
		Rules: []policy.Rule{{
			Direction: model.Ingress,
			Peers:     []policy.Peer{policy.PodsIn("shop", policy.MatchLabels(map[string]string{"app": "web"}))},
			Ports:     []policy.Port{policy.OnePort(model.TCP, 7070)},
		}},
	}
	ev := eval.New(policy.PolicySet{Policies: []policy.Policy{cart}}, eval.Spec)
	pod := func(app string) *eval.End {
		return ev.End(eval.Facts{IsPod: true, Namespace: "shop", Labels: model.Labels{"app=" + app}})
	}
	for _, from := range []string{"web", "debug"} {
		d := ev.Decide(pod(from), pod("cart"), model.TCP, 7070)
		fmt.Println(from, d.Allowed)
		fmt.Println(" ", ev.Why(d))
	}
	// Output:
	// web true
	//   allowed: at the source nothing isolates this end; at the destination rule 22818100b1 of policy shop/cart allows it
	// debug false
	//   denied: at the destination policy shop/cart isolates the pod and no rule allows this
}
