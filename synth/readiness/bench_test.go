package readiness_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sluice/synth/readiness"
)

// month is 30 days of so many workloads and edges: half of the edges always talk, the others come later and seldom.
func month(workloads, edges int) *log {
	l := newLog(30*24, nil)
	r := rand.New(rand.NewPCG(1, 1))
	first := len(l.in.Workloads)
	for i := range workloads {
		l.workload(fmt.Sprintf("ns%02d/w%03d", i%20, i))
	}
	for i := range edges {
		src, dst := first+r.IntN(workloads), first+r.IntN(workloads)
		if i < workloads {
			src = first + i
		}
		if i%2 == 0 {
			l.edge(fmt.Sprintf("e%05d", i), src, dst, always)
			continue
		}
		from, rare := r.IntN(25*24), 1+r.IntN(100)
		l.edge(fmt.Sprintf("e%05d", i), src, dst, func(h int) bool { return h >= from && (h-from)%rare == 0 })
	}
	return l
}

func BenchmarkReady400Workloads30Days(b *testing.B) {
	l := month(400, 10000)
	b.ResetTimer()
	for range b.N {
		l.judge(30)
	}
}

func BenchmarkBacktest30Days10kEdges(b *testing.B) {
	l := month(400, 10000)
	b.ResetTimer()
	for range b.N {
		readiness.Try(l.in, readiness.DefaultConfig(), readiness.Trial{AsOf: monday + 30*day})
	}
}
