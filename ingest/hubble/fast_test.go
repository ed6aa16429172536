package hubble

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/model"
)

const (
	world = `{"identity":2,"labels":["reserved:world"]}`
	shop  = `{"ID":12,"identity":4711,"cluster_name":"c1","namespace":"shop","labels":["k8s:app=cart","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"cart-%d","workloads":[{"name":"cart","kind":"Deployment"}]}`
	bank  = `{"identity":815,"namespace":"bank","labels":["k8s:app=till"],"pod_name":"till"}`
	full  = `{"flow":{"time":"2026-03-01T10:20:30.123456789Z","uuid":"7cee56e7","emitter":{"name":"Hubble"},"verdict":"FORWARDED","ethernet":{"source":"fe:45","destination":"66:5a"},"IP":{"source":"10.0.0.1","destination":"10.0.0.2","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}},"source":` + bank + `,"destination":` + world + `,"Type":"L3_L4","node_name":"n1","node_labels":["a=b","c=d"],"event_type":{"type":4,"sub_type":3},"traffic_direction":"EGRESS","trace_observation_point":"TO_STACK","trace_reason":"NEW","is_reply":false,"interface":{"index":233,"name":"eth0"},"Summary":"TCP Flags: SYN"},"node_name":"n1","time":"2026-03-01T10:20:30.123456789Z"}`
)

// changes are edits of a record in the exporter's shape, those that keep the shape and those that break it.
var changes = []struct {
	from, to string
	fast     bool // is read without encoding/json
}{
	{"", "", true},
	{`30.123456789Z","u`, `30Z","u`, true},
	{`30.123456789Z","u`, `30.5Z","u`, true},
	{`30.123456789Z","u`, `30.5+01:00","u`, false},
	{`30.123456789Z","u`, `61Z","u`, false},
	{`2026-03-01T10`, `2026-02-30T10`, false},
	{`"uuid":"7cee56e7",`, ``, true},
	{`"uuid":"7cee56e7"`, `"uuid":"\u0041"`, false},
	{`FORWARDED`, `DROPPED`, true},
	{`FORWARDED",`, `DROPPED","drop_reason":133,`, true},
	{`FORWARDED",`, `DROPPED","drop_reason":70000,`, false},
	{`"Type"`, `"drop_reason_desc":"POLICY_DENIED","Type"`, true},
	{`"Type"`, `"drop_reason_desc":"NO_ROUTE","Type"`, true},
	{`"Type"`, `"drop_reason_desc":"0","Type"`, true},
	{`"Type"`, `"drop_reason_desc":0,"Type"`, false},
	{`FORWARDED`, `AUDIT`, true},
	{`FORWARDED`, `REDIRECTED`, true},
	{`FORWARDED`, `TRACED`, true},
	{`FORWARDED`, `TRANSLATED`, true},
	{`FORWARDED`, `ERROR`, false},
	{`"FORWARDED"`, `{}`, false},
	{`"FORWARDED"`, `3`, false},
	{`"ethernet":{"source":"fe:45","destination":"66:5a"},`, ``, true},
	{`"ethernet":{`, `"ethernet":{"n":01,`, false},
	{`10.0.0.2`, `2001:db8::1`, true},
	{`10.0.0.2`, ``, true},
	{`10.0.0.2`, `10.0.0.x`, true},
	{`10.0.0.2`, `10.0.0.x`, true},
	{`48674`, `65536`, false},
	{`48674`, `4.8e4`, false},
	{`48674`, `048`, false},
	{`48674`, `"48674"`, false},
	{`"SYN":true,"ACK":true`, ``, true},
	{`"SYN":true,`, `"PSH":true,`, true},
	{`"SYN":true`, `"SYN":false`, false},
	{`,"flags":{"SYN":true,"ACK":true}`, ``, true},
	{`"l4":{"TCP"`, `"l4":{"UDP"`, false},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"UDP":{"source_port":53,"destination_port":40000}`, true},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv4":{"type":8,"code":0}`, true},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv6":{"type":128}`, true},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv4":{"type":300}`, false},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv6":{"type":128.0}`, false},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv6":{"type":-1}`, false},
	{bank, fmt.Sprintf(shop, 1), true},
	{bank, fmt.Sprintf(shop, 2), true},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), "cart,", "other,", 1), true},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `"app=`, `"role=`, 1), true},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `,"workloads":[{"name":"cart","kind":"Deployment"}]`, ``, 1), true},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `,"pod_name":"cart-2"`, ``, 1), true},
	{bank, `{"identity":1,"labels":["reserved:host"]}`, true},
	{bank, `{"identity":1,"labels":["reserved:host"],"pod_name":"agent"}`, true},
	{bank, `{"identity":7,"labels":["reserved:kube-apiserver","reserved:remote-node"]}`, true},
	{bank, `{"identity":2,"labels":["reserved:world"],"namespace":"a","pod_name":"stray"}`, true},
	{bank, `{"identity":2,"labels":["reserved:world"],"namespace":"a","pod_name":"stray2"}`, true},
	{bank, `{"identity":3,"labels":["reserved:unmanaged"],"namespace":"a","pod_name":"bare"}`, true},
	{bank, `{"identity":16777217,"labels":["cidr:10.0.0.0/8","reserved:world"]}`, true},
	{bank, `{"identity":0,"pod_name":"masked"}`, true},
	{bank, `{"identity":815,"identity":816}`, false},
	{bank, `{"identity":815,"pod_name":"a","pod_name":"b"}`, false},
	{bank, `{"identity":815,"labels":null}`, false},
	{bank, `{"identity":815,"labels":[1]}`, false},
	{bank, `{"identity":815,"podName":"b"}`, false},
	{bank, `{}`, false},
	{`cart`, "c\x01rt", false},
	{`n1`, "n\x01", false},
	{`n1`, "ñ", false},
	{`n1`, "\xff", false},
	{`"Summary"`, `"destination_names":["example.org."],"Summary"`, false},
	{world, bank + `,"destination_names":["example.org."]`, true},
	{`"Summary"`, `"destination_service":{"name":"web"},"Summary"`, true},
	{`"Summary"`, `"destination_service":{},"Summary"`, true},
	{`"Summary"`, `"destination_service":null,"Summary"`, true},
	{`"Summary"`, `"destinationService":{"name":"web"},"Summary"`, false},
	{`"Summary"`, `"l7":{"type":"REQUEST","latency_ns":"12","http":{"code":200}},"Summary"`, true},
	{`"Summary"`, `"l7":{"type":"REQUEST",},"Summary"`, false},
	{`"Summary"`, `"Type":"L7","Summary"`, false},
	{`"Summary"`, `"TYPE":"L7","Summary"`, false},
	{`"Summary":"TCP Flags: SYN"`, `"Summary":nul`, false},
	{`L3_L4`, `L7`, true},
	{`"L3_L4"`, `"SOCK"`, true},
	{`"type":4,"sub_type":3`, `"type":4`, true},
	{`"type":4,"sub_type":3`, `"type":4,"sub_type":0`, true},
	{`"type":4,"sub_type":3`, `"type":5`, true},
	{`"type":4,"sub_type":3`, `"type":129`, true},
	{`"type":4,"sub_type":3`, `"type":1,"sub_type":133`, true},
	{`"type":4,"sub_type":3`, `"type":7`, true},
	{`"type":4,"sub_type":3`, `"type":3`, true},
	{`"type":4,"sub_type":3`, `"type":4.0`, false},
	{`"event_type":{"type":4,"sub_type":3},`, ``, true},
	{`"trace_observation_point":"TO_STACK",`, ``, true},
	{`TO_STACK`, `TO_ENDPOINT`, true},
	{`"EGRESS"`, `"INGRESS"`, true},
	{`"EGRESS"`, `1`, false},
	{`NEW`, `RELATED`, true},
	{`NEW`, `SRV6_ENCAP`, true},
	{`NEW`, `7`, true},
	{`"NEW"`, `7`, false},
	{`"is_reply":false`, `"is_reply":true`, true},
	{`"is_reply":false`, `"is_reply":null`, false},
	{`"is_reply":false`, `"reply":true`, true},
	{`"is_reply":false`, `"reply":false`, true},
	{`"node_name":"n1","time":"2026-03-01T10:20:30.123456789Z"}`, `"x":1}`, false},
	{`Z"}`, `Z"`, false},
	{`Z"}`, `Z"}}`, false},
	{`Z"}`, `Z"} {}`, false},
}

type kept struct {
	flow     model.Flow
	src, dst string
	reject   ingest.Rejection
}

type keep struct {
	tables model.Tables
	got    kept
}

func (k *keep) Flow(f *model.Flow) {
	c := *f
	for _, b := range []*[]byte{&c.SrcPod, &c.DstPod, &c.SrcIP, &c.DstIP} {
		*b = append([]byte{}, *b...)
	}
	// Numbers differ between tables; what they stand for must not.
	k.got = kept{flow: c, src: k.tables.Endpoints.Get(f.Src.ID).Key(), dst: k.tables.Endpoints.Get(f.Dst.ID).Key()}
	k.got.flow.Src.ID, k.got.flow.Dst.ID = 0, 0
}

func (k *keep) Reject(r ingest.Rejection) { k.got = kept{reject: r} }

// pair decodes with and without the fast way.
type pair struct {
	a, b *keep
	d, g *Decoder
}

func newPair() *pair {
	p := &pair{a: &keep{tables: model.NewTables()}, b: &keep{tables: model.NewTables()}}
	p.d, p.g = New(p.a.tables, p.a), New(p.b.tables, p.b)
	return p
}

// differ says how the two ways differ for a record.
func (p *pair) differ(b []byte) string {
	p.a.got, p.b.got = kept{}, kept{}
	p.d.Record("-", 1, b)
	p.g.general("-", 1, b)
	return cmp.Diff(p.b.got, p.a.got, cmp.AllowUnexported(kept{}))
}

// TestFastAgrees runs the same decoder over all records several times, so that the memo meets what it remembers.
func TestFastAgrees(t *testing.T) {
	p := newPair()
	for range 3 {
		for _, c := range changes {
			b := []byte(strings.Replace(full, c.from, c.to, 1))
			if diff := p.differ(b); diff != "" {
				t.Errorf("%s -> %s: (-general +fast)\n%s", c.from, c.to, diff)
			}
		}
	}
}

// TestFastShape pins which records need no encoding/json.
func TestFastShape(t *testing.T) {
	p := newPair()
	for _, c := range changes {
		if c.from != "" && !strings.Contains(full, c.from) {
			continue
		}
		b := []byte(strings.Replace(full, c.from, c.to, 1))
		if got := p.d.fast(b); got != c.fast {
			t.Errorf("%s -> %s: fast is %v", c.from, c.to, got)
		}
	}
}

// TestFastCut cuts a record at every byte: nothing may be read beyond the end.
func TestFastCut(t *testing.T) {
	p := newPair()
	p.d.Record("-", 1, []byte(full))
	for i := range full {
		b := bytes.Clone([]byte(full[:i]))
		if p.d.fast(b[:i:i]) {
			t.Errorf("took the first %d bytes for a record", i)
		}
	}
}

// TestMemoGrows meets more identities than a decoder keeps for itself.
func TestMemoGrows(t *testing.T) {
	p := newPair()
	for range 6 {
		for id := range 6000 {
			b := []byte(strings.Replace(full, bank, fmt.Sprintf(`{"identity":%d,"namespace":"n","labels":["k8s:a=%d"],"pod_name":"p"}`, id, id%7), 1))
			if !p.d.fast(b) {
				t.Fatalf("identity %d", id)
			}
			p.d.sink.Flow(&p.d.flow)
			if got, want := p.a.got.src, fmt.Sprintf("a=%d", id%7); !strings.Contains(got, want) {
				t.Fatalf("identity %d: %q, want %s", id, got, want)
			}
		}
	}
	if n := p.d.memo.shared.n; n != 6001 {
		t.Errorf("%d objects remembered", n)
	}
}

func FuzzFast(f *testing.F) {
	for _, c := range changes {
		f.Add([]byte(strings.Replace(full, c.from, c.to, 1)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPair()
		p.d.Record("-", 1, []byte(full))
		p.g.general("-", 1, []byte(full))
		for range 2 {
			if diff := p.differ(b); diff != "" {
				t.Errorf("(-general +fast)\n%s", diff)
			}
		}
	})
}

func BenchmarkFast(b *testing.B) {
	p := newPair()
	rec := []byte(full)
	b.SetBytes(int64(len(rec)))
	b.ReportAllocs()
	for b.Loop() {
		if !p.d.fast(rec) {
			b.Fatal("not fast")
		}
	}
}
