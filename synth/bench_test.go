package synth_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

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
