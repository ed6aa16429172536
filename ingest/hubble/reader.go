package hubble

import (
	"encoding/binary"
	"strconv"

	"sluice/ingest/scan"
	"sluice/model"
)

// reader reads records: keys in any order at every level, blanks and escapes anywhere, names in snake or camel case,
// enumerations by name or by number, with or without the wrapper. A key that says something may not stand twice in one
// object (protojson's rule): which of two values would count is nobody's to guess. It serves one goroutine.
type reader struct {
	facts
	timed  bool   // the flow has a time
	outer  []byte // text of the envelope's time
	around []byte // the node that the envelope names
	// timeText and nodeText are time and node as they stand in the flow: around it they mostly are the same.
	timeText, nodeText []byte
	lined              bool // what was read may have line breaks
	source             bool // the flow has a source
	bare               bool // it is known to have no envelope
	// enveloped tells that what was read as a flow has an envelope.
	enveloped bool
	found     found
	lost      uint64 // events that the record says were lost
	// lostFirst and lostLast are the texts of the times of the first and the last of them.
	lostFirst, lostLast []byte

	tables    model.Tables
	addresses addresses
	minute    minute
	ends      endMemo
	texts     lists // arrays of strings, but for labels
	labels    labelLists
	deciders  deciders
	decided   []byte // of the record
	workloads lists
	shapes    shapes
	arena     []byte // of unescaped texts
	path      []step // what was read of the record, where noting
	noting    bool
	nobody    *model.Ref // an end of which nothing is said

	wrong string // what is wrong with the record
}

// found tells what stands in an envelope.
type found uint8

const (
	foundNothing found = iota
	foundEvent         // something else that an exporter writes
	foundFlow
)

func (r *reader) begin() {
	r.facts = facts{}
	r.timed, r.source, r.outer, r.around, r.bare, r.enveloped = false, false, nil, nil, false, false
	r.timeText, r.nodeText, r.lined = nil, nil, false
	r.arena, r.path, r.decided = r.arena[:0], r.path[:0], r.decided[:0]
	r.found, r.lost, r.wrong = foundNothing, 0, ""
	r.lostFirst, r.lostLast = nil, nil
}

// fail notes what is wrong with a member of an object, the innermost one.
func (r *reader) fail(kind int, id member, why string) int {
	if r.wrong == "" {
		r.wrong = why + " in " + memberNames[kind][id]
	}
	return -1
}

const (
	badValue = "bad value"
	twice    = "key more than once"

	twoProtocols = "two protocols"
)

// often are the members that may stand more than once, since nothing, or nothing more, follows from them.
const often = 1<<passed | 1<<envelopeTime | 1<<envelopeEvent | 1<<nameNode | 1<<keyPolicies | 1<<keyLoose

// member returns the member that follows and the index of its value. i stands at the brace, which is open then, or
// behind the value before, and open is a comma. Mostly it calls nothing and compares all words at
// once: without an order of keys no branch can be foreseen.
func (r *reader) member(b []byte, i int, k *keys, open byte) (member, int) {
	w := (*[2 + maxKey]byte)(b[i : i+2+maxKey : i+2+maxKey])
	if w[0] != open || w[1] != '"' {
		at := nextName(b, i, open)
		if at > 0 && b[at-1] == '}' {
			return closed, at
		}
		return r.search(b, at, k)
	}
	p := k.first[keyHash(binary.LittleEndian.Uint32(w[2:]), k.spread)]
	if at := i + 2 + p.size(); k.list[p.key()].differs((*[maxKey]byte)(w[2:])) == 0 && b[at] > ' ' {
		return p.id(), at
	}
	return r.search(b, i+2, k)
}

// search is member for the name at b[at:], whatever stands behind it.
func (r *reader) search(b []byte, at int, k *keys) (member, int) {
	if at < 0 {
		return noMember, -1
	}
	w := (*[maxKey]byte)(b[at:])
	for p := k.first[keyHash(binary.LittleEndian.Uint32(w[:]), k.spread)]; p != 0; p = k.more[p.key()] {
		if k.list[p.key()].differs(w) != 0 {
			continue
		}
		if at += p.size(); b[at] <= ' ' {
			at = scan.Blank(b, at)
		}
		return p.id(), at
	}
	return r.spelled(b, at, k)
}

// nextName returns the index behind the quote before a name, or behind the brace that ends the object.
func nextName(b []byte, i int, open byte) int {
	if open == '{' {
		i++
	}
	i = scan.Blank(b, i)
	if b[i] == '}' {
		return i + 1
	}
	if open == ',' {
		if b[i] != ',' {
			return -1
		}
		i = scan.Blank(b, i+1)
	}
	if b[i] != '"' {
		return -1
	}
	return i + 1
}

// spelled is for keys that are unknown, or not written plainly.
func (r *reader) spelled(b []byte, i int, k *keys) (member, int) {
	end := scan.TextEnd(b, i)
	if end < 0 {
		return noMember, -1
	}
	name := b[i : end-1]
	if scan.Plain(b, i) < end-1 {
		from := len(r.arena)
		r.arena = scan.Unescape(r.arena, name)
		name = r.arena[from:]
	}
	if end = scan.Blank(b, end); b[end] != ':' {
		return noMember, -1
	}
	var low [32]byte
	n := 0
	for _, c := range name {
		if n == len(low) {
			return passed, scan.Blank(b, end+1)
		}
		if c-'A' <= 'Z'-'A' {
			c |= 0x20
		}
		low[n] = c
		n++
	}
	if id, ok := k.folded[string(low[:n])]; ok {
		return id, scan.Blank(b, end+1)
	}
	return passed, scan.Blank(b, end+1)
}

// str reads a string or null.
func (r *reader) str(b []byte, i int, to *[]byte) int {
	if b[i] != '"' {
		return scan.Null(b, i)
	}
	end := scan.Plain(b, i+1)
	if b[end] == '"' {
		*to = b[i+1 : end : end]
		return end + 1
	}
	if end = scan.TextEnd(b, end); end > 0 {
		from := len(r.arena)
		r.arena = scan.Unescape(r.arena, b[i+1:end-1])
		*to = r.arena[from:len(r.arena):len(r.arena)]
	}
	return end
}

// text reads a string, or another scalar by its text.
func (r *reader) text(b []byte, i int, to *[]byte) int {
	switch b[i] {
	case '"', 'n':
		return r.str(b, i, to)
	case '{', '[':
		return -1
	}
	end := scan.Skip(b, i, 0)
	if end > 0 {
		*to = b[i:end]
	}
	return end
}

func (r *reader) enum(b []byte, i int, e enumeration, to *uint32) int {
	var t []byte
	if i = r.text(b, i, &t); i > 0 {
		*to = e.number(t)
	}
	return i
}

func boolean(b []byte, i int, to *model.Tri) int {
	switch b[i] {
	case 't':
		if scan.Has(b, i, "true") {
			*to = model.Yes
			return i + 4
		}
	case 'f':
		if scan.Has(b, i, "false") {
			*to = model.No
			return i + 5
		}
	case 'n':
		return scan.Null(b, i)
	case '{':
		return wrappedBoolean(b, i, to)
	}
	return -1
}

// wrappedBoolean reads a BoolValue as clients have it that do not know what its JSON is: as an object with a value.
func wrappedBoolean(b []byte, i int, to *model.Tri) int {
	i = scan.Blank(b, i+1)
	if !scan.Has(b, i, `"value"`) {
		return -1
	}
	if i = scan.Blank(b, i+len(`"value"`)); b[i] != ':' {
		return -1
	}
	if i = scan.Blank(b, i+1); b[i] != 't' && b[i] != 'f' {
		return -1
	}
	if i = boolean(b, i, to); i < 0 {
		return -1
	}
	if i = scan.Blank(b, i); b[i] != '}' {
		return -1
	}
	return i + 1
}

// whole reads an integer, up to most, that may be written as a string or with a fraction of zero.
func (r *reader) whole(b []byte, i int, most uint32, to *uint16) int {
	if n, end := scan.Digits(b, i); end > 0 {
		if n > most {
			return -1
		}
		*to = uint16(n)
		return end
	}
	if b[i] == '"' {
		if n, end := scan.Digits(b, i+1); end > 0 && n <= most && b[end] == '"' {
			*to = uint16(n)
			return end + 1
		}
	}
	var t []byte
	end := r.text(b, i, &t)
	if end < 0 || t == nil {
		return end
	}
	n, err := strconv.ParseFloat(string(t), 64)
	if *to = uint16(n); err != nil || n != float64(*to) || uint32(*to) > most {
		return -1
	}
	return end
}

// finish decides what needs the whole of a flow: whether it is one, and one that can be used.
func (r *reader) finish() bool {
	if r.flat && !r.hasVerdict && !r.source && !r.hasLayer4 {
		return false
	}
	if !r.timed && len(r.outer) > 0 {
		if r.outerTwice {
			r.wrong = twice + " in time"
			return false
		}
		us, ok := parseTime(r.outer)
		if !ok {
			r.wrong = "bad time " + strconv.Quote(string(r.outer))
			return false
		}
		r.time = us
	}
	if len(r.node) == 0 {
		r.node = r.around
	}
	r.src.ref, r.dst.ref = r.someone(&r.src), r.someone(&r.dst)
	return true
}

// certain reports whether a flow that was read has what no other log has.
func (r *reader) certain() bool { return r.hasVerdict && (r.source || r.hasLayer4) }

// someone returns the endpoint of an end.
func (r *reader) someone(e *end) model.Ref {
	if e.said {
		return e.ref
	}
	if r.nobody == nil {
		ep, _ := (&object{labels: newLabelled(nil)}).identity()
		ref := refer(r.tables, ep)
		r.nobody = &ref
	}
	return *r.nobody
}

// envelope reads the members of the object around a flow.
func (r *reader) envelope(b []byte, i int) int {
	seen, times := uint64(0), 0
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inEnvelope], open)
		if id == closed {
			r.outerTwice = r.outerTwice || times > 1
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inEnvelope, id, twice)
		}
		seen |= 1 << id &^ often
		switch id {
		case envelopeFlow:
			if b[i] != '{' {
				i = scan.Null(b, i)
			} else if r.found == foundFlow {
				i = r.fail(inEnvelope, id, twice) // one is in the result
			} else {
				r.found = foundFlow
				i = r.flow(b, i)
			}
		case envelopeResult:
			if b[i] == '{' {
				i = r.envelope(b, i)
			} else {
				i = r.note(holeSkip, i, scan.Skip(b, i, 0))
			}
		case envelopeTime:
			times++
			i = r.value(holeOuter, b, i)
		case envelopeLost:
			if b[i] == '{' {
				r.found = max(r.found, foundEvent)
			}
			i = r.lostEvents(b, i)
		case envelopeEvent:
			r.found = max(r.found, foundEvent)
			i = scan.Skip(b, i, 0)
		case nameNode:
			i = r.value(holeOuterNode, b, i)
		default:
			i = r.note(holeSkip, i, scan.Skip(b, i, 0))
		}
		if i < 0 {
			return r.fail(inEnvelope, id, badValue)
		}
	}
}

func (r *reader) lostEvents(b []byte, i int) int {
	if b[i] != '{' {
		return scan.Null(b, i)
	}
	seen := uint64(0)
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inLost], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inLost, id, twice)
		}
		seen |= 1 << id &^ often
		switch id {
		case lostNumber:
			var t []byte
			if i = r.text(b, i, &t); len(t) > 0 {
				n, err := strconv.ParseUint(string(t), 10, 64)
				if r.lost = n; err != nil {
					i = -1
				}
			}
		case lostFirst:
			i = r.text(b, i, &r.lostFirst)
		case lostLast:
			i = r.text(b, i, &r.lostLast)
		default:
			i = scan.Skip(b, i, 0)
		}
		if i < 0 {
			return r.fail(inLost, id, badValue)
		}
	}
}

// flow reads the members of a flow.
func (r *reader) flow(b []byte, i int) int {
	seen := uint64(0)
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inFlow], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inFlow, id, twice)
		}
		seen |= 1 << id &^ often
		switch id {
		case keyTime:
			i = r.note(holeTime, i, r.timeValue(b, i))
		case keyVerdict:
			var t []byte
			kind := b[i] // what is no name and no number is another log's
			i = r.text(b, i, &t)
			r.verdict, r.hasVerdict = verdicts.number(t), len(t) > 0 && (kind == '"' || kind-'0' <= 9)
		case keyDrop:
			i = r.dropReason(b, i)
		case keyDesc:
			i = r.enum(b, i, drops, &r.desc)
		case keyIP:
			i = r.ip(b, i)
		case keyLayer4:
			i = r.layer4(b, i)
		case keySource:
			r.source = b[i] == '{'
			i = r.note(holeSource, i, r.end(b, i, &r.src))
		case keyDestination:
			i = r.note(holeDestination, i, r.end(b, i, &r.dst))
		case keyKind:
			i = r.enum(b, i, kinds, &r.kind)
		case keyNames:
			i = r.value(holeNames, b, i)
		case keyReply:
			var yes model.Tri
			i = boolean(b, i, &yes)
			r.reply = yes == model.Yes
		case keyIsReply:
			i = boolean(b, i, &r.isReply)
		case keyEvent:
			i = r.eventType(b, i)
		case keyService:
			i = r.value(holeService, b, i)
		case keyAggregate:
			i = r.value(holeAggregate, b, i)
		case keyLog:
			i = r.value(holeLog, b, i)
		case keyLayer7:
			i = r.value(holeLayer7, b, i)
		case keyTrace:
			i = r.value(holeTrace, b, i)
		case keyDirection:
			i = r.enum(b, i, directions, &r.direction)
		case keyPoint:
			i = r.enum(b, i, points, &r.point)
		case keyReason:
			i = r.enum(b, i, reasons, &r.reason)
		case keyPolicies:
			i = r.value(holePolicies, b, i)
		case keyLoose:
			i = r.loose(b, i)
		case nameNode:
			i = r.note(holeNode, i, r.nodeName(b, i, &r.node))
		case keyEnvelope:
			if !r.bare {
				r.enveloped = true
				return -1
			}
			i = scan.Skip(b, i, 0)
		default:
			i = r.note(holeSkip, i, r.fill(holeSkip, b, i))
		}
		if i < 0 {
			return r.fail(inFlow, id, badValue)
		}
	}
}

// loose passes over a value that has few members, all of them scalars.
func (r *reader) loose(b []byte, i int) int {
	if b[i] != '{' || !r.noting {
		return r.value(holeSkip, b, i)
	}
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inLoose], open)
		if id == closed || at < 0 {
			return at
		}
		if i = r.value(holeSkip, b, at); i < 0 {
			return -1
		}
	}
}

// dropReason reads a number, in any form in which protojson takes one; one that is no reason says nothing.
func (r *reader) dropReason(b []byte, i int) int {
	var t []byte
	i = r.text(b, i, &t)
	if n, err := strconv.ParseFloat(string(t), 64); err == nil && n == float64(uint16(n)) {
		r.drop = uint32(n)
	}
	return i
}
