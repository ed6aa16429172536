// Package calico reads the flow logs of Calico: Enterprise and Cloud flows.log lines, Elasticsearch documents and
// search results of them, Goldmane's flows in all their JSON spellings (protojson, emitter, stream command), and
// the answers of Whisker's backend. It owns what a record says of one connection at one reporter; pairing reporters
// is model/graph's. It reads JSON only: ingest/live/goldmane spells what comes over gRPC as Goldmane's emitter does.
//
// The form is decided for every record by the keys it has, so that one stream may mix them.
package calico

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/ingest"
	"sluice/model"
)

// maxRecord is how long a record may be; real ones have a few kB.
const maxRecord = 1 << 20

// excerpt is how many bytes of a record a rejection quotes.
const excerpt = 120

// Decode reads records until the end of r and hands each to sink, which is called exactly once a record. Records
// that are no flows are rejections; the error is only ever that of r. source names the stream in rejections.
func Decode(r io.Reader, source string, t model.Tables, sink ingest.Sink) error {
	d := NewDecoder(source, t)
	s := splitter{r: bufio.NewReaderSize(r, 1<<16), max: maxRecord}
	for s.next() {
		if rej := d.frame(s.frame); rej != nil {
			sink.Reject(*rej)
			continue
		}
		sink.Flow(&d.flow)
	}
	if s.err != nil && s.err != io.EOF {
		return fmt.Errorf("read %s: %w", source, s.err)
	}
	return nil
}

// Decoder turns records into flows one by one. It serves one goroutine.
type Decoder struct {
	source string
	ends   *ends
	rec    record
	flow   model.Flow
	key    []byte
}

// NewDecoder makes a Decoder. source names the stream in rejections.
func NewDecoder(source string, t model.Tables) *Decoder {
	return &Decoder{source: source, ends: newEnds(t)}
}

// Decode reads one record, a JSON object with no byte before it. The flow is valid until the next call and aliases
// obj; there is none where there is a rejection, but its times are those of the record as far as that was read.
func (d *Decoder) Decode(obj []byte) (*model.Flow, *ingest.Rejection) {
	d.rec, d.flow = record{}, model.Flow{}
	return &d.flow, d.frame(frame{data: obj})
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

// frame decodes a record into d.flow.
func (d *Decoder) frame(f frame) *ingest.Rejection {
	r := d.decode(f)
	if r == nil {
		return nil
	}
	return &ingest.Rejection{
		Fate: r.fate, Reason: r.reason, Source: d.source, Line: f.line, Detail: printable(r.detail) + ": " + printable(quote(f.data)),
	}
}

func (d *Decoder) decode(f frame) *rejection {
	if f.reason != model.ReasonNone {
		return &rejection{model.Malformed, f.reason, frameFaults[f.reason]}
	}
	if !json.Valid(f.data) {
		return &rejection{model.Malformed, model.BadJSON, "not valid JSON"}
	}
	if f.data[0] != '{' || !d.rec.read(f.data) {
		return &rejection{model.Malformed, model.NotFlowLog, "no key of a Calico flow"}
	}
	return d.fill()
}

// frameFaults words what is wrong with a record that has no end.
var frameFaults = map[model.Reason]string{
	model.BadJSON:   "not JSON",
	model.TooLong:   "longer than " + strconv.Itoa(maxRecord) + " bytes",
	model.Truncated: "ends inside the record",
}

func quote(b []byte) string { return string(b[:min(len(b), excerpt)]) }

// printable replaces what a terminal could take for a command, and bytes that are no text, by dots.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return '.'
		}
		return r
	}, s)
}
