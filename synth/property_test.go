package synth_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// randomFlows returns lines of a small cluster: a few namespaces whose workloads share names, outside addresses, DNS,
// and denials on ports of their own, so that no line makes another a lie.
func randomFlows(r *rand.Rand) []string {
	pod := func() string {
		ns, app := fmt.Sprintf("n%d", r.IntN(3)), r.IntN(5)
		if r.IntN(4) == 0 {
			return fmt.Sprintf("%s/{app.kubernetes.io/name=x,app.kubernetes.io/instance=i%d,pod-template-hash=%dbcdf}", ns, app, 4+r.IntN(4))
		}
		return fmt.Sprintf("%s/a%d", ns, app)
	}
	var out []string
	for range 3 + r.IntN(25) {
		switch r.IntN(8) {
		case 0:
			out = append(out, pod()+" -> kube-system/{k8s-app=kube-dns} 53/udp")
		case 1:
			out = append(out, fmt.Sprintf("%s -> 192.0.2.%d 443/tcp", pod(), r.IntN(4)))
		case 2:
			out = append(out, fmt.Sprintf("2001:db8::%d -> %s 8080/tcp", r.IntN(4), pod()))
		case 3:
			out = append(out, fmt.Sprintf("%s -> %s %d/tcp denied", pod(), pod(), 100+r.IntN(3)))
		default:
			out = append(out, fmt.Sprintf("%s -> %s %d/%s hour=%d", pod(), pod(), 1+r.IntN(4), []string{"tcp", "udp", "sctp"}[r.IntN(3)], r.IntN(9)))
		}
	}
	return out
}

func check(t *testing.T, g *graph.Graph, r *synth.Result, set policy.PolicySet, sem eval.Semantics) verify.Report {
	t.Helper()
	cfg := verify.Config{Semantics: sem, Namespaces: r.Namespaces(), Widened: r.Widened, WidenedRules: r.WidenedRules(),
		Inexpressible: r.Inexpressible(), Accepted: r.Accepted(), Held: held(r)}
	rep, err := verify.Verify(t.Context(), g, set, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n := rep.Connections.Total(); n != uint64(len(g.Connections)) {
		t.Fatalf("%d connections judged of %d", n, len(g.Connections))
	}
	return rep
}

// held are the ids of the rules that hold a workload open.
func held(r *synth.Result) map[string]bool {
	out := map[string]bool{}
	set := r.Enforced()
	for i := range set.Policies {
		if p := &set.Policies[i]; len(p.Subject) > 0 && strings.HasPrefix(p.Name, policy.OpenName) {
			for j := range p.Rules {
				out[p.RuleID(j)] = true
			}
		}
	}
	return out
}

// TestCompleteAndTight: what was learned loses nothing, lets nothing escape and allows nothing beside, in whatever
// namespaces, and every rule is needed.
func TestCompleteAndTight(t *testing.T) {
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		g := graphtest.Graph(t, randomFlows(rnd)...)
		cfg := synth.Config{Namespaces: []string{"n0"}}
		if seed%2 == 0 {
			cfg = synth.Config{All: true}
		}
		r := learn(t, g, cfg)
		sem := eval.Semantics(seed % 3)
		rep := check(t, g, &r, r.Enforced(), sem)
		// Only Cilium rules out that an address is a pod's; elsewhere a denial beside an address rule stays unproven.
		unproven := rep.Connections[verify.Unproven] > 0 && sem == eval.Cilium
		if rep.Connections[verify.Lost]+rep.Connections[verify.Escaped] > 0 || unproven || rep.Over.Count > 0 || len(rep.Unused) > 0 {
			t.Fatalf("seed %d: %v, over %+v, unused %v, cases %v\n%s", seed, rep.Connections, rep.Over, rep.Unused, rep.Cases, show(&r))
		}
		for i := range r.Policies.Policies {
			for j := range r.Policies.Policies[i].Rules {
				less := r.Enforced()
				less.Policies = slices.Clone(less.Policies)
				k := slices.IndexFunc(less.Policies, func(p policy.Policy) bool {
					return p.Namespace == r.Policies.Policies[i].Namespace && p.Name == r.Policies.Policies[i].Name
				})
				less.Policies[k].Rules = slices.Delete(slices.Clone(less.Policies[k].Rules), j, j+1)
				if rep := check(t, g, &r, less, eval.Cilium); rep.Connections[verify.Lost] == 0 {
					t.Fatalf("seed %d: rule %s is not needed", seed, r.Policies.Policies[i].Rules[j])
				}
			}
		}
	}
}

// TestOrder: the order of the records changes nothing.
func TestOrder(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		lines := randomFlows(rnd)
		for range 12 {
			lines = append(lines, fmt.Sprintf("n0/a0 -> n1/a1 %d/udp", 30000+2*rnd.IntN(40)))
		}
		cfg := synth.Config{All: true}
		if seed%2 == 0 {
			cfg.Widen, cfg.AllowWaste = []string{synth.WidenCIDR, synth.WidenDNS, synth.WidenRanges}, 2
			lines = append(lines, "n0/a0 -> kube-system/{k8s-app=kube-dns} 53/udp")
		}
		a := learn(t, graphtest.Graph(t, lines...), cfg)
		rnd.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		b := learn(t, graphtest.Graph(t, lines...), cfg)
		if fmt.Sprintf("%#v", a) != fmt.Sprintf("%#v", b) {
			t.Fatalf("seed %d:\n%s\n%s", seed, show(&a), show(&b))
		}
	}
}

// awkward returns lines that no rule can be learned from.
func awkward(r *rand.Rand) []string {
	all := []string{"n0/a0 -> n0/a1 8/icmp", "entity:remote-node -> n1/a0 80/tcp", "n0/a2 -> entity:kube-apiserver 6443/tcp", "n2/a1 -> network:pub 443/tcp",
		"n0/pod:naked -> n1/a1 1/tcp", "n1/a3 -> n0/a3 40000/tcp undecided", "entity:host -> n0/a4 9/tcp", "../x/a -> n0/a0 5/tcp", "n0/a0 -> n0/{app=no|label} 5/tcp"}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+r.IntN(4)]
}

// TestObstacles: where something cannot be learned, nothing else is lost by enforcing what may be enforced, and what
// escapes does so only where a direction had to stay open.
func TestObstacles(t *testing.T) {
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		g := graphtest.Graph(t, append(randomFlows(rnd), awkward(rnd)...)...)
		cfg := synth.Config{All: true, LearnDenied: seed%3 == 1, EnforceAnyway: seed%3 == 2}
		r := learn(t, g, cfg)
		rep := check(t, g, &r, r.Enforced(), eval.Semantics(seed%3))
		escaped := rep.Connections[verify.Escaped] > 0 && len(rep.Open) == 0
		if rep.Connections[verify.Lost] > 0 || escaped || rep.Over.Count > 0 || len(rep.Unused) > 0 {
			t.Fatalf("seed %d: %v, over %+v, unused %v, cases %v\n%s", seed, rep.Connections, rep.Over, rep.Unused, rep.Cases, show(&r))
		}
		// What no rule can be written for works on as well, where it is not cut on purpose.
		whole, err := verify.Verify(t.Context(), g, r.Enforced(), verify.Config{Semantics: eval.Semantics(seed % 3),
			Namespaces: r.Namespaces(), Accepted: r.Accepted()})
		if err != nil || whole.Connections[verify.Lost] > 0 && !cfg.EnforceAnyway {
			t.Fatalf("seed %d: %v, cases %v %v\n%s", seed, whole.Connections, whole.Cases, err, show(&r))
		}
		for ns, e := range r.Enforce {
			if (!e.Ingress.Enforced() || !e.Egress.Enforced()) && len(e.Why) == 0 {
				t.Fatalf("seed %d: namespace %s is not enforced for no reason", seed, ns)
			}
		}
	}
}
