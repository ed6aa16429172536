package calico

import (
	"bytes"
	"cmp"
	"math"

	"sluice/model"
)

// fill makes the flow of the record.
func (d *Decoder) fill() *rejection {
	r, f := &d.rec, &d.flow
	*f = model.Flow{Event: model.EventConnection, IsReply: model.No}
	if rej := cmp.Or(d.fillTimes(), d.fillLayer4(), d.fillVerdict()); rej != nil {
		return rej
	}
	src, rej := readEnd(r, &sourceSide, &d.before.kinds[0])
	if rej != nil {
		return rej
	}
	dst, rej := readEnd(r, &destSide, &d.before.kinds[1])
	if rej != nil {
		return rej
	}
	if ghost, rej := d.ghost(); ghost || rej != nil {
		return cmp.Or(rej, &rejection{model.Irrelevant, model.GhostRecord, "a bucket that was still filling"})
	}
	f.Aggregated = f.Proto.HasPorts() && f.DstPort == 0 || !src.known() || !dst.known()
	if f.Src, rej = d.ends.intern(&src); rej != nil {
		return rej
	}
	if f.Dst, rej = d.ends.intern(&dst); rej != nil {
		return rej
	}
	f.SrcPod, f.SrcIP = src.pod, src.ip
	f.DstPod, f.DstIP = dst.pod, dst.ip
	return nil
}

func (d *Decoder) fillTimes() (rej *rejection) {
	f := &d.flow
	if f.Time, rej = d.before.times[0].instant("start_time", d.rec.raw(startTime)); rej != nil {
		return rej
	}
	if f.End, rej = d.before.times[1].instant("end_time", d.rec.raw(endTime)); rej != nil {
		return rej
	}
	f.End = max(f.End, f.Time) // Felix sends one time for both
	return nil
}

// fillLayer4 sets protocol, ports and connections. Where a protocol has no ports Calico logs none, or the message's
// type of what began the connection, which no policy needs.
func (d *Decoder) fillLayer4() (rej *rejection) {
	r, f := &d.rec, &d.flow
	if f.Proto, rej = proto(r.raw(protocol), &d.before.protocol); rej != nil {
		return rej
	}
	if f.DstPort, rej = r.port("dest_port", destPort); rej != nil {
		return rej
	}
	if f.SrcPort, rej = r.port("source_port", sourcePort); rej != nil {
		return rej
	}
	if !f.Proto.HasPorts() {
		f.SrcPort, f.DstPort = 0, 0
	}
	n, rej := r.number("connections started", connsStarted)
	f.Conns = uint32(min(max(n, 0), math.MaxUint32))
	return rej
}

func (d *Decoder) fillVerdict() *rejection {
	r, f := &d.rec, &d.flow
	var ok bool
	if f.Verdict, ok = d.before.action.enum(r.raw(action), actions); !ok {
		return badValue("action is neither allow nor deny")
	}
	if f.Verdict == model.Dropped {
		f.Drop = model.DropPolicy
	}
	by, ok := d.before.reporter.enum(r.raw(reporter), reporters)
	if !ok {
		return badValue("reporter is none of src, dst and fwd")
	}
	f.Observer, f.Direction, f.Transit = by.observer, by.direction, by.transit
	f.Marks |= d.cameBack()
	return d.fillMarks()
}

// cameBack returns the mark of what the packet counters show of the server's answer, none where the record does not
// count both packets and connections (Whisker). What is refused is one packet each way: of TCP by a reset, of SCTP by
// an abort, where an association takes two of either end at least (RFC 9260, 5.1). One datagram may be lost, and
// traffic that goes one way by nature is more than one: only the former is unanswered. Where a protocol is nothing
// without an answer, as TCP, a ping or an association of SCTP, any number is. A client that is refused may have sent
// more than its opening; what came back tells by its size that it is no answer, where all connections of the record
// began and ended in it: of one that began before only what it acknowledges may be left.
func (d *Decoder) cameBack() model.Marks {
	r, f := &d.rec, &d.flow
	counted := r.goldmane || kindOf(r.raw(connsStarted)) != 0
	if !counted || f.Observer != model.AtSource && f.Observer != model.AtDestination {
		return 0
	}
	var n [4]int64
	for i, f := range [...]field{packetsIn, packetsOut, connsStarted, connsCompleted} {
		var rej *rejection
		if n[i], rej = r.number("a counter", f); rej != nil {
			return 0
		}
	}
	sent, back, started, completed := n[0], n[1], n[2], n[3]
	if f.Observer == model.AtSource {
		sent, back = back, sent
	}
	ended := back > 0 && completed >= started
	switch {
	case ended && (f.Proto == model.TCP || f.Proto == model.SCTP) && sent == back && back == started:
		return model.MarkReset
	case ended && f.Proto == model.TCP && 0 < started && started == completed && d.bare(back):
		return model.MarkReset
	case back > 0:
		return model.MarkAnswered
	case sent == 1 || sent > 0 && f.Proto.NeedsAnswer():
		return model.MarkUnanswered
	}
	return 0
}

// bareTCP and bareTCP6 are the bytes of a packet of TCP without options and data, by the family of its addresses.
// Resets are such packets (RFC 9293, 3.10.7.1); what accepts a connection states the size of its segments (3.7.1).
const bareTCP, bareTCP6 = 40, 60

// bare reports whether nothing that came back, in so many packets of TCP, can have accepted a connection.
func (d *Decoder) bare(packets int64) bool {
	r, back := &d.rec, bytesOut
	if d.flow.Observer == model.AtSource {
		back = bytesIn
	}
	size := int64(bareTCP)
	if bytes.IndexByte(r.raw(destIP), ':') >= 0 {
		size = bareTCP6
	}
	n, rej := r.number("a counter", back)
	live, none := r.number("a counter", connsLive)
	return rej == nil && none == nil && live == 0 && n == size*packets
}

// ghost recognises what Goldmane lists for a bucket that is filling: a key without times and counts.
func (d *Decoder) ghost() (bool, *rejection) {
	r := &d.rec
	if d.flow.Time != 0 || d.flow.End != 0 || !r.goldmane && kindOf(r.raw(startTime)) == 0 {
		return false, nil
	}
	for _, f := range counters {
		n, rej := r.number("a counter", f)
		if rej != nil || n != 0 {
			return false, rej
		}
	}
	return true, nil
}
