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
	absent    // of no key
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
	text   scan.Literal // with its quotes and the colon, as JSON without blanks before that has it
	longer bool         // than Words
	quoted scan.Literal // text as it stands in a string, once that was asked for
	field  field
	long   int    // the place of its field among the long ones, -1: it is none
	ends   int    // 1 where it names an end
	signs  int    // 1 where Sniff knows it
	inner  bool   // Goldmane's FlowKey, where an object stands behind it
	next   *known // that stood behind it last
	// before is the scalar that stood behind it before, with the comma behind that: what was valid once is, byte for
	// byte, valid again. It is empty where none is kept.
	before scan.Literal
	plain  bool // that is plain text
	// others are how often another one stood there, less how often that one did.
	others int
}

// maxOthers is after how many other values of a key none is kept any more.
const maxOthers = 64

// remember keeps a scalar that was read, with the comma behind it.
func (k *known) remember(value []byte, plain bool) {
	k.others += 3 // as many hits are worth what one costs
	k.before.Text = ""
	if n := len(value); n <= scan.MaxWords && value[n-2] > ' ' && value[0] != '{' && value[0] != '[' {
		k.before, k.plain = scan.NewLiteral(string(value)), plain
	}
}

func newKnown(key []byte) *known {
	f := fieldOf(key)
	ends := 0
	if f.namesEnd() {
		ends = 1
	}
	k := &known{text: scan.NewLiteral(`"` + string(key) + `":`), longer: len(key)+len(`"":`) > scan.MaxWords, field: f, long: f.long(), ends: ends, signs: names(key),
		inner: string(key) == "Key" || string(key) == "key"}
	if k.long >= 0 {
		k.others = maxOthers // repeated knows those
	}
	return k
}

// keys remember keys by what they begin and end with, and which one stood behind which: most records have the same ones
// in the same order. That is a prediction, and every key is compared.
type keys struct {
	known [1 << keyBits]*known // open addressing
	n     int
	start known // before the first one of a record
}

const keyBits = 9

// of returns what a key means.
func (k *keys) of(key []byte) *known {
	at := keyHash(key)
	for ; k.known[at] != nil; at = (at + 1) % len(k.known) {
		if is := k.known[at]; len(is.text.Text) == len(key)+len(`"":`) && is.text.Text[1:len(key)+1] == string(key) {
			return is
		}
	}
	is := newKnown(key)
	if k.n < len(k.known)/2 {
		k.known[at] = is
		k.n++
	}
	return is
}

// keyHash hashes the first and the last bytes of a key.
func keyHash(key []byte) int {
	var x uint64
	if n := len(key); n >= 8 {
		x = scan.Word(key, 0) ^ scan.Word(key, n-8)*31 ^ uint64(n)
	} else {
		for _, c := range key {
			x = x<<8 | uint64(c)
		}
	}
	return int(x * 0x9E3779B97F4A7C15 >> (64 - keyBits))
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
