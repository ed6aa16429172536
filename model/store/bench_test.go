//go:build unix

package store

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"sluice/model"
)

// cluster makes what a busy hour leaves: few thousand edges seen in every minute, one reply port, whole identities.
func clusterTraffic(n int) (model.Tables, []model.Observation) {
	r := rand.New(rand.NewPCG(9, 9))
	t := model.NewTables()
	for i := range 4000 {
		t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: names("ns", i%60), Labels: model.Labels{"app=" + names("app", i), "tier=" + names("t", i%5)}})
	}
	for i := range 3000 {
		t.Names.Intern([]byte(names("pod", i)))
	}
	type edge struct {
		src, dst model.EndpointID
		port     uint16
	}
	edges := make([]edge, 6327)
	for i := range edges {
		edges[i] = edge{model.EndpointID(r.IntN(4000)), model.EndpointID(r.IntN(4000)), []uint16{80, 443, 8080, 5432, 6379, 53}[r.IntN(6)]}
	}
	rows := make([]model.Observation, n)
	for i := range rows {
		e := edges[i%len(edges)]
		o := &rows[i]
		*o = model.Observation{Window: 29_000_160 + uint32(i/len(edges)), Src: e.src, Dst: e.dst, Port: e.port, Proto: model.TCP, Verdict: model.Forwarded,
			Observer: model.Observer(r.IntN(3)), Fate: model.Used, Marks: model.Marks(r.IntN(2)), Records: 1 + uint32(r.IntN(40)),
			SrcPod: model.NameID(1 + r.IntN(3000)), DstPod: model.NameID(1 + r.IntN(3000))}
		o.First = int64(o.Window)*60e6 + r.Int64N(30e6)
		o.Last = o.First + r.Int64N(30e6)
	}
	return t, rows
}

func names(kind string, i int) string {
	return kind + "-" + string(rune('a'+i%26)) + "-" + strconv.Itoa(i)
}

func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// benchHours are stores with sums of hours, and without.
var benchHours = map[string]WriterOptions{"hours": {}, "minutes": {HoursFrom: math.MaxInt}}

func BenchmarkWrite(b *testing.B) {
	t, rows := clusterTraffic(700_000)
	for name, o := range benchHours {
		b.Run(name, func(b *testing.B) {
			runtime.GC()
			var size int64
			start := cpu()
			for b.Loop() {
				s := mustCreate(b, b.TempDir())
				commitRows(b, s, o, t, rows)
				size = 0
				for _, g := range s.Segments() {
					size += g.Bytes
				}
			}
			report(b, start, len(rows))
			b.ReportMetric(float64(size)/float64(len(rows)), "B/row")
		})
	}
}

// BenchmarkScan: its rows are those of minutes, whatever is read in their place.
func BenchmarkScan(b *testing.B) {
	t, rows := clusterTraffic(2_000_000)
	for name, o := range benchHours {
		b.Run(name, func(b *testing.B) {
			s := mustCreate(b, b.TempDir())
			commitRows(b, s, o, t, rows)
			runtime.GC()
			start := cpu()
			for b.Loop() {
				err := s.Scan(context.Background(), ScanOptions{}, func(model.Tables, []model.Observation) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
			report(b, start, len(rows))
		})
	}
}

func report(b *testing.B, start float64, rows int) {
	total := cpu() - start
	b.ReportMetric(total/float64(b.N), "cpu-s/op")
	b.ReportMetric(total/float64(b.N)/float64(rows)*1e9, "cpu-ns/row")
}

// BenchmarkCompact merges 32 commits of 20,000 rows into one, as the store of a collector is merged: what a
// row costs each time that it is written again.
func BenchmarkCompact(b *testing.B) {
	const commits, each = 32, 20_000
	t, rows := clusterTraffic(commits * each)
	spent := 0.0
	for range b.N {
		s := mustCreate(b, b.TempDir())
		for i := range commits {
			commitRows(b, s, WriterOptions{}, t, rows[i*each:(i+1)*each])
		}
		runtime.GC()
		start := cpu()
		if _, err := s.Compact(b.Context(), CompactOptions{Run: commits}); err != nil {
			b.Fatal(err)
		}
		spent += cpu() - start
	}
	b.ReportMetric(spent/float64(b.N), "cpu-s/op")
	b.ReportMetric(spent/float64(b.N)/(commits*each)*1e9, "cpu-ns/row")
}
