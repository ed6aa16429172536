package hubble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	relaypb "github.com/cilium/cilium/api/v1/relay"
	"github.com/zeebo/xxh3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"sluice/ingest"
	wire "sluice/ingest/hubble"
	"sluice/ingest/live"
	"sluice/model"
)

// maxMessage is the largest message taken: a flow has a few kilobytes.
const maxMessage = 16 << 20

// frame is a message as received. Its bytes are the transport's: they are read in place and given back.
type frame struct{ data mem.BufferSlice }

// codec leaves frames as they are.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("marshal %T", v)
	}
	b, err := proto.Marshal(m)
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("unmarshal into %T", v)
	}
	data.Ref()
	f.data = data
	return nil
}

// maxErrors is how many errors of nodes are told when a stream ends.
const maxErrors = 1 << 3

// receiver reads one stream.
type receiver struct {
	session *live.Session
	name    string // of the stream, for rejections
	wire    *wire.Wire
	joined  []byte // a message that came in pieces
	bytes   int    // received and not yet told
	errors  []string
	flows   bool
}

// tellEvery is after how many bytes the session is told of them.
const tellEvery = 1 << 16

func (c *Client) receive(
	ctx context.Context,
	conn *grpc.ClientConn,
	req *observerpb.GetFlowsRequest,
	s *live.Session,
) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stream, err := conn.NewStream(
		ctx,
		&observerpb.Observer_ServiceDesc.Streams[0],
		observerpb.Observer_GetFlows_FullMethodName,
		grpc.ForceCodecV2(codec{}),
	)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(req); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	r := &receiver{session: s, name: c.cfg.Target, wire: wire.NewWire(s.Tables())}
	defer func() { s.Received(r.bytes) }()
	var f frame
	for {
		if err := stream.RecvMsg(&f); err != nil {
			if errors.Is(err, io.EOF) {
				return r.ended()
			}
			return err
		}
		r.frame(f.data)
		f.data.Free()
	}
}

func (r *receiver) frame(data mem.BufferSlice) {
	var b []byte
	if len(data) == 1 {
		b = data[0].ReadOnlyData()
	} else {
		r.joined = r.joined[:0]
		for _, part := range data {
			r.joined = append(r.joined, part.ReadOnlyData()...)
		}
		b = r.joined
	}
	if r.bytes += len(b); r.bytes >= tellEvery {
		r.session.Received(r.bytes)
		r.bytes = 0
	}
	r.message(b)
}

func (r *receiver) message(b []byte) {
	m, err := r.wire.Response(b)
	switch {
	case err != nil:
		if r.session.Fresh(m.Node, m.Time, xxh3.Hash(b)) {
			r.session.Reject(
				ingest.Rejection{Fate: model.Malformed, Reason: model.BadValue, Source: r.name, Detail: err.Error()},
			)
		}
	case m.HasFlow:
		r.flow(b, &m)
	case m.LostEvents != nil:
		r.lost(b, &m)
	case m.NodeStatus != nil:
		r.status(m.NodeStatus)
	case r.session.Fresh(m.Node, m.Time, xxh3.Hash(b)):
		r.session.Reject(
			ingest.Rejection{Fate: model.Irrelevant, Reason: model.NotAFlow, Source: r.name, Detail: "neither flow nor lost events"},
		)
	}
}

func (r *receiver) flow(b []byte, m *wire.Response) {
	r.flows = true
	w := r.wire
	id := w.UUID
	if len(id) == 0 {
		id = b
	}
	r.session.FreshFlow(m.Node, xxh3.Hash(id), &w.Flow)
}

// lost counts events that the server says were lost. Those that lie in the ring of a node are sent again with its
// flows; loss by a slow reader is new each time.
func (r *receiver) lost(b []byte, m *wire.Response) {
	var e flowpb.LostEvent
	if proto.Unmarshal(m.LostEvents, &e) != nil {
		r.session.Reject(
			ingest.Rejection{Fate: model.Malformed, Reason: model.BadValue, Source: r.name, Detail: "lost events"},
		)
		return
	}
	if e.GetSource() == flowpb.LostEventSource_HUBBLE_RING_BUFFER || !r.session.Repeated(xxh3.Hash(b)) {
		from, to := wire.LostTimes(micros(e.GetFirst()), micros(e.GetLast()), m.Time)
		r.session.Lost(m.Node, strings.ToLower(e.GetSource().String()), e.GetNumEventsLost(), from, to)
	}
}

// micros is a time in microseconds since 1970 UTC, 0 for none.
func micros(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixMicro()
}

func (r *receiver) status(b []byte) {
	var e relaypb.NodeStatusEvent
	if proto.Unmarshal(b, &e) != nil {
		r.session.Reject(
			ingest.Rejection{Fate: model.Malformed, Reason: model.BadValue, Source: r.name, Detail: "node status"},
		)
		return
	}
	states := map[relaypb.NodeState]live.NodeState{
		relaypb.NodeState_NODE_CONNECTED:   live.NodeConnected,
		relaypb.NodeState_NODE_UNAVAILABLE: live.NodeUnavailable,
		relaypb.NodeState_NODE_GONE:        live.NodeGone,
		relaypb.NodeState_NODE_ERROR:       live.NodeError,
	}
	state, ok := states[e.GetStateChange()]
	if !ok {
		return
	}
	if state == live.NodeError && len(r.errors) < maxErrors {
		r.errors = append(r.errors, live.Brief(strings.Join(e.GetNodeNames(), ", ")+": "+e.GetMessage()))
	}
	for _, n := range e.GetNodeNames() {
		r.session.Node(n, state, e.GetMessage())
	}
}

// ended says why a stream ended that the server closed without an error: a relay whose nodes all failed does that.
func (r *receiver) ended() error {
	if len(r.errors) > 0 && !r.flows {
		return fmt.Errorf("the server ended the stream, nodes are in error: %s", strings.Join(r.errors, "; "))
	}
	return nil
}
