package hubble

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"sluice/model"
)

// facts are what a record says, in the numbers of flow.proto, whichever form it came in: JSON and the wire fill them.
// What they mean stands in into and nowhere else.
type facts struct {
	said
	time             int64 // microseconds since 1970 UTC
	srcIP, dstIP     []byte
	srcPort, dstPort uint16
	src, dst         end
	names            []byte  // destination_names, each with a zero byte behind it
	service          service // destination_service
	aggregate        bool    // the record stands for several flows, of which it has what the exporter was told to keep
	logged           []byte  // policy_log, each with a zero byte behind it
	policies         []byte  // those that decided, each as model.Flow.Policies has them
	node             []byte  // that reported it
	layer7, trace    []byte  // l7 and trace_context as the form has them
	message          bool    // that form is the wire's
	flows            uint32  // how many these are: those of one direction, where it has several
}

// said are the facts that come in few combinations. Zero is what is not there.
type said struct {
	verdict, kind, direction uint32
	point, reason            uint32 // trace_observation_point, trace_reason
	drop, desc               uint32 // drop_reason, drop_reason_desc
	event, subEvent          uint32
	icmp                     uint16 // type of the message
	proto                    model.Proto
	flags                    model.TCPFlags
	hasFlags                 bool
	isReply                  model.Tri
	reply                    bool // the older field

	// What a record must have to be a flow without an envelope, and whether the envelope has two times.
	flat, hasVerdict, hasLayer4, outerTwice bool
}

// appendText appends a text and a zero byte behind it. A text with a zero byte of its own would be read as two, and
// its sender would choose the second: it is left out.
func appendText(texts, t []byte) []byte {
	if bytes.IndexByte(t, 0) >= 0 {
		return texts
	}
	return append(append(texts, t...), 0)
}

// service is what a Service object says.
type service struct{ name, namespace []byte }

func (s *service) named() bool { return len(s.name) > 0 || len(s.namespace) > 0 }

// end is what an endpoint object says.
type end struct {
	said bool
	ref  model.Ref // without a number where its address makes it
	pod  []byte
}

// The numbers of flow.proto that something follows from, as far as model has none for them.
const (
	kindL7   = 2
	kindSock = 3

	dropPolicyDenied = 133
	dropPolicyDeny   = 181
	dropAuthRequired = 189

	eventDrop    = 1
	eventDebug   = 3
	eventTrace   = 4
	eventVerdict = 5
	eventSock    = 7
	eventL7      = 129

	pointProxy    = 1
	pointStack    = 3
	pointOverlay  = 4
	pointNetwork  = 11
	pointEndpoint = 101

	reasonRelated = 4
	reasonEncap   = 6
	reasonDecap   = 7

	// stranger is the number of a name that is none of those, and of what is no number.
	stranger = 1 << 31
)

// enumeration is a type of flow.proto whose values are written by name or by number.
type enumeration []struct {
	name   string
	number uint32
}

var (
	verdicts = enumeration{
		{"FORWARDED", 1},
		{"DROPPED", 2},
		{"ERROR", 3},
		{"AUDIT", 4},
		{"REDIRECTED", 5},
		{"TRACED", 6},
		{"TRANSLATED", 7},
		{"VERDICT_UNKNOWN", 0},
	}
	kinds = enumeration{{"L3_L4", 1}, {"L7", kindL7}, {"SOCK", kindSock}}
	drops = enumeration{
		{"DROP_REASON_UNKNOWN", 0},
		{"POLICY_DENIED", dropPolicyDenied},
		{"POLICY_DENY", dropPolicyDeny},
		{"AUTH_REQUIRED", dropAuthRequired},
	}
	directions = enumeration{{"INGRESS", 1}, {"EGRESS", 2}}
	points     = enumeration{{"UNKNOWN_POINT", 0}, {"TO_ENDPOINT", pointEndpoint}, {"TO_STACK", pointStack},
		{"TO_OVERLAY", pointOverlay}, {"TO_NETWORK", pointNetwork}, {"TO_PROXY", pointProxy}}
	reasons = enumeration{{"RELATED", reasonRelated}, {"SRV6_ENCAP", reasonEncap}, {"SRV6_DECAP", reasonDecap}}
	chunks  = enumeration{{"INIT", chunkInit}, {"ABORT", chunkAbort}}
	plainly = enumeration{} // numbers alone
)

// Chunks of SCTP that tell how an association began or was refused, by their numbers in SCTPChunkType of flow.proto.
const (
	chunkInit  = 1
	chunkAbort = 6
)

// chunkFlags returns the flags of TCP that say what the first chunk of a packet of SCTP says: an opening, a refusal.
// Data and all that Hubble has no name for say nothing, as a record of Cilium before 1.20, which has no chunk.
func chunkFlags(chunk uint32) model.TCPFlags {
	switch chunk {
	case chunkInit:
		return model.SYN
	case chunkAbort:
		return model.RST
	}
	return 0
}

// number returns the number of a name or of a number as text, 0 for no text. To some that logs pass through all numbers
// are fractions.
func (e enumeration) number(text []byte) uint32 {
	if len(text) == 0 {
		return 0
	}
	for i := range e {
		if e[i].name == string(text) {
			return e[i].number
		}
	}
	v := uint64(0)
	for _, c := range text {
		if c-'0' > 9 {
			return unlisted(text)
		}
		if v = v*10 + uint64(c-'0'); v >= stranger {
			return stranger
		}
	}
	if text[0] == '0' && len(text) > 1 {
		return stranger
	}
	return uint32(v)
}

// unlisted returns the number of a name that is not listed, or of a whole one with a fraction or an exponent. All that
// has to do with SRv6 is passed by policies.
func unlisted(text []byte) uint32 {
	if strings.HasPrefix(string(text), "SRV6") {
		return reasonEncap
	}
	if text[0]-'0' > 9 || len(text) > maxDecimal || !json.Valid(text) {
		return stranger
	}
	if n, err := strconv.ParseFloat(string(text), 64); err == nil && n < stranger && n == float64(uint32(n)) {
		return uint32(n)
	}
	return stranger
}

// maxDecimal is how long a number may be that is not written as a whole one.
const maxDecimal = 32

// into says in f what the facts mean.
func (x *facts) into(f *model.Flow, a *addresses) {
	*f = model.Flow{} // a literal with all of this would be made elsewhere, and copied
	f.Time, f.Proto, f.SrcPort, f.DstPort = x.time, x.proto, x.srcPort, x.dstPort
	f.SrcIP, f.DstIP, f.SrcPod, f.DstPod = x.srcIP, x.dstIP, x.src.pod, x.dst.pod
	f.Flags, f.HasFlags, f.IsReply, f.Observer = x.flags, x.hasFlags, x.isReply, model.Elsewhere
	if x.proto == model.ICMP || x.proto == model.ICMPv6 {
		f.SrcPort, f.DstPort = 0, x.icmp
	}
	f.Src = a.endpoint(x.src.ref, &f.SrcIP, nil)
	f.Dst = a.endpoint(x.dst.ref, &f.DstIP, x.names)
	if x.verdict <= uint32(model.Translated) {
		f.Verdict = model.Verdict(x.verdict)
	}
	if f.Drop = dropOf(x.drop); f.Drop == model.DropNone {
		f.Drop = dropOf(x.desc)
	}
	if f.IsReply == model.Unknown && x.reply {
		f.IsReply = model.Yes
	}
	if x.direction <= uint32(model.Egress) {
		f.Direction = model.Direction(x.direction)
	}
	f.Related = x.reason == reasonRelated || x.reason == reasonEncap || x.reason == reasonDecap
	x.observe(f)
	// What aggregation left out of a record is not what the flow did not have.
	f.Aggregated = x.aggregate &&
		(x.verdict == 0 || x.proto == 0 || x.proto.HasPorts() && (x.srcPort == 0 || x.dstPort == 0))
	if x.aggregate && x.proto == model.TCP && x.flags&(model.SYN|model.ACK) == model.SYN {
		f.Conns = x.flows
	}
	if x.aggregate {
		f.Marks |= model.MarkAggregate
	}
	if len(x.node) > 0 {
		f.Node = x.node
	}
	f.Policies = x.policies
	if f.Logged = x.logged; len(x.logged) > 0 {
		f.Marks |= model.MarkLogged
	}
	if f.Dst.Kind == model.KindAddress && f.IsReply != model.Yes && x.service.named() {
		f.Dst = a.serviceAt(f.DstIP, &x.service)
	}
	if x.layer7 != nil && f.Event == model.EventL7 && f.IsReply != model.Yes &&
		(f.Dst.Kind == model.KindService || f.Src.Entities&model.IngressEntity != 0) {
		f.Host, f.Request = x.request()
	}
	if x.layer7 != nil && f.Event == model.EventL7 {
		x.lookUp(f)
	}
}

// dropOf tells what a DropReason means: 133 and 181 are a policy's, the latter of a rule that denies.
func dropOf(n uint32) model.Drop {
	switch n {
	case 0:
		return model.DropNone
	case dropPolicyDenied:
		return model.DropPolicy
	case dropPolicyDeny:
		return model.DropRule
	case dropAuthRequired:
		return model.DropAuth
	}
	return model.DropOther
}

// observe tells the event and where it was seen.
func (x *said) observe(f *model.Flow) {
	switch {
	case x.event == eventDrop:
		f.Event, f.Observer = model.EventDrop, model.AtDrop
	case x.event == eventVerdict:
		f.Event, f.Observer = model.EventVerdict, model.AtVerdict
	case x.event == eventL7, x.kind == kindL7:
		f.Event, f.Observer = model.EventL7, model.AtL7
	case x.event == eventSock, x.kind == kindSock:
		f.Event = model.EventSock
	case x.event == eventDebug:
		f.Event = model.EventDebug
	case x.event == eventTrace:
		f.Event, f.Observer = model.EventTrace, observer(x.point)
		// Point and subtype of a trace to an endpoint are both 0.
		if x.point == 0 && x.subEvent == 0 {
			f.Observer = model.AtDestination
		}
	default:
		f.Observer = observer(x.point)
		if f.Verdict == model.Dropped {
			f.Observer = model.AtDrop
		}
	}
}

// observer returns the place of a trace_observation_point.
func observer(point uint32) model.Observer {
	switch point {
	case pointEndpoint:
		return model.AtDestination
	case pointProxy:
		return model.ToProxy
	case pointStack:
		return model.ToStack
	case pointOverlay:
		return model.ToOverlay
	case pointNetwork:
		return model.ToNetwork
	}
	return model.Elsewhere
}
