package calico

import (
	"bytes"

	"sluice/ingest/scan"
)

// field is a member of a record that says something.
type field uint8

const (
	noField field = iota
	sourceName
	sourceAggr
	sourceNamespace
	sourceType
	sourceLabels
	sourceIP
	destName
	destAggr
	destNamespace
	destType
	destLabels
	destIP
	destDomains
	startTime
	endTime
	protocol
	destPort
	sourcePort
	action
	reporter
	policies
	connsStarted
	connsCompleted
	connsLive
	packetsIn
	packetsOut
	bytesIn
	bytesOut
	flattened // a part of labels or policies: what flattens records takes them apart
)

// fields are the members by their keys in lower case, without underscores: forms spell them source_name and sourceName.
var fields = map[string]field{
	"sourcename": sourceName, "sourcenameaggr": sourceAggr, "sourcenamespace": sourceNamespace,
	"sourcetype": sourceType, "sourcelabels": sourceLabels, "sourceip": sourceIP,
	"destname": destName, "destnameaggr": destAggr, "destnamespace": destNamespace,
	"desttype": destType, "destlabels": destLabels, "destip": destIP, "destdomains": destDomains,
	"starttime": startTime, "endtime": endTime, "proto": protocol, "protocol": protocol,
	"destport": destPort, "sourceport": sourcePort, "action": action, "reporter": reporter, "policies": policies,
	"numflowsstarted": connsStarted, "numconnectionsstarted": connsStarted,
	"numflowscompleted": connsCompleted, "numconnectionscompleted": connsCompleted, "numconnectionslive": connsLive,
	"packetsin": packetsIn, "packetsout": packetsOut, "bytesin": bytesIn, "bytesout": bytesOut,
}

// namesEnd reports whether a field names an end, which no other log has.
func (f field) namesEnd() bool {
	switch f {
	case sourceName, sourceAggr, sourceNamespace, destName, destAggr, destNamespace:
		return true
	default:
		return false
	}
}

// known is a key and what it means.
type known struct {
	text  scan.Literal // with its quotes and the colon, as JSON without blanks before that has it
	rest  string       // of that, behind scan.MaxWords bytes
	field field
	long  int  // the place of its field among the long ones, -1: it is none
	ends  int  // 1 where it names an end
	signs int  // 1 where Sniff knows it
	inner bool // Goldmane's FlowKey, where an object stands behind it
	// before is the whole member of a record before, with a scalar and a comma behind that, nil where none is kept:
	// what was valid once is, byte for byte, valid again.
	before []byte
	others int // how often another one stood there, less how often that one did
}

const (
	maxBefore = 64 // bytes of a member that is kept
	maxOthers = 64 // after so many others none is kept any more
)

// asBefore reports whether the member that is kept stands at b[i:].
func (k *known) asBefore(b []byte, i int) bool {
	n := len(k.before)
	if n == 0 || i+n > len(b) || string(b[i:i+n]) != string(k.before) {
		return false
	}
	k.others = max(k.others-1, 0)
	return true
}

// remember keeps a member that was read whole, where its like come again.
func (k *known) remember(member []byte) {
	if k.others >= maxOthers {
		k.before = nil
		return
	}
	k.others++
	k.before = k.before[:0]
	at := len(k.text.Text)
	if len(member) > maxBefore || len(member) <= at || string(member[:at]) != k.text.Text {
		return
	}
	if c := member[at]; c != '{' && c != '[' && c > ' ' {
		k.before = append(k.before, member...)
	}
}

func newKnown(key []byte) known {
	f := fieldOf(key)
	text := `"` + string(key) + `":`
	rest := text[min(len(text), scan.MaxWords):]
	ends := 0
	if f.namesEnd() {
		ends = 1
	}
	return known{text: scan.NewLiteral(text), rest: rest, field: f, long: f.long(), ends: ends, signs: names(key),
		inner: string(key) == "Key" || string(key) == "key"}
}

// is reports whether it is the known one of a key.
func (k *known) is(key []byte) bool {
	text := k.text.Text
	return len(text) == len(key)+3 && text[1:len(text)-2] == string(key)
}

// keys remember the keys of the record before, by their place in it: most records have the same ones in the same order.
// That is a prediction, and every key is compared.
type keys []known

// maxPlaces bounds how many places are remembered.
const maxPlaces = 256

// stands reports whether the key stands at b[i:].
func (k *known) stands(b []byte, i int) bool {
	return k.text.Differs((*[scan.MaxWords]byte)(b[i:i+scan.MaxWords:i+scan.MaxWords])) == 0 &&
		(k.rest == "" || scan.Has(b, i+scan.MaxWords, k.rest))
}

// at returns what the key at a place of the record means.
func (k *keys) at(place int, key []byte) *known {
	if place < len(*k) && (*k)[place].is(key) {
		return &(*k)[place]
	}
	is := newKnown(key)
	switch {
	case place < len(*k):
		(*k)[place] = is
	case place < maxPlaces:
		*k = append(*k, is)
	}
	return &is
}

// fieldOf returns the field of a key, in any spelling.
func fieldOf(key []byte) field {
	var low [32]byte
	n, whole := 0, true
	for _, c := range key {
		if c == '_' {
			continue
		}
		if whole = n < len(low); !whole {
			break
		}
		low[n] = lower(c)
		n++
	}
	if f := fields[string(low[:n])]; f != noField && whole {
		return f
	}
	for _, p := range [...]string{"sourcelabels", "destlabels", "policies"} {
		if bytes.HasPrefix(low[:n], []byte(p)) {
			return flattened
		}
	}
	return noField
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
