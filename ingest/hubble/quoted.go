package hubble

import "sluice/ingest/scan"

// A record that stands in a string of JSON, as Docker and Loki keep it, has a backslash before each of its quotes. Of
// a known form all but its values is known, and so is how that is written in a string: nothing has to be undone before
// it is read. Any other record is undone, and read as all are; what was learned of it counts here as well.

// Quoted reads the record that is the inside of a string of JSON, with which text begins, if what stands behind the
// string ends the line, and hands it on. It is false, and nothing is handed on, where the record is not of a known
// form.
func (d *Decoder) Quoted(text []byte, ends func(behind []byte) bool) bool {
	n := len(text)
	b := d.room.Open(text)
	d.r.begin()
	end := d.r.shapes.readQuoted(&d.r, b)
	ok := end > 0 && end <= n && ends(text[end:]) && d.r.finish() && d.r.certain()
	d.room.Close(b, n)
	if ok {
		d.r.into(&d.flow, &d.r.addresses)
		d.sink.Flow(&d.flow)
	}
	return ok
}

// readQuoted is read for a record in a string, and returns the index behind that.
func (s *shapes) readQuoted(r *reader, b []byte) int {
	at := &s.root
	for i := 0; i >= 0; {
		if at = at.chooseQuoted(b, i); at == nil {
			return -1
		}
		text := at.inString()
		if !scan.Has(b, i, text) {
			return -1
		}
		i += len(text)
		switch at.hole {
		case holeSkip:
			var skipped []byte
			i = r.quotedText(b, i, holeSkip, &skipped)
		case holeTime:
			i = r.quotedTime(b, i)
		case holeOuter:
			i = r.quotedText(b, i, holeOuter, &r.outer)
		case holeSrcIP:
			i = r.quotedText(b, i, holeSrcIP, &r.srcIP)
		case holeDstIP:
			i = r.quotedText(b, i, holeDstIP, &r.dstIP)
		case holeNode:
			i = r.quotedText(b, i, holeNode, &r.node)
		case holeOuterNode:
			i = r.quotedText(b, i, holeOuterNode, &r.around)
		case holeSrcPort:
			i = r.quotedNumber(b, i, holeSrcPort, &r.srcPort)
		case holeDstPort:
			i = r.quotedNumber(b, i, holeDstPort, &r.dstPort)
		case holeSource:
			r.source = b[i] == '{'
			i = r.quotedEnd(b, i, holeSource, &r.src)
		case holeDestination:
			i = r.quotedEnd(b, i, holeDestination, &r.dst)
		case holeEnd:
			r.said = *at.said
			return scan.StringEnd(b, i)
		default:
			i = r.quotedValue(b, i, at.hole)
		}
	}
	return -1
}

// inString returns the text as it stands in a string.
func (s *shape) inString() string {
	if s.quoted == "" {
		s.quoted = scan.Quoted(s.text.Text)
	}
	return s.quoted
}

// chooseQuoted is choose for a record in a string.
func (s *shape) chooseQuoted(b []byte, i int) *shape {
	if s.only != nil {
		return s.only
	}
	for at := i; at < len(b)-1; at = i + len(s.inString()) {
		c := b[at]
		if c == '\\' {
			c = b[at+1]
		}
		if s = s.branch(c); s == nil || s.hole != noHole {
			return s
		}
	}
	return nil
}

// quotedText reads the value of a hole, which mostly is a plain text.
func (r *reader) quotedText(b []byte, i int, h hole, to *[]byte) int {
	if scan.OpensQuote(b, i) {
		if end := scan.Plain(b, i+2); scan.OpensQuote(b, end) {
			*to = b[i+2 : end : end]
			return end + 2
		}
	}
	return r.quotedValue(b, i, h)
}

// quotedNumber reads a port.
func (r *reader) quotedNumber(b []byte, i int, h hole, to *uint16) int {
	if n, end := scan.Digits(b, i); end > 0 && n <= maxPort {
		*to = uint16(n)
		return end
	}
	return r.quotedValue(b, i, h)
}

// quotedTime reads the time of the flow.
func (r *reader) quotedTime(b []byte, i int) int {
	if scan.OpensQuote(b, i) {
		if us, end := r.minute.parse(b, i+2); end > 0 && scan.OpensQuote(b, end) {
			r.time, r.timed = us, true
			return end + 2
		}
	}
	return r.quotedValue(b, i, holeTime)
}

// quotedEnd reads an endpoint object. One that is known is known from then on as a string has it.
func (r *reader) quotedEnd(b []byte, i int, h hole, e *end) int {
	if b[i] != '{' {
		return r.quotedValue(b, i, h)
	}
	if end := r.ends.find(b, i, e); end > 0 {
		e.said = true
		return end
	}
	value, end := r.unquoted(b, i)
	if end < 0 || r.end(value, 0, e) != len(value)-scan.Slack {
		return -1
	}
	r.ends.quote()
	return end
}

// quotedValue reads any other value of a hole.
func (r *reader) quotedValue(b []byte, i int, h hole) int {
	value, end := r.unquoted(b, i)
	if end < 0 || r.fill(h, value, 0) != len(value)-scan.Slack {
		return -1
	}
	return end
}

// unquoted returns the value at b[i:] as it is outside of a string, with slack behind it, and the index behind it;
// -1 for one with other escapes.
func (r *reader) unquoted(b []byte, i int) (value []byte, end int) {
	from := len(r.arena)
	if r.arena, end = scan.Unquote(r.arena, b, i); end < 0 {
		return nil, -1
	}
	r.arena = append(r.arena, make([]byte, scan.Slack)...)
	return r.arena[from:len(r.arena):len(r.arena)], end
}
