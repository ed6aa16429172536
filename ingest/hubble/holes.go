package hubble

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/ingest/scan"
)

// hole is a kind of value that is another one in every record.
type hole uint8

const (
	noHole hole = iota
	holeSkip
	holeTime
	holeOuter
	holeSrcIP
	holeDstIP
	holeSrcPort
	holeDstPort
	holeSource
	holeDestination
	holeNames
	holeService
	holeAggregate
	holeLog
	holeLayer7
	holeTrace
	holePolicies
	holeNode
	holeOuterNode
	holeEnd // no value: the record ends
)

// step is a value that was read.
type step struct {
	hole     hole
	from, to int
}

// value reads the value of a hole, and notes where it stood.
func (r *reader) value(h hole, b []byte, i int) int {
	return r.note(h, i, r.fill(h, b, i))
}

// note notes where the value of a hole stands, which value or what fill would call has read.
func (r *reader) note(h hole, from, to int) int {
	if r.noting {
		r.path = append(r.path, step{h, from, to})
	}
	return to
}

// fill reads the value of a hole.
func (r *reader) fill(h hole, b []byte, i int) int {
	switch h {
	case holeSkip:
		if b[i] == '"' {
			return scan.TextEnd(b, i+1)
		}
		return scan.Skip(b, i, 0)
	case holeTime:
		return r.timeValue(b, i)
	case holeOuter:
		return r.moment(b, i, &r.outer)
	case holeSrcIP:
		return r.str(b, i, &r.srcIP)
	case holeDstIP:
		return r.str(b, i, &r.dstIP)
	case holeSrcPort:
		return r.whole(b, i, maxPort, &r.srcPort)
	case holeDstPort:
		return r.whole(b, i, maxPort, &r.dstPort)
	case holeSource:
		r.source = b[i] == '{'
		return r.end(b, i, &r.src)
	case holeDestination:
		return r.end(b, i, &r.dst)
	case holeNames:
		return r.destinationNames(b, i)
	case holeService:
		return r.readService(b, i)
	case holeAggregate:
		return r.counts(b, i)
	case holeLog:
		return r.policyLog(b, i)
	case holeLayer7:
		return r.raw(b, i, &r.layer7)
	case holeTrace:
		return r.raw(b, i, &r.trace)
	case holeNode:
		return r.flowNode(b, i)
	case holeOuterNode:
		return r.nodeName(b, i, &r.around)
	case holePolicies:
		if b[i] != '[' {
			return r.fill(holeSkip, b, i)
		}
		end := items(r, b, i, deciderItem, nil)
		r.policies = r.decided
		return end
	default:
	}
	return -1
}

func (r *reader) destinationNames(b []byte, i int) int {
	if b[i] != '[' {
		return scan.Null(b, i)
	}
	l, end := r.texts.read(r, b, i)
	if end > 0 {
		r.names = l.joined
	}
	return end
}

func (r *reader) policyLog(b []byte, i int) int {
	if b[i] != '[' {
		return scan.Null(b, i)
	}
	l, end := r.texts.read(r, b, i)
	if end > 0 {
		r.logged = l.joined
	}
	return end
}

// nodeName reads a name by which nothing is decided: what is no text says nothing.
func (r *reader) nodeName(b []byte, i int, to *[]byte) int {
	if *to = nil; b[i] == '"' {
		return r.str(b, i, to)
	}
	r.lined = true
	return scan.Skip(b, i, 0)
}

// raw passes over a value that is read where something follows from it.
func (r *reader) raw(b []byte, i int, to *[]byte) int {
	end := r.fill(holeSkip, b, i)
	if end > 0 && b[i] == '{' {
		*to = b[i:end:end]
	}
	return end
}

// outerTime reads the time around a flow, which is of no use where it is that of the flow.
func (r *reader) outerTime(b []byte, i int) int {
	if n := len(r.timeText); n > 0 && bytes.HasPrefix(b[i:], r.timeText) {
		return i + n
	}
	return r.moment(b, i, &r.outer)
}

// flowNode reads the node of the flow.
func (r *reader) flowNode(b []byte, i int) int {
	end := r.nodeName(b, i, &r.node)
	if end > 0 {
		r.nodeText = b[i:end]
	}
	return end
}

// outerNode reads the node around a flow.
func (r *reader) outerNode(b []byte, i int) int {
	if n := len(r.nodeText); n > 0 && bytes.HasPrefix(b[i:], r.nodeText) {
		r.around = r.node
		return i + n
	}
	return r.nodeName(b, i, &r.around)
}

// timeValue reads the time of the flow.
func (r *reader) timeValue(b []byte, i int) int {
	if b[i] == '"' {
		if us, end := r.minute.parse(b, i+1); end > 0 && b[end] == '"' {
			r.time, r.timed, r.timeText = us, true, b[i:end+1]
			return end + 1
		}
	}
	var t []byte
	end := r.moment(b, i, &t)
	if len(t) == 0 {
		return end
	}
	us, ok := parseTime(t)
	if !ok {
		return r.fail(inFlow, keyTime, "bad time "+strconv.Quote(string(t)))
	}
	r.time, r.timed = us, true
	return end
}

// moment reads the text of a time, which may be an object.
func (r *reader) moment(b []byte, i int, to *[]byte) int {
	if b[i] != '{' {
		return r.text(b, i, to)
	}
	r.lined = true
	end := scan.Skip(b, i, 0)
	if end > 0 {
		if _, ok := parseTime(b[i:end]); !ok {
			return -1
		}
		*to = b[i:end:end]
	}
	return end
}

// parseTime reads a time as Hubble writes it, or what a pipeline made of it. It is of a string or of a value: what
// begins like an object need not be one.
func parseTime(t []byte) (int64, bool) {
	if len(t) > 0 && t[0] == '{' {
		if !json.Valid(t) {
			return 0, false
		}
		return objectTime(t)
	}
	return textTime(string(t))
}

// textTime reads a time that is a string or a number.
func textTime(t string) (int64, bool) {
	if at, err := time.Parse(time.RFC3339Nano, t); err == nil {
		return at.UnixMicro(), true
	}
	if us, ok := sinceEpoch(t); ok {
		return us, true
	}
	return tableTime(t)
}

// tableTime reads a time as tables have it: a blank before the hour, its zone short, by name or left out, which stands
// for UTC.
func tableTime(t string) (int64, bool) {
	const day, hour = len(time.DateOnly), len("2006-01-02T15")
	if len(t) <= hour || t[hour] != ':' { // the library takes an hour of one digit, too
		return 0, false
	}
	if t[day] == ' ' {
		t = t[:day] + "T" + t[day+1:]
	}
	if at, utc := strings.CutSuffix(t, "UTC"); utc {
		t = strings.TrimSuffix(at, " ") + "Z"
	}
	for _, zone := range []string{"", "Z07:00", "Z0700", "Z07"} {
		if at, err := time.Parse("2006-01-02T15:04:05"+zone, t); err == nil {
			return at.UnixMicro(), true
		}
	}
	return 0, false
}

// objectTime reads a time as clients have it that know no type for it, in seconds and nanos, and as MongoDB exports it.
// The object is valid JSON.
func objectTime(object []byte) (us int64, ok bool) {
	for k, v := range ingest.Keys(object) {
		switch string(k) {
		case "$date":
			for k, v := range within(object, "$date") {
				if string(k) == "$numberLong" {
					return sinceEpoch(textOf(v))
				}
			}
			return textTime(scalarOf(v))
		case "seconds":
			n, err := strconv.ParseInt(scalarOf(v), 10, 64)
			if ok = err == nil && n >= 0 && n < 1<<40; !ok {
				return 0, false
			}
			us += n * 1e6
		case "nanos":
			n, err := strconv.ParseUint(scalarOf(v), 10, 32)
			if err != nil || n >= 1e9 {
				return 0, false
			}
			us += int64(n) / 1e3
		default:
			return 0, false
		}
	}
	return us, ok
}

// sinceEpoch reads the seconds since 1970, or thousandths, millionths or billionths of them: which of these is told by
// their digits, since the seconds have ten from 2001 to 2286.
func sinceEpoch(t string) (int64, bool) {
	const seconds, micros = 10, 16
	whole, part, _ := strings.Cut(t, ".")
	if n := len(whole) - seconds; n < 0 || n > 9 || n%3 != 0 || strings.Trim(whole+part, "0123456789") != "" {
		return 0, false
	}
	us, err := strconv.ParseInt((whole + part + "000000")[:micros], 10, 64)
	return us, err == nil
}

// minute remembers the last minute parsed: records of a log mostly share it with the one before.
type minute struct {
	text [2]uint64 // its 16 bytes as words
	base int64
}

// parse reads a time in UTC as most write it.
func (m *minute) parse(b []byte, i int) (int64, int) {
	if text := [...]uint64{scan.Word(b, i), scan.Word(b, i+8)}; text != m.text {
		t, err := time.Parse(time.RFC3339, string(b[i:i+16])+":00Z")
		if err != nil {
			return 0, -1
		}
		m.text, m.base = text, t.UnixMicro()
	}
	tens, secs := b[i+17]-'0', b[i+18]-'0'
	if b[i+16] != ':' || tens > 5 || secs > 9 {
		return 0, -1
	}
	us := m.base + int64(tens)*10e6 + int64(secs)*1e6
	if i += 19; b[i] == '.' {
		frac, end := scan.Fraction(b, i+1)
		if end < 0 {
			return 0, -1
		}
		us += int64(frac / 100)
		i = end
	}
	if b[i] != 'Z' {
		return 0, -1
	}
	return us, i + 1
}
