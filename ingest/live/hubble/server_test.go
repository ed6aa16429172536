package hubble

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"sluice/ingest/live"
	"sluice/model"
)

// server is a Hubble server that does what a test says, faults included.
type server struct {
	observerpb.UnimplementedObserverServer
	addr string

	mu       sync.Mutex
	requests []*observerpb.GetFlowsRequest
	rate     float64
	nodes    func(look int) []*observerpb.Node // nil: as the server of a node, which knows none
	looks    int
	mute     bool // does not answer what it is asked about nodes
	// streams are what is sent on the first, second... stream; the last one is for all others.
	streams []func(send func(any), ctx context.Context) error
}

func (s *server) ServerStatus(context.Context, *observerpb.ServerStatusRequest) (*observerpb.ServerStatusResponse, error) {
	return &observerpb.ServerStatusResponse{Version: "test", FlowsRate: s.rate, NumConnectedNodes: wrapperspb.UInt32(2)}, nil
}

func (s *server) GetNodes(ctx context.Context, r *observerpb.GetNodesRequest) (*observerpb.GetNodesResponse, error) {
	if s.mute {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if s.nodes == nil {
		return s.UnimplementedObserverServer.GetNodes(ctx, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return &observerpb.GetNodesResponse{Nodes: s.nodes(s.looks)}, nil
}

func (s *server) GetFlows(r *observerpb.GetFlowsRequest, stream grpc.ServerStreamingServer[observerpb.GetFlowsResponse]) error {
	s.mu.Lock()
	n := min(len(s.requests), len(s.streams)-1)
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	return s.streams[n](func(m any) { _ = stream.SendMsg(m) }, stream.Context())
}

// bytesCodec sends []byte as it is: messages that no Hubble would send.
type bytesCodec struct{ encoding.CodecV2 }

func (c bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	if b, ok := v.([]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(b)}, nil
	}
	return c.CodecV2.Marshal(v)
}

func (s *server) start(t *testing.T, opts ...grpc.ServerOption) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(append(opts, grpc.ForceServerCodecV2(bytesCodec{encoding.GetCodecV2("proto")}))...)
	observerpb.RegisterObserverServer(g, s)
	go func() { _ = g.Serve(l) }()
	t.Cleanup(g.Stop)
	s.addr = l.Addr().String()
}

var epoch = time.Date(2025, 2, 20, 10, 0, 0, 0, time.UTC)

// flowAt makes a flow of a node to a port, n seconds after the epoch.
func flowAt(node string, n int) *observerpb.GetFlowsResponse {
	at := timestamppb.New(epoch.Add(time.Duration(n) * time.Second))
	pod := func(name string) *flowpb.Endpoint {
		return &flowpb.Endpoint{Identity: 100, Namespace: "a", PodName: name, Labels: []string{"k8s:app=" + name}}
	}
	return &observerpb.GetFlowsResponse{NodeName: node, Time: at, ResponseTypes: &observerpb.GetFlowsResponse_Flow{Flow: &flowpb.Flow{
		Time: at, Uuid: fmt.Sprint(node, "-", n), Verdict: flowpb.Verdict_FORWARDED, NodeName: node, IP: &flowpb.IP{Source: "10.0.0.1", Destination: "10.0.0.2"},
		L4:     &flowpb.Layer4{Protocol: &flowpb.Layer4_TCP{TCP: &flowpb.TCP{SourcePort: 40000, DestinationPort: uint32(1000 + n), Flags: &flowpb.TCPFlags{SYN: true}}}},
		Source: pod("x"), Destination: pod("y"), Type: flowpb.FlowType_L3_L4, IsReply: wrapperspb.Bool(false), EventType: &flowpb.CiliumEventType{Type: 4},
		TrafficDirection: flowpb.TrafficDirection_INGRESS, TraceObservationPoint: flowpb.TraceObservationPoint_TO_ENDPOINT}}}
}

// flows sends records first to last of a node, and ends the stream or waits.
func flows(node string, first, last int, wait bool) func(func(any), context.Context) error {
	return func(send func(any), ctx context.Context) error {
		for n := first; n <= last; n++ {
			send(flowAt(node, n))
		}
		if wait {
			<-ctx.Done()
		}
		return nil
	}
}

// kept is a live.Store in memory.
type kept struct {
	lostHours model.Losses
	mu        sync.Mutex
	ports     map[uint16]int
	malformed uint64
	noFlow    uint64
	lost      map[string]uint64
	resent    uint64
	gaps      int
	breaks    uint64
}

func (k *kept) Commit(_ context.Context, b *live.Batch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ports == nil {
		k.ports, k.lost = map[uint16]int{}, map[string]uint64{}
	}
	for _, r := range b.Rows {
		if r.Records > 0 { // the others note whose an address is
			k.ports[r.Port] += int(r.Records)
		}
	}
	for _, n := range b.Report.Rejected[0] { // malformed
		k.malformed += n
	}
	k.noFlow += b.Report.Rejected[model.Irrelevant][model.NotAFlow]
	for node, n := range b.Nodes {
		for cause, c := range n.Lost {
			k.lost[node+" "+cause] += c
		}
		k.breaks += n.Breaks
	}
	k.lostHours.Merge(b.Report.LostHours)
	k.resent += b.Resent
	k.gaps += len(b.Gaps)
	return nil
}

func (k *kept) has(ports int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.ports) >= ports
}

// collect follows a server until done says so.
func collect(t *testing.T, cfg Config, s *server, k *kept, done func() bool) {
	t.Helper()
	cfg.Target = s.addr
	lc := live.DefaultConfig()
	lc.Flush, lc.MinWait, lc.MaxWait = 5*time.Millisecond, time.Millisecond, 10*time.Millisecond
	c := live.New(lc, New(cfg), k, live.Position{})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	go func() {
		for ctx.Err() == nil && !done() {
			time.Sleep(2 * time.Millisecond)
		}
		stop()
	}()
	if err := c.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != context.Canceled {
		t.Fatalf("timed out: %+v", c.Stats())
	}
}

func fastConfig() Config {
	c := DefaultConfig()
	c.Timeout, c.Watch = 5*time.Second, 20*time.Millisecond
	return c
}
