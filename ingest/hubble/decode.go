// Package hubble decodes Cilium Hubble's records into flows.
package hubble

import (
	"bytes"
	"encoding/json"

	"sluice/ingest"
	"sluice/ingest/scan"
	"sluice/model"
)

// Decoder turns JSON records into flows. It serves one goroutine.
type Decoder struct {
	r     reader
	sink  ingest.Sink
	flow  model.Flow
	flat  bool // the last record had no envelope
	more  bool // something stands behind the record
	sound bool // what was read last is JSON and nothing else
	// looked says that the next record is of no known form.
	looked bool
	room   scan.Room
}

// New makes a Decoder.
func New(t model.Tables, sink ingest.Sink) *Decoder { return newDecoder(t, sink, newObjects()) }

// Sibling makes a Decoder for another goroutine, which shares what d learns of endpoints.
func (d *Decoder) Sibling(sink ingest.Sink) *Decoder {
	return newDecoder(d.r.tables, sink, d.r.ends.shared)
}

func newDecoder(t model.Tables, sink ingest.Sink, shared *objects) *Decoder {
	return &Decoder{sink: sink, r: reader{tables: t, addresses: newAddresses(t), ends: newEndMemo(shared),
		texts: newLists(textItem), labels: newLabelLists(), workloads: newLists(workloadItem)}}
}

// Line reads the line that text begins with, where it is a record of a known form, and returns its length with the end
// of the line. 0: it is not, nothing was handed on, and Record is to be asked. Text needs room behind it.
func (d *Decoder) Line(text []byte) int { return d.known(text, true, nil) }

// Next is Line for a record that takes more than a line or part of one, where what stands behind it fits. It returns
// the length of the record.
func (d *Decoder) Next(text []byte, fits func(behind []byte) bool) int {
	return d.known(text, false, fits)
}

func (d *Decoder) known(text []byte, line bool, fits func(behind []byte) bool) int {
	r := &d.r
	if d.looked = false; len(text) == 0 || text[0] != '{' || cap(text)-len(text) < scan.Slack {
		return 0
	}
	d.looked = true
	if r.noting = r.shapes.predicts(); !r.noting {
		return 0
	}
	b := d.room.Open(text)
	r.begin()
	end := r.shapes.read(r, b)
	next := end
	if line {
		next = lineEnd(b, end)
	}
	// Between values JSON may have line breaks: one record would be taken for what are two lines, both broken.
	known := next > 0 && !(line && r.lined && bytes.IndexByte(b[:end], '\n') >= 0) && r.finish() && r.certain()
	d.room.Close(b, len(text))
	if !known || fits != nil && !fits(text[end:]) {
		return 0
	}
	r.shapes.found++
	r.into(&d.flow, &d.r.addresses)
	d.sink.Flow(&d.flow)
	return next
}

// lineEnd returns the index behind the end of a line, before which blanks alone stand from i on, -1 for another place.
func lineEnd(b []byte, i int) int {
	if i < 0 {
		return -1
	}
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	if b[i] != '\n' {
		return -1
	}
	return i + 1
}

// Record implements ingest.Decoder. While it runs, the byte behind text is its own, where text has room for one.
func (d *Decoder) Record(source string, line int64, text []byte) bool {
	n := len(text)
	b := d.room.Open(text)
	ok := d.read(b, n)
	d.room.Close(b, n)
	switch {
	case ok && (d.r.certain() || Sniff(text)):
		d.r.into(&d.flow, &d.r.addresses)
		d.sink.Flow(&d.flow)
	case ok || d.more || !Sniff(text):
		d.r.shapes.other(d.r.noting)
		return false
	default:
		if d.r.found == foundEvent {
			d.r.shapes.other(d.r.noting)
		}
		d.refuse(source, line, text)
	}
	return true
}

// read reads the record of n bytes at b, which a zero byte ends.
func (d *Decoder) read(b []byte, n int) bool {
	r := &d.r
	d.more, d.sound = false, false
	i := scan.Blank(b, 0)
	if b[i] != '{' {
		r.begin()
		r.noting = false
		return false
	}
	if !d.looked {
		r.noting = r.shapes.predicts()
	}
	if r.noting && !d.looked {
		r.begin()
		if r.shapes.read(r, b) == n && r.finish() {
			r.shapes.found++
			return true
		}
	}
	d.looked = false
	if d.flat {
		r.begin()
		r.flat = true
		if end := r.flow(b, i); end > 0 && !r.enveloped { // what ended too soon may be an envelope, which says so later
			return d.whole(b, end, n)
		}
	}
	r.begin()
	end := r.envelope(b, i)
	if d.flat = end > 0 && r.found == foundNothing; d.flat {
		r.begin()
		r.flat, r.bare = true, true
		end = r.flow(b, i)
	}
	return d.whole(b, end, n)
}

// whole reports whether what was read up to end is the whole record, and a flow.
func (d *Decoder) whole(b []byte, end, n int) bool {
	r := &d.r
	d.more = end > 0 && scan.Blank(b, end) != n
	if d.sound = end > 0 && !d.more; !d.sound || !r.flat && r.found != foundFlow || !r.finish() {
		return false
	}
	if r.noting {
		r.shapes.learn(b, n, r.path, &r.said)
	}
	return true
}

// refuse tells why a record cannot be used. What is no JSON at all encoding/json has to say.
func (d *Decoder) refuse(source string, line int64, b []byte) {
	r := &d.r
	tell := func(f model.Fate, why model.Reason, detail string) {
		d.sink.Reject(ingest.Rejection{Fate: f, Reason: why, Source: source, Line: line, Detail: detail})
	}
	if !d.sound {
		var any json.RawMessage
		if err := json.Unmarshal(b, &any); err != nil {
			tell(model.Malformed, model.BadJSON, err.Error())
			return
		}
	}
	switch {
	case r.wrong != "":
		tell(model.Malformed, model.BadValue, r.wrong)
	case r.found == foundEvent:
		from, to := r.lostTimes()
		d.sink.Reject(ingest.Rejection{Fate: model.Irrelevant, Reason: model.NotAFlow, Source: source, Line: line,
			Lost: r.lost, LostFrom: from, LostTo: to})
	case r.flat:
		tell(model.Malformed, model.NotFlowLog, "no flow in it")
	default:
		tell(model.Malformed, model.BadValue, "no object")
	}
}
