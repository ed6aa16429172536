package calico

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"sluice/model"
)

// number returns a whole number written as a number or a string; absent is 0. Tools on the way may have made it
// a float (1.659621542E9).
func number(name string, v []byte) (int64, *rejection) {
	t := v
	if len(v) > 2 && v[0] == '"' {
		t = v[1 : len(v)-1] // digits alone are none that are escaped
	}
	if n, ok := plainly(t); ok {
		return n, nil
	}
	t, ok := text(v)
	if !ok {
		return 0, badValue("%s is no number", name)
	}
	if t == nil {
		return 0, nil
	}
	if n, err := strconv.ParseInt(string(t), 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(t), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<62 {
		return 0, badValue("%s is no whole number", name)
	}
	return int64(f), nil
}

// plainly reads a number of few digits.
func plainly(t []byte) (n int64, ok bool) {
	if len(t) == 0 || len(t) > 18 {
		return 0, false
	}
	for _, c := range t {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// port is a number that a port can have; absent is 0.
func (r *record) port(name string, f field) (uint16, *rejection) {
	n, rej := r.number(name, f)
	if rej == nil && (n < 0 || n > math.MaxUint16) {
		rej = badValue("%s %d is no port", name, n)
	}
	return uint16(n), rej
}

// moment is a time as it was read.
type moment struct {
	text []byte // raw JSON
	at   int64
}

// instant is instantOf, which the moment remembers.
func (m *moment) instant(name string, v []byte) (int64, *rejection) {
	if len(v) > 0 && bytes.Equal(m.text, v) {
		return m.at, nil
	}
	at, rej := instantOf(name, v)
	if rej == nil {
		m.text, m.at = append(m.text[:0], v...), at
	}
	return at, rej
}

// instantOf returns microseconds since 1970 of a time in seconds or RFC 3339; absent is 0. A time too far off to count
// in microseconds becomes the farthest, which nobody believes either.
func instantOf(name string, v []byte) (int64, *rejection) {
	t, ok := text(v)
	if !ok {
		return 0, badValue("%s is no time", name)
	}
	if t == nil {
		return 0, nil
	}
	if f, err := strconv.ParseFloat(string(t), 64); err == nil && !math.IsNaN(f) {
		const farthest = math.MaxInt64 / 1_000_000
		if math.Abs(f) >= farthest {
			return math.MaxInt64, nil
		}
		whole, part := math.Modf(f)
		return int64(whole)*1e6 + int64(math.Round(part*1e6)), nil
	}
	at, err := time.Parse(time.RFC3339Nano, string(t))
	if err != nil {
		return 0, badValue("%s is neither seconds nor RFC 3339", name)
	}
	return at.UnixMicro(), nil
}

// spellings are the names, in lower case, and the numbers of few things. Those that most records have come first.
type spellings[T any] []struct {
	name string
	is   T
}

// enum returns the meaning of a name in any case or of a number, to which tools on the way may have given a fraction;
// absent is "". It is false for what is not in names.
func enum[T any](v []byte, names spellings[T]) (T, bool) {
	var none T
	var low [32]byte
	t, ok := text(v)
	if !ok || len(t) > len(low) {
		return none, false
	}
	for i, c := range t {
		low[i] = lower(c)
	}
	if is, ok := names.meaning(low[:len(t)]); ok || kindOf(v) != '0' {
		return is, ok
	}
	n, rej := number("", v)
	if rej != nil {
		return none, false
	}
	return names.meaning(strconv.AppendInt(low[:0], n, 10))
}

// meaning is what a name or number means, false where it is not among them.
func (s spellings[T]) meaning(name []byte) (is T, ok bool) {
	for i := range s {
		if n := &s[i]; n.name == string(name) {
			return n.is, true
		}
	}
	return is, false
}

// meant is what the value of a field meant that it had last.
type meant[T any] struct {
	raw []byte
	is  T
}

// enum is enum, which it remembers.
func (m *meant[T]) enum(v []byte, names spellings[T]) (T, bool) {
	if len(v) > 0 && bytes.Equal(m.raw, v) {
		return m.is, true
	}
	is, ok := enum(v, names)
	if ok {
		m.raw, m.is = append(m.raw[:0], v...), is
	}
	return is, ok
}

var actions = spellings[model.Verdict]{
	{"allow", model.Forwarded}, {"deny", model.Dropped}, {"1", model.Forwarded}, {"2", model.Dropped},
	{"", model.VerdictUnknown}, {"0", model.VerdictUnknown}, {"actionunspecified", model.VerdictUnknown},
}

// reportedBy is what a reporter tells: where the record was made and which direction policy judged there.
type reportedBy struct {
	observer  model.Observer
	direction model.Direction
	transit   bool
}

var (
	bySource      = reportedBy{observer: model.AtSource, direction: model.Egress}
	byDestination = reportedBy{observer: model.AtDestination, direction: model.Ingress}
	byNobody      = reportedBy{observer: model.Elsewhere}
	byForwarder   = reportedBy{observer: model.Elsewhere, transit: true}
)

// A host endpoint that forwards reports beside an end ("dst, fwd") or alone; the end is what counts.
var reporters = spellings[reportedBy]{
	{"src", bySource}, {"dst", byDestination}, {"1", bySource}, {"2", byDestination},
	{"", byNobody}, {"0", byNobody}, {"reporterunspecified", byNobody},
	{"src, fwd", bySource}, {"src,fwd", bySource}, {"fwd, src", bySource}, {"fwd,src", bySource},
	{"dst, fwd", byDestination}, {"dst,fwd", byDestination},
	{"fwd, dst", byDestination}, {"fwd,dst", byDestination}, {"fwd", byForwarder},
}

// endKind is what Calico says an end is.
type endKind uint8

const (
	kindAbsent endKind = iota
	workloadEndpoint
	hostEndpoint
	networkSet
	network
)

var endKinds = spellings[endKind]{
	{"", kindAbsent}, {"0", kindAbsent}, {"endpointtypeunspecified", kindAbsent}, {"1", workloadEndpoint},
	{"wep", workloadEndpoint}, {"workloadendpoint", workloadEndpoint}, {"2", hostEndpoint},
	{"hep", hostEndpoint}, {"hostendpoint", hostEndpoint}, {"3", networkSet}, {"ns", networkSet},
	{"networkset", networkSet}, {"4", network}, {"net", network}, {"network", network},
}

var protos = spellings[model.Proto]{
	{"", 0}, {"tcp", model.TCP}, {"udp", model.UDP}, {"sctp", model.SCTP}, {"icmp", model.ICMP},
	{"icmp6", model.ICMPv6}, {"icmpv6", model.ICMPv6}, {"ipip", 4}, {"esp", 50}, {"udplite", 136},
}

// proto is a protocol's name or number; absent is 0.
func proto(v []byte, m *meant[model.Proto]) (model.Proto, *rejection) {
	if p, ok := m.enum(v, protos); ok {
		return p, nil
	}
	n, r := number("proto", v)
	if r != nil || n < 0 || n > math.MaxUint8 {
		return 0, badValue("proto is no protocol")
	}
	return model.Proto(n), nil
}
