package verify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

func set(t *testing.T, docs ...string) policy.PolicySet {
	t.Helper()
	s, problems := render.Parse(strings.NewReader(strings.Join(docs, "\n---\n")), "test.yaml", all.Kinds()...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

func np(name, spec string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name + ", namespace: shop}\nspec: " + spec
}

const denyAll = `{podSelector: {}, policyTypes: [Ingress, Egress]}`

func TestVerdicts(t *testing.T) {
	web := np("web", `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}], from: [{podSelector: {matchLabels: {app: web}}}]}]}`)
	const floor = `{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: floor}, spec: {
tier: Baseline, priority: 1, subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}},
ingress: [{action: Accept, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}]}]}}`
	for _, c := range []struct {
		name, flow string
		policies   []string
		want       verify.Verdict
		cfg        verify.Config
	}{
		{"no policy", "shop/web -> shop/db 1/tcp", nil, verify.Permitted, verify.Config{}},
		{"a rule", "shop/web -> shop/db 1/tcp", []string{web}, verify.Permitted, verify.Config{}},
		{"another port", "shop/web -> shop/db 2/tcp", []string{web}, verify.Lost, verify.Config{}},
		{"another peer", "shop/x -> shop/db 1/tcp", []string{web}, verify.Lost, verify.Config{}},
		{"another namespace", "x/web -> shop/db 1/tcp", []string{web}, verify.Lost, verify.Config{}},
		{"the other end", "shop/web -> shop/db 1/tcp", []string{web, np("deny", denyAll)}, verify.Lost, verify.Config{}},
		{"worked sometimes", "shop/web -> shop/db 1/tcp\nshop/web -> shop/db 1/tcp denied hour=3", []string{web}, verify.Permitted, verify.Config{}},
		{"still denied", "shop/web -> shop/db 2/tcp denied", []string{web}, verify.Rejected, verify.Config{}},
		{"now allowed", "shop/web -> shop/db 1/tcp denied", []string{web}, verify.Escaped, verify.Config{}},
		{"now allowed on purpose", "shop/web -> shop/db 1/tcp denied", []string{web}, verify.Permitted, verify.Config{Accepted: map[graph.EdgeID]bool{0: true}}},
		{"denied elsewhere", "x/a -> y/b 1/tcp denied", []string{web}, verify.Rejected, verify.Config{}},
		{"denied elsewhere, in scope", "x/a -> y/b 1/tcp denied", []string{web}, verify.Escaped, verify.Config{Namespaces: []string{"x"}}},
		{"denied by other policies", "shop/x -> shop/y 1/tcp denied", []string{web}, verify.Unproven, verify.Config{Beside: true}},
		{"denied by other policies at the client", "shop/web -> shop/db 1/tcp denied egress", []string{web}, verify.Unproven, verify.Config{Beside: true}},
		{"denied at the server, and now allowed", "shop/web -> shop/db 1/tcp denied ingress", []string{web}, verify.Escaped, verify.Config{Beside: true}},
		{"denied somewhere, and now allowed", "shop/web -> shop/db 1/tcp denied", []string{web}, verify.Escaped, verify.Config{Beside: true}},
		{"passed on by every tier", "shop/x -> shop/db 1/tcp denied ingress", []string{floor}, verify.Escaped, verify.Config{}},
		{"passed on to other policies", "shop/x -> shop/db 1/tcp denied ingress", []string{floor}, verify.Unproven, verify.Config{Beside: true}},
		{"accepted at last", "shop/web -> shop/db 1/tcp denied ingress", []string{floor}, verify.Escaped, verify.Config{Beside: true}},
		{"cannot be said", "shop/web -> shop/db 8/icmp", []string{web}, verify.Inexpressible, verify.Config{Inexpressible: map[graph.EdgeID]bool{0: true}}},
		{"refused", "shop/pod:a -> shop/db 1/tcp", []string{web}, verify.Unproven, verify.Config{}},
		{"the node itself", "entity:host -> shop/db 9/tcp", []string{web}, verify.Permitted, verify.Config{}},
		{"another node", "entity:remote-node -> shop/db 9/tcp", []string{web}, verify.Lost, verify.Config{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Semantics = eval.Cilium
			rep, err := verify.Verify(t.Context(), graphtest.Graph(t, c.flow), set(t, c.policies...), c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if rep.Connections[c.want] != 1 || rep.Connections.Total() != 1 {
				t.Errorf("got %v %v, want 1 %s", rep.Connections, rep.Cases, c.want)
			}
			if c.want == verify.Lost && (len(rep.Cases) != 1 || rep.Cases[0].Why == "") {
				t.Errorf("cases %v", rep.Cases)
			}
		})
	}
}

func TestFailed(t *testing.T) {
	var r verify.Report
	r.Connections[verify.Lost], r.Connections[verify.Unproven] = 2, 1
	if d := cmp.Diff([]string{"2 lost"}, r.Failed(verify.DefaultFailOn(true))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"1 refused"}, r.Failed([]string{"refused", "over"})); d != "" {
		t.Error(d)
	}
	if verify.CheckFailOn([]string{"lost", "typo"}) == nil || verify.CheckFailOn([]string{"lost", "inexpressible"}) != nil {
		t.Error("names are not checked")
	}
}

func TestOver(t *testing.T) {
	flows := "shop/web -> shop/db 1/tcp\nshop/web -> 192.0.2.1 443/tcp\nx/web -> shop/web 80/tcp"
	for _, c := range []struct {
		name, spec string
		want       []string // examples, sorted; or only their number
		n          int
	}{
		{name: "tight", spec: `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}], from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, podSelector: {matchLabels: {app: web}}}]}]}`},
		{name: "a port too many", n: 1, spec: `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}, {port: 80}], from: [{podSelector: {matchLabels: {app: web}}}]}]}`,
			want: []string{"shop/web -> shop/db 80/tcp"}},
		{name: "all namespaces", n: 2, spec: `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}], from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}]}]}`,
			want: []string{"sluice-unseen/web -> shop/db 1/tcp", "x/web -> shop/db 1/tcp"}},
		{name: "a wide network", n: 1, spec: `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 443}], to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}`,
			want: []string{"shop/web -> address 192.0.2.0 443/tcp"}},
		{name: "the whole namespace", n: 3, spec: `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}], from: [{podSelector: {}}]}]}`,
			want: []string{"shop/(a pod of unknown labels) -> shop/db 1/tcp", "shop/(a pod without labels) -> shop/db 1/tcp", "shop/db -> shop/db 1/tcp"}},
		// 8 ports: 3 seen, one unseen of each protocol, 2 for ICMP. One of them was seen between these two.
		{name: "any port", n: 7, spec: `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep, err := verify.Verify(t.Context(), graphtest.Graph(t, flows), set(t, np("p", c.spec)), verify.Config{Semantics: eval.Cilium})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range rep.Over.Examples {
				got = append(got, x.Src+" -> "+x.Dst+" "+x.Port)
			}
			slices.Sort(got)
			if rep.Over.Count != c.n || c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("%d over %v, want %d %v", rep.Over.Count, got, c.n, c.want)
			}
			if rep.Over.Universe < rep.Over.Count {
				t.Errorf("universe %d", rep.Over.Universe)
			}
		})
	}
}

func TestUnusedAndOpen(t *testing.T) {
	s := set(t, np("a", `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}], from: [{podSelector: {matchLabels: {app: web}}}]}, {ports: [{port: 9}], from: [{podSelector: {matchLabels: {app: old}}}]}]}`)).
		Add(policy.Open("shop", true, true))
	s.Policies[0], s.Policies[1] = s.Policies[1], s.Policies[0]
	staged := s.Policies[1] // decides nothing, so that nothing can need it
	staged.Name, staged.Staged = "b", true
	beside := s.Policies[1] // alone in its namespace, it isolates nothing
	beside.Namespace, beside.Ingress = "stage", false
	s = s.Add(staged, beside)
	g := graphtest.Graph(t, "shop/web -> shop/db 1/tcp")
	rep, err := verify.Verify(t.Context(), g, s, verify.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(rep.Unused); len(rep.Unused) != 1 || !strings.Contains(got, "app=old") {
		t.Errorf("unused %s", got)
	}
	if d := cmp.Diff([]verify.Opening{{Namespace: "shop", Direction: model.Ingress, Policy: "sluice-open"}, {Namespace: "shop", Direction: model.Egress, Policy: "sluice-open"}}, rep.Open); d != "" {
		t.Error(d)
	}
	if rep.Over.Count != 0 {
		t.Errorf("over %+v", rep.Over)
	}
}

// TestOverOfOthers: what only other people's policies have is measured too.
func TestOverOfOthers(t *testing.T) {
	app := func(v string) policy.Selector { return policy.MatchLabels(map[string]string{"app": v}) }
	tcp := []policy.Port{policy.OnePort(model.TCP, 1)}
	shop := policy.Policy{Name: "p", Namespace: "shop", Tier: policy.DefaultTier, Ingress: true}
	rule := policy.Rule{Direction: model.Ingress, AnyPeer: true, Ports: tcp}
	with := func(p policy.Policy, change func(*policy.Policy, *policy.Rule)) policy.Policy {
		r := rule
		change(&p, &r)
		p.Rules = []policy.Rule{r}
		return p
	}
	for _, c := range []struct {
		name string
		p    []policy.Policy
		want int
	}{
		{"one of two labels", []policy.Policy{with(shop, func(p *policy.Policy, r *policy.Rule) {
			p.Subject = policy.Selector{{Op: policy.Either, Any: []policy.Selector{app("db"), app("none")}}}
			r.Peers, r.AnyPeer = []policy.Peer{policy.PodsIn("shop", nil)}, false
		})}, 4},
		{"a label that Calico gives", []policy.Policy{with(shop, func(p *policy.Policy, r *policy.Rule) {
			p.Subject = app("db")
			r.Peers, r.AnyPeer = []policy.Peer{{Pods: policy.MatchLabels(map[string]string{"projectcalico.org/namespace": "shop"})}}, false
		})}, 4},
		{"a condition on the pod itself", []policy.Policy{with(shop, func(_ *policy.Policy, r *policy.Rule) {
			r.Self = []policy.Peer{{Pods: app("db")}}
			r.Peers, r.AnyPeer = []policy.Peer{policy.PodsIn("shop", nil)}, false
		})}, 4},
		{"everything, on a condition", []policy.Policy{with(shop, func(_ *policy.Policy, r *policy.Rule) {
			r.Self, r.AnyPort, r.Ports = []policy.Peer{{Pods: app("none")}}, true, nil
		})}, 0},
		{"everything but what it denies", []policy.Policy{func() policy.Policy {
			p := with(shop, func(p *policy.Policy, r *policy.Rule) { p.Subject, r.AnyPort, r.Ports = nil, true, nil })
			p.Rules = append([]policy.Rule{{Direction: model.Ingress, Action: policy.Deny, Peers: []policy.Peer{{Pods: app("web")}}, AnyPort: true}}, p.Rules...)
			p.Ingress = true
			return p
		}()}, -1},
		{"a staged policy opens nothing", []policy.Policy{with(shop, func(p *policy.Policy, r *policy.Rule) {
			p.Subject = app("db")
			r.Peers, r.AnyPeer = []policy.Peer{policy.PodsIn("shop", app("idle"))}, false
		}), with(shop, func(p *policy.Policy, r *policy.Rule) { p.Staged, r.AnyPort, r.Ports = true, true, nil })}, 1},
		{"too wide, from a namespace that is open", []policy.Policy{with(shop, func(p *policy.Policy, r *policy.Rule) {
			p.Subject = app("db")
			r.Peers, r.AnyPeer = []policy.Peer{policy.PodsIn("shop", app("idle"))}, false
		}), policy.Open("shop", false, true)}, 1},
	} {
		g := graphtest.Graph(t, "shop/web -> shop/db 1/tcp", "shop/idle -> shop/web 1/tcp")
		rep, err := verify.Verify(t.Context(), g, policy.PolicySet{Policies: c.p}, verify.Config{Semantics: eval.Calico})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Over.Count != c.want && (c.want >= 0 || rep.Over.Count == 0) || c.name != "everything, on a condition" && rep.Over.Universe == 0 {
			t.Errorf("%s: %d over of %d, want %d: %v", c.name, rep.Over.Count, rep.Over.Universe, c.want, rep.Over.Examples)
		}
		if got := len(rep.Open); (got > 0) != (c.p[len(c.p)-1].Name == policy.OpenName) {
			t.Errorf("%s: open %v", c.name, rep.Open)
		}
	}
}

// TestLabels: raw labels are matched. A pod of which the log gives none, as of one that is world by identity, is what its
// name makes it: any pod of that workload. Where they differ, or there is none, nothing is proven.
func TestLabels(t *testing.T) {
	const pod, other = "shop/pod:web-6d4cf56db6-x2x4z -> x/db 1/tcp", " -> x/db 1/tcp src=web-6d4cf56db6-"
	web := np("web", `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 1}], to: [{namespaceSelector: {}, podSelector: {}}]}]}`)
	fast := np("fast", `{podSelector: {matchExpressions: [{key: track, operator: DoesNotExist}]}, policyTypes: [Egress], egress: [{}]}`)
	slow := np("slow", `{podSelector: {matchLabels: {track: slow}}, policyTypes: [Egress]}`)
	for _, c := range []struct {
		name, flows         string
		policies            []string
		permitted, unproven uint64
		lost                uint64
	}{
		{"by name", "shop/{app=web}" + other + "x2x4z\n" + pod, []string{web}, 2, 0, 0},
		{"world by identity", "shop/{app=web}" + other + "x2x4z\n" + pod + " worldpod", []string{web}, 2, 0, 0},
		{"denied by name", "shop/{app=web}" + other + "x2x4z\n" + pod, []string{np("deny", denyAll)}, 0, 0, 2},
		{"replicas differ", "shop/{app=web}" + other + "x2x4z\nshop/{app=web,track=slow}" + other + "y2x4z\n" + pod, []string{fast, slow}, 1, 1, 1},
		{"replicas differ in nothing that matters", "shop/{app=web}" + other + "x2x4z\nshop/{app=web,track=slow}" + other + "y2x4z\n" + pod, []string{web}, 3, 0, 0},
		{"no workload", pod, []string{web}, 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep, err := verify.Verify(t.Context(), graphtest.Graph(t, c.flows), set(t, c.policies...), verify.Config{})
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Connections
			if got[verify.Permitted] != c.permitted || got[verify.Unproven] != c.unproven || got[verify.Lost] != c.lost {
				t.Errorf("%v %v", got, rep.Cases)
			}
		})
	}
}
