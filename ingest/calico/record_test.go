package calico

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// The records below were made up in the shape of real ones.
const (
	enterprise = `{"start_time":1730000000,"end_time":1730000300,"source_ip":null,"source_name":"-","source_name_aggr":"till-6b7d8c9f4-*","source_namespace":"bank","source_port":null,` +
		`"source_type":"wep","source_labels":{"labels":["app=till","pod-template-hash=6b7d8c9f4"]},"dest_ip":"10.1.2.3","dest_name":"ledger-0","dest_name_aggr":"ledger-*","dest_namespace":"bank",` +
		`"dest_port":5432,"dest_type":"wep","dest_labels":{"labels":["app=ledger","controller-revision-hash=ledger-5f6c7d8b9c"]},"dest_service_name":"-","proto":"tcp","action":"allow","reporter":"dst",` +
		`"policies":{"all_policies":["0|default|bank/default.ledger|allow|0"],"enforced_policies":["0|default|bank/default.ledger|allow|0"],"pending_policies":null},"num_flows":2,"num_flows_started":2,"bytes_in":10}`
	enterpriseWant = "pod ns=bank owner=Deployment/till labels=app=till -> pod ns=bank owner=StatefulSet/ledger labels=app=ledger pod=ledger-0 ip=10.1.2.3 | 5432/tcp forwarded destination ingress t=1730000000+300 conns=2\n"

	protojson = `{"Key":{"sourceName":"till-6b7d8c9f4-*", "sourceNamespace":"bank", "sourceType":"WorkloadEndpoint", "destName":"pub", "destNamespace":"-", "destType":"Network", "destPort":"443", "proto":"tcp", ` +
		`"reporter":"Src", "action":"Allow", "policies":{"enforcedPolicies":[{"kind":"Profile", "name":"kns.bank", "action":"Allow"}], "pendingPolicies":[{"kind":"EndOfTier", "tier":"default", "action":"Deny", "ruleIndex":"-1"}]}}, ` +
		`"startTime":"1730000000", "endTime":"1730000015", "sourceLabels":["app=till"], "packetsIn":"3", "numConnectionsStarted":"1"}`
	emitter = `{"Key":{"source_name":"till-6b7d8c9f4-*","source_namespace":"bank","source_type":1,"dest_name":"pub","dest_namespace":"-","dest_type":4,"dest_port":443,"proto":"tcp","reporter":1,"action":1,` +
		`"policies":{"enforced_policies":[{"kind":9,"name":"kns.bank","action":1}],"pending_policies":[{"kind":10,"tier":"default","action":2,"rule_index":-1}]}},` +
		`"start_time":1730000000,"end_time":1730000015,"source_labels":["app=till"],"packets_in":3,"num_connections_started":1}`
	goldmaneWant = "pod ns=bank owner=Deployment/till labels=app=till -> network name=pub | 443/tcp forwarded source egress t=1730000000+15 conns=1 profile staged-deny\n"

	whisker = `{"start_time":"2024-10-27T03:33:20Z","end_time":"2024-10-27T03:33:35Z","action":"Allow","source_name":"till-6b7d8c9f4-*","source_namespace":"bank","source_labels":"app=till | pod-template-hash=6b7d8c9f4",` +
		`"dest_name":"PUBLIC NETWORK","dest_namespace":"-","dest_labels":"","protocol":"tcp","dest_port":443,"reporter":"Src","policies":{"enforced":[{"kind":"Profile","name":"kns.bank","action":"Allow","policy_index":0}],` +
		`"pending":[{"kind":"EndOfTier","name":"","action":"Deny","policy_index":0,"rule_index":-1,"trigger":{"kind":"StagedNetworkPolicy","name":"deny","action":"ActionUnspecified"}}]},"packets_in":3}`
	whiskerWant = "pod ns=bank owner=Deployment/till labels=app=till -> network name=pub | 443/tcp forwarded source egress t=1730000000+15 profile staged-deny\n"
)

// TestForms: every form of a record, alone and in every envelope, says the same.
func TestForms(t *testing.T) {
	indented := strings.NewReplacer(",", ",\n  ", "{", "{\n  ").Replace
	for _, tt := range []struct{ name, in, want string }{
		{"enterprise", enterprise, enterpriseWant},
		{"protojson", protojson, goldmaneWant},
		{"emitter", emitter, goldmaneWant},
		{"whisker", whisker, whiskerWant},
		{"emitter of 3.32 with services, kind 11 decided", strings.NewReplacer(
			`"enforced_policies":[`, `"enforced_policies":[{"kind":11,"name":"cnp","tier":"kube-admin","action":1,"policy_index":1},`,
			`{"kind":10,"tier":"default"`, `{"kind":11,"name":"base","tier":"kube-baseline"`,
			`"dest_port":443`, `"dest_port":443,"dest_service_name":"web","dest_service_namespace":"x","dest_service_port":8443`,
		).Replace(emitter), strings.Replace(goldmaneWant, " profile", "", 1)},
		{"lines", enterprise + "\n" + protojson + "\r\n\n" + emitter + "\n", enterpriseWant + goldmaneWant + goldmaneWant},
		{"one after the other", emitter + emitter + " " + emitter, strings.Repeat(goldmaneWant, 3)},
		{"record separators and byte order mark", "\xEF\xBB\xBF\x1e" + emitter + "\n\x1e" + emitter, goldmaneWant + goldmaneWant},
		{"indented", indented(emitter) + "\n" + indented(protojson), goldmaneWant + goldmaneWant},
		{"array", "[" + emitter + "," + protojson + "]", goldmaneWant + goldmaneWant},
		{"array of lines", "[\n" + emitter + ",\n" + protojson + "\n]\n" + whisker, goldmaneWant + goldmaneWant + whiskerWant},
		{"empty array", "[]\n[ ]" + emitter, goldmaneWant},
		{"beside the fields of Vector", `{"file":"/x","host":"a","source_type":"file",` + emitter[1:] + "\n" + strings.TrimSuffix(emitter, "}") +
			`,"source_type":"file","timestamp":"2024-10-27T03:33:35Z"}` + "\n" + strings.TrimSuffix(protojson, "}") + `,"source_type":"kafka"}`,
			goldmaneWant + goldmaneWant + goldmaneWant},
		{"whisker beside those", strings.TrimSuffix(whisker, "}") + `,"source_type":"http_client"}`, whiskerWant},
		{"enterprise below those", strings.Replace(enterprise, `"source_type":"wep"`, `"source_type":"file"`, 1), "1: malformed bad-value\n"},
		{"stream command", `{"id":17,"flow":` + indented(emitter) + "}\n" + `{"id":18,"flow":` + emitter + `}`, goldmaneWant + goldmaneWant},
		{"elasticsearch document", `{"_index":"tigera_secure_ee_flows.cluster.1","_id":"a","_source":` + enterprise + `}`, enterpriseWant},
		{"search result", `{"took":3,"_shards":{"total":1},"hits":{"total":{"value":2,"relation":"eq"},"max_score":null,"hits":[{"_id":"a","_source":` + enterprise + `},{"_source":` + enterprise +
			`}]},"aggregations":{"x":{"buckets":[{"key":"}"}]}}}` + "\n" + enterprise, enterpriseWant + enterpriseWant + enterpriseWant},
		{"empty search result", `{"took":3,"hits":{"total":{"value":0},"hits":[]}}` + enterprise, enterpriseWant},
		{"array of search results", `[{"hits":{"hits":[` + enterprise + `]}},{"hits":{"hits":[` + enterprise + `]}}]`, enterpriseWant + enterpriseWant},
		{"whisker list", `{"total":{"totalPages":1},"items":[` + whisker + "," + whisker + "]}\n", whiskerWant + whiskerWant},
		{"whisker list, a line each", "{\"total\":{\"totalPages\":1},\"items\":[\n" + whisker + ",\n" + whisker + "\n]}\n", whiskerWant + whiskerWant},
		{"whisker list, total last", `{"items":[` + whisker + `],"total":{"totalPages":1}}` + whisker, whiskerWant + whiskerWant},
		{"empty whisker lists", `{"total":{"totalPages":0},"items":[]}{"items":null}`, "1: malformed not-a-flow-log\n"},
		{"several searches", `{"took":1,"responses":[{"hits":{"hits":[{"_source":` + enterprise + `}]},"status":200},{"hits":{"hits":[]}}]}` + enterprise, enterpriseWant + enterpriseWant},
		{"goldmane list", `{"meta":{"totalPages":"1"},"flows":[{"id":"1","flow":` + protojson + `},{"id":"2","flow":` + protojson + `}]}`, goldmaneWant + goldmaneWant},
		{"server-sent events", ": hello\nevent: flow\nid: 4\ndata: " + whisker + "\n\ndata: " + whisker + "\n\nretry: 10\n", whiskerWant + whiskerWant},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, decode(t, tt.in).String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestValues: one change to a record, and the words of its flow that change.
func TestValues(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{`"reporter":"dst"`, `"reporter":"dst, fwd"`, "destination ingress"},
		{`"reporter":"dst"`, `"reporter":"src"`, "source egress"},
		{`"reporter":"dst"`, `"reporter":"SRC"`, "source egress"},
		{`"reporter":"dst"`, `"reporter":"2"`, "destination ingress"},
		{`"reporter":"dst"`, `"reporter":"fwd"`, "elsewhere unknown t=1730000000+300 conns=2 transit"},
		{`"reporter":"dst"`, `"reporter":null`, "elsewhere unknown"},
		{`"reporter":"dst"`, `"reporter":"both"`, "malformed bad-value"},
		{`"reporter":"dst"`, `"reporter":3`, "malformed bad-value"},
		{`"action":"allow"`, `"action":"deny"`, "dropped destination ingress t=1730000000+300 conns=2 policy"},
		{`"action":"allow"`, `"action":2`, "dropped"},
		{`"action":"allow"`, `"action":"-"`, " unknown destination"},
		{`"action":"allow"`, `"action":"pass"`, "malformed bad-value"},
		{`"action":"allow"`, `"action":true`, "malformed bad-value"},
		{`"proto":"tcp"`, `"proto":"UDP"`, "5432/udp"},
		{`"proto":"tcp"`, `"proto":"132"`, "5432/sctp"},
		{`"proto":"tcp"`, `"proto":"icmp"`, "0/icmp"},
		{`"proto":"tcp"`, `"proto":"icmp6"`, "0/icmpv6"},
		{`"proto":"tcp"`, `"proto":"-"`, "0/unknown"},
		{`"proto":"tcp"`, `"proto":"ipip"`, "0/4"},
		{`"proto":"tcp"`, `"proto":47`, "0/47"},
		{`"proto":"tcp"`, `"proto":256`, "malformed bad-value"},
		{`"proto":"tcp"`, `"proto":"carrier pigeon"`, "malformed bad-value"},
		{`"dest_port":5432`, `"dest_port":"5432"`, "5432/tcp"},
		{`"dest_port":5432`, `"dest_port":5432.0`, "5432/tcp"},
		{`"dest_port":5432`, `"dest_port":null`, "0/tcp forwarded destination ingress t=1730000000+300 conns=2 aggregated"},
		{`"dest_port":5432`, `"dest_port":"-"`, "0/tcp forwarded destination ingress t=1730000000+300 conns=2 aggregated"},
		{`"dest_port":5432`, `"dest_port":0`, "0/tcp forwarded destination ingress t=1730000000+300 conns=2 aggregated"},
		{`"dest_port":5432`, `"dest_port":65536`, "malformed bad-value"},
		{`"dest_port":5432`, `"dest_port":-1`, "malformed bad-value"},
		{`"dest_port":5432`, `"dest_port":54.5`, "malformed bad-value"},
		{`"dest_port":5432`, `"dest_port":[5432]`, "malformed bad-value"},
		{`"source_port":null`, `"source_port":40123`, "sport=40123"},
		{`"start_time":1730000000`, `"start_time":"2024-10-27T03:33:20.5Z"`, "t=1730000000+29"},
		{`"start_time":1730000000`, `"start_time":1.73E9`, "t=1730000000+300"},
		{`"start_time":1730000000`, `"start_time":1e300`, "t=9223372036854+0"},
		{`"start_time":1730000000`, `"start_time":"yesterday"`, "malformed bad-value"},
		{`"start_time":1730000000`, `"start_time":null`, "t=0+1730000300"},
		{`"end_time":1730000300`, `"end_time":1730000000`, "t=1730000000+0"},
		{`"end_time":1730000300`, `"end_time":1`, "t=1730000000+0"},
		{`"num_flows_started":2`, `"num_flows_started":"7"`, "conns=7"},
		{`"num_flows_started":2`, `"num_flows_started":99999999999`, "conns=4294967295"},
		{`"num_flows_started":2`, `"num_flows_started":-1`, "t=1730000000+300\n"},
		{`"dest_type":"wep"`, `"dest_type":"pod"`, "malformed bad-value"},
		{`"source_type":"wep"`, `"source_type":"file"`, "malformed bad-value"},
		{`"dest_type":"wep"`, `"dest_type":"hep"`, "-> host name=ledger-* labels=app=ledger ip=10.1.2.3 |"},
		{`"dest_type":"wep"`, `"dest_type":"ns"`, "-> networkset ns=bank name=ledger-* labels=app=ledger ip=10.1.2.3 |"},
		{`"dest_type":"wep"`, `"dest_type":"net"`, "-> address addr=10.1.2.3 ip=10.1.2.3 |"},
		{`"dest_type":"wep"`, `"dest_type":"net","dest_domains":["b.example","a.example","b.example"]`, "-> address addr=10.1.2.3 names=a.example,b.example ip=10.1.2.3 |"},
		{`"dest_ip":"10.1.2.3"`, `"dest_ip":"0.0.0.0"`, "pod=ledger-0 |"},
		{`"dest_name":"ledger-0"`, `"dest_name":5`, "pod=5"},
		{`"dest_name":"ledger-0"`, `"dest_name":["ledger-0"]`, "malformed bad-value"},
		{`"dest_namespace":"bank"`, `"dest_namespace":"b\u0061nk"`, "-> pod ns=bank "},
		{`{"labels":["app=till","pod-template-hash=6b7d8c9f4"]}`, `null`, "pod ns=bank owner=Deployment/till ->"},
		{`{"labels":["app=till","pod-template-hash=6b7d8c9f4"]}`, `{"labels":null}`, "pod ns=bank owner=Deployment/till ->"},
		{`{"labels":["app=till","pod-template-hash=6b7d8c9f4"]}`, `"-"`, "pod ns=bank owner=Deployment/till ->"},
		{`{"labels":["app=till","pod-template-hash=6b7d8c9f4"]}`, `["z=","a=b=c","-"]`, "labels=a=b=c,z ->"},
		{`{"labels":["app=till","pod-template-hash=6b7d8c9f4"]}`, `[{}]`, "malformed bad-value"},
		{`{"labels":["app=till","pod-template-hash=6b7d8c9f4"]}`, `true`, "malformed bad-value"},
		{`"app=till",`, `"projectcalico.org/serviceaccount=clerk","projectcalico.org/namespace=bank",`, "pod ns=bank owner=Deployment/till sa=clerk ->"},
		{`"policies":{`, `"policies":null,"x":{`, "conns=2\n"},
		{`"policies":{`, `"policies":"-","x":{`, "conns=2\n"},
		{`"policies":{`, `"policies":[],"x":{`, "malformed bad-value"},
		{`"policies":{`, `"policies.all_policies.0":"1|__PROFILE__|pro:kns.shop|allow|0","x":{`, "malformed bad-value"},
		{`"source_labels":{`, `"source_labels.labels.0":"app=till","x":{`, "malformed bad-value"},
		{`"source_labels":{`, `"source_labels_labels":["app=till"],"x":{`, "malformed bad-value"},
		{`"source_labels":{`, `"source_labels.labels.and.more.than.any.key.has":1,"x":{`, "malformed bad-value"},
	} {
		in := strings.Replace(enterprise, tt.old, tt.new, 1)
		if in == enterprise {
			t.Fatalf("%s is not in the record", tt.old)
		}
		if got := decode(t, in).String(); !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: got %s, want %q in it", tt.new, got, tt.want)
		}
	}
}

// TestMarks: what the traces of policies tell. The deciding hit is that of the largest index.
func TestMarks(t *testing.T) {
	const trace = `"enforced_policies":["0|default|bank/default.ledger|allow|0"],"pending_policies":null`
	for _, tt := range []struct{ policies, want string }{
		{`"enforced_policies":["0|__PROFILE__|__PROFILE__.kns.bank|allow|0"]`, "profile"},
		{`"enforced_policies":["0|__PROFILE__|pro:kns.bank|allow|0"]`, "profile"},
		{`"enforced_policies":["0|__PROFILE__|__PROFILE__.ksa.bank|allow|0"]`, ""},
		{`"enforced_policies":["1|__PROFILE__|__PROFILE__.kns.bank|allow|0","0|security|security.all|pass|1"]`, "profile"},
		{`"enforced_policies":["0|__PROFILE__|__PROFILE__.kns.bank|allow|0","1|security|security.all|allow|1"]`, ""},
		{`"enforced_policies":[]`, ""},
		{`"enforced_policies":["rubbish","a|b|c|d|e",7,null,{"kind":[]}]`, ""},
		{`"all_policies":["0|default|bank/staged:default.deny|deny|-1","1|__PROFILE__|__PROFILE__.kns.bank|allow|0"]`, "profile"},
		{`"all_policies":["0|__PROFILE__|__PROFILE__.kns.bank|allow|0","1|default|bank/staged:default.deny|deny|-1"]`, "profile"},
		{`"all_policies":["0|__PROFILE__|__PROFILE__.kns.bank|allow|0","1|default|snp:bank/deny|deny|-1"]`, "profile"},
		{`"pending_policies":["0|default|bank/staged:default.deny|deny|-1"]`, "staged-deny"},
		{`"pending_policies":["1|default|bank/default.ledger|allow|0","0|security|staged:security.x|deny|0"]`, ""},
		{`"pending":[{"action":"Deny","policy_index":1},{"action":"Pass","policy_index":0}]`, "staged-deny"},
		{`"pendingPolicies":[{"action":"Allow","policyIndex":"1"},{"action":"Deny"}]`, ""},
		{`"pendingPolicies":[{"action":2}]`, "staged-deny"},
		{`"pendingPolicies":[{"kind":11,"tier":"kube-admin","action":2}]`, "staged-deny"}, // ClusterNetworkPolicy, of 3.32
		{`"enforcedPolicies":[{"kind":"ClusterNetworkPolicy","name":"kns.x","action":"Allow"}]`, ""},
	} {
		in := strings.Replace(strings.Replace(enterprise, trace, tt.policies, 1), `"all_policies":["0|default|bank/default.ledger|allow|0"],`, "", 1)
		_, got, _ := strings.Cut(strings.TrimSpace(decode(t, in).String()), "conns=2")
		if got = strings.TrimSpace(got); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.policies, got, tt.want)
		}
		if got := decode(t, strings.Replace(in, `"action":"allow"`, `"action":"deny"`, 1)).flows[0].Marks; got != 0 {
			t.Errorf("%s: a denied flow has marks %b", tt.policies, got)
		}
	}
}

// TestDenied: the trace tells whether a rule denied it, or that none allowed it at the end of a tier.
func TestDenied(t *testing.T) {
	const trace = `"enforced_policies":["0|default|bank/default.ledger|allow|0"],"pending_policies":null`
	for _, tt := range []struct {
		policies string
		want     model.Drop
	}{
		{`"enforced_policies":["0|default|bank/default.ledger|deny|-1"]`, model.DropPolicy},
		{`"enforced_policies":["0|default|bank/default.ledger|deny|-2"]`, model.DropPolicy},
		{`"enforced_policies":["0|default|bank/default.ledger|deny|0"]`, model.DropRule},
		{`"enforced_policies":["1|default|bank/default.ledger|deny|-1","0|security|security.all|pass|3"]`, model.DropPolicy},
		{`"enforced_policies":["0|security|security.all|deny|3"]`, model.DropRule},
		{`"all_policies":["0|default|bank/staged:default.x|deny|0","1|default|bank/default.ledger|deny|-1"]`, model.DropPolicy},
		{`"enforced":[{"kind":"EndOfTier","name":"","tier":"default","action":"Deny","policy_index":0,"rule_index":-1}]`, model.DropPolicy},
		{`"enforced_policies":[{"kind":10,"action":2}]`, model.DropPolicy}, // without zeros
		{`"enforcedPolicies":[{"kind":"EndOfTier","action":"Deny","ruleIndex":"-1"}]`, model.DropPolicy},
		{`"enforcedPolicies":[{"kind":"GlobalNetworkPolicy","name":"block","tier":"security","action":"Deny"}]`, model.DropRule},
		{`"enforced_policies":[]`, model.DropPolicy},
		{`"enforced_policies":null`, model.DropPolicy},
	} {
		in := strings.Replace(strings.Replace(enterprise, trace, tt.policies, 1), `"all_policies":["0|default|bank/default.ledger|allow|0"],`, "", 1)
		if got := decode(t, strings.Replace(in, `"action":"allow"`, `"action":"deny"`, 1)).flows[0].Drop; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.policies, got, tt.want)
		}
	}
}

// TestServices: a destination's service stands beside the backend that was reached, which is the end.
func TestServices(t *testing.T) {
	with := strings.Replace(enterprise, `"dest_service_name":"-"`, `"dest_service_name":"ledger","dest_service_namespace":"bank",`+
		`"dest_service_port_name":"sql","dest_service_port":15432`, 1)
	if diff := cmp.Diff(decode(t, enterprise).String(), decode(t, with).String()); diff != "" || with == enterprise {
		t.Error(diff)
	}
}

// TestGhosts: Goldmane's records of a bucket that is filling are no flows; missing times alone are refused later.
func TestGhosts(t *testing.T) {
	key, _, _ := strings.Cut(protojson, `, "startTime"`)
	bare, _, _ := strings.Cut(strings.Replace(whisker, "2024-10-27T03:33:20Z", "1970-01-01T00:00:00Z", 1), `,"packets_in"`)
	bare = strings.Replace(bare, "2024-10-27T03:33:35Z", "1970-01-01T00:00:00Z", 1)
	for _, tt := range []struct{ in, want string }{
		{key + "}", "irrelevant ghost"},
		{key + `,"startTime":"0","endTime":"0","packetsIn":"0"}`, "irrelevant ghost"},
		{key + `,"packetsIn":"1"}`, "t=0+0"},
		{key + `,"packetsIn":"many"}`, "malformed bad-value"},
		{bare + `,"packets_in":0}`, "irrelevant ghost"},
		{bare + `,"packets_in":1}`, "t=0+0"},
		{strings.Replace(bare, `"start_time":"1970-01-01T00:00:00Z",`, "", 1) + `}`, "t=0+0"},
	} {
		if got := decode(t, tt.in).String(); !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: got %s, want %q in it", tt.in, got, tt.want)
		}
	}
}

// TestCameBack: packet counters say what came back.
func TestCameBack(t *testing.T) {
	const ours = model.MarkAnswered | model.MarkReset | model.MarkUnanswered
	for _, c := range []struct {
		name, reporter, proto, counters string
		want                            model.Marks
	}{
		{"refused", "Src", "tcp", `"packetsIn":"2","packetsOut":"2","numConnectionsStarted":"2","numConnectionsCompleted":"2"`, model.MarkReset},
		{"refused, by the destination", "Dst", "tcp", `"packetsIn":"1","packetsOut":"1","numConnectionsStarted":"1","numConnectionsCompleted":"1"`, model.MarkReset},
		{"opened, and live", "Src", "tcp", `"packetsIn":"1","packetsOut":"1","numConnectionsStarted":"1","numConnectionsLive":"1"`, model.MarkAnswered},
		{"a handshake", "Src", "tcp", `"packetsIn":"1","packetsOut":"2","numConnectionsStarted":"1","numConnectionsCompleted":"1"`, model.MarkAnswered},
		{"refused, and a packet more of the client", "Src", "tcp", `"packetsIn":"1","packetsOut":"2","bytesIn":"40","bytesOut":"92","numConnectionsStarted":"1","numConnectionsCompleted":"1"`, model.MarkReset},
		{"refused each time, one opening lost", "Dst", "tcp", `"packetsIn":"4","packetsOut":"3","bytesIn":"240","bytesOut":"120","numConnectionsStarted":"3","numConnectionsCompleted":"3"`, model.MarkReset},
		{"a handshake that counts bytes", "Src", "tcp", `"packetsIn":"1","packetsOut":"2","bytesIn":"60","bytesOut":"112","numConnectionsStarted":"1","numConnectionsCompleted":"1"`, model.MarkAnswered},
		{"refused once of twice", "Src", "tcp", `"packetsIn":"4","packetsOut":"6","bytesIn":"180","bytesOut":"400","numConnectionsStarted":"2","numConnectionsCompleted":"2"`, model.MarkAnswered},
		{"refused beside one that lives", "Src", "tcp", `"packetsIn":"4","packetsOut":"6","bytesIn":"160","bytesOut":"400","numConnectionsStarted":"1","numConnectionsCompleted":"1","numConnectionsLive":"1"`, model.MarkAnswered},
		{"an older connection that ends beside one that is refused", "Src", "tcp", `"packetsIn":"4","packetsOut":"5","bytesIn":"160","bytesOut":"900","numConnectionsStarted":"1","numConnectionsCompleted":"2"`, model.MarkAnswered},
		{"an older connection that is acknowledged", "Src", "tcp", `"packetsIn":"7","packetsOut":"7","bytesIn":"280","bytesOut":"9000"`, model.MarkAnswered},
		{"an older connection", "Dst", "tcp", `"packetsIn":"7","packetsOut":"7"`, model.MarkAnswered},
		{"nobody answers", "Src", "tcp", `"packetsOut":"4","numConnectionsStarted":"1"`, model.MarkUnanswered},
		{"nobody answers, by the destination", "Dst", "tcp", `"packetsIn":"4","numConnectionsStarted":"1"`, model.MarkUnanswered},
		{"a question and an answer", "Src", "udp", `"packetsIn":"1","packetsOut":"1","numConnectionsStarted":"1","numConnectionsCompleted":"1"`, model.MarkAnswered},
		{"one datagram in vain", "Src", "udp", `"packetsOut":"1","numConnectionsStarted":"1"`, model.MarkUnanswered},
		{"a stream of datagrams", "Src", "udp", `"packetsOut":"300","numConnectionsStarted":"1"`, 0},
		{"no counters", "Src", "tcp", `"bytesIn":"3"`, 0},
		{"counters that are none", "Src", "tcp", `"packetsIn":"many"`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decode(t, `{"Key":{"sourceName":"till-6b7d8c9f4-*","sourceNamespace":"bank","sourceType":"WorkloadEndpoint","destName":"pub","destNamespace":"-",`+
				`"destType":"Network","destPort":"443","proto":"`+c.proto+`","reporter":"`+c.reporter+`","action":"Allow"},"startTime":"1730000000","endTime":"1730000015",`+c.counters+`}`)
			if len(d.flows) != 1 || d.flows[0].Marks&ours != c.want {
				t.Errorf("flows %+v, want marks %b", d.flows, c.want)
			}
		})
	}
	// Whisker counts packets and no connections: a refusal looks like an answer there.
	d := decode(t, strings.Replace(whisker, `"packets_in":3`, `"packets_in":1,"packets_out":1`, 1))
	if len(d.flows) != 1 || d.flows[0].Marks&ours != 0 {
		t.Errorf("Whisker: %+v", d.flows)
	}
}
