package synth_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/render/calico"
	"sluice/synth/verify"
)

// ids are the rules of a set.
func ids(set policy.PolicySet) map[string]bool {
	out := map[string]bool{}
	for i := range set.Policies {
		for j := range set.Policies[i].Rules {
			out[set.Policies[i].RuleID(j)] = true
		}
	}
	return out
}

func common(a, b map[string]bool) (n int) {
	for id := range a {
		if b[id] {
			n++
		}
	}
	return n
}

// TestBase: the same flows give the former policies again, and more of them no more rules than without a former bundle,
// of which at least as many are the former ones.
func TestBase(t *testing.T) {
	nearer := 0
	for seed := range uint64(120) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		lines := randomFlows(rnd)
		for range 25 {
			lines = append(lines, fmt.Sprintf("n0/a%d -> n0/b 80%02d/tcp", rnd.IntN(6), rnd.IntN(6)))
		}
		before := learn(t, graphtest.Graph(t, lines...), synth.Config{All: true})
		again := learn(t, graphtest.Graph(t, lines...), synth.Config{All: true, Base: before.Policies})
		if !again.Policies.Equal(before.Policies) {
			t.Fatalf("seed %d: the same flows give\n%s after\n%s", seed, show(&again), show(&before))
		}
		lines = append(lines, fmt.Sprintf("n0/a%d -> n0/b 80%02d/tcp", rnd.IntN(6), rnd.IntN(8)))
		g := graphtest.Graph(t, lines...)
		plain, near := learn(t, g, synth.Config{All: true}), learn(t, g, synth.Config{All: true, Base: before.Policies})
		if near.Stats.Rules > plain.Stats.Rules {
			t.Fatalf("seed %d: %d rules, %d without a former bundle", seed, near.Stats.Rules, plain.Stats.Rules)
		}
		was, kept, left := ids(before.Policies), common(ids(near.Policies), ids(before.Policies)), common(ids(plain.Policies), ids(before.Policies))
		if kept < left {
			t.Fatalf("seed %d: of %d rules %d are kept, %d without a former bundle", seed, len(was), kept, left)
		}
		if kept > left {
			nearer++
		}
		rep := check(t, g, &near, near.Enforced(), eval.Cilium)
		if rep.Connections[verify.Lost]+rep.Connections[verify.Escaped] > 0 || rep.Over.Count > 0 || len(rep.Unused) > 0 {
			t.Fatalf("seed %d: %v, over %+v, unused %v", seed, rep.Connections, rep.Over, rep.Unused)
		}
	}
	if nearer == 0 {
		t.Error("the former bundle never made a difference")
	}
	t.Logf("nearer in %d cases", nearer)
}

// TestBaseOfDividedRules: Calico has one selector a rule, so that the rules read back are not those that were learned. The
// same flows give them again all the same.
func TestBaseOfDividedRules(t *testing.T) {
	lines := []string{
		"n0/a1 -> n0/b 8000/tcp", "n0/a2 -> n0/b 8000/tcp", "n0/a2 -> n0/b 8002/tcp", "n1/a0 -> n0/b 8003/tcp",
		"n2/a1 -> n0/b 8000/tcp", "n2/a1 -> n0/b 8002/tcp", "n2/a1 -> n0/b 8003/tcp",
	}
	before := learn(t, graphtest.Graph(t, lines...), synth.Config{All: true, Dialect: calico.Dialect{}})
	again := learn(t, graphtest.Graph(t, lines...), synth.Config{All: true, Dialect: calico.Dialect{}, Base: before.Policies})
	if !again.Policies.Equal(before.Policies) {
		t.Errorf("the same flows give\n%s after\n%s", show(&again), show(&before))
	}
}
