package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// received is what a client has thrown away.
type received struct {
	Mode    string  `json:"mode"`
	Flows   uint64  `json:"flows"`
	Lost    uint64  `json:"lost"` // as the servers said; 0 where nothing is decoded
	Bytes   uint64  `json:"bytes"`
	Seconds float64 `json:"seconds"` // from the first message to the last
	CPU     float64 `json:"cpu"`     // seconds of this process
}

// receive reads a stream of flows and throws them away: mode full decodes each into the API's types with a plain client, as every
// program in Go does that follows Hubble; mode raw leaves messages as bytes, which bounds what a client can reach.
func receive(args []string, out io.Writer) error {
	f := flag.NewFlagSet("recv", flag.ContinueOnError)
	addr := f.String("addr", "", "the server's `ADDRESS`")
	mode := f.String("mode", "full", "full or raw")
	follow := f.Bool("follow", false, "do not end with what is in the rings")
	since := f.Duration("since", time.Hour, "how far back")
	count := f.Uint64("count", 0, "end after so many messages; 0: at the end of the stream")
	limit := f.Duration("for", time.Minute, "end after so long")
	if err := f.Parse(args); err != nil {
		return err
	}
	conn, err := grpc.NewClient(*addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	req := &observerpb.GetFlowsRequest{Follow: *follow, Since: timestamppb.New(time.Now().Add(-*since))}
	r := &received{Mode: *mode}
	var next func() error
	switch *mode {
	case "full":
		next, err = r.full(ctx, conn, req)
	case "raw":
		next, err = r.raw(ctx, conn, req)
	default:
		return fmt.Errorf("unknown mode %q", *mode)
	}
	if err != nil {
		return err
	}
	var start time.Time
	for n := uint64(0); *count == 0 || n < *count; n++ {
		if err = next(); err != nil {
			break
		}
		if n == 0 {
			start = time.Now()
		}
	}
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		return err
	}
	r.Seconds = time.Since(start).Seconds()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return err
	}
	r.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	return json.NewEncoder(out).Encode(r)
}

func (r *received) full(ctx context.Context, conn *grpc.ClientConn, req *observerpb.GetFlowsRequest) (func() error, error) {
	stream, err := observerpb.NewObserverClient(conn).GetFlows(ctx, req)
	if err != nil {
		return nil, err
	}
	return func() error {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if m.GetFlow() != nil {
			r.Flows++
		}
		r.Lost += m.GetLostEvents().GetNumEventsLost()
		return nil
	}, nil
}

func (r *received) raw(ctx context.Context, conn *grpc.ClientConn, req *observerpb.GetFlowsRequest) (func() error, error) {
	stream, err := conn.NewStream(ctx, &observerpb.Observer_ServiceDesc.Streams[0], observerpb.Observer_GetFlows_FullMethodName, grpc.ForceCodecV2(rawCodec{}))
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(req); err != nil {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	return func() error {
		var m rawMessage
		if err := stream.RecvMsg(&m); err != nil {
			return err
		}
		r.Bytes += uint64(m.data.Len())
		m.data.Free()
		r.Flows++ // and what few messages are not flows
		return nil
	}, nil
}

// rawCodec leaves what comes as it is.
type rawCodec struct{}

type rawMessage struct{ data mem.BufferSlice }

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, err := proto.Marshal(v.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	data.Ref()
	v.(*rawMessage).data = data
	return nil
}
