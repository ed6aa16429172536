package calico

import "sluice/ingest/scan"

// record is one record of any form as raw JSON values, nil where it has none. It aliases the text.
type record struct {
	values [bytesOut + 1][]byte
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
		if i = r.member(b, i, depth, k); i < 0 {
			return -1
		}
		switch i = scan.Blank(b, i); b[i] {
		case '}':
			return i + 1
		case ',':
			i = scan.Blank(b, i+1)
		default:
			return -1
		}
	}
}

// member reads a key and its value.
func (r *record) member(b []byte, i, depth int, k *before) int {
	if b[i] != '"' {
		return -1
	}
	key := i + 1
	if i = scan.TextEnd(b, key); i < 0 {
		return -1
	}
	name := b[key : i-1]
	if i = scan.Blank(b, i); b[i] != ':' {
		return -1
	}
	i = scan.Blank(b, i+1)
	is := k.keys.at(r.places, name)
	r.places++
	if depth == atRecord && b[i] == '{' && (string(name) == "Key" || string(name) == "key") {
		r.goldmane = true
		return r.read(b, i, atFlowKey, k)
	}
	from := i
	if is.field.isLong() {
		i = k.long.skip(b, i, depth)
	} else {
		i = scan.Skip(b, i, depth)
	}
	if i < 0 {
		return -1
	}
	r.values[is.field] = b[from:i:i]
	if is.field.namesEnd() {
		r.ends++
	}
	if is.sign {
		r.signs++
	}
	return i
}

// counters are the fields that count.
var counters = [...]field{connsStarted, connsCompleted, connsLive, packetsIn, packetsOut, bytesIn, bytesOut}

// side is one end of a record, as raw JSON values.
type side struct {
	name, aggr, namespace, kind, labels, ip, domains []byte
}

func (r *record) source() *side {
	v := &r.values
	return &side{v[sourceName], v[sourceAggr], v[sourceNamespace], v[sourceType], v[sourceLabels], v[sourceIP], nil}
}

func (r *record) destination() *side {
	v := &r.values
	return &side{v[destName], v[destAggr], v[destNamespace], v[destType], v[destLabels], v[destIP], v[destDomains]}
}
