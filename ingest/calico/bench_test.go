package calico

import (
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/model"
)

// discard is a Sink that forgets.
type discard struct{ flows int }

// Flow implements ingest.Sink.
func (d *discard) Flow(*model.Flow) { d.flows++ }

// Reject implements ingest.Sink.
func (d *discard) Reject(ingest.Rejection) {}

func BenchmarkDecode(b *testing.B) {
	for _, form := range []struct{ name, record string }{{"enterprise", enterprise}, {"goldmane", protojson}, {"whisker", whisker}} {
		b.Run(form.name, func(b *testing.B) {
			const n = 1000
			text := strings.Repeat(form.record+"\n", n)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var d discard
				next := Format.New(model.NewTables())(&d)
				for line := range strings.Lines(text) {
					next.Record("bench", 1, []byte(strings.TrimSpace(line)))
				}
				if d.flows != n {
					b.Fatalf("%d flows", d.flows)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
		})
	}
}
