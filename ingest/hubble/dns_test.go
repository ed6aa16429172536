package hubble

import (
	"fmt"
	"testing"

	"github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"sluice/ingest"
	"sluice/model"
)

// lookedUp keeps what the last record answered.
type lookedUp string

func (s *lookedUp) Flow(f *model.Flow)      { *s = lookedUp(answerOf(f)) }
func (s *lookedUp) Reject(ingest.Rejection) { *s = "rejected" }

func answerOf(f *model.Flow) string {
	if f.Answer == nil {
		return ""
	}
	return fmt.Sprint(f.Answer.Name, f.Answer.Addresses, f.Answer.TTL)
}

// TestAnswer: of the answer of a resolver, as a proxy handed it to a pod, the name that was asked for and its addresses
// are read, the same of JSON and of the wire; of what was dropped, of questions and of answers to others nothing is.
func TestAnswer(t *testing.T) {
	dns := func(d *flow.DNS) *flow.Layer7 {
		return &flow.Layer7{Type: flow.L7FlowType_RESPONSE, Record: &flow.Layer7_Dns{Dns: d}}
	}
	answer := dns(&flow.DNS{Query: "API.example.com.", Ips: []string{"192.0.2.7", "2001:db8::7"}, Ttl: 30, Cnames: []string{"edge.example.net."}})
	for _, c := range []struct {
		want   string
		l7     *flow.Layer7
		change func(*flow.Flow)
	}{
		{"api.example.com[192.0.2.7 2001:db8::7] 30", answer, nil},
		{"", dns(&flow.DNS{Query: "api.example.com.shop.svc.cluster.local.", Rcode: 3}), nil},
		{"", dns(&flow.DNS{Query: "*.example.com.", Ips: []string{"192.0.2.7"}}), nil},
		{"", &flow.Layer7{Record: &flow.Layer7_Http{Http: &flow.HTTP{Url: "http://dns/"}}}, nil},
		{"", nil, nil},
		{"", answer, func(f *flow.Flow) { f.Verdict = flow.Verdict_DROPPED }},
		{"", answer, func(f *flow.Flow) { f.IsReply = wrapperspb.Bool(false) }},
		{"", answer, func(f *flow.Flow) {
			f.Destination = &flow.Endpoint{Identity: 2, Labels: []string{"reserved:world"}}
		}},
	} {
		f := &flow.Flow{
			Verdict: flow.Verdict_FORWARDED, IP: &flow.IP{Source: "10.0.0.6", Destination: "10.0.0.5"},
			L4:          &flow.Layer4{Protocol: &flow.Layer4_UDP{UDP: &flow.UDP{SourcePort: 53, DestinationPort: 40000}}},
			Source:      &flow.Endpoint{Identity: 1001, Namespace: "kube-system", Labels: []string{"k8s:app=dns"}, PodName: "dns-1"},
			Destination: &flow.Endpoint{Identity: 1002, Namespace: "shop", Labels: []string{"k8s:app=web"}, PodName: "web-1"},
			Type:        flow.FlowType_L7, EventType: &flow.CiliumEventType{Type: 129}, IsReply: wrapperspb.Bool(true), L7: c.l7,
		}
		if c.change != nil {
			c.change(f)
		}
		j, err := protojson.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var of lookedUp
		New(model.NewTables(), &of).Record("", 1, j)
		if string(of) != c.want {
			t.Errorf("%s: %s, want %s", j, of, c.want)
		}
		b, err := proto.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWire(model.NewTables())
		if err := w.Decode(b); err != nil || answerOf(&w.Flow) != c.want {
			t.Errorf("wire of %s: %q %v, want %s", j, answerOf(&w.Flow), err, c.want)
		}
	}
}
