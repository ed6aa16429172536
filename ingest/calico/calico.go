// Package calico reads the flow logs of Calico: Enterprise's and Cloud's, Goldmane's flows in all their JSON spellings
// (protojson, emitter, stream command), and those of Whisker's backend. It owns what a record says of one connection
// at one reporter; pairing reporters is model/graph's. It reads JSON only: ingest/live/goldmane spells what comes
// over gRPC as Goldmane's emitter does.
//
// The form is decided for every record by the keys it has, so that one stream may mix them.
package calico

import (
	"encoding/json"
	"fmt"

	"sluice/ingest"
	"sluice/model"
)

// Format is Calico's log in all its forms.
var Format = ingest.Format{
	Name:  "calico",
	Sniff: Sniff,
	Empty: emptyList,
	New: func(t model.Tables) func(ingest.Sink) ingest.Decoder {
		return func(s ingest.Sink) ingest.Decoder { return &records{NewDecoder("", t), s} }
	},
}

// records decodes the records of files.
type records struct {
	*Decoder
	sink ingest.Sink
}

// Record implements ingest.Decoder.
func (d *records) Record(source string, line int64, text []byte) bool {
	if !Sniff(text) {
		return false
	}
	if n := ingest.End(text); n >= 0 && n < len(text) {
		return false // one of several
	}
	d.source = source
	if rej := d.record(text); rej != nil {
		rej.Line = line
		d.sink.Reject(*rej)
	} else {
		d.sink.Flow(&d.flow)
	}
	return true
}

// Decoder turns records into flows one by one. It serves one goroutine.
type Decoder struct {
	source   string
	ends     *ends
	rec      record
	flow     model.Flow
	key      []byte
	deciders deciders
	decided  []byte // of the record
}

// NewDecoder makes a Decoder. source names the stream in rejections.
func NewDecoder(source string, t model.Tables) *Decoder {
	return &Decoder{source: source, ends: newEnds(t)}
}

// Decode reads one record, a JSON object with no byte before it. The flow is valid until the next call and aliases
// obj; there is none where there is a rejection, but its times are those of the record as far as that was read.
func (d *Decoder) Decode(obj []byte) (*model.Flow, *ingest.Rejection) {
	d.rec, d.flow = record{}, model.Flow{}
	return &d.flow, d.record(obj)
}

// rejection is the error of a record that becomes no flow.
type rejection struct {
	fate   model.Fate
	reason model.Reason
	detail string
}

func (r *rejection) Error() string { return r.detail }

func badValue(format string, args ...any) *rejection {
	return &rejection{model.Malformed, model.BadValue, fmt.Sprintf(format, args...)}
}

// record decodes a record into d.flow.
func (d *Decoder) record(obj []byte) *ingest.Rejection {
	r := d.decode(obj)
	if r == nil {
		return nil
	}
	detail := model.Printable(r.detail) + ": " + ingest.Excerpt(obj)
	return &ingest.Rejection{Fate: r.fate, Reason: r.reason, Source: d.source, Detail: detail}
}

func (d *Decoder) decode(obj []byte) *rejection {
	if !json.Valid(obj) {
		return &rejection{model.Malformed, model.BadJSON, "not valid JSON"}
	}
	if obj[0] != '{' || !d.rec.read(obj) {
		return &rejection{model.Malformed, model.NotFlowLog, "no key of a Calico flow"}
	}
	return d.fill()
}
