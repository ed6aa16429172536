package synth_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// large is a cluster of the size that peers are compared on: 396 workloads, some 16,000 edges.
func large(b *testing.B) []string {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	pod := func() string { n := r.IntN(396); return fmt.Sprintf("n%d/a%d", n%60, n) }
	var out []string
	for range 16000 {
		out = append(out, fmt.Sprintf("%s -> %s %d/tcp", pod(), pod(), 8000+r.IntN(40)))
	}
	for i := range 396 {
		out = append(out, fmt.Sprintf("n%d/a%d -> kube-system/{k8s-app=kube-dns} 53/udp", i%60, i))
	}
	return out
}

func BenchmarkSynthesize(b *testing.B) {
	g := graphtest.Graph(b, large(b)...)
	for b.Loop() {
		if _, err := synth.Synthesize(b.Context(), g, synth.Config{All: true, Dialect: kubernetes.Dialect{}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	g := graphtest.Graph(b, large(b)...)
	r, err := synth.Synthesize(b.Context(), g, synth.Config{All: true, Dialect: kubernetes.Dialect{}})
	if err != nil {
		b.Fatal(err)
	}
	set := r.Enforced()
	for b.Loop() {
		rep, err := verify.Verify(b.Context(), g, set, verify.Config{Semantics: eval.Cilium, Namespaces: r.Namespaces(), Widened: r.Widened})
		if err != nil || rep.Connections[verify.Lost] > 0 || rep.Over.Count > 0 {
			b.Fatal(rep.Connections, rep.Over, err)
		}
	}
}

// BenchmarkReplay decides every allowed edge of a large cluster again and again against its 400 and more policies, with
// the ends prepared, as a replay does.
func BenchmarkReplay(b *testing.B) {
	g := graphtest.Graph(b, large(b)...)
	r, err := synth.Synthesize(b.Context(), g, synth.Config{All: true, Dialect: kubernetes.Dialect{}})
	if err != nil {
		b.Fatal(err)
	}
	set := r.Enforced()
	ev := eval.New(set, eval.Cilium)
	ends := map[model.EndpointID]*eval.End{}
	end := func(id model.EndpointID) *eval.End {
		if ends[id] == nil {
			ends[id] = ev.End(eval.FactsOf(g.Tables.Endpoints.Get(id)))
		}
		return ends[id]
	}
	type pair struct {
		src, dst *eval.End
		c        *graph.Connection
	}
	var pairs []pair
	for i := range g.Connections {
		c := &g.Connections[i]
		pairs = append(pairs, pair{end(c.Src), end(c.Dst), c})
	}
	n := 0
	for b.Loop() {
		for _, p := range pairs {
			if d := ev.Decide(p.src, p.dst, p.c.Proto, p.c.Port); !d.Allowed {
				b.Fatal(ev.Why(d))
			}
		}
		n += len(pairs)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "edges/s")
	b.ReportMetric(float64(len(set.Policies)), "policies")
}
