package verify_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/cilium"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// learned is what a bundle holds: a set read back from its YAML, and how it is verified.
type learned struct {
	g   *graph.Graph
	set policy.PolicySet
	cfg verify.Config
}

// randomTraffic returns lines of three namespaces whose workloads share names, with DNS, outside addresses, denials on
// the ports of what works, and where asked something that keeps a direction from being enforced.
func randomTraffic(r *rand.Rand, obstacle bool) []string {
	pod := func() string { return fmt.Sprintf("n%d/a%d", r.IntN(2), r.IntN(4)) }
	worked := map[string]bool{}
	var out []string
	for range 6 + r.IntN(8) {
		line := fmt.Sprintf("%s -> %s %d/%s", pod(), pod(), 1+r.IntN(3), []string{"tcp", "udp"}[r.IntN(2)])
		switch r.IntN(6) {
		case 0:
			line = pod() + " -> kube-system/{k8s-app=kube-dns} 53/udp"
		case 1:
			line = fmt.Sprintf("%s -> 192.0.2.%d 443/tcp", pod(), r.IntN(3))
		}
		worked[line] = true
		out = append(out, line)
	}
	for range 4 {
		if line := fmt.Sprintf("%s -> %s %d/tcp", pod(), pod(), 1+r.IntN(3)); !worked[line] {
			out = append(out, line+" denied")
		}
	}
	if obstacle {
		out = append(out, "n0/a0 -> entity:kube-apiserver 6443/tcp")
	}
	return out
}

// learn makes a bundle's policies out of lines and reads them back from the dialect's YAML.
func learn(t *testing.T, d render.Dialect, lines []string) learned {
	t.Helper()
	g := graphtest.Graph(t, lines...)
	r, err := synth.Synthesize(t.Context(), g, synth.Config{All: true, Dialect: d, Resolver: &synth.Resolver{None: true}})
	if err != nil {
		t.Fatal(err)
	}
	set := reread(t, d, r.Enforced())
	l := learned{g, set, verify.Config{Semantics: eval.Cilium, Namespaces: r.Namespaces(), Inexpressible: r.Inexpressible(),
		Accepted: r.Accepted(), Widened: r.Widened, WidenedRules: r.WidenedRules(), Recorded: []string{}}}
	l.cfg.Held = map[string]bool{}
	for _, p := range r.Enforced().Policies {
		for j := range p.Rules {
			l.cfg.Held[p.RuleID(j)] = strings.HasPrefix(p.Name, policy.OpenName)
			l.cfg.Recorded = append(l.cfg.Recorded, p.RuleID(j))
		}
	}
	for _, ns := range r.Namespaces() {
		for _, side := range sides(ns) {
			if r.Enforce[ns].Whole(side.Direction) {
				l.cfg.Isolated = append(l.cfg.Isolated, side)
			}
		}
	}
	return l
}

// complaints counts what verification says against a set, by the words of --fail-on. What it judges together and on all
// processors has the verdicts of what is judged one by one.
func (l *learned) complaints(t *testing.T, set policy.PolicySet) map[string]int {
	t.Helper()
	rep, err := verify.Verify(t.Context(), l.g, set, l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	one, err := verify.Replay(t.Context(), l.g, set, l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	var alone verify.Counts
	for _, v := range one.Verdicts {
		alone[v]++
	}
	if alone != rep.Connections {
		t.Errorf("pods that nothing tells apart, judged as one: %v; each by itself: %v", rep.Connections, alone)
	}
	return map[string]int{"lost": int(rep.Connections[verify.Lost]), "escaped": int(rep.Connections[verify.Escaped]), "over": rep.Over.Count,
		"unused": len(rep.Unused), "unisolated": len(rep.Gaps), "unrecorded": len(rep.Unrecorded) + len(rep.Missing)}
}

// complains reports whether anything is counted that was not before.
func complains(before, after map[string]int) bool {
	for word, n := range after {
		if n > before[word] {
			return true
		}
	}
	return false
}

// changes reports whether two sets answer any connection of their universe, or of the log, differently.
func (l *learned) changes(a, b policy.PolicySet) bool {
	before, after := eval.New(a, eval.Cilium), eval.New(b, eval.Cilium)
	for i := range l.g.Connections {
		c := &l.g.Connections[i]
		facts := func(e *eval.Evaluator) eval.Decision {
			return e.Decide(e.End(eval.FactsOf(l.g.Tables.Endpoints.Get(c.Src))), e.End(eval.FactsOf(l.g.Tables.Endpoints.Get(c.Dst))), c.Proto, c.Port)
		}
		if differ(facts(before), facts(after)) {
			return true
		}
	}
	space := verify.SpaceOf(l.g, a.Add(b.Policies...))
	var old, now []*eval.End
	for _, f := range space.Members {
		old, now = append(old, before.End(f)), append(now, after.End(f))
	}
	for i := range old {
		for j := range old {
			for _, p := range space.Ports {
				if differ(before.Decide(old[i], old[j], p.Proto, p.Number), after.Decide(now[i], now[j], p.Proto, p.Number)) {
					return true
				}
			}
		}
	}
	return false
}

func differ(a, b eval.Decision) bool {
	return a.Egress.Outcome != b.Egress.Outcome || a.Ingress.Outcome != b.Ingress.Outcome
}

// TestMutations: whatever is done to the policies of a bundle that changes what they mean, verification complains of. It
// has nothing to say against them as they were learned. The record of rules is asked only where a direction that may
// not be enforced hides what changed.
func TestMutations(t *testing.T) {
	type count struct{ same, caught, recordOnly int }
	counts := map[string]*count{}
	by := map[string]int{}
	total := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 11))
		dialect := []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}}[seed%2]
		obstacle := seed%5 == 4
		l := learn(t, dialect, randomTraffic(r, obstacle))
		if got := l.complaints(t, l.set); complains(nil, got) {
			t.Fatalf("seed %d: of what was learned: %v", seed, got)
		}
		for _, m := range mutations {
			for range 2 {
				set := clone(l.set)
				what := m.change(r, &set)
				if what == "" {
					continue
				}
				c := counts[m.name]
				if c == nil {
					c = &count{}
					counts[m.name] = c
				}
				if set = set.Canonical(); !l.changes(l.set, set) {
					c.same++
					continue
				}
				got := l.complaints(t, set)
				for word, n := range got {
					if n > 0 {
						by[word]++
					}
				}
				recorded := got["unrecorded"] > 0
				delete(got, "unrecorded")
				switch {
				case complains(nil, got):
					c.caught++
				case obstacle && recorded:
					c.recordOnly++
				default:
					t.Errorf("seed %d, %s, %s: %s: nothing was found (%v)", seed, dialect.Name(), m.name, what, got)
				}
				total++
			}
		}
	}
	for _, m := range mutations {
		if c := counts[m.name]; c == nil || c.caught == 0 {
			t.Errorf("%s: never tried", m.name)
		} else {
			t.Logf("%-24s %4d caught, %d by the record of rules alone, %d changed nothing", m.name, c.caught, c.recordOnly, c.same)
		}
	}
	t.Logf("%d mutations; they were found as %v", total, by)
	if total < 500 {
		t.Errorf("only %d mutations changed a meaning", total)
	}
}

// TestDenyMutations: the same of a set that denies by name what a wide rule lets in. What is too wide in it was so before.
func TestDenyMutations(t *testing.T) {
	guard := policy.Policy{Namespace: "shop", Name: "guard", Subject: policy.MatchLabels(map[string]string{"app": "db"}), Ingress: true, Rules: []policy.Rule{
		{Direction: model.Ingress, Peers: []policy.Peer{policy.PodsIn("shop", nil)}, Ports: []policy.Port{policy.OnePort(model.TCP, 1), policy.OnePort(model.TCP, 2)}},
		{Direction: model.Ingress, Action: policy.Deny, Peers: []policy.Peer{policy.PodsIn("shop", policy.MatchLabels(map[string]string{"app": "rogue"}))}, Ports: []policy.Port{policy.OnePort(model.TCP, 1)}},
	}}
	l := learned{g: graphtest.Graph(t, "shop/web -> shop/db 1/tcp\nshop/rogue -> shop/db 1/tcp denied\nshop/rogue -> shop/db 2/tcp"),
		set: reread(t, cilium.Dialect{}, policy.PolicySet{}.Add(guard)), cfg: verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}}}
	before := l.complaints(t, l.set)
	if before["lost"]+before["escaped"]+before["unused"] > 0 {
		t.Fatalf("as it stands: %v", before)
	}
	r := rand.New(rand.NewPCG(1, 12))
	counted := 0
	for _, m := range append(mutations, mutation{"denial allowed", onRule(func(_ *rand.Rand, p *policy.Policy, i int) bool {
		denied := p.Rules[i].Action == policy.Deny
		p.Rules[i].Action = policy.Allow
		return denied
	})}) {
		for range 20 {
			set := clone(l.set)
			what := m.change(r, &set)
			if set = set.Canonical(); what == "" || !l.changes(l.set, set) {
				continue
			}
			counted++
			if after := l.complaints(t, set); !complains(before, after) {
				t.Errorf("%s, %s: nothing was found: %v, then %v", m.name, what, before, after)
			}
		}
	}
	if counted < 100 {
		t.Errorf("only %d mutations changed a meaning", counted)
	}
}
