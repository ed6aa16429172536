package verify_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// peer returns the end of a name.
func peer(t *testing.T, g *graph.Graph, id string) verify.Asked {
	t.Helper()
	i := slices.IndexFunc(g.Peers, func(p graph.Peer) bool { return p.ID == id })
	if i < 0 {
		t.Fatalf("no peer %s", id)
	}
	return verify.Asked{Name: id, Peer: graph.PeerID(i)}
}

// TestExplainAgrees: for every edge that verify calls lost, explain names the same reason and the same missing rules.
func TestExplainAgrees(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 1/tcp", "shop/web -> shop/api 2/tcp", "x/job -> shop/db 1/tcp",
		"shop/api -> 192.0.2.7 443/tcp", "shop/web -> x/job 3/tcp", "entity:remote-node -> shop/db 9/tcp")
	allowed := np("db", `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}], from: [{podSelector: {matchLabels: {app: web}}}]}]}`)
	for _, docs := range [][]string{{np("deny", denyAll)}, {allowed}, {np("deny", denyAll), allowed}} {
		s, cfg := set(t, docs...), verify.Config{Semantics: eval.Cilium}
		rep, err := verify.Verify(t.Context(), g, s, cfg)
		if err != nil {
			t.Fatal(err)
		}
		lost := 0
		for _, c := range rep.Cases {
			if c.Verdict != verify.Lost {
				continue
			}
			lost++
			e := &g.Edges[c.Edge]
			a := verify.Explain(g, s, cfg, verify.Question{Src: peer(t, g, c.Src), Dst: peer(t, g, c.Dst),
				Proto: e.Proto, Port: e.Port})
			if a.Verdict != "lost" || a.Edge != c.Edge || len(a.Answers) != 1 {
				t.Fatalf("%s -> %s: %+v", c.Src, c.Dst, a)
			}
			var missing []string
			for _, n := range a.Answers[0].Missing {
				missing = append(missing, n.String())
			}
			if d := cmp.Diff(c.Missing, missing); d != "" {
				t.Error(d)
			}
		}
		if lost == 0 {
			t.Errorf("%v: nothing lost", docs)
		}
	}
}

// TestExplain: what decides at each end, with its place, of what was seen and what was not.
func TestExplain(t *testing.T) {
	g := graphtest.Graph(t, "shop/{app=web,pod-template-hash=5f7c9d8b6} -> shop/db 1/tcp", "shop/{app=web,pod-template-hash=6c8f4d9c5} -> shop/db 1/tcp")
	s := set(t, np("db", `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}], from: [{podSelector: {matchLabels: {pod-template-hash: 5f7c9d8b6}}}]}]}`))
	q := verify.Question{Src: peer(t, g, "shop/web"), Dst: peer(t, g, "shop/db"), Proto: model.TCP, Port: 1}
	a := verify.Explain(g, s, verify.Config{Semantics: eval.Spec}, q)
	if len(a.Answers) != 2 || a.Verdict != "lost" {
		t.Fatalf("%+v", a)
	}
	no, yes := a.Answers[0], a.Answers[1]
	if no.Outcome != eval.Denied || !slices.Equal(no.SrcPods, []string{"app=web,pod-template-hash=6c8f4d9c5"}) || no.DstPods != nil {
		t.Errorf("%+v", no)
	}
	if in := no.Ingress; in.Policy != "shop/db" || in.Kind != "networking.k8s.io/v1 NetworkPolicy" || in.At.File != "test.yaml" || in.At.Line == 0 || in.Rule != "" {
		t.Errorf("%+v", in)
	}
	if id := s.Policies[0].RuleID(0); yes.Outcome != eval.Allowed || yes.Ingress.Rule != id || yes.Egress.Policy != "" {
		t.Errorf("%+v", yes)
	}

	q.Port = 2
	if a = verify.Explain(g, s, verify.Config{Semantics: eval.Spec}, q); a.Edge != -1 || a.Verdict != "" || len(a.Answers) != 1 ||
		a.Answers[0].Missing[0].String() != "ingress of shop/db from shop/web 2/tcp" {
		t.Errorf("never seen: %+v", a)
	}
	q.Src = verify.Asked{Name: "192.0.2.1", Peer: -1}
	if a = verify.Explain(g, s, verify.Config{Semantics: eval.Spec}, q); len(a.Answers) != 1 || a.Answers[0].Outcome != eval.Denied {
		t.Errorf("an address never seen: %+v", a)
	}

	var deny policy.PolicySet
	deny.Policies = []policy.Policy{{Name: "no", Rules: []policy.Rule{{Direction: model.Ingress, Action: policy.Deny, AnyPeer: true, AnyPort: true}}}}
	if a = verify.Explain(g, deny, verify.Config{Semantics: eval.Cilium}, q); !a.Answers[0].Ingress.Denial || len(a.Answers[0].Missing) != 0 {
		t.Errorf("a denial: %+v", a)
	}
}
