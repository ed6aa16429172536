package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	hubblev1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	observertypes "github.com/cilium/cilium/pkg/hubble/observer/types"
	parsererrors "github.com/cilium/cilium/pkg/hubble/parser/errors"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// decoder stands where the agent's parser does: what comes over the events queue becomes what the ring holds. A perf event's data
// is the place of a record in the node's table.
type decoder struct {
	node   string // cluster/name
	table  atomic.Pointer[[]*flowpb.Flow]
	ringed atomic.Uint64
	record *recorder // of what enters the ring; may be nil
}

// barrier is called after all that was put into the queue before it has entered the ring.
type barrier func()

// stall makes the observer stand still, as an agent does that gets no processor.
type stall struct{ time.Duration }

// Decode implements the parser's interface.
func (d *decoder) Decode(e *observertypes.MonitorEvent) (*hubblev1.Event, error) {
	out := &hubblev1.Event{Timestamp: timestamppb.New(e.Timestamp)}
	switch p := e.Payload.(type) {
	case *observertypes.PerfEvent:
		f := stamped((*d.table.Load())[binary.LittleEndian.Uint64(p.Data)], e, d.node)
		if d.record != nil {
			if err := d.record.write(f); err != nil {
				fail(fmt.Errorf("record: %w", err)) // the judge's account would be wrong from here on
			}
		}
		d.ringed.Add(1)
		out.Event = f
	case *observertypes.LostEvent:
		out.Event = lostEvent(p)
	case *observertypes.AgentEvent:
		out.Event = p.Message.(*flowpb.AgentEvent)
	case barrier:
		p()
		return nil, parsererrors.ErrEventSkipped
	case stall:
		time.Sleep(p.Duration)
		return nil, parsererrors.ErrEventSkipped
	default:
		return nil, parsererrors.ErrUnknownEventType
	}
	return out, nil
}

// stamped is the flow as seen now on this node. It shares all parts that stay the same, so that a ring of many flows is small.
func stamped(t *flowpb.Flow, e *observertypes.MonitorEvent, node string) *flowpb.Flow {
	f := &flowpb.Flow{}
	to := f.ProtoReflect()
	t.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		to.Set(fd, v)
		return true
	})
	f.Time, f.Uuid, f.NodeName = timestamppb.New(e.Timestamp), e.UUID.String(), node
	return f
}

func lostEvent(p *observertypes.LostEvent) *flowpb.LostEvent {
	l := &flowpb.LostEvent{NumEventsLost: p.NumLostEvents, Cpu: wrapperspb.Int32(int32(p.CPU))}
	switch p.Source {
	case observertypes.LostEventSourcePerfRingBuffer:
		l.Source = flowpb.LostEventSource_PERF_EVENT_RING_BUFFER
	case observertypes.LostEventSourceEventsQueue:
		l.Source = flowpb.LostEventSource_OBSERVER_EVENTS_QUEUE
	}
	if !p.First.IsZero() {
		l.First = timestamppb.New(p.First)
	}
	if !p.Last.IsZero() {
		l.Last = timestamppb.New(p.Last)
	}
	return l
}

// recorder writes flows as the exporter does, each at once: what is written survives a killed node.
type recorder struct {
	file *os.File
	buf  bytes.Buffer
}

func newRecorder(name string) (*recorder, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &recorder{file: f}, nil
}

func (r *recorder) write(f *flowpb.Flow) error {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(&observerpb.ExportEvent{
		ResponseTypes: &observerpb.ExportEvent_Flow{Flow: f}, NodeName: f.NodeName, Time: f.Time})
	if err != nil {
		return err
	}
	r.buf.Reset()
	if err := json.Compact(&r.buf, text); err != nil {
		return err
	}
	r.buf.WriteByte('\n')
	_, err = r.file.Write(r.buf.Bytes())
	return err
}
