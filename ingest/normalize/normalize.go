// Package normalize decides what every flow record says about connections: which end is the server, whether the
// record is a reply, a denial or no dependency at all, and what cannot be learned from.
// It owns the rules that need one record only; rules that need several (duplicates, undecided directions, mixed
// verdicts) are decided by model/graph, so that the order of records never matters.
package normalize

import (
	"bytes"
	"time"

	"sluice/ingest"
	"sluice/model"
)

// The first and the first no longer believable time, microseconds.
var (
	minTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxTime = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
)

func believable(t int64) bool { return t >= minTime && t < maxTime }

// Normalizer is the ingest.Sink that turns flows into observations. It serves one goroutine.
type Normalizer struct {
	Report ingest.Report
	// Since and Until bound the records that count, microseconds since 1970 UTC, until excluded; 0 is no bound.
	// Records outside are counted in Report.OutOfRange alone.
	Since, Until int64
	// Endpoints takes the addresses of nodes and pods; nil: they are not noted.
	Endpoints *model.Endpoints
	// Noted is what the other readers of the log share with this one; nil: there are none.
	Noted   *Noted
	notes   notes
	calls   calls
	tunnels tunnels
	nodes   ingest.NodeCounter
	fold    *ingest.Fold
	window  uint32 // minutes
	row     model.Observation
	// start of the last window, to save a division for each record
	winFrom, winTo int64
	winStart       uint32
}

var _ ingest.Sink = (*Normalizer)(nil)

// New makes a Normalizer that adds to fold in windows of so many minutes (1 for the store, 60 for edges alone).
func New(fold *ingest.Fold, windowMinutes int) *Normalizer {
	return &Normalizer{fold: fold, window: uint32(windowMinutes)}
}

// Reject counts a record that is no flow.
func (n *Normalizer) Reject(r ingest.Rejection) {
	n.Report.Add(r)
	if r.Lost > 0 {
		n.Lose(r.LostFrom, r.LostTo, r.Lost)
	}
}

// Lose counts events that the log says were lost between two times, 0 where it does not say when. Those outside the
// bounds are none of ours.
func (n *Normalizer) Lose(from, to model.Micros, events uint64) {
	switch {
	case !believable(from) || !believable(to):
		from, to = 0, 0
	case to < n.Since || n.Until != 0 && from >= n.Until:
		return
	}
	n.Report.Lose(from, to, events)
}

// Flow counts a record under its fate.
func (n *Normalizer) Flow(f *model.Flow) {
	if believable(f.Time) && (f.Time < n.Since || n.Until != 0 && f.Time >= n.Until) {
		n.Report.Outside(f.Time)
		return
	}
	fate, reason := classify(f)
	n.Report.Counts[fate][reason]++
	if fate == model.Refused && reason == model.BadTime {
		n.Report.Rejected[fate][reason]++
		return
	}
	if n.Report.First == 0 || f.Time < n.Report.First {
		n.Report.First = f.Time
	}
	if end := max(f.Time, f.End); end > n.Report.Last {
		n.Report.Last = end
	}
	n.nodes.Count(&n.Report.Nodes, f.Node, f.Time)
	if len(f.Policies) > 0 {
		n.Report.Name(f.Policies)
	}
	if len(f.Logged) > 0 {
		n.Report.Log(f.Logged, model.Use{Count: uint64(max(f.Conns, 1)), Last: max(f.Time, f.End)})
	}
	o := &n.row
	swap := fate == model.Reply ||
		f.IsReply == model.Yes && (fate == model.Irrelevant && reason != model.ICMPError || fate == model.Refused)
	*o = model.Observation{
		Window: n.windowOf(f.Time), Src: f.Src.ID, Dst: f.Dst.ID, Port: f.DstPort, Proto: f.Proto, Verdict: f.Verdict,
		Observer: f.Observer, Fate: fate, Reason: reason, Marks: f.Marks | f.Src.Marks | f.Dst.Marks | cameBack(f, fate),
		Records: 1, Conns: f.Conns, First: f.Time, Last: max(f.Time, f.End),
	}
	srcPod, dstPod := f.SrcPod, f.DstPod
	if swap {
		o.Src, o.Dst, o.Port = f.Dst.ID, f.Src.ID, f.SrcPort
		srcPod, dstPod = dstPod, srcPod
	}
	if fate == model.Reply && f.IsReply == model.No {
		o.Marks |= model.MarkReplyNo
	}
	// Noise and refusals are counted, not listed: client ports must not make rows.
	switch {
	case fate == model.Irrelevant && f.IsReply == model.Unknown:
		o.Port = 0
	case fate == model.Irrelevant || fate == model.Refused:
		o.Port = fixedPort(o.Port)
	}
	switch {
	case !f.Proto.HasPorts():
		o.Port = echoRequest(f.Proto, f.DstPort)
	case fate == model.Undecided:
		o.SrcPort, o.Port = fixedPort(f.SrcPort), fixedPort(f.DstPort)
		if f.IsReply == model.No {
			o.Marks |= model.MarkReplyNo
		}
		if f.Verdict == model.Dropped {
			o.Marks |= model.MarkDenied
		}
	case (fate == model.Used || fate == model.Refused) && f.Proto.HasOpening() &&
		f.Flags&(model.SYN|model.ACK) == model.SYN:
		o.Marks |= model.MarkSYN
		o.Conns = max(o.Conns, 1)
	}
	if o.Fate == model.Denied || o.Marks&model.MarkDenied != 0 {
		o.Reason = deniedAt(f)
		if f.Drop == model.DropRule {
			o.Marks |= model.MarkDenyRule
		}
	}
	if f.Event == model.EventL7 && f.Verdict == model.Dropped {
		o.Marks |= model.MarkL7Denied
		o.Verdict = model.Forwarded
	}
	n.fold.Add(o, srcPod, dstPod)
	n.noteAddresses(f)
	n.noteAnswer(f, fate)
	if n.Endpoints != nil {
		n.calls.note(f, fate)
		n.tunnels.note(f)
	}
}

// cameBack returns the marks of what a record shows of the server's answer. An undecided record shows it if it turns
// out to be a reply, and so does one that is refused; a record that counts packets has its marks from the decoder.
func cameBack(f *model.Flow, fate model.Fate) model.Marks {
	answers := fate == model.Refused &&
		(f.IsReply == model.Yes || f.Proto == model.TCP && f.Flags&(model.SYN|model.ACK) == model.SYN|model.ACK)
	switch {
	case fate != model.Reply && fate != model.Undecided && !answers:
		return model.MarkNoted
	case f.Proto.HasOpening() && f.Flags&model.RST != 0:
		return model.MarkNoted | model.MarkReset
	}
	return model.MarkNoted | model.MarkAnswered
}

// deniedAt returns the reason that says at which end a policy denied a packet, none where the observer tells or nothing
// does.
func deniedAt(f *model.Flow) model.Reason {
	switch {
	case f.Observer == model.AtSource || f.Observer == model.AtDestination:
	case f.Direction == model.Egress:
		return model.AtEgress
	case f.Direction == model.Ingress:
		return model.AtIngress
	}
	return model.ReasonNone
}

// Flush hands on what the fold still holds.
func (n *Normalizer) Flush() {
	n.noteCalls()
	n.noteTunnels()
	n.nodes.Flush(&n.Report.Nodes)
	n.fold.Flush()
}

func (n *Normalizer) windowOf(t model.Micros) uint32 {
	if t < n.winFrom || t >= n.winTo {
		w := int64(n.window) * 60e6
		n.winFrom = t / w * w
		n.winTo = n.winFrom + w
		n.winStart = uint32(n.winFrom / 60e6)
	}
	return n.winStart
}

// classify applies the rules in their order; the first that holds decides.
func classify(f *model.Flow) (model.Fate, model.Reason) {
	if !believable(f.Time) {
		return model.Refused, model.BadTime
	}
	denied := false
	switch {
	case f.Transit:
		return model.Irrelevant, model.Transit
	case f.Event == model.EventSock:
		return model.Irrelevant, model.SocketEvent
	case f.Event == model.EventDebug:
		return model.Irrelevant, model.DebugEvent
	case f.Verdict == model.Forwarded || f.Verdict == model.Redirected || f.Verdict == model.Audit:
	case f.Verdict == model.Dropped && f.Event != model.EventL7:
		if r := dropReason(f); r != model.ReasonNone {
			if r == model.UnknownVerdict {
				return model.Refused, r
			}
			return model.Irrelevant, r
		}
		denied = true
	case f.Verdict == model.Dropped:
	case f.Verdict == model.VerdictUnknown:
		return model.Refused, model.UnknownVerdict
	default:
		return model.Irrelevant, model.VerdictOther
	}
	if r := noise(f); r != model.ReasonNone {
		return model.Irrelevant, r
	}
	if r := unlearnable(f); r != model.ReasonNone {
		return model.Refused, r
	}
	if f.Src.Kind != model.KindPod && f.Dst.Kind != model.KindPod && !proxied(f) {
		return model.Irrelevant, model.NodeToNode
	}
	fate := direction(f, denied)
	if denied && fate == model.Reply {
		return model.Irrelevant, model.Related // an answer that conntrack no longer knew; it proves nothing either way
	}
	client, server := &f.Src, &f.Dst
	if fate == model.Reply {
		client, server = server, client
	}
	switch {
	case fate == model.Undecided:
		return fate, model.ReasonNone
	case client.Entities&model.Host != 0 && client.Kind == model.KindEntity && server.Kind == model.KindPod:
		return model.Irrelevant, model.OwnNode
	case f.Dst.Kind == model.KindService && fate != model.Reply:
		return model.Irrelevant, model.ServiceAddress
	case denied && fate == model.Used:
		return model.Denied, model.ReasonNone
	}
	return fate, model.ReasonNone
}

// dropReason says why a drop is no policy evidence, ReasonNone when a policy dropped it. An L4 verdict event
// without a reason is a policy's (flow.proto: event 5 is only emitted by policy); any other drop without one is
// unknown and stays so.
func dropReason(f *model.Flow) model.Reason {
	switch {
	case f.Drop == model.DropPolicy || f.Drop == model.DropRule:
		return model.ReasonNone
	case f.Drop == model.DropAuth:
		return model.AuthRequired
	case f.Drop == model.DropOther:
		return model.NonPolicyDrop
	case f.Event == model.EventVerdict:
		return model.ReasonNone
	}
	return model.UnknownVerdict
}

// noise recognises records that are no dependency of an application.
func noise(f *model.Flow) model.Reason {
	switch {
	case (f.Src.Entities|f.Dst.Entities)&model.HealthEndpoint != 0:
		return model.Health
	case f.Proto == model.ICMP && icmpError(f.DstPort):
		return model.ICMPError
	case f.Proto == model.ICMPv6 && f.DstPort >= 1 && f.DstPort <= 4:
		return model.ICMPError
	case f.Proto == model.ICMPv6 && f.DstPort >= 130 && f.DstPort <= 143:
		return model.NeighborDiscovery
	case f.Related:
		return model.Related
	case selfTalk(f):
		return model.SelfTalk
	}
	return model.ReasonNone
}

func icmpError(t uint16) bool { return t == 3 || t == 4 || t == 5 || t == 11 || t == 12 }

// proxied reports whether an end is the proxy of Ingress and Gateway, which policies isolate like a pod.
func proxied(f *model.Flow) bool { return (f.Src.Entities|f.Dst.Entities)&model.IngressEntity != 0 }

// loopback reports whether an address is the one by which Cilium shows a pod to itself where it reaches itself through
// a service (ipv4-service-loopback-address and ipv6-service-loopback-address as installed). The record has no name for
// that end, at times not its identity either, and no policy is asked.
func loopback(ip []byte) bool { return string(ip) == "169.254.42.1" || string(ip) == "fe80::1" }

// selfTalk: the same pod at both ends, not merely the same workload: members of a Kafka cluster are edges. What a pod
// asks of the loopback address itself may be an edge where Cilium was given another one.
func selfTalk(f *model.Flow) bool {
	src, dst := f.Src.Kind, f.Dst.Kind
	switch {
	case dst == model.KindPod && loopback(f.SrcIP) && (src == model.KindPod || src == model.KindAddress),
		src == model.KindPod && loopback(f.DstIP) && (dst == model.KindPod ||
			dst == model.KindAddress && direction(f, f.Verdict == model.Dropped) != model.Used):
		return true
	case src != model.KindPod || dst != model.KindPod:
		return false
	}
	if len(f.SrcPod) > 0 && len(f.DstPod) > 0 {
		return f.Src.ID == f.Dst.ID && bytes.Equal(f.SrcPod, f.DstPod)
	}
	return f.Src.ID == f.Dst.ID && len(f.SrcIP) > 0 && bytes.Equal(f.SrcIP, f.DstIP)
}

// unlearnable recognises records that leave out what an edge needs. The reason does not depend on which end lacks it,
// so that both directions of a connection are refused for the same one.
func unlearnable(f *model.Flow) model.Reason {
	src, dst := &f.Src, &f.Dst
	switch {
	case f.Aggregated:
		return model.Aggregated
	case src.Kind == model.KindUnknown && len(f.SrcPod) > 0 || dst.Kind == model.KindUnknown && len(f.DstPod) > 0:
		return model.FieldMasked
	case src.Kind == model.KindUnknown || dst.Kind == model.KindUnknown:
		return model.EmptyEndpoint
	case (src.Entities|dst.Entities)&(model.UnknownEntity|model.Init) != 0:
		return model.UnknownIdentity
	case src.Kind == model.KindAddress && len(f.SrcIP) == 0 || dst.Kind == model.KindAddress && len(f.DstIP) == 0:
		return model.NoAddress
	case f.Proto == 0:
		return model.NoPort
	case f.Proto.HasPorts() && f.Event != model.EventConnection && (f.DstPort == 0 || f.SrcPort == 0):
		return model.NoPort
	}
	return model.ReasonNone
}
