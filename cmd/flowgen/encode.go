package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// encoder writes records as the exporter does (or hubble observe -o jsonpb, whose lines are the same): proto names,
// one compact object a line.
type encoder struct {
	w       io.Writer
	jsonpb  bool
	shuffle float64
	buf     bytes.Buffer
	err     error
}

func (e *encoder) write(f *flowpb.Flow, r *rand.Rand) {
	if e.err != nil {
		return
	}
	var m proto.Message = &observer.ExportEvent{ResponseTypes: &observer.ExportEvent_Flow{Flow: f}, NodeName: f.NodeName, Time: f.Time}
	if e.jsonpb {
		m = &observer.GetFlowsResponse{ResponseTypes: &observer.GetFlowsResponse_Flow{Flow: f}, NodeName: f.NodeName, Time: f.Time}
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		e.err = err
		return
	}
	e.buf.Reset()
	if err := json.Compact(&e.buf, text); err != nil { // protojson puts blanks in at random
		e.err = err
		return
	}
	line := e.buf.Bytes()
	if e.shuffle > 0 && r.Float64() < e.shuffle {
		if line, err = shuffled(line, r); err != nil {
			e.err = err
			return
		}
	}
	if _, err := e.w.Write(append(line, '\n')); err != nil {
		e.err = err
	}
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
