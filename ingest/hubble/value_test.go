package hubble

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/model"
)

// rejected collects what a decoder hands on.
type rejected struct {
	flows   []model.Flow
	rejects []string
	lost    uint64
}

func (r *rejected) Flow(f *model.Flow) { r.flows = append(r.flows, *f) }

func (r *rejected) Reject(x ingest.Rejection) {
	r.rejects = append(r.rejects, x.Reason.String())
	r.lost += x.Lost
}

const tcpLayer = `"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`

// TestValues: what a value out of its range or in another spelling becomes, whichever way reads it.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     func(f *model.Flow) bool // nil: malformed
	}{
		{`10.0.0.2`, `10.0.0.x`, func(f *model.Flow) bool { return len(f.DstIP) == 0 && f.Dst.Kind == model.KindAddress }},
		{`10.0.0.2`, `10.0.0.2`, func(f *model.Flow) bool { return string(f.DstIP) == "10.0.0.2" }},
		{`10.0.0.1`, `hidden`, func(f *model.Flow) bool { return string(f.SrcIP) == "hidden" }}, // a pod is not known by it
		{tcpLayer, `"ICMPv4":{"type":300}`, nil},
		{tcpLayer, `"ICMPv4":{"type":-1}`, nil},
		{tcpLayer, `"ICMPv4":{"type":"echo"}`, nil},
		{tcpLayer, `"ICMPv6":{"type":65664}`, nil},
		{tcpLayer, `"ICMPv6":{"type":128.0}`, func(f *model.Flow) bool { return f.DstPort == 128 }},
		{tcpLayer, `"ICMPv4":{}`, func(f *model.Flow) bool { return f.DstPort == 0 }},
		{`"Type"`, `"drop_reason_desc":0,"Type"`, func(f *model.Flow) bool { return f.Drop == model.DropNone }},
		{`"Type"`, `"drop_reason_desc":181,"Type"`, func(f *model.Flow) bool { return f.Drop == model.DropRule }},
		{`"NEW"`, `6`, func(f *model.Flow) bool { return f.Related }},
		{`"NEW"`, `1`, func(f *model.Flow) bool { return !f.Related }},
	} {
		for _, shape := range []string{`{"flow":{"time"`, `{"flow": {"time"`} {
			got := &rejected{}
			rec := strings.Replace(strings.Replace(full, c.from, c.to, 1), `{"flow":{"time"`, shape, 1)
			New(model.NewTables(), got).Record("-", 1, []byte(rec))
			switch {
			case c.want == nil && (len(got.rejects) != 1 || got.rejects[0] != model.BadValue.String()):
				t.Errorf("%s: %v, want a bad value", c.to, got.rejects)
			case c.want != nil && (len(got.flows) != 1 || !c.want(&got.flows[0])):
				t.Errorf("%s: %+v %v", c.to, got.flows, got.rejects)
			}
		}
	}
}

// TestEvents: what an exporter writes beside flows is no flow, in either spelling, and loss counts.
func TestEvents(t *testing.T) {
	for _, c := range []struct {
		record, reason string
		lost           uint64
	}{
		{`{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"12"},"node_name":"n1"}`, "not-a-flow", 12},
		{`{"lostEvents":{"source":"HUBBLE_RING_BUFFER","numEventsLost":"12"},"nodeName":"n1"}`, "not-a-flow", 12},
		{`{"lost_events":{"num_events_lost":7}}`, "not-a-flow", 7},
		{`{"lost_events":{"source":"UNKNOWN"}}`, "not-a-flow", 0},
		{`{"lost_events":{"num_events_lost":"many"}}`, "bad-value", 0},
		{`{"agentEvent":{"type":"AGENT_STARTED"}}`, "not-a-flow", 0},
		{`{"debugEvent":{"type":"DBG_CT_LOOKUP"}}`, "not-a-flow", 0},
		{`{"nodeStatus":{"stateChange":"NODE_CONNECTED"}}`, "not-a-flow", 0},
	} {
		got := &rejected{}
		New(model.NewTables(), got).Record("-", 1, []byte(c.record))
		if len(got.rejects) != 1 || got.rejects[0] != c.reason || got.lost != c.lost || !Sniff([]byte(c.record)) {
			t.Errorf("%s: %v, %d lost", c.record, got.rejects, got.lost)
		}
	}
}

// TestMore: a text with more than a record is none, so that whoever has it cuts it; a broken one is one record.
func TestMore(t *testing.T) {
	for _, c := range []struct {
		text    string
		rejects int
	}{
		{full + full, 0},
		{full + " \t" + full + full, 0},
		{full + full[:len(full)/2], 0},
		{full[:len(full)/2] + full, 1},
		{full + "}", 0},
		{full + "x", 0},
	} {
		got := &rejected{}
		took := New(model.NewTables(), got).Record("-", 1, []byte(c.text))
		if took != (c.rejects > 0) || len(got.flows) > 0 || len(got.rejects) != c.rejects {
			t.Errorf("%.40q...: %v, %d flows, %d rejected, want %d", c.text[max(0, len(c.text)-40):], took, len(got.flows), len(got.rejects), c.rejects)
		}
	}
}

// TestAggregate: a record that stands for several flows is learned from where it has all that an edge needs, in JSON and
// from the wire.
func TestAggregate(t *testing.T) {
	const counts = `"aggregate":{"egress_flow_count":7},"Type"`
	for _, c := range []struct {
		from, to string
		gone     bool
	}{
		{"", "", false},
		{`"source_port":48674,`, ``, true},
		{`,"destination_port":443`, ``, true},
		{`"verdict":"FORWARDED",`, ``, true},
		{`"l4":{` + tcpLayer + `},`, ``, true},
		{tcpLayer, `"ICMPv4":{"type":8}`, false},
	} {
		record := strings.Replace(strings.Replace(full, c.from, c.to, 1), `"Type"`, counts, 1)
		for _, spelled := range []string{record, strings.Replace(record, `{"flow":`, `{ "flow":`, 1)} {
			got := &rejected{}
			New(model.NewTables(), got).Record("-", 1, []byte(spelled))
			if len(got.flows) != 1 || got.flows[0].Aggregated != c.gone {
				t.Errorf("%s -> %s: %+v %v, want %v", c.from, c.to, got.flows, got.rejects, c.gone)
			}
		}
		w := NewWire(model.NewTables())
		if err := w.Decode(wireOf(t, record)); err != nil || w.Flow.Aggregated != c.gone {
			t.Errorf("%s -> %s: wire %v %v, want %v", c.from, c.to, w.Flow.Aggregated, err, c.gone)
		}
		got, without := &rejected{}, strings.Replace(record, counts, `"Type"`, 1)
		New(model.NewTables(), got).Record("-", 1, []byte(without))
		if len(got.flows) != 1 || got.flows[0].Aggregated {
			t.Errorf("%s: %+v, not aggregated", without, got.flows)
		}
	}
}

// TestAggregateCounts: an aggregate of openings counts them, those of one direction, in JSON and from the wire.
func TestAggregateCounts(t *testing.T) {
	for _, c := range []struct {
		flags, counts string
		conns         uint32
	}{
		{`"SYN":true`, `{"egress_flow_count":7}`, 7},
		{`"SYN":true`, `{"ingress_flow_count":6,"egress_flow_count":7,"unknown_direction_flow_count":1}`, 7},
		{`"SYN":true,"ACK":true`, `{"egress_flow_count":7}`, 0},
		{`"ACK":true`, `{"egress_flow_count":7}`, 0},
		{`"SYN":true`, `{}`, 0},
	} {
		record := strings.Replace(full, `"SYN":true,"ACK":true`, c.flags, 1)
		record = strings.Replace(record, `"Type"`, `"aggregate":`+c.counts+`,"policy_log":["shop","till"],"Type"`, 1)
		got, w := &rejected{}, NewWire(model.NewTables())
		New(model.NewTables(), got).Record("-", 1, []byte(record))
		if err := w.Decode(wireOf(t, record)); err != nil || len(got.flows) != 1 {
			t.Fatalf("%s: %v, %d flows", record, err, len(got.flows))
		}
		for from, f := range map[string]model.Flow{"JSON": got.flows[0], "the wire": w.Flow} {
			if f.Conns != c.conns || string(f.Logged) != "shop\x00till\x00" || f.Marks&model.MarkLogged == 0 {
				t.Errorf("%s %s from %s: %d connections, logged %q, marks %b", c.flags, c.counts, from, f.Conns, f.Logged, f.Marks)
			}
		}
	}
}

// TestNewDrops: a reason that is not known is no policy's, by name or by number.
func TestNewDrops(t *testing.T) {
	for _, reason := range []string{`"DROP_SOMETHING_NEW"`, `250`, `"250"`} {
		got := &rejected{}
		New(model.NewTables(), got).Record("-", 1, []byte(strings.Replace(full, `"Type"`, `"drop_reason_desc":`+reason+`,"policy_log":["a"],"Type"`, 1)))
		if len(got.flows) != 1 || got.flows[0].Drop != model.DropOther {
			t.Errorf("%s: %+v %v", reason, got.flows, got.rejects)
		}
	}
}

// TestAfterFlat: behind a record without an envelope, a time around a flow that has its own decides nothing.
func TestAfterFlat(t *testing.T) {
	got := &rejected{}
	d := New(model.NewTables(), got)
	for _, record := range []string{`{"verdict":"FORWARDED","l4":{"UDP":{}}}`,
		`{"time":"noon","flow":{"verdict":"FORWARDED","time":"2026-03-01T10:20:30Z"}}`} {
		d.Record("-", 1, []byte(record))
	}
	if len(got.flows) != 2 || got.flows[1].Time == 0 {
		t.Errorf("%+v %v", got.flows, got.rejects)
	}
}

// TestVerdictOfAnother: what is no name and no number is the verdict of another log.
func TestVerdictOfAnother(t *testing.T) {
	for _, verdict := range []string{`true`, `-1`, `null`} {
		got := &rejected{}
		record := `{"source":{"identity":4711},"verdict":` + verdict + `}`
		if New(model.NewTables(), got).Record("-", 1, []byte(record)) || len(got.flows) > 0 {
			t.Errorf("took %s: %+v %v", record, got.flows, got.rejects)
		}
	}
}

// TestZeros: what a writer spells out that protobuf's JSON leaves out is as if it was not there.
func TestZeros(t *testing.T) {
	const ingress = `"event_type":{"type":129},"source":{"labels":["reserved:ingress"]},"trace_context":{"parent":{"trace_id":"4bf9"}}`
	for _, c := range []struct{ without, with string }{
		{`"l4":{"UDP":{"source_port":1,"destination_port":2}},"aggregate":{}`,
			`"verdict":"VERDICT_UNKNOWN","l4":{"UDP":{"source_port":1,"destination_port":2}},"aggregate":{}`},
		{`"source":{"pod_name":"a","namespace":"b"}`, `"source":{"identity":0,"labels":[],"pod_name":"a","namespace":"b"}`},
		{`"source":{"pod_name":"a","namespace":"b"}`, `"source":{"pod_name":"a","namespace":"b","identity":"0"}`},
		{ingress, `"l7":null,` + ingress},
	} {
		var got [2]kept
		for i, text := range []string{c.without, c.with} {
			p := newPair()
			p.d.Record("-", 1, []byte(`{"flow":{`+text+`}}`))
			got[i] = p.a.got
		}
		if diff := cmp.Diff(got[0], got[1], cmp.AllowUnexported(kept{})); diff != "" {
			t.Errorf("%s: (-without +with)\n%s", c.with, diff)
		}
	}
}
