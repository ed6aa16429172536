package source

import (
	"bytes"
	"encoding/json"
	"strconv"

	"sluice/ingest"
	"sluice/model"
)

// worker is a decoder of each format with its sink. It serves one goroutine at a time.
type worker struct {
	sink     ingest.Sink
	decoders []ingest.Decoder // that of the input's format first
	all      []ingest.Decoder
	finder   finder
	records  int64
	progress func(bytes, records int64)
	told     int64  // records that progress knows of
	unended  bool   // at a line without end: the last one of the input
	trying   bool   // what is decoded counts if it is a flow alone
	rehearse bool   // flows do not count
	looking  bool   // into text
	twice    bool   // a stretch of the input holds records a second time
	block    *block // whose lines are read, and numbered from 0 on; nil where the whole of an input is

	// of the text that is looked into
	source string
	text   []byte
	line   int64 // of text[seen]
	seen   int

	joiner joiner
	joined []byte   // a line of pieces
	inner  [][]byte // strings that were escaped, the outermost first
	cells  []byte   // a record of a cell, or of a list

	wrappers    []wrapper // what stood around the last records
	brackets    brackets  // open behind a record
	listed      []int32   // where the records of a list begin
	nextWrapper int
}

// tellEvery is after how many records progress is told.
const tellEvery = 1 << 12

func newWorker(sink ingest.Sink, progress func(bytes, records int64), sniff func([]byte) bool, signs *signs) *worker {
	w := &worker{sink: sink, progress: progress, joiner: joiner{keeps: true}}
	w.finder = finder{claim: w.claim, miss: w.miss, sniff: sniff, signs: signs}
	return w
}

// reads says that an input is of the format of that number, which is asked first.
func (w *worker) reads(format int) {
	w.decoders, w.wrappers = append(w.decoders[:0], w.all[format]), w.wrappers[:0]
	for i, d := range w.all {
		if i != format {
			w.decoders = append(w.decoders, d)
		}
	}
}

// Flow counts a record and hands it on.
func (w *worker) Flow(f *model.Flow) {
	if w.rehearse {
		return
	}
	w.count()
	w.sink.Flow(f)
}

// Reject counts a record that is none and hands it on.
func (w *worker) Reject(r ingest.Rejection) {
	if w.trying {
		w.trying = false
		return
	}
	w.count()
	if w.unended && r.Reason == model.BadJSON {
		r.Reason = model.Truncated
	}
	if w.looking && r.Reason == model.BadJSON && isKeptPart(w.text) {
		r.Detail = keptPart + ": " + r.Detail
	}
	if w.block != nil {
		r.Line += w.block.first()
	}
	w.sink.Reject(r)
}

func (w *worker) count() {
	if w.records++; w.records-w.told >= tellEvery {
		w.tell()
	}
}

func (w *worker) tell() {
	w.progress(0, w.records-w.told)
	w.told = w.records
}

// malformed rejects a text.
func (w *worker) malformed(source string, line int64, reason model.Reason, detail string) {
	w.Reject(ingest.Rejection{Fate: model.Malformed, Reason: reason, Source: source, Line: line, Detail: detail})
}

var brokenText = map[model.Reason]string{
	model.BadJSON:   "not a whole JSON object",
	model.TooLong:   "longer than " + strconv.Itoa(maxLine) + " bytes",
	model.Truncated: "ends inside the record",
}

// value decodes the records of what a splitter found.
func (w *worker) value(source string, v *value) {
	if v.reason == model.ReasonNone {
		w.item(source, v.line, bytes.TrimSpace(v.text), v.quiet)
		return
	}
	w.malformed(source, v.line, v.reason, brokenText[v.reason]+": "+ingest.Excerpt(v.text))
}

// item decodes the records of a text that is one, or that has some inside. A text without any is a malformed record,
// if it is not quiet.
func (w *worker) item(source string, line int64, text []byte, quiet bool) {
	if len(text) == 0 || isTetragon(text) || len(w.wrappers) > 0 && w.unwrap(source, line, text) {
		return
	}
	if i := hole(text); i > 0 {
		w.item(source, line, bytes.TrimSpace(text[:i]), quiet)
		w.item(source, line, bytes.Trim(text[i:], blankBytes+"\x00"), quiet)
		return
	}
	if w.decoders[0].Record(source, line, text) {
		return
	}
	if text[0] == '{' {
		if n := ingest.End(text); n > 0 && n < len(text) {
			w.several(source, line, text, quiet)
			return
		}
	}
	if i := bytes.Index(text, object); i > 0 && text[len(text)-1] == '}' &&
		w.decoders[0].Record(source, line, text[i:]) {
		return // behind what a runtime or a pipeline puts before each line
	}
	w.source, w.text, w.line, w.seen = source, text, line, 0
	for _, d := range w.decoders[1:] {
		if d.Record(source, line, text) {
			return
		}
	}
	before := w.records
	w.looking = true
	n := w.finder.find(text)
	defer func() { w.looking = false }()
	switch {
	case n > 0 && w.records == before+int64(n) && w.finder.broken == sound && len(w.finder.hits) == n:
		w.wrapped(text, w.finder.hits)
	case n == 1 && w.records == before+1 && w.finder.broken == sound && len(w.finder.deep) > 1:
		w.wrappedDeep(text, w.finder.deep)
	case w.finder.broken == cutRecord:
		w.malformed(source, line, model.BadJSON, "a record that is cut off: "+ingest.Excerpt(text))
	case n > 0 && w.finder.broken == damaged:
		w.malformed(source, line, model.BadJSON, "not JSON beside a record: "+ingest.Excerpt(text))
	case n == 0 && !quiet && !isBulkAction(text):
		w.nothing(source, line, text)
	}
}

// hole returns where zero bytes stand behind something that may be a record, -1 where none do. A crash leaves them
// where text was not written any more: what is before them was cut off, and what is behind them is another record. The
// bytes themselves are none: nobody knows what would have been there.
func hole(text []byte) int {
	for i := 0; i < len(text); i++ {
		n := bytes.IndexByte(text[i:], 0)
		if n < 0 {
			return -1
		}
		from := text[i:]
		if i += n; bytes.Contains(from[:n], object) || bytes.Contains(from[:n], escapedObject) {
			return i
		}
	}
	return -1
}

// several decodes a line of more than one value, as cat makes of files without an end to their last line.
func (w *worker) several(source string, line int64, text []byte, quiet bool) {
	known, _ := w.decoders[0].(knownDecoder)
	for len(text) > 0 {
		if known != nil && text[0] == '{' {
			if n := known.Next(text, notCell); n > 0 {
				line += int64(bytes.Count(text[:n], newline))
				text = bytes.TrimSpace(text[n:])
				continue
			}
		}
		n := len(text)
		if end := ingest.End(text); text[0] == '{' && end > 0 {
			n = end
		}
		// Kafka's tools print the key of a record before it, and tables have a record as text and as it was read.
		cell := n < len(text) && text[n] == '\t'
		w.item(source, line, text[:n], quiet || cell)
		line += int64(bytes.Count(text[:n], newline))
		was := text[:n]
		for text = bytes.TrimSpace(text[n:]); cell && w.isSame(was, text); cell = len(text) > 0 && text[0] == '\t' {
			text = text[ingest.End(text):]
		}
		text = bytes.TrimSpace(text)
	}
}

// notCell reports whether what stands behind a record is no other cell of a table.
func notCell(behind []byte) bool { return len(behind) == 0 || behind[0] != '\t' }

// isSame reports whether a text begins with a record that says the same as another.
func (w *worker) isSame(record, text []byte) bool {
	if !w.finder.sniff(record) {
		return false
	}
	end := ingest.End(text)
	return end > 0 && w.finder.sniff(text[:end]) && meaning(text[:end]) == meaning(record)
}

// object is how an object begins that may be a record, and escapedObject how one does in a string.
var object, escapedObject = []byte(`{"`), []byte(`{\"`)

// between are the bytes that hand-cut lists, tar, and whoever ends records with a zero byte leave between records and
// behind them.
const between = ",;[]\x00" + blankBytes

// nothing rejects a text in which no record was found.
func (w *worker) nothing(source string, line int64, text []byte) {
	if len(bytes.Trim(text, between)) == 0 || isBeside(text, w.first(line)) ||
		w.finder.broken == sound && isLogged(text) {
		return
	}
	if what := remedyOf(text); what != "" {
		w.malformed(source, line, model.NotFlowLog, what+": "+ingest.Excerpt(text))
		return
	}
	if text[0] != '{' && text[0] != '[' && text[0] != '"' {
		w.malformed(source, line, model.BadJSON, "no record in this text: "+ingest.Excerpt(text))
		return
	}
	if !json.Valid(text) {
		var whole json.RawMessage
		err := json.Unmarshal(text, &whole)
		w.malformed(source, line, model.BadJSON, err.Error()+": "+ingest.Excerpt(text))
		return
	}
	if !isEmptyList(text) && !(text[0] == '{' && isPair(text)) {
		w.malformed(source, line, model.NotFlowLog, "no flow in it: "+ingest.Excerpt(text))
	}
}

// first reports whether a line is the first one of the input.
func (w *worker) first(line int64) bool {
	if w.block != nil {
		return line == 0 && w.block.number == 0
	}
	return line == 1
}

// lists are what answers call the list of what was asked for.
var lists = map[string]bool{
	"items":     true,
	"flows":     true,
	"hits":      true,
	"responses": true,
	"results":   true,
	"result":    true,
	"events":    true,
	"entries":   true,
	"records":   true,
	"values":    true,
	"data":      true,
	"streams":   true,
}

// isEmptyList reports whether an object is an answer that lists nothing.
func isEmptyList(object []byte) bool {
	if object[0] != '{' {
		return bytes.Equal(object, []byte("[]"))
	}
	for k, v := range ingest.Keys(object) {
		if !lists[string(k)] {
			continue
		}
		if v[0] == '[' {
			i := ingest.Blanks(v, 1)
			return i < len(v) && v[i] == ']'
		}
		return v[0] == '{' && isEmptyList(v)
	}
	return false
}

// isPair reports whether an object is a name and a value: one field of something in a list of all its fields.
func isPair(object []byte) bool {
	members, value := 0, false
	for k := range ingest.Keys(object) {
		members++
		value = value || string(k) == "value" || string(k) == "v" || string(k) == "VarCharValue"
	}
	return value && members <= 3
}

// claim decodes a part of the text that is looked into, and reports whether it is a record, or holds none in any case.
func (w *worker) claim(text []byte, offset int) bool {
	if isTetragon(text) {
		return true
	}
	w.move(offset)
	for _, d := range w.decoders {
		if d.Record(w.source, w.line, text) {
			return true
		}
	}
	return false
}

// miss rejects what stands among records and is none.
func (w *worker) miss(text []byte, offset int) {
	if isEmptyList(text) || isPair(text) || w.finder.broken == sound && isLogged(text) {
		return
	}
	line := w.line
	if offset < w.seen {
		line -= int64(bytes.Count(w.text[offset:w.seen], newline))
	} else {
		w.move(offset)
		line = w.line
	}
	w.malformed(w.source, line, model.NotFlowLog, "no flow in it: "+ingest.Excerpt(text))
}

var newline = []byte("\n")

// move counts the lines up to an offset.
func (w *worker) move(offset int) {
	if offset > w.seen {
		w.line += int64(bytes.Count(w.text[w.seen:offset], newline))
		w.seen = offset
	}
}
