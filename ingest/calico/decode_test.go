package calico

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/source"
	"sluice/model"
)

// decoded is what a Sink was given; the bytes of flows are copied.
type decoded struct {
	tables     model.Tables
	flows      []model.Flow
	rejections []ingest.Rejection
	order      []*ingest.Rejection // all records, nil for a flow
}

// Flow implements ingest.Sink.
func (d *decoded) Flow(f *model.Flow) {
	c := *f
	for _, b := range []*[]byte{&c.SrcPod, &c.DstPod, &c.SrcIP, &c.DstIP} {
		*b = slices.Clone(*b)
	}
	d.flows = append(d.flows, c)
	d.order = append(d.order, nil)
}

// Reject implements ingest.Sink.
func (d *decoded) Reject(r ingest.Rejection) {
	d.rejections = append(d.rejections, r)
	d.order = append(d.order, &r)
}

func decode(t testing.TB, text string) *decoded {
	t.Helper()
	d := &decoded{tables: model.NewTables()}
	_, err := source.Read(t.Context(), []string{"-"}, strings.NewReader(text), source.Options{Workers: 1,
		Formats: []ingest.Format{Format}, Tables: d.tables, NewSink: func() ingest.Sink { return d }})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// end words one end: kind, place, identity.
func (d *decoded) end(r model.Ref, pod, ip []byte) string {
	e := d.tables.Endpoints.Get(r.ID)
	if e.Kind != r.Kind {
		return "reference and endpoint differ in kind"
	}
	var b strings.Builder
	b.WriteString(e.Kind.String())
	field := func(name, v string) {
		if v != "" {
			fmt.Fprintf(&b, " %s=%s", name, v)
		}
	}
	field("ns", e.Namespace)
	field("name", e.Name)
	if e.Owner != (model.Owner{}) {
		field("owner", e.Owner.Kind+"/"+e.Owner.Name)
	}
	field("sa", e.ServiceAccount)
	field("labels", strings.Join(e.Labels, ","))
	if e.Address.IsValid() {
		field("addr", e.Address.String())
	}
	field("names", strings.Join(e.Names, ","))
	field("pod", string(pod))
	field("ip", string(ip))
	return b.String()
}

// String words what was decoded, a line for each record, flows first.
func (d *decoded) String() string {
	var b strings.Builder
	for i := range d.flows {
		f := &d.flows[i]
		fmt.Fprintf(&b, "%s -> %s | %d/%s %s %s %s", d.end(f.Src, f.SrcPod, f.SrcIP), d.end(f.Dst, f.DstPod, f.DstIP), f.DstPort, f.Proto,
			f.Verdict, f.Observer, f.Direction)
		if f.SrcPort != 0 {
			fmt.Fprintf(&b, " sport=%d", f.SrcPort)
		}
		fmt.Fprintf(&b, " t=%d+%d", f.Time/1e6, (f.End-f.Time)/1e6)
		if f.Conns != 0 {
			fmt.Fprintf(&b, " conns=%d", f.Conns)
		}
		for _, m := range []struct {
			on   bool
			name string
		}{{f.Aggregated, "aggregated"}, {f.Transit, "transit"}, {f.Marks&model.MarkProfile != 0, "profile"}, {f.Marks&model.MarkStagedDeny != 0, "staged-deny"}, {f.Drop == model.DropPolicy, "policy"}, {f.Drop == model.DropRule, "rule"}} {
			if m.on {
				b.WriteString(" " + m.name)
			}
		}
		b.WriteByte('\n')
	}
	for _, r := range d.rejections {
		fmt.Fprintf(&b, "%d: %s %s\n", r.Line, r.Fate, r.Reason)
	}
	return b.String()
}
