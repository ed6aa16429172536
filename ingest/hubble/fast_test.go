package hubble

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/ingest/scan"
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
}{
	{"", ""},
	{`30.123456789Z","u`, `30Z","u`},
	{`30.123456789Z","u`, `30.5Z","u`},
	{`30.123456789Z","u`, `30.5+01:00","u`},
	{`30.123456789Z","u`, `61Z","u`},
	{`2026-03-01T10`, `2026-02-30T10`},
	{`"uuid":"7cee56e7",`, ``},
	{`"uuid":"7cee56e7"`, `"uuid":"\u0041"`},
	{`FORWARDED`, `DROPPED`},
	{`FORWARDED",`, `DROPPED","drop_reason":133,`},
	{`FORWARDED",`, `DROPPED","drop_reason":70000,`},
	{`FORWARDED",`, `DROPPED","drop_reason":70000,"drop_reason_desc":"POLICY_DENIED",`},
	{`FORWARDED",`, `DROPPED","drop_reason":15e1,"drop_reason_desc":"POLICY_DENIED",`},
	{`FORWARDED",`, `DROPPED","drop_reason":"133.0",`},
	{`"Type"`, `"drop_reason_desc":"POLICY_DENIED","Type"`},
	{`"Type"`, `"drop_reason_desc":"NO_ROUTE","Type"`},
	{`"Type"`, `"drop_reason_desc":"0","Type"`},
	{`"Type"`, `"drop_reason_desc":0,"Type"`},
	{`FORWARDED`, `AUDIT`},
	{`FORWARDED`, `REDIRECTED`},
	{`FORWARDED`, `TRACED`},
	{`FORWARDED`, `TRANSLATED`},
	{`FORWARDED`, `ERROR`},
	{`"FORWARDED"`, `{}`},
	{`"FORWARDED"`, `3`},
	{`"ethernet":{"source":"fe:45","destination":"66:5a"},`, ``},
	{`"ethernet":{`, `"ethernet":{"n":01,`},
	{`10.0.0.2`, `2001:db8::1`},
	{`10.0.0.2`, `::ffff:10.0.0.2`},
	{`10.0.0.2`, ``},
	{`10.0.0.2`, `10.0.0.x`},
	{`10.0.0.2`, `10.0.0.x`},
	{`48674`, `65536`},
	{`48674`, `4.8e4`},
	{`48674`, `048`},
	{`48674`, `"48674"`},
	{`"SYN":true,"ACK":true`, ``},
	{`"SYN":true,`, `"PSH":true,`},
	{`"SYN":true`, `"SYN":false`},
	{`,"flags":{"SYN":true,"ACK":true}`, ``},
	{`"l4":{"TCP"`, `"l4":{"UDP"`},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"UDP":{"source_port":53,"destination_port":40000}`},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv4":{"type":8,"code":0}`},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv6":{"type":128}`},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv4":{"type":300}`},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv6":{"type":128.0}`},
	{`"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true,"ACK":true}}`, `"ICMPv6":{"type":-1}`},
	{bank, fmt.Sprintf(shop, 1)},
	{bank, strings.Replace(fmt.Sprintf(shop, 1), `"identity":4711`, `"identity":"4711"`, 1)},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `"identity":4711`, `"identity":"4711"`, 1)},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `"ID":12,"identity":4711`, `"ID":"12","identity":"4711"`, 1)},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `"identity":4711`, `"identity":"04711"`, 1)},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `"identity":4711`, `"identity":""`, 1)},
	{bank, fmt.Sprintf(shop, 2)},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), "cart,", "other,", 1)},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `"app=`, `"role=`, 1)},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `,"workloads":[{"name":"cart","kind":"Deployment"}]`, ``, 1)},
	{bank, strings.Replace(fmt.Sprintf(shop, 2), `,"pod_name":"cart-2"`, ``, 1)},
	{bank, `{"identity":1,"labels":["reserved:host"]}`},
	{bank, `{"identity":1,"labels":["reserved:host"],"pod_name":"agent"}`},
	{bank, `{"identity":1,"labels":["k8s:node-role.kubernetes.io/worker","reserved:host"]}`},
	{bank, `{"identity":1,"labels":["k8s:io.kubernetes.pod.namespace=shop","reserved:host"],"pod_name":"p"}`},
	{bank, `{"identity":6,"labels":["k8s:io.cilium.k8s.policy.serviceaccount=a","reserved:remote-node"]}`},
	{bank, `{"identity":815,"namespace":"bank","labels":["k8s:app=a","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"till"}`},
	{bank, `{"identity":7,"labels":["reserved:kube-apiserver","reserved:remote-node"]}`},
	{bank, `{"identity":2,"labels":["reserved:world"],"namespace":"a","pod_name":"stray"}`},
	{bank, `{"identity":2,"labels":["reserved:world"],"namespace":"a","pod_name":"stray2"}`},
	{bank, `{"identity":3,"labels":["reserved:unmanaged"],"namespace":"a","pod_name":"bare"}`},
	{bank, `{"identity":16777217,"labels":["cidr:10.0.0.0/8","reserved:world"]}`},
	{bank, `{"identity":0,"pod_name":"masked"}`},
	{bank, `{"identity":815,"identity":816}`},
	{bank, `{"identity":815,"pod_name":"a","pod_name":"b"}`},
	{bank, `{"identity":815,"labels":null}`},
	{bank, `{"identity":815,"labels":[1]}`},
	{bank, `{"identity":815,"podName":"b"}`},
	{bank, `{}`},
	{`cart`, "c\x01rt"},
	{`n1`, "n\x01"},
	{`n1`, "ñ"},
	{`n1`, "\xff"},
	{`"Summary"`, `"destination_names":["example.org."],"Summary"`},
	{world, bank + `,"destination_names":["example.org."]`},
	{`"Summary"`, `"destination_names":["evil.example\u0000bank.example","www.example"],"Summary"`},
	{world, `{"identity":2,"labels":["reserved:world"]},"destination_names":["evil.example\u0000bank.example."]`},
	{`"Summary"`, `"policy_log":["till\u0000bank","shop"],"Summary"`},
	{`"Summary"`, `"destination_service":{"name":"web"},"Summary"`},
	{`"Summary"`, `"destination_service":{},"Summary"`},
	{`10.0.0.2","ipV`, `10.0.0.2\u0000bank.example\u0000","ipV`}, // an address that would be one and a name
	{world, world + `,"destination_names":["bank.example"]`},
	{`10.0.0.2","ipV`, `fe80::1%0\u0000bank.example\u0000","ipV`}, // a zone may be any text
	{`10.0.0.2","ipV`, `fe80::1%0","ipV`},
	{`10.0.0.2","ipV`, `\u000010.0.0.2\u0000shop/web","ipV`}, // an address that would be one and a service
	{`"Summary"`, `"destination_service":{"name":"web","namespace":"shop"},"Summary"`},
	{`"Summary"`, `"destination_service":{"name":"b/web","namespace":"shop"},"Summary"`},
	{`"Summary"`, `"destination_service":{"name":"web","namespace":"shop/b"},"Summary"`},
	{`"Summary"`, `"destination_service":null,"Summary"`},
	{`"Summary"`, `"destinationService":{"name":"web"},"Summary"`},
	{`"Summary"`, `"l7":{"type":"REQUEST","latency_ns":"12","http":{"code":200}},"Summary"`},
	{`"Summary"`, `"l7":{"type":"REQUEST",},"Summary"`},
	{`"Summary"`, `"Type":"L7","Summary"`},
	{`"Summary"`, `"TYPE":"L7","Summary"`},
	{`"Summary":"TCP Flags: SYN"`, `"Summary":nul`},
	{`"SYN":true,"ACK":true`, `"SYN":true,"AcK":true`},
	{`{"flow":{`, `{"Flow":{`},
	{`{"flow":{`, `{"\u0046low":{`},
	{`"Summary"`, `"aggregate":{"egress_flow_count":7,"ingress_flow_count":"9"},"Summary"`},
	{`"Summary"`, `"aggregate":{"egressFlowCount":-7,"unknown_direction_flow_count":4294967296},"Summary"`},
	{`"Summary"`, `"aggregate":null,"policy_log":null,"Summary"`},
	{`"Summary"`, `"policy_log":["a","b c"],"Summary"`},
	{`"Summary"`, `"policyLog":[null],"Summary"`},
	{`L3_L4`, `L7`},
	{`"L3_L4"`, `"SOCK"`},
	{`"type":4,"sub_type":3`, `"type":4`},
	{`"type":4,"sub_type":3`, `"type":4,"sub_type":0`},
	{`"type":4,"sub_type":3`, `"type":5`},
	{`"type":4,"sub_type":3`, `"type":129`},
	{`"type":4,"sub_type":3`, `"type":1,"sub_type":133`},
	{`"type":4,"sub_type":3`, `"type":7`},
	{`"type":4,"sub_type":3`, `"type":3`},
	{`"type":4,"sub_type":3`, `"type":4.0`},
	{`"type":4,"sub_type":3`, `"type":4.0,"sub_type":0.0`},
	{`"type":4,"sub_type":3`, `"type":1.29e2`},
	{`"type":4,"sub_type":3`, `"type":4.5`},
	{`"type":4,"sub_type":3`, `"type":"4.0 "`},
	{`"type":4,"sub_type":3`, `"type":"04.0"`},
	{`"FORWARDED"`, `2.0`},
	{`"EGRESS"`, `1.0`},
	{`"TO_STACK"`, `101.0`},
	{`"NEW"`, `4e0`},
	{`"L3_L4"`, `2.0`},
	{`"L3_L4"`, `2e400`},
	{`"L3_L4"`, `4294967298.0`},
	{`"event_type":{"type":4,"sub_type":3},`, ``},
	{`"trace_observation_point":"TO_STACK",`, ``},
	{`TO_STACK`, `TO_ENDPOINT`},
	{`"EGRESS"`, `"INGRESS"`},
	{`"EGRESS"`, `1`},
	{`NEW`, `RELATED`},
	{`NEW`, `SRV6_ENCAP`},
	{`NEW`, `7`},
	{`"NEW"`, `7`},
	{`"is_reply":false`, `"is_reply":true`},
	{`"is_reply":false`, `"is_reply":null`},
	{`"is_reply":false`, `"reply":true`},
	{`"is_reply":false`, `"reply":false`},
	{`"node_name":"n1","time":"2026-03-01T10:20:30.123456789Z"}`, `"x":1}`},
	{`Z"}`, `Z"`},
	{`Z"}`, `Z"}}`},
	{`Z"}`, `Z"} {}`},
}

type kept struct {
	flow     model.Flow
	src, dst string
	reject   ingest.Rejection
}

type keep struct {
	tables model.Tables
	got    kept
	detail string // of the rejection
}

func (k *keep) Flow(f *model.Flow) {
	c := *f
	for _, b := range []*[]byte{&c.SrcPod, &c.DstPod, &c.SrcIP, &c.DstIP, &c.Logged} {
		*b = append([]byte{}, *b...)
	}
	c.Policies = nil // a set: TestDeciders
	// Numbers differ between tables; what they stand for must not.
	k.got = kept{flow: c, src: k.tables.Endpoints.Get(f.Src.ID).Key(), dst: k.tables.Endpoints.Get(f.Dst.ID).Key()}
	k.got.flow.Src.ID, k.got.flow.Dst.ID = 0, 0
}

// Reject keeps all but the words.
func (k *keep) Reject(r ingest.Rejection) {
	k.detail, r.Detail = r.Detail, ""
	k.got = kept{reject: r}
}

// pair reads records with the decoder and with the oracle.
type pair struct {
	a, b *keep
	d    *Decoder
	g    *oracle
}

func newPair() *pair {
	p := &pair{a: &keep{tables: model.NewTables()}, b: &keep{tables: model.NewTables()}}
	p.d, p.g = New(p.a.tables, p.a), &oracle{tables: p.b.tables, sink: p.b}
	return p
}

// otherFolds are letters that encoding/json takes for k and s in the name of a field. The decoder folds ASCII alone.
var otherFolds = regexp.MustCompile(`\x{212a}|\x{17f}|\\u(212[aA]|017[fF])`)

// differ tells how decoder and oracle differ on a record. A key that stands twice the oracle does not see.
func (p *pair) differ(b []byte) string {
	p.a.got, p.b.got, p.a.detail = kept{}, kept{}, ""
	took := p.d.Record("-", 1, b)
	if strings.HasPrefix(p.a.detail, twice) || strings.HasPrefix(p.a.detail, twoProtocols) {
		return ""
	}
	if otherFolds.Match(b) {
		return ""
	}
	p.g.general("-", 1, b)
	if !took && (!Sniff(b) || p.b.got.reject.Reason != model.ReasonNone) {
		return "" // another log, or more than a record
	}
	if took && !Sniff(b) {
		return "took a record of another log"
	}
	return cmp.Diff(p.b.got, p.a.got, cmp.AllowUnexported(kept{}))
}

// TestAgrees runs the same decoder over all records several times, so that it meets what it remembers.
func TestAgrees(t *testing.T) {
	p := newPair()
	for range 4 {
		for _, c := range changes {
			b := []byte(strings.Replace(full, c.from, c.to, 1))
			if diff := p.differ(b); diff != "" {
				t.Errorf("%s -> %s: (-oracle +decoder)\n%s", c.from, c.to, diff)
			}
		}
	}
}

// TestMapped: an address of version 4 within one of version 6 is the former, by which packets and policies go.
func TestMapped(t *testing.T) {
	p := newPair()
	p.d.Record("-", 1, []byte(full))
	plain := p.a.got.dst
	p.d.Record("-", 1, []byte(strings.Replace(full, `10.0.0.2`, `::ffff:10.0.0.2`, 1)))
	if p.a.got.dst != plain || p.a.got.reject.Reason != model.ReasonNone {
		t.Errorf("%q, and mapped %q", plain, p.a.got.dst)
	}
}

// TestCut cuts a record at every byte: what is left is no record, and nothing may be read beyond the end.
func TestCut(t *testing.T) {
	p := newPair()
	for range 3 {
		p.d.Record("-", 1, []byte(full))
	}
	for i := range full {
		text := []byte(full)
		// At the end of a buffer, and with the rest behind it, as a buffer of many records has it.
		for _, cut := range [][]byte{[]byte(full)[:i:i], text[:i]} {
			p.a.got = kept{}
			took := p.d.Record("-", 1, cut)
			if p.a.got.src != "" || took && p.a.got.reject.Reason != model.BadJSON {
				t.Errorf("took the first %d bytes for a record: %+v", i, p.a.got)
			}
		}
		if string(text) != full {
			t.Fatalf("wrote into the record cut at %d", i)
		}
	}
}

// TestMemoGrows meets more identities than a decoder keeps for itself.
func TestMemoGrows(t *testing.T) {
	p := newPair()
	for range 6 {
		for id := range 6000 {
			b := []byte(strings.Replace(full, bank, fmt.Sprintf(`{"identity":%d,"namespace":"n","labels":["k8s:a=%d"],"pod_name":"p"}`, id, id%7), 1))
			p.d.Record("-", 1, b)
			if got, want := p.a.got.src, fmt.Sprintf("a=%d", id%7); !strings.Contains(got, want) {
				t.Fatalf("identity %d: %q, want %s", id, got, want)
			}
		}
	}
	if n := p.d.r.ends.shared.n; n < 5990 || n > 6001 { // a few may still wait
		t.Errorf("%d objects remembered", n)
	}
}

// TestNewInEach: an object with a member that is another one in every record is read, and not remembered; nor is it as a
// string has it.
func TestNewInEach(t *testing.T) {
	p := newPair()
	for n := range 1000 {
		b := []byte(strings.Replace(full, bank, bank[:len(bank)-1]+fmt.Sprintf(`,"count":%d}`, n), 1))
		if diff := p.differ(b); diff != "" {
			t.Fatalf("record %d: (-oracle +decoder)\n%s", n, diff)
		}
		if diff, _ := p.quotedDiffers(b, `"`); diff != "" {
			t.Fatalf("record %d in a string: (-oracle +decoder)\n%s", n, diff)
		}
	}
	if n := p.d.r.ends.shared.n; n > 2 {
		t.Errorf("%d objects remembered, want the other end of all records, also as a string has it", n)
	}
}

func FuzzFast(f *testing.F) {
	for _, c := range changes {
		f.Add([]byte(strings.Replace(full, c.from, c.to, 1)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPair()
		for range 3 {
			p.d.Record("-", 1, []byte(full))
		}
		p.g.general("-", 1, []byte(full))
		for range 2 {
			if diff := p.differ(b); diff != "" {
				t.Errorf("(-oracle +decoder)\n%s", diff)
			}
			if diff, _ := p.quotedDiffers(b, `"`); diff != "" && !otherFolds.Match(b) {
				t.Errorf("in a string (-oracle +decoder)\n%s", diff)
			}
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	rec := append([]byte(full), make([]byte, scan.Slack)...)[:len(full)]
	b.SetBytes(int64(len(rec)))
	b.ReportAllocs()
	d := New(model.NewTables(), nothing{})
	for b.Loop() {
		d.Record("-", 1, rec)
	}
}

type nothing struct{}

func (nothing) Flow(*model.Flow)        {}
func (nothing) Reject(ingest.Rejection) {}

// TestKeysOfTexts: two records whose texts are the same once they are put one behind the other are two, whatever stands
// between them, and whichever was read first.
func TestKeysOfTexts(t *testing.T) {
	ip, names, service := `"destination":"10.0.0.2"`, `"Summary"`, `"Summary"`
	edit := func(from, to string) string { return strings.Replace(full, from, to, 1) }
	named := func(list string) string { return edit(names, `"destination_names":[`+list+`],"Summary"`) }
	served := func(name, namespace string) string {
		return edit(service, `"destination_service":{"name":"`+name+`","namespace":"`+namespace+`"},"Summary"`)
	}
	at := func(record, to string) string {
		return strings.Replace(record, ip, `"destination":"`+to+`"`, 1)
	}
	for _, c := range []struct{ a, b string }{
		{at(full, `10.0.0.2\u0000bank.example\u0000`), named(`"bank.example"`)},
		{at(full, `fe80::1%z\u0000bank.example\u0000`), at(named(`"bank.example"`), `fe80::1%z`)},
		{at(full, `\u000010.0.0.2\u0000shop/web`), served("web", "shop")},
		{at(full, `fe80::1%z\u0000shop/web`), at(served("web", "shop"), `fe80::1%z`)},
		{served("b/web", "shop"), served("web", "shop/b")},
	} {
		for _, order := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			p, w := newPair(), newWires()
			for _, record := range order {
				if diff := p.differ([]byte(record)); diff != "" {
					t.Errorf("%s: (-oracle +decoder)\n%s", record, diff)
				}
				if !w.check(t, record) {
					t.Errorf("%s: not a record", record)
				}
			}
		}
	}
}
