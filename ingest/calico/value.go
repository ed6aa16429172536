package calico

import (
	"math"
	"strconv"
	"time"

	"sluice/model"
)

// number returns a whole number written as a number or a string; absent is 0. Tools on the way may have made it
// a float (1.659621542E9).
func number(name string, v []byte) (int64, *rejection) {
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

// port is a number that a port can have; absent is 0.
func port(name string, v []byte) (uint16, *rejection) {
	n, r := number(name, v)
	if r == nil && (n < 0 || n > math.MaxUint16) {
		r = badValue("%s %d is no port", name, n)
	}
	return uint16(n), r
}

// instant returns microseconds since 1970 of a time in seconds or RFC 3339; absent is 0. A time too far off to count
// in microseconds becomes the farthest, which nobody believes either.
func instant(name string, v []byte) (int64, *rejection) {
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

// enum returns the meaning of a name in any case or of a number; absent is "". It is false for what is not in names.
func enum[T any](v []byte, names map[string]T) (T, bool) {
	t, ok := text(v)
	if !ok {
		var zero T
		return zero, false
	}
	m, ok := names[string(t)]
	var low [32]byte
	if !ok && len(t) <= len(low) {
		for i, c := range t {
			low[i] = lower(c)
		}
		m, ok = names[string(low[:len(t)])]
	}
	return m, ok
}

var actions = map[string]model.Verdict{
	"": model.VerdictUnknown, "0": model.VerdictUnknown, "actionunspecified": model.VerdictUnknown,
	"1": model.Forwarded, "allow": model.Forwarded,
	"2": model.Dropped, "deny": model.Dropped,
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
var reporters = map[string]reportedBy{
	"": byNobody, "0": byNobody, "reporterunspecified": byNobody,
	"1": bySource, "src": bySource, "src, fwd": bySource, "src,fwd": bySource, "fwd, src": bySource, "fwd,src": bySource,
	"2": byDestination, "dst": byDestination, "dst, fwd": byDestination, "dst,fwd": byDestination, "fwd, dst": byDestination, "fwd,dst": byDestination,
	"fwd": byForwarder,
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

var endKinds = map[string]endKind{
	"": kindAbsent, "0": kindAbsent, "endpointtypeunspecified": kindAbsent,
	"1": workloadEndpoint, "wep": workloadEndpoint, "workloadendpoint": workloadEndpoint,
	"2": hostEndpoint, "hep": hostEndpoint, "hostendpoint": hostEndpoint,
	"3": networkSet, "ns": networkSet, "networkset": networkSet,
	"4": network, "net": network, "network": network,
}

var protos = map[string]model.Proto{
	"": 0, "tcp": model.TCP, "udp": model.UDP, "sctp": model.SCTP, "icmp": model.ICMP, "icmp6": model.ICMPv6, "icmpv6": model.ICMPv6,
	"ipip": 4, "esp": 50, "udplite": 136,
}

// proto is a protocol's name or number; absent is 0.
func proto(v []byte) (model.Proto, *rejection) {
	if p, ok := enum(v, protos); ok {
		return p, nil
	}
	n, r := number("proto", v)
	if r != nil || n < 0 || n > math.MaxUint8 {
		return 0, badValue("proto is no protocol")
	}
	return model.Proto(n), nil
}
