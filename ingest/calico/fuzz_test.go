package calico

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// FuzzDecode: whatever comes in, each rejection has a place and a printable text, each flow refers to endpoints of
// its kinds and is possible, and the size of reads changes nothing.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{enterprise, protojson, emitter, whisker, good + "\n" + cut + "\n" + good, `{"total":{"totalPages":1},"items":[` + whisker + "]}",
		`{"hits":{"hits":[{"_source":` + enterprise + `}]}}`, "data: " + whisker + "\n\n", "[" + emitter + ",\n" + cut + "\n" + emitter + "]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got := decode(t, string(in))
		lines := int64(bytes.Count(in, []byte("\n"))) + 1
		last := int64(1)
		for _, r := range got.rejections {
			if r.Line < last || r.Line > lines {
				t.Errorf("line %d of %d after %d", r.Line, lines, last)
			}
			last = r.Line
			if r.Fate == model.Used || r.Reason == model.ReasonNone || r.Detail == "" || !utf8.ValidString(r.Detail) || printable(r.Detail) != r.Detail {
				t.Errorf("rejection %+v", r)
			}
		}
		for i := range got.flows {
			fl := &got.flows[i]
			for _, r := range []model.Ref{fl.Src, fl.Dst} {
				if e := got.tables.Endpoints.Get(r.ID); e.Kind != r.Kind || e.Kind == model.KindAddress != e.Address.IsValid() {
					t.Errorf("endpoint %+v of %+v", e, r)
				}
			}
			if fl.End < fl.Time || !fl.Transit && !fl.Aggregated && fl.Proto.HasPorts() && fl.DstPort == 0 {
				t.Errorf("flow %+v", fl)
			}
		}
		slow := &decoded{tables: model.NewTables()}
		if err := Decode(io.Reader(iotest.HalfReader(bytes.NewReader(in))), "test", slow.tables, slow); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got.String(), slow.String()); diff != "" {
			t.Errorf("smaller reads change the outcome: %s", diff)
		}
		Sniff(in)
	})
}
