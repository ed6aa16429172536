package hubble

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// odd are values that writers other than Cilium's put where one of another type or form belongs.
var odd = []string{
	`null`, `0`, `"0"`, `""`, `1`, `"1"`, `2`, `3`, `4`, `"4"`, `4.0`, `"4.0"`, `4e0`, `1e400`, `-1`, `-0`, `0.0`,
	`"0e0"`, `"VERDICT_UNKNOWN"`, `00`, `"04"`, `" 4"`, `101`, `129`, `133`, `255`, `256`, `65535`, `65536`, `4294967295`,
	`4294967296`, `4294967300`, `18446744073709551620`, `true`, `false`, `"true"`, `{}`, `[]`, `[null]`, `[""]`,
	`["a"]`, `["a","a"]`, `{"value":true}`, `{"a":1}`, `"x"`, `"\u0034"`, `"\\u0034"`, `"a\u0000b"`, `"ä"`,
	`"UNKNOWN_POINT"`, `"TO_ENDPOINT"`, `"TO_STACK"`, `"L7"`, `"DROPPED"`, `"POLICY_DENIED"`, `"EGRESS"`,
	`"1600000000"`, `1600000000.5`, `"2026-03-01 10:20:30"`, `"10.0.0.1"`, `"::ffff:10.0.0.1"`, `"reserved:host"`,
	`["reserved:host"]`, `["reserved:world","k8s:a=b"]`, `["cidr:10.0.0.0/8"]`,
}

// given are objects by their members, with the values that Cilium writes. A member that ends with { is one of these.
var given = map[string][][2]string{
	"record": {{"flow{", "flow"}, {"node_name", `"n1"`}, {"time", `"2026-03-01T10:20:30Z"`}},
	"lost":   {{"lost_events{", "lostEvents"}, {"node_name", `"n1"`}, {"time", `"2026-03-01T10:20:30Z"`}},
	"lostEvents": {{"source", `"PERF_EVENT_RING_BUFFER"`}, {"num_events_lost", `"17"`}, {"first", `"2026-03-01T10:20:30Z"`},
		{"last", `"2026-03-01T10:20:31Z"`}},
	"flow": {{"time", `"2026-03-01T10:20:30.123456789Z"`}, {"verdict", `"FORWARDED"`}, {"drop_reason", `133`},
		{"uuid", `"7cee"`}, {"IP{", "ip"}, {"l4{", "l4"}, {"source{", "end"}, {"destination{", "end"}, {"Type", `"L3_L4"`}, {"node_name", `"n1"`},
		{"event_type{", "event"}, {"traffic_direction", `"EGRESS"`}, {"trace_observation_point", `"TO_STACK"`},
		{"trace_reason", `"NEW"`}, {"drop_reason_desc", `"POLICY_DENIED"`}, {"is_reply", `false`}, {"reply", `true`},
		{"destination_service{", "service"}, {"destination_names", `["example.org."]`}, {"aggregate{", "aggregate"},
		{"policy_log", `["a","b"]`}, {"Summary", `"TCP Flags: SYN"`}, {"l7{", "l7"}},
	"ip": {{"source", `"10.0.0.1"`}, {"destination", `"10.0.0.2"`}, {"ipVersion", `"IPv4"`}, {"encrypted", `true`}},
	"l4": {{"TCP{", "ports"}, {"UDP{", "ports"}, {"SCTP{", "ports"}, {"ICMPv4{", "icmp"}, {"ICMPv6{", "icmp"},
		{"VRRP{", "icmp"}},
	"ports": {{"source_port", `40000`}, {"destination_port", `443`}, {"flags{", "flags"}, {"chunk_type", `"INIT"`}},
	"flags": {{"SYN", `true`}, {"ACK", `true`}, {"FIN", `true`}, {"RST", `true`}, {"PSH", `true`}},
	"icmp":  {{"type", `8`}, {"code", `0`}},
	"event": {{"type", `4`}, {"sub_type", `3`}},
	"end": {{"ID", `12`}, {"identity", `4711`}, {"cluster_name", `"c1"`}, {"namespace", `"shop"`},
		{"labels", `["k8s:app=cart","k8s:io.kubernetes.pod.namespace=shop"]`}, {"pod_name", `"cart-1"`},
		{"workloads", `[{"name":"cart","kind":"Deployment"}]`}},
	"service":   {{"name", `"web"`}, {"namespace", `"shop"`}},
	"aggregate": {{"ingress_flow_count", `7`}, {"egress_flow_count", `"9"`}, {"unknown_direction_flow_count", `8`}},
	"l7":        {{"type", `"REQUEST"`}, {"latency_ns", `"12"`}, {"http", `{"code":200,"method":"GET","url":"http://a/b"}`}},
}

// anyRecord writes an object with some of its members, in any spelling and order, some with odd values.
func anyRecord(r *rand.Rand, kind string, to []byte) []byte {
	to = append(to, '{')
	list := given[kind]
	few := r.IntN(3) // a record often has few of its members
	first := true
	for _, i := range r.Perm(len(list)) {
		name, value := list[i][0], list[i][1]
		if kind == "l4" && !first || r.IntN(4) < few && name != "flow{" {
			continue
		}
		object := strings.HasSuffix(name, "{")
		name = strings.TrimSuffix(name, "{")
		switch r.IntN(8) {
		case 0:
			name = camel(name)
		case 1:
			name = strings.ToLower(name)
		case 2:
			name = strings.ToUpper(camel(name))
		}
		if !first {
			to = append(to, ',')
		}
		first = false
		to = append(strconv.AppendQuote(to, name), ':')
		switch {
		case r.IntN(12) == 0 && name != "flow":
			to = append(to, odd[r.IntN(len(odd))]...)
		case object:
			to = anyRecord(r, value, to)
		default:
			to = append(to, value...)
		}
	}
	return append(to, '}')
}

// TestAnyValues has members missing, spelled otherwise, or with a value of another kind, by the oracle.
func TestAnyValues(t *testing.T) {
	p, r := newPair(), rand.New(rand.NewPCG(1, 1))
	for n := range 30000 {
		kind := "record"
		switch r.IntN(10) {
		case 0:
			kind = "flow"
		case 1:
			kind = "lost"
		}
		b := anyRecord(r, kind, nil)
		if diff := p.differ(b); diff != "" {
			t.Fatalf("record %d: %s: (-oracle +decoder)\n%s", n, b, diff)
		}
		if diff, _ := p.quotedDiffers(b, `"`); diff != "" {
			t.Fatalf("record %d in a string: %s: (-oracle +decoder)\n%s", n, b, diff)
		}
	}
}
