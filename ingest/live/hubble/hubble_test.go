package hubble

import (
	"context"
	"strings"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	relaypb "github.com/cilium/cilium/api/v1/relay"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"sluice/ingest/live"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		url, target string
		secure, ok  bool
		err         bool
	}{
		{"hubble://relay:4245", "relay:4245", false, true, false},
		{"hubble://relay", "relay:4245", false, true, false},
		{"hubbles://relay.kube-system.svc:443", "relay.kube-system.svc:443", true, true, false},
		{"hubble://[::1]:80", "[::1]:80", false, true, false},
		{"hubble://[fd00::1]", "[fd00::1]:4245", false, true, false},
		{"hubble+unix:///var/run/cilium/hubble.sock", "unix:///var/run/cilium/hubble.sock", false, true, false},
		{"hubble+unix://hubble.sock", "", false, true, true},
		{"hubble://", "", false, true, true},
		{"hubble://relay/path", "", false, true, true},
		{"hubble://user@relay", "", false, true, true},
		{"hubble://user:hunter2@relay", "", false, true, true},
		{"hubble://user:hunter2@relay:0", "", false, true, true},
		{"goldmane://host:7443", "", false, false, false},
		{"flows.jsonl", "", false, false, false},
	} {
		target, secure, ok, err := ParseURL(c.url)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password: %v", c.url, err)
		}
		if target != c.target || secure != c.secure || ok != c.ok || (err != nil) != c.err {
			t.Errorf("%s: %q, %v, %v, %v", c.url, target, secure, ok, err)
		}
	}
}

// TestBreaks: the stream ends in every way there is, and the next one sends again what was there.
func TestBreaks(t *testing.T) {
	s := &server{streams: []func(func(any), context.Context) error{
		flows("n1", 0, 9, false),
		func(send func(any), ctx context.Context) error {
			_ = flows("n1", 5, 19, false)(send, ctx)
			return status.Error(codes.Unavailable, "relay is going")
		},
		func(send func(any), _ context.Context) error { // a relay none of whose nodes answers
			send(&observerpb.GetFlowsResponse{ResponseTypes: &observerpb.GetFlowsResponse_NodeStatus{NodeStatus: &relaypb.NodeStatusEvent{
				StateChange: relaypb.NodeState_NODE_ERROR, NodeNames: []string{"n1"}, Message: "context canceled"}}})
			return nil
		},
		flows("n1", 15, 29, true),
	}}
	s.start(t)
	k := &kept{}
	collect(t, fastConfig(), s, k, func() bool { return k.has(30) })
	for p, n := range k.ports {
		if n != 1 {
			t.Errorf("port %d: %d records", p, n)
		}
	}
	if len(k.ports) != 30 || k.resent != 10 || k.gaps != 0 || k.breaks != 1 {
		t.Errorf("%d ports, %d resent, %d gaps, %d breaks; want 30, 10, 0, 1", len(k.ports), k.resent, k.gaps, k.breaks)
	}
	first, second := s.requests[0], s.requests[1]
	if !first.Follow || first.Since.AsTime().Unix() != 0 || first.Number != 1 {
		t.Errorf("first request %v", first)
	}
	if want := epoch.Add(7 * time.Second); !second.Since.AsTime().Equal(want) {
		t.Errorf("second request since %v, want %v", second.Since.AsTime(), want)
	}
}

// TestGap: after a break the ring no longer has the last record.
func TestGap(t *testing.T) {
	s := &server{streams: []func(func(any), context.Context) error{flows("n1", 0, 4, false), flows("n1", 20, 24, true)}}
	s.start(t)
	k := &kept{}
	collect(t, fastConfig(), s, k, func() bool { return k.has(10) })
	if k.gaps != 1 {
		t.Errorf("%d gaps, want 1", k.gaps)
	}
}

func lostEvents(source flowpb.LostEventSource, n int, at time.Time) *observerpb.GetFlowsResponse {
	return &observerpb.GetFlowsResponse{NodeName: "n1", Time: timestamppb.New(at), ResponseTypes: &observerpb.GetFlowsResponse_LostEvents{
		LostEvents: &flowpb.LostEvent{Source: source, NumEventsLost: uint64(n)}}}
}

// TestLost: what a node lost is counted by cause; a loss that lies in the ring and is sent again counts once.
func TestLost(t *testing.T) {
	queue := lostEvents(flowpb.LostEventSource_OBSERVER_EVENTS_QUEUE, 7, epoch)
	ring := lostEvents(flowpb.LostEventSource_HUBBLE_RING_BUFFER, 5, epoch)
	s := &server{streams: []func(func(any), context.Context) error{
		func(send func(any), ctx context.Context) error {
			send(queue)
			send(lostEvents(flowpb.LostEventSource_PERF_EVENT_RING_BUFFER, 3, epoch))
			send(ring)
			return flows("n1", 0, 4, false)(send, ctx)
		},
		func(send func(any), ctx context.Context) error {
			send(queue)
			send(ring)
			return flows("n1", 0, 9, true)(send, ctx)
		},
	}}
	s.start(t)
	k := &kept{}
	collect(t, fastConfig(), s, k, func() bool { return k.has(10) })
	for cause, want := range map[string]uint64{"n1 observer_events_queue": 7, "n1 perf_event_ring_buffer": 3, "n1 hubble_ring_buffer": 10} {
		if k.lost[cause] != want {
			t.Errorf("%s: %d, want %d", cause, k.lost[cause], want)
		}
	}
	lost := uint64(0)
	for hour, n := range k.lostHours {
		if h := uint32(epoch.Unix() / 3600); hour != h && hour != h-1 {
			t.Errorf("%d events lost in hour %d, want %d", n, hour, h)
		}
		lost += n
	}
	if lost != 20 {
		t.Errorf("%d events lost in known hours, want 20", lost)
	}
}

// TestLies: messages that make no sense are counted, and what comes between them is stored.
func TestLies(t *testing.T) {
	wrongPort := flowAt("n1", 3)
	wrongPort.GetFlow().GetL4().GetTCP().DestinationPort = 70_000
	s := &server{streams: []func(func(any), context.Context) error{func(send func(any), ctx context.Context) error {
		send(flowAt("n1", 0))
		send([]byte{0x0a, 0xff})             // a flow longer than its message
		send([]byte{0x0a, 0x02, 0x08, 0x80}) // a flow with half a number
		send([]byte{0x12, 0x01, 0xff})       // a broken node status
		send([]byte{0x1a, 0x01, 0xff})       // broken lost events
		send([]byte{})                       // nothing
		send(&observerpb.GetFlowsResponse{NodeName: "n1"})
		send(wrongPort)
		send(flowAt("n1", 1))
		<-ctx.Done()
		return nil
	}}}
	s.start(t)
	k := &kept{}
	collect(t, fastConfig(), s, k, func() bool { return k.has(2) })
	if k.malformed != 5 || k.noFlow != 2 {
		t.Errorf("%d malformed and %d that are no flow, want 5 and 2", k.malformed, k.noFlow)
	}
}

// TestSilentNodes: whatever happens to a node behind a relay, its flows come again, since the stream is opened anew.
func TestSilentNodes(t *testing.T) {
	node := func(name, address string, seen int) *observerpb.Node {
		return &observerpb.Node{Name: name, Address: address, State: relaypb.NodeState_NODE_CONNECTED, SeenFlows: uint64(seen)}
	}
	for name, nodes := range map[string]func(look int) []*observerpb.Node{
		"address": func(n int) []*observerpb.Node {
			if n < 3 {
				return []*observerpb.Node{node("n1", "a", 1), node("n2", "b", 1)}
			}
			return []*observerpb.Node{node("n1", "a", 1), node("n2", "c", 1)}
		},
		"recreated": func(n int) []*observerpb.Node {
			if n == 3 {
				return []*observerpb.Node{node("n1", "a", 1)}
			}
			return []*observerpb.Node{node("n1", "a", 1), node("n2", "b", 1)}
		},
		"silent": func(n int) []*observerpb.Node {
			return []*observerpb.Node{node("n1", "a", 1), node("n2", "b", 1000*n)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{nodes: nodes, streams: []func(func(any), context.Context) error{flows("n1", 0, 4, true),
				func(send func(any), ctx context.Context) error {
					_ = flows("n1", 0, 4, false)(send, ctx)
					return flows("n2", 10, 14, true)(send, ctx)
				}}}
			s.start(t)
			k := &kept{}
			collect(t, fastConfig(), s, k, func() bool { return k.has(10) })
		})
	}
}

// TestMuteServer: a server that neither answers nor sends is connected to again; one that sends is left alone.
func TestMuteServer(t *testing.T) {
	s := &server{mute: true, streams: []func(func(any), context.Context) error{flows("n1", 0, 4, true), flows("n1", 0, 9, true)}}
	s.start(t)
	k := &kept{}
	cfg := fastConfig()
	cfg.Timeout = 50 * time.Millisecond
	collect(t, cfg, s, k, func() bool { return k.has(10) })
	sends := &server{mute: true, streams: []func(func(any), context.Context) error{func(send func(any), ctx context.Context) error {
		for n := 0; ctx.Err() == nil && n < 100; n++ {
			send(flowAt("n1", n))
			time.Sleep(10 * time.Millisecond)
		}
		<-ctx.Done()
		return nil
	}}}
	sends.start(t)
	cfg.Timeout = 500 * time.Millisecond
	k = &kept{}
	collect(t, cfg, sends, k, func() bool { return k.has(90) })
	if len(sends.requests) != 1 {
		t.Errorf("%d streams", len(sends.requests))
	}
}

// TestQuietNode: a node that sees nothing, or not more than a relay holds back, is no reason to open the stream anew.
func TestQuietNode(t *testing.T) {
	s := &server{nodes: func(n int) []*observerpb.Node {
		return []*observerpb.Node{{Name: "n1", State: relaypb.NodeState_NODE_CONNECTED, SeenFlows: uint64(min(n, 90))},
			{Name: "n2", State: relaypb.NodeState_NODE_UNAVAILABLE, SeenFlows: uint64(1000 * n)}}
	}, streams: []func(func(any), context.Context) error{flows("n1", 0, 4, true)}}
	s.start(t)
	k := &kept{}
	collect(t, fastConfig(), s, k, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.looks > 20 })
	if len(s.requests) != 1 {
		t.Errorf("%d streams", len(s.requests))
	}
}

// TestRequest: what is asked of the server.
func TestRequest(t *testing.T) {
	from := epoch
	busy := &observerpb.ServerStatusResponse{FlowsRate: 1000}
	c := New(Config{Namespaces: []string{"b", "a"}})
	r := c.request(from, true, busy)
	if r.Number != 0 || !r.Since.AsTime().Equal(from) || len(r.Whitelist) != 4 || r.FieldMask != nil || r.First {
		t.Errorf("%v", r)
	}
	for _, f := range r.Whitelist {
		if len(f.SourcePod)+len(f.DestinationPod)+len(f.SourceLabel)+len(f.DestinationLabel) != 2 || f.Reply != nil {
			t.Errorf("filter %v", f)
		}
	}
	if r = New(Config{Last: 20}).request(time.Time{}, false, busy); r.Number != 20 || r.Since != nil || r.Follow {
		t.Errorf("%v", r)
	}
	if r = New(Config{Until: epoch}).request(time.Time{}, false, busy); r.Number != 0 || !r.Until.AsTime().Equal(epoch) || r.Since == nil {
		t.Errorf("%v", r)
	}
}

// TestOnce: without follow the collector ends with what the server has.
func TestOnce(t *testing.T) {
	s := &server{streams: []func(func(any), context.Context) error{flows("n1", 0, 9, false)}}
	s.start(t)
	k := &kept{}
	cfg := fastConfig()
	cfg.Target = s.addr
	lc := live.DefaultConfig()
	lc.Follow = false
	if err := live.New(lc, New(cfg), k, live.Position{}).Run(t.Context()); err != nil || !k.has(10) {
		t.Errorf("%v, %d ports", err, len(k.ports))
	}
}

// TestServed: a server that is read once says of which version it is, and which nodes it has.
func TestServed(t *testing.T) {
	s := &server{streams: []func(func(any), context.Context) error{flows("n1", 0, 1, false)}, nodes: func(int) []*observerpb.Node {
		return []*observerpb.Node{{Name: "n1", Version: "v1.20.2", State: relaypb.NodeState_NODE_CONNECTED, SeenFlows: 2},
			{Name: "n2", Version: "v1.19.1", State: relaypb.NodeState_NODE_UNAVAILABLE}}
	}}
	s.start(t)
	cfg, lc := DefaultConfig(), live.DefaultConfig()
	cfg.Target, lc.Follow = s.addr, false
	c := live.New(lc, New(cfg), &kept{ports: map[uint16]int{}}, live.Position{})
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := live.Server{Version: "test", Nodes: []live.ServerNode{{Name: "n1", Version: "v1.20.2", Connected: true, Seen: 2},
		{Name: "n2", Version: "v1.19.1"}}}
	if diff := cmp.Diff(want, c.Stats().Server); diff != "" {
		t.Error(diff)
	}
}

// TestLargeTexts: a message that is no flow's for its size, and a text of a server's without end, are told briefly.
func TestLargeTexts(t *testing.T) {
	for want, send := range map[string]func(func(any), context.Context) error{
		"more than 16 MiB": func(send func(any), _ context.Context) error {
			send(&observerpb.GetFlowsResponse{NodeName: strings.Repeat("n", maxMessage)})
			return nil
		},
		"does not let this client in": func(func(any), context.Context) error {
			return status.Error(codes.PermissionDenied, strings.Repeat("no ", 1<<16))
		},
		"nodes are in error: n": func(send func(any), _ context.Context) error {
			for range 100 {
				send(&observerpb.GetFlowsResponse{ResponseTypes: &observerpb.GetFlowsResponse_NodeStatus{NodeStatus: &relaypb.NodeStatusEvent{
					StateChange: relaypb.NodeState_NODE_ERROR, NodeNames: []string{"n"}, Message: strings.Repeat("m", 1<<16)}}})
			}
			return nil
		},
	} {
		s := &server{streams: []func(func(any), context.Context) error{send}}
		s.start(t)
		cfg := fastConfig()
		cfg.Target = s.addr
		once := live.DefaultConfig()
		once.Follow = false
		err := live.New(once, New(cfg), &kept{}, live.Position{}).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 10_000 {
			t.Errorf("%.1000v, want %q in at most 10,000 bytes", err, want)
		}
	}
}
