package hubble

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"sluice/ingest"
	"sluice/model"
)

// told is what was told of a request.
type told string

func (s *told) Flow(f *model.Flow)      { *s = told(string(f.Host) + "|" + string(f.Request)) }
func (s *told) Reject(ingest.Rejection) {}

// TestRequest: of a request to a service the host and the name are read, the same of JSON and of the wire; of other
// records nothing is.
func TestRequest(t *testing.T) {
	http := func(url string, headers ...*flow.HTTPHeader) *flow.Layer7 {
		return &flow.Layer7{Type: flow.L7FlowType_REQUEST, Record: &flow.Layer7_Http{Http: &flow.HTTP{Method: "GET", Url: url, Headers: headers}}}
	}
	header := func(k, v string) *flow.HTTPHeader { return &flow.HTTPHeader{Key: k, Value: v} }
	trace := &flow.TraceContext{Parent: &flow.TraceParent{TraceId: "4bf9"}}
	for _, c := range []struct {
		l7       *flow.Layer7
		trace    *flow.TraceContext
		host, id string
	}{
		{http("https://A.example:8443/x"), nil, "a.example/x", ""},
		{http("/x", header(":authority", "b.example:80")), nil, "b.example/x", ""},
		{http("/x", header("X-Request-Id", "7")), trace, "", "id 7"},
		{http("http://c/"), trace, "c/", "trace 4bf9"},
		{http("/", header("traceparent", "00-4bf9-01-01")), nil, "", "trace 4bf9"},
		{http("http://[::1/%"), nil, "", ""},
		{http("http://d?q=1"), nil, "d/", ""},
		{http("http://d/a?token=1#x"), nil, "d/a", ""},
		{http("http://d/a/../b"), nil, "d", ""}, // which path that is depends on who serves it
		{http("http://d/a%2Fb"), nil, "d", ""},
		{http("http://d/" + strings.Repeat("a", 300)), nil, "d", ""},
		{&flow.Layer7{Record: &flow.Layer7_Dns{Dns: &flow.DNS{Query: "a."}}}, trace, "", "trace 4bf9"},
		{nil, trace, "", ""},
	} {
		for _, answer := range []bool{false, true} {
			f := &flow.Flow{
				Verdict: flow.Verdict_FORWARDED, IP: &flow.IP{Source: "10.0.0.5", Destination: "192.0.2.1"},
				L4:          &flow.Layer4{Protocol: &flow.Layer4_TCP{TCP: &flow.TCP{SourcePort: 40000, DestinationPort: 443}}},
				Source:      &flow.Endpoint{Identity: 8, Labels: []string{"reserved:ingress"}},
				Destination: &flow.Endpoint{Identity: 2, Labels: []string{"reserved:world"}}, Type: flow.FlowType_L7,
				EventType: &flow.CiliumEventType{Type: 129}, L7: c.l7, TraceContext: c.trace,
				DestinationService: &flow.Service{Name: "s", Namespace: "n"},
			}
			want := "|"
			if !answer {
				want = c.host + "|" + c.id
			} else {
				f.IsReply = wrapperspb.Bool(true)
			}
			j, err := protojson.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			var of told
			New(model.NewTables(), &of).Record("", 1, j)
			if of != told(want) {
				t.Errorf("%s: %s, want %s", j, of, want)
			}
			b, err := proto.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			w := NewWire(model.NewTables())
			if err := w.Decode(b); err != nil || string(w.Flow.Host)+"|"+string(w.Flow.Request) != want {
				t.Errorf("wire of %s: %q %q %v, want %s", j, w.Flow.Host, w.Flow.Request, err, strconv.Quote(want))
			}
		}
	}
}
