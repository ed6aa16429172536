package calico

import "sluice/ingest/scan"

// record is one record of any form, by where the raw JSON values of its fields stand in the text.
type record struct {
	text   []byte // with slack behind it
	values [absent + 1]span
	quoted bool               // it stands in a string
	longs  [longFields][]byte // then: the long values
	// same are the numbers of the long values, as repeated gives them.
	same [longFields]uint64
	// goldmane says that the record has a FlowKey: there, absent is zero.
	goldmane bool
	last     *known // key that was read
	ends     int    // keys that name an end
	signs    int    // those that Sniff knows
}

// span is where a value stands, zero where there is none.
type span struct {
	from, to int32
	plain    bool // it is a string of plain text
}

// raw returns the value of a field, nil where there is none.
func (r *record) raw(f field) []byte {
	v := &r.values[f]
	if v.to == 0 {
		return nil
	}
	if r.quoted && f.long() >= 0 {
		return r.longs[f.long()]
	}
	return r.text[v.from:v.to]
}

// minNames is how many of the keys that name ends make a flow of an object; one may be a coincidence.
const minNames = 2

// Depths of the objects of a record, as package scan counts them.
const (
	atRecord  = 1
	atFlowKey = 2
)

// read collects the values of the object at b[i].
func (r *record) read(b []byte, i, depth int, k *before) int {
	if i = scan.Blank(b, i+1); b[i] == '}' {
		return i + 1
	}
	for {
		is := r.last.next
		if is != nil && is.text.Differs((*[scan.MaxWords]byte)(b[i:i+scan.MaxWords:i+scan.MaxWords])) == 0 &&
			(!is.longer || is.text.Stands(b, i)) {
			i += len(is.text.Text)
		} else if is, i = r.key(b, i, k); i < 0 {
			return -1
		}
		r.last = is
		if b[i] <= ' ' {
			i = scan.Blank(b, i)
		}
		r.ends += is.ends
		r.signs += is.signs
		if n := len(is.before.Text); n > 0 && // all of it is compared
			is.before.Differs((*[scan.MaxWords]byte)(b[i:i+scan.MaxWords:i+scan.MaxWords])) == 0 {
			if is.others > 0 {
				is.others--
			}
			r.values[is.field] = span{int32(i), int32(i + n - 1), is.plain}
			if i += n; b[i] <= ' ' {
				i = scan.Blank(b, i)
			}
			continue
		}
		from := i
		if i = r.value(b, i, depth, k, is); i < 0 {
			return -1
		}
		if b[i] <= ' ' {
			i = scan.Blank(b, i)
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			if i++; is.others < maxOthers {
				is.remember(b[from:i], r.values[is.field].plain)
			}
			if b[i] <= ' ' {
				i = scan.Blank(b, i)
			}
		default:
			return -1
		}
	}
}

// keyed returns the value that a field has in Goldmane's FlowKey, where something else stands beside that under the
// same name: Vector puts a source_type of its own there. It is nil where there is none.
func (r *record) keyed(f field) []byte {
	if !r.goldmane || r.quoted || len(r.text) == 0 {
		return nil
	}
	for name, key := range members(r.text) {
		if string(name) != "Key" && string(name) != "key" || key[0] != '{' {
			continue
		}
		for name, value := range members(key) {
			if fieldOf(name) == f {
				return value
			}
		}
	}
	return nil
}

// plain is text for the value of a field.
func (r *record) plain(f field) ([]byte, bool) {
	v := &r.values[f]
	if !v.plain {
		return text(r.raw(f))
	}
	t := r.text[v.from+1 : v.to-1]
	if len(t) == 0 || len(t) == 1 && t[0] == '-' {
		return nil, true
	}
	return t, true
}

// number is number for the value of a field. Most have few digits.
func (r *record) number(name string, f field) (int64, *rejection) {
	v := r.values[f]
	if v.to == 0 {
		return 0, nil
	}
	if v.plain {
		v.from, v.to = v.from+1, v.to-1
	}
	if n, end := scan.Digits(r.text, int(v.from)); end == int(v.to) {
		return int64(n), nil
	}
	return number(name, r.raw(f))
}

// value reads the value of a key. Most are plain texts and numbers of few digits.
func (r *record) value(b []byte, from, depth int, k *before, is *known) int {
	i, plain := -1, false
	switch c := b[from]; {
	case is.long >= 0:
		i, r.same[is.long], _ = k.long.skip(b, from, depth, is.long)
	case c == '"':
		if i = scan.Plain(b, from+1); b[i] == '"' {
			i, plain = i+1, true
		} else {
			i = scan.TextEnd(b, i)
		}
	case is.inner && depth == atRecord && c == '{':
		r.goldmane = true
		return r.read(b, from, atFlowKey, k)
	default:
		if i = scan.DigitsEnd(b, from); i < 0 || b[i] != ',' && b[i] != '}' {
			i = scan.Skip(b, from, depth)
		}
	}
	if i > 0 {
		r.values[is.field] = span{int32(from), int32(i), plain}
	}
	return i
}

// key reads a key and its colon, which others than the one foreseen are.
func (r *record) key(b []byte, i int, k *before) (*known, int) {
	if b[i] != '"' {
		return nil, -1
	}
	key := i + 1
	end := scan.Plain(b, key)
	if is := k.keys.known[keyHash(b[key:end])]; is != nil && is.text.Stands(b, i) {
		r.last.next = is
		return is, i + len(is.text.Text)
	}
	if i = scan.TextEnd(b, end); i < 0 {
		return nil, -1
	}
	is := k.keys.of(b[key : i-1])
	if i = scan.Blank(b, i); b[i] != ':' {
		return nil, -1
	}
	r.last.next = is
	return is, i + 1
}

// counters are the fields that count.
var counters = [...]field{connsStarted, connsCompleted, connsLive, packetsIn, packetsOut, bytesIn, bytesOut}

// side are the fields of one end.
type side struct {
	prefix                                           string // of their keys
	name, aggr, namespace, kind, labels, ip, domains field
	same                                             int
}

var (
	sourceSide = side{"source", sourceName, sourceAggr, sourceNamespace, sourceType, sourceLabels, sourceIP, absent, longSource}
	destSide   = side{"dest", destName, destAggr, destNamespace, destType, destLabels, destIP, destDomains, longDest}
)
