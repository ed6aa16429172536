package calico

import "sluice/ingest/scan"

// record is one record of any form as raw JSON values, nil where it has none. It aliases the text.
type record struct {
	values [flattened + 1][]byte
	// same are the numbers of the long values, as repeated gives them.
	same [longFields]uint64
	// goldmane says that the record has a FlowKey: there, absent is zero.
	goldmane bool
	places   int // of keys
	ends     int // keys that name an end
	signs    int // those that Sniff knows
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
		var is *known
		begun := i
		if r.places < len(k.keys) {
			is = &k.keys[r.places]
			if is.asBefore(b, i) {
				i = r.again(b, i, is)
				continue
			}
		}
		if is != nil && is.stands(b, i) {
			i += len(is.text.Text)
		} else if is, i = r.key(b, i, k); i < 0 {
			return -1
		}
		if b[i] <= ' ' {
			i = scan.Blank(b, i)
		}
		r.places++
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
			i++
			is.remember(b[begun:i])
			if b[i] <= ' ' {
				i = scan.Blank(b, i)
			}
		default:
			return -1
		}
	}
}

// again takes a member that stands at b[i:] as in the record before, and returns where the next one begins.
func (r *record) again(b []byte, i int, is *known) int {
	from := i + len(is.text.Text)
	i += len(is.before)
	if is.field != noField {
		r.values[is.field] = b[from : i-1]
	}
	r.ends += is.ends
	r.signs += is.signs
	r.places++
	if b[i] <= ' ' {
		i = scan.Blank(b, i)
	}
	return i
}

// value reads the value of a key. Most are plain texts and numbers of few digits.
func (r *record) value(b []byte, from, depth int, k *before, is *known) int {
	i := -1
	switch c := b[from]; {
	case is.long >= 0:
		i, r.same[is.long] = k.long.skip(b, from, depth)
	case c == '"':
		if i = scan.Plain(b, from+1); b[i] == '"' {
			i++
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
	if i > 0 && is.field != noField {
		r.values[is.field] = b[from:i]
	}
	r.ends += is.ends
	r.signs += is.signs
	return i
}

// key reads a key and its colon.
func (r *record) key(b []byte, i int, k *before) (*known, int) {
	if b[i] != '"' {
		return nil, -1
	}
	key := i + 1
	if i = scan.TextEnd(b, key); i < 0 {
		return nil, -1
	}
	name := b[key : i-1]
	if i = scan.Blank(b, i); b[i] != ':' {
		return nil, -1
	}
	return k.keys.at(r.places, name), i + 1
}

// counters are the fields that count.
var counters = [...]field{connsStarted, connsCompleted, connsLive, packetsIn, packetsOut, bytesIn, bytesOut}

// side is one end of a record, as raw JSON values.
type side struct {
	name, aggr, namespace, kind, labels, ip, domains []byte
	same                                             uint64 // number of labels
}

func (r *record) source() side {
	v := &r.values
	return side{v[sourceName], v[sourceAggr], v[sourceNamespace], v[sourceType], v[sourceLabels], v[sourceIP], nil,
		r.same[longSource]}
}

func (r *record) destination() side {
	v := &r.values
	return side{v[destName], v[destAggr], v[destNamespace], v[destType], v[destLabels], v[destIP], v[destDomains],
		r.same[longDest]}
}
