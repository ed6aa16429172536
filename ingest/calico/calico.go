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
	"sluice/ingest/scan"
	"sluice/model"
)

// Format is Calico's log in all its forms.
var Format = ingest.Format{
	Name:  "calico",
	Sniff: Sniff,
	Signs: endNames,
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

// Record implements ingest.Decoder. While it runs, the byte behind text is its own, where text has room for one.
func (d *records) Record(source string, line int64, text []byte) bool {
	d.flow = model.Flow{}
	switch end := d.read(text); {
	case end == len(text) && d.rec.signs < minNames:
		return false
	case end >= 0 && end < len(text): // one of several, or none
		return false
	case end < 0 && (!Sniff(text) || several(text)):
		return false
	default:
		d.source = source
		if rej := d.record(text); rej != nil {
			rej.Line = line
			d.sink.Reject(*rej)
		} else {
			d.sink.Flow(&d.flow)
		}
		return true
	}
}

// Next reads the record that text begins with, where what stands behind it fits, and returns its length. 0: it becomes
// no flow, nothing was handed on, and Record is to be asked. Text needs room behind it.
func (d *records) Next(text []byte, fits func(behind []byte) bool) int {
	if cap(text)-len(text) < scan.Slack {
		return 0
	}
	end := d.members(text)
	if end < 0 || d.rec.signs < minNames || fits != nil && !fits(text[end:]) || d.decode(text[:end]) != nil {
		return 0
	}
	d.sink.Flow(&d.flow)
	return end
}

// several reports whether more stands behind the value that a text begins with, by brackets and strings.
func several(text []byte) bool {
	n := ingest.End(text)
	return n >= 0 && n < len(text)
}

// Decoder turns records into flows one by one. It serves one goroutine.
type Decoder struct {
	source  string
	ends    *ends
	rec     record
	before  before
	room    scan.Room
	flow    model.Flow
	key     []byte
	traces  traces
	decided []byte // of the record
}

// NewDecoder makes a Decoder. source names the stream in rejections.
func NewDecoder(source string, t model.Tables) *Decoder {
	return &Decoder{source: source, ends: newEnds(t)}
}

// Decode reads one record, a JSON object with no byte before it. The flow is valid until the next call and aliases
// obj; there is none where there is a rejection, but its times are those of the record as far as that was read. While
// it runs, the byte behind obj is its own, where obj has room for one.
func (d *Decoder) Decode(obj []byte) (*model.Flow, *ingest.Rejection) {
	d.flow = model.Flow{}
	d.read(obj)
	return &d.flow, d.record(obj)
}

// read reads the values of an object and returns the index after it, -1 where there is none. None are kept unless it is
// all that stands there.
func (d *Decoder) read(obj []byte) int {
	end := d.members(obj)
	if end < 0 || ingest.Blanks(obj, end) != len(obj) {
		d.rec = record{}
	}
	return end
}

// members is read for an object behind which something may stand, and keeps what was read of any.
func (d *Decoder) members(obj []byte) int {
	d.rec = record{}
	if len(obj) == 0 || obj[0] != '{' {
		return -1
	}
	d.rec.last = &d.before.keys.start
	b := d.room.Open(obj)
	d.rec.text = b
	end := d.rec.read(b, 0, atRecord, &d.before)
	d.room.Close(b, len(obj))
	return end
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

// record makes d.flow of the values that were read of an object.
func (d *Decoder) record(obj []byte) *ingest.Rejection {
	r := d.decode(obj)
	if r == nil {
		return nil
	}
	detail := model.Printable(r.detail) + ": " + ingest.Excerpt(obj)
	return &ingest.Rejection{Fate: r.fate, Reason: r.reason, Source: d.source, Detail: detail}
}

func (d *Decoder) decode(obj []byte) *rejection {
	switch {
	case d.rec.last == nil && !json.Valid(obj):
		return &rejection{model.Malformed, model.BadJSON, "not valid JSON"}
	case d.rec.ends < minNames:
		return &rejection{model.Malformed, model.NotFlowLog, "no key of a Calico flow"}
	case d.rec.raw(flattened) != nil:
		return badValue("labels or policies are in parts, so that the record was flattened: export records whole")
	}
	return d.fill()
}
