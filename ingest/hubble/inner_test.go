package hubble

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"sluice/model"
)

// TestInner: what is read out of an l7 object is what encoding/json reads, however it is spelled.
func TestInner(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"dns":null}`, `{"dns":{}}`, `{"type":"RESPONSE","latency_ns":"7"}`,
		`{"type":"RESPONSE","dns":{"query":"a.example.","ips":["192.0.2.1","2001:db8::1"],"ttl":30,"cnames":["b."]}}`,
		"{ \"dns\" : {\n\"ips\" : [ \"192.0.2.1\" ,\t\"192.0.2.2\" ] , \"ttl\" : 30 , \"query\" : \"a\" } , \"x\" : [ {} ] }",
		`{"DNS":{"Query":"\u00fc\"\\.","IPS":["\u0031"],"TTL":4294967295}}`,
		`{"\u0064ns":{"quer\u0079":"a","ips":[]}}`,
		`{"dns":{"query":"a","ips":null,"ttl":null}}`,
		`{"x":{"dns":{"query":"no"}},"dns":{"x":{"query":"no"},"query":"yes"}}`,
		`{"http":{"code":200,"method":"GET","url":"http://a/b?c","headers":[{"key":"X-Request-Id","value":"7"},{"value":"h","key":"Host"}]}}`,
		`{"http":{"headers":[{},{"key":"host"},{"key":"traceparent","value":"0\t-1"}],"url":"\/"}}`,
	} {
		var want struct {
			DNS  answered
			HTTP struct {
				URL     string
				Headers []struct{ Key, Value string }
			}
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(text, err)
		}
		if got := jsonAnswer([]byte(text)); got.Query != want.DNS.Query || got.TTL != want.DNS.TTL ||
			fmt.Sprint(got.IPs) != fmt.Sprint(want.DNS.IPs) {
			t.Errorf("%s: %v, want %v", text, got, want.DNS)
		}
		q := request{url: want.HTTP.URL}
		for _, h := range want.HTTP.Headers {
			q.header(h.Key, h.Value)
		}
		if got := jsonRequest([]byte(text)); !reflect.DeepEqual(got, q) {
			t.Errorf("%s: %v, want %v", text, got, q)
		}
	}
	for text, want := range map[string]string{
		`{"parent":{"trace_id":"a"}}`: "a", `{ "parent" : { "traceId" : "b" } }`: "b", `{"parent":null}`: "", ``: "",
		`{"trace_id":"a"}`: "", `{"parent":{"trace_id":7}}`: "",
	} {
		if got := jsonTrace([]byte(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestOthersBetween: records of no flow, and other objects, keep no decoder from knowing the forms of flows.
func TestOthersBetween(t *testing.T) {
	for _, other := range []string{
		`{"agent_event":{"type":"IPCACHE_UPSERTED","ipcache_update":{"cidr":"192.0.2.%d/32"}},"node_name":"n"}`,
		`{"level":"info","msg":"reconciled","object":{"name":"p%d"}}`,
	} {
		d := New(model.NewTables(), nothing{})
		for i := range 4 * shapeWindow {
			text := fmt.Sprintf(`{"flow":{"time":"2026-03-01T10:00:00Z","verdict":"FORWARDED","l4":{"TCP":{"destination_port":%d}}}}`, i)
			if i%3 > 0 {
				text = fmt.Sprintf(other, i)
			}
			d.Record("", 1, []byte(text))
		}
		if d.r.shapes.rest > 0 || d.r.shapes.found == 0 {
			t.Errorf("%s: forms are not looked up", other)
		}
	}
}
