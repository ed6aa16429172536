package policy_test

import (
	"reflect"
	"testing"

	"sluice/synth/policy"
)

// TestSelectors: policies say the same with shared selectors, equal ones are kept once, and no others are.
func TestSelectors(t *testing.T) {
	list := func() []policy.Policy {
		web := func() policy.Selector { return policy.MatchLabels(map[string]string{"app": "web", "tier": "front"}) }
		odd := policy.Selector{{Key: "app", Op: policy.NotIn, Values: []string{"web"}}}
		several := policy.Selector{{Key: "app", Values: []string{"web", "db"}}}
		rule := policy.Rule{Peers: []policy.Peer{policy.PodsIn("shop", web()), policy.PodsIn("shop", odd), policy.PodsIn("bank", several),
			policy.PodsIn("shop", policy.MatchLabels(map[string]string{"app": "web", "tier": "frontx"})),
			policy.PodsIn("shop", policy.MatchLabels(map[string]string{"app": "web\x00db"})),
			policy.PodsIn("shop", policy.MatchLabels(map[string]string{"app\x00web": "db"}))}}
		return []policy.Policy{{Name: "a", Namespace: "shop", Subject: web(), Rules: []policy.Rule{rule}},
			{Name: "b", Namespace: "shop", Subject: web()}, {Name: "c", Namespace: "shop"}}
	}
	var shared policy.Selectors
	got := list()
	shared.Share(got[:1])
	shared.Share(got[1:])
	if want := list(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if &got[0].Subject[0] != &got[1].Subject[0] || &got[0].Subject[0] != &got[0].Rules[0].Peers[0].Pods[0] {
		t.Error("equal selectors are kept twice")
	}
}
