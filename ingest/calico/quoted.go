package calico

import (
	"bytes"
	"hash/maphash"

	"sluice/ingest/scan"
)

// A record that stands in a string of JSON, as Docker and Loki keep it, is read as it stands there where its keys come
// in an order that was seen. Of a value without other escapes than those of quotes the string is known, and long ones
// that come again are known by how they stand there. Any other record is undone first, and read as all are.

// Quoted reads the record that is the inside of a string of JSON, with which text begins, if what stands behind the
// string ends the line, and hands it on. It is false, and nothing is handed on, where it cannot be read so or is no
// flow.
func (d *records) Quoted(text []byte, ends func(behind []byte) bool) bool {
	n := len(text)
	b := d.room.Open(text)
	d.rec = record{last: &d.before.keys.start, text: b, quoted: true}
	end := d.rec.readQuoted(b, 0, atRecord, &d.before)
	if end > 0 {
		end = scan.StringEnd(b, end)
	}
	ok := end > 0 && end <= n && ends(text[end:])
	d.room.Close(b, n)
	if !ok || d.rec.signs < minNames || d.decode(nil) != nil {
		return false
	}
	d.sink.Flow(&d.flow)
	return true
}

// inString returns the key as it stands in a string.
func (k *known) inString() *scan.Literal {
	if k.quoted.Text == "" {
		k.quoted = scan.NewLiteral(scan.Quoted(k.text.Text))
	}
	return &k.quoted
}

// readQuoted is read for a record in a string.
func (r *record) readQuoted(b []byte, i, depth int, k *before) int {
	if b[i] != '{' {
		return -1
	}
	for {
		for i++; b[i] == ' '; {
			i++
		}
		is := r.last.next
		if is == nil || !is.inString().Stands(b, i) {
			return -1
		}
		r.last = is
		r.ends += is.ends
		r.signs += is.signs
		for i += len(is.quoted.Text); b[i] == ' '; {
			i++
		}
		if i = r.quotedValue(b, i, depth, k, is); i < 0 {
			return -1
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
		default:
			return -1
		}
	}
}

// quotedValue is value for a record in a string. Of a plain text the span ends, as of any, one byte behind it.
func (r *record) quotedValue(b []byte, from, depth int, k *before, is *known) int {
	end := from
	switch c := b[from]; {
	case is.long >= 0:
		r.values[is.field] = span{int32(from), int32(from + 1), false}
		return r.quotedLong(b, from, depth, k, is.long)
	case scan.OpensQuote(b, from):
		end = scan.Plain(b, from+2)
		if !scan.OpensQuote(b, end) {
			return -1
		}
		r.values[is.field] = span{int32(from + 1), int32(end + 1), true}
		return end + 2
	case is.inner && depth == atRecord && c == '{':
		r.goldmane = true
		return r.readQuoted(b, from, atFlowKey, k)
	case c == '{' || c == '[' || c == '"' || c == '\\':
		return -1
	default:
		if end = scan.DigitsEnd(b, from); end < 0 || b[end] != ',' && b[end] != '}' {
			end = scan.Skip(b, from, depth)
		}
	}
	r.values[is.field] = span{int32(from), int32(end), false}
	return end
}

// quotedSize is how many long values in strings are remembered.
const quotedSize = 1 << 12

// quotedLong reads a long value in a string.
func (r *record) quotedLong(b []byte, i, depth int, k *before, long int) int {
	if k.quoted == nil {
		k.quoted, k.seed = make([]quotedValue, quotedSize), maphash.MakeSeed()
	}
	var at *quotedValue
	if i+beginning <= len(b) {
		at = &k.quoted[maphash.Bytes(k.seed, b[i:i+beginning])%quotedSize]
		if at.text != "" && scan.Has(b, i, at.text) {
			r.longs[long], r.same[long] = at.value, at.number
			return i + len(at.text)
		}
	}
	value, end := scan.Unquote(k.unquoted[long][:0], b, i)
	n := len(value)
	value = append(value, make([]byte, scan.Slack)...)
	k.unquoted[long] = value
	if end < 0 {
		return -1
	}
	size, number, usual := k.long.skip(value, 0, depth, long)
	if size != n {
		return -1
	}
	r.longs[long], r.same[long] = value[:n], number
	if at != nil && usual && end-i >= beginning {
		*at = quotedValue{string(b[i:end]), bytes.Clone(value)[:n], number}
	}
	return end
}

// quotedValue is a long value that came in a string.
type quotedValue struct {
	text   string // as it stood there
	value  []byte // as it is, with slack behind it
	number uint64
}
