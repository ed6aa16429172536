package synth_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// manyNamespaces returns lines of clients of the same names in several namespaces, of which each server knows some.
func manyNamespaces(r *rand.Rand) []string {
	var out []string
	for range 10 + r.IntN(40) {
		out = append(out, fmt.Sprintf("n%d/a%d -> shop/s%d %d/tcp", r.IntN(4), r.IntN(4), r.IntN(3), 1+r.IntN(3)))
	}
	return append(out, "shop/s0 -> n0/a0 1/tcp", "shop/s0 -> n1/a0 1/tcp")
}

// crossing returns a combination of a namespace and labels that a rule allows and that was never seen on one of its
// ports, "" if there is none.
func crossing(g *graph.Graph, r *policy.Rule, edges []graph.EdgeID) string {
	seen := func(ns, key, value string, port policy.Port) bool {
		return slices.ContainsFunc(edges, func(i graph.EdgeID) bool {
			e := &g.Edges[i]
			peer := e.Src
			if r.Direction == model.Egress {
				peer = e.Dst
			}
			w := g.Peers[peer].Workload
			if w < 0 || g.Workloads[w].Namespace != ns || e.Proto != port.Proto || e.Port < port.First || e.Port > port.Last {
				return false
			}
			v, _ := g.Workloads[w].Common.Get(key)
			return v == value
		})
	}
	for _, p := range r.Peers {
		for _, ns := range p.Namespaces[0].Values {
			for _, q := range p.Pods {
				for _, v := range q.Values {
					for _, port := range r.Ports {
						if !seen(ns, q.Key, v, port) {
							return fmt.Sprintf("%s/%s=%s on %s", ns, q.Key, v, port)
						}
					}
				}
			}
		}
	}
	return ""
}

// TestNoPeerCrosses: for each namespace and label that one peer of a rule names, a workload of that namespace with that
// label was seen on each port of the rule. Widened, that may fail, and has a price.
func TestNoPeerCrosses(t *testing.T) {
	crossed := 0
	for seed := range uint64(100) {
		g := graphtest.Graph(t, manyNamespaces(rand.New(rand.NewPCG(seed, 21)))...)
		for _, widen := range [][]string{nil, {synth.WidenProducts}} {
			r := learn(t, g, synth.Config{Namespaces: []string{"shop"}, Widen: widen})
			price, found := 0, ""
			for _, w := range r.Widenings {
				price += w.Price
			}
			for i := range r.Policies.Policies {
				p := &r.Policies.Policies[i]
				for j := range p.Rules {
					if c := crossing(g, &p.Rules[j], r.RuleEdges[p.RuleID(j)]); c != "" {
						found = c + " by " + p.Rules[j].String()
					}
				}
			}
			if found != "" && widen == nil || (found != "") != (price > 0) {
				t.Fatalf("seed %d, %v: price %d, crossing %q", seed, widen, price, found)
			}
			if found != "" {
				crossed++
			}
			rep := check(t, g, &r, r.Enforced(), eval.Cilium)
			if rep.Connections[verify.Lost] > 0 || rep.Over.Count > 0 {
				t.Fatalf("seed %d, %v: %v, over %+v", seed, widen, rep.Connections, rep.Over)
			}
		}
	}
	if crossed == 0 {
		t.Error("nothing ever crossed where it may")
	}
}
