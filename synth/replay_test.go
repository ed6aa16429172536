//go:build unix

package synth_test

import (
	"syscall"
	"testing"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render/kubernetes"
)

// cpu returns the CPU seconds of this process.
func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
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
	n, start := 0, cpu()
	for b.Loop() {
		for _, p := range pairs {
			if d := ev.Decide(p.src, p.dst, p.c.Proto, p.c.Port); !d.Allowed {
				b.Fatal(ev.Why(d))
			}
		}
		n += len(pairs)
	}
	b.ReportMetric(float64(n)/(cpu()-start), "edges/cpu-s")
	b.ReportMetric(float64(len(set.Policies)), "policies")
}
