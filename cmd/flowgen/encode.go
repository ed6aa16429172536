package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// hubbleFormat is a form in which Hubble's flows are found in files.
type hubbleFormat struct {
	head, sep, tail string // around records
	events          int    // how many kinds of lines that are no flows there are
	// form makes the record of an exporter's line, nil where that is it.
	form func(line []byte, f *flowpb.Flow) ([]byte, error)
}

var hubbleFormats = map[string]*hubbleFormat{
	"hubble":        {sep: "\n", tail: "\n", events: 3},
	"hubble-jsonpb": {sep: "\n", tail: "\n", events: 1},
	"hubble-array":  {head: "[", sep: ",\n", tail: "]\n", events: 3},
	"hubble-flat":   {sep: "\n", tail: "\n", form: flat},
	"hubble-pretty": {sep: "\n", tail: "\n", form: pretty},
	"hubble-camel":  {sep: "\n", tail: "\n", form: camel},
	"hubble-bus":    {sep: "\n", tail: "\n", form: enveloped},
	"hubble-masked": {sep: "\n", tail: "\n", form: masked},
}

// flat is a record without its envelope, as HUBBLE_COMPAT=legacy-json-output prints it.
func flat(_ []byte, f *flowpb.Flow) ([]byte, error) { return compact(f) }

// pretty is a flat record over many lines.
func pretty(_ []byte, f *flowpb.Flow) ([]byte, error) {
	text, err := compact(f)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, text, "", "  ")
	return b.Bytes(), err
}

// camel is protojson's other spelling: JSON names, enums as numbers.
func camel(_ []byte, f *flowpb.Flow) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(&observer.ExportEvent{
		ResponseTypes: &observer.ExportEvent_Flow{Flow: f}, NodeName: f.NodeName, Time: f.Time})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Compact(&b, text)
	return b.Bytes(), err
}

// masked is a record of an exporter with a field mask like the one that Cilium's documentation shows: nothing can be
// learned from it, since it has neither labels nor entities.
func masked(_ []byte, f *flowpb.Flow) ([]byte, error) {
	end := func(e *flowpb.Endpoint) *flowpb.Endpoint {
		return &flowpb.Endpoint{Namespace: e.Namespace, PodName: e.PodName}
	}
	return compact(
		&observer.ExportEvent{
			NodeName: f.NodeName,
			Time:     f.Time,
			ResponseTypes: &observer.ExportEvent_Flow{Flow: &flowpb.Flow{
				Time: f.Time, Verdict: f.Verdict, DropReasonDesc: f.DropReasonDesc, IP: f.IP, L4: f.L4, Source: end(f.Source),
				Destination: end(f.Destination),
				IsReply:     f.IsReply, NodeName: f.NodeName}},
		},
	)
}

// enveloped is a record that a message bus and a document database put keys of their own beside.
func enveloped(line []byte, f *flowpb.Flow) ([]byte, error) {
	head := fmt.Sprintf(
		`{"_id":{"$oid":"%024x"},"tenant_id":"t-1","timestamp":%d,`,
		f.Time.AsTime().UnixNano(),
		f.Time.AsTime().UnixMilli(),
	)
	return append([]byte(head), line[1:]...), nil
}

// encoder writes records as the exporter does: proto names, one compact object a line, or in another format.
type encoder struct {
	w       io.Writer
	r       *rand.Rand
	format  *hubbleFormat
	shuffle float64
	line    []byte
	splicer splicer
	shapes  shapes
	some    bool // a record is written
	err     error
}

func newEncoder(w io.Writer, seed uint64, format string, shuffle float64) *encoder {
	return &encoder{
		w:       w,
		r:       rand.New(rand.NewPCG(seed, 13)),
		format:  hubbleFormats[format],
		shuffle: shuffle,
		splicer: newSplicer(),
	}
}

func (e *encoder) write(f *flowpb.Flow) {
	if e.err != nil || e.shapes != nil && !e.shapes.fresh(shapeOf(f)) {
		return
	}
	e.line, e.err = e.splicer.record(e.line[:0], f)
	line := e.line
	if e.err == nil && e.shuffle > 0 && e.r.Float64() < e.shuffle {
		line, e.err = shuffled(line, e.r)
	}
	if e.err == nil && e.format.form != nil {
		line, e.err = e.format.form(line, f)
	}
	e.put(line)
}

func (e *encoder) put(record []byte) {
	before := e.format.sep
	if !e.some {
		before = e.format.head
	}
	e.some = true
	for _, b := range [][]byte{[]byte(before), record} {
		if e.err == nil {
			_, e.err = e.w.Write(b)
		}
	}
}

func (e *encoder) close() error {
	if e.err == nil {
		_, e.err = io.WriteString(e.w, e.format.tail)
	}
	return e.err
}

// event writes a record that is no flow.
func (e *encoder) event(r *rand.Rand, near *flowpb.Flow) {
	if e.err != nil || e.format.events == 0 {
		return
	}
	m := &observer.ExportEvent{NodeName: near.NodeName, Time: near.Time}
	kind := r.IntN(e.format.events)
	if !e.shapes.fresh(fmt.Sprint("event ", kind)) {
		return
	}
	switch kind {
	case 0:
		m.ResponseTypes = &observer.ExportEvent_LostEvents{
			LostEvents: &flowpb.LostEvent{Source: flowpb.LostEventSource_PERF_EVENT_RING_BUFFER,
				NumEventsLost: uint64(
					1 + r.IntN(40),
				), Cpu: wrapperspb.Int32(int32(r.IntN(4))), First: near.Time, Last: near.Time},
		}
	case 1:
		m.ResponseTypes = &observer.ExportEvent_AgentEvent{
			AgentEvent: &flowpb.AgentEvent{Type: flowpb.AgentEventType_POLICY_UPDATED,
				Notification: &flowpb.AgentEvent_PolicyUpdate{
					PolicyUpdate: &flowpb.PolicyUpdateNotification{Revision: uint64(r.IntN(100)), RuleCount: 1},
				}},
		}
	case 2:
		m.ResponseTypes = &observer.ExportEvent_DebugEvent{
			DebugEvent: &flowpb.DebugEvent{Type: flowpb.DebugEventType_DBG_CT_LOOKUP,
				Source: near.Source, Message: "Conntrack lookup 1/2", Cpu: wrapperspb.Int32(int32(r.IntN(4)))},
		}
	}
	text, err := compact(m)
	e.err = err
	e.put(text)
}

// compact is the message as Cilium writes it. protojson puts blanks in at random, which go out again.
func compact(m proto.Message) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Compact(&b, text)
	return b.Bytes(), err
}

// shuffled puts the keys of the flow in another order, as pipelines through a map do.
func shuffled(line []byte, r *rand.Rand) ([]byte, error) {
	var outer struct {
		Flow     map[string]json.RawMessage `json:"flow"`
		NodeName string                     `json:"node_name"`
		Time     string                     `json:"time"`
	}
	if err := json.Unmarshal(line, &outer); err != nil {
		return nil, err
	}
	text, err := json.Marshal(outer.Flow) // sorted keys: not the exporter's order
	if err != nil {
		return nil, err
	}
	parts := []string{`"flow":` + string(text), `"node_name":"` + outer.NodeName + `"`, `"time":"` + outer.Time + `"`}
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return []byte("{" + strings.Join(parts, ",") + "}"), nil
}
