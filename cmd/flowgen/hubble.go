//lint:file-ignore SA1019 The exporter still writes Summary, reply and drop_reason, and so do real captures.

package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// hubble writes connections as the exporters of the nodes do, all into one file.
type hubble struct {
	s       *scenario
	enc     *encoder
	old     *older
	clock   time.Time
	step    time.Duration
	records int // that fit
	written int
	most    int // of the connection at hand
	dated   time.Duration
	held    []*flowpb.Flow
	agent   *party // behind health checks
	node    *party
}

func newHubble(s *scenario, records int, enc *encoder) *hubble {
	p := cast(&scenario{Nodes: 1}, false)
	return &hubble{
		s:       s,
		enc:     enc,
		old:     newOlder(s),
		clock:   start,
		records: records,
		agent:   p["health"][0],
		node:    p["node"][0],
		step:    time.Duration(s.Minutes) * time.Minute / time.Duration(max(records, 1)),
	}
}

func (h *hubble) elapsed() float64 {
	if h.enc.err != nil {
		return 1
	}
	return float64(h.written) / float64(h.records)
}

func (h *hubble) close() error {
	for _, f := range h.held {
		h.enc.write(f)
	}
	return h.enc.close()
}

func (h *hubble) connection(c *conn, most int) {
	if h.most = h.written + most; most == 0 {
		h.most = h.records
	}
	h.dated = time.Duration(c.e.Dated) * time.Minute
	x := exchange{conn: c, h: h}
	switch {
	case c.denied:
		x.drops()
	case c.e.Kind == "icmp-error":
		x.icmpError()
	case c.e.Kind == "solicitation":
		x.solicitation()
	case c.e.Kind == "drop":
		x.drop()
	case slices.Contains(scans, c.e.Kind):
		x.scan()
	case c.e.Kind == "unanswered":
		x.probe(flagsOf(true))
	case c.e.Kind == "unasked":
		x.probe(&flowpb.TCPFlags{SYN: true, ACK: true})
	case c.e.OneWay:
		x.probe(nil)
	case c.e.Requests:
		x.requests(1 + x.r.IntN(2))
	case c.e.DNS || c.e.L7:
		x.proxied()
	default:
		x.plain()
	}
}

// health is what cilium-health sends all the time.
func (h *hubble) health(r *rand.Rand) {
	h.most, h.dated = h.records, 0
	x := exchange{h: h, conn: &conn{r: r, e: &edge{}, client: h.node, server: h.agent, sport: 45000, port: 4240}}
	x.deliver(true)
}

// emit stamps a record and writes it, a few records later than some that follow it.
func (h *hubble) emit(f *flowpb.Flow, node int, r *rand.Rand) {
	if h.written >= min(h.most, h.records) {
		return
	}
	h.written++
	h.clock = h.clock.Add(h.step + time.Duration(r.IntN(1000)))
	f.Time = timestamppb.New(h.clock.Add(h.dated))
	f.NodeName = fmt.Sprintf("%s/node-%d", h.s.Cluster, max(node, 0))
	h.old.strip(f, max(node, 0))
	h.held = append(h.held, f)
	if len(h.held) > 8 {
		i := r.IntN(3)
		h.enc.write(h.held[i])
		h.held = slices.Delete(h.held, i, i+1)
	}
	if h.s.Events > 0 && r.Float64() < h.s.Events {
		h.enc.event(r, f)
	}
}

// exchange is one connection while its records are written.
type exchange struct {
	*conn
	h *hubble
}

// packet is a record of a packet, towards the server or back.
func (x *exchange) packet(back bool, flags *flowpb.TCPFlags) *flowpb.Flow {
	f := &flowpb.Flow{Verdict: flowpb.Verdict_FORWARDED, Type: flowpb.FlowType_L3_L4,
		Ethernet: ethernet, EventType: &flowpb.CiliumEventType{Type: 4}, Uuid: uuid(x.r)}
	src, dst, sport, dport := x.client, x.server, x.sport, x.port
	if back {
		src, dst, sport, dport = dst, src, dport, sport
	}
	f.IP = &flowpb.IP{Source: src.address(x.v6), Destination: dst.address(x.v6), IpVersion: flowpb.IPVersion_IPv4}
	if x.v6 {
		f.IP.IpVersion = flowpb.IPVersion_IPv6
	}
	f.Source, f.Destination = src.peer, dst.peer
	switch x.e.Proto {
	case "udp":
		f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_UDP{UDP: &flowpb.UDP{SourcePort: sport, DestinationPort: dport}}}
		f.Summary = "UDP"
	case "sctp":
		f.L4 = &flowpb.Layer4{
			Protocol: &flowpb.Layer4_SCTP{SCTP: &flowpb.SCTP{SourcePort: sport, DestinationPort: dport}},
		}
		f.Summary = "SCTP"
	case "icmp":
		x.echo(f, back)
	default:
		f.L4 = &flowpb.Layer4{
			Protocol: &flowpb.Layer4_TCP{TCP: &flowpb.TCP{SourcePort: sport, DestinationPort: dport, Flags: flags}},
		}
		f.Summary = summary(flags)
	}
	return f
}

var ethernet = &flowpb.Ethernet{Source: "46:e5:ea:1f:95:ff", Destination: "d6:ec:b0:4a:ff:46"}

// summary is what Hubble prints for flags, in an order of its own.
func summary(g *flowpb.TCPFlags) string {
	var on []string
	for _, f := range []struct {
		name string
		set  bool
	}{{"SYN", g.GetSYN()}, {"ACK", g.GetACK()}, {"FIN", g.GetFIN()}, {"RST", g.GetRST()}, {"PSH", g.GetPSH()}} {
		if f.set {
			on = append(on, f.name)
		}
	}
	if on == nil {
		return "TCP"
	}
	return "TCP Flags: " + strings.Join(on, ", ")
}

// answer are the flags of some packet of a server.
func (x *exchange) answer() *flowpb.TCPFlags {
	switch x.r.IntN(4) {
	case 0:
		return &flowpb.TCPFlags{SYN: true, ACK: true}
	case 1:
		return &flowpb.TCPFlags{FIN: true, ACK: true}
	}
	return &flowpb.TCPFlags{ACK: true}
}

// echo makes a ping or its answer.
func (x *exchange) echo(f *flowpb.Flow, back bool) {
	kind, name := uint32(8), "EchoRequest"
	if back {
		kind, name = 0, "EchoReply"
	}
	if x.v6 {
		if kind = 128; back {
			kind = 129
		}
		f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_ICMPv6{ICMPv6: &flowpb.ICMPv6{Type: kind}}}
		f.Summary = "ICMPv6 " + name
		return
	}
	f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_ICMPv4{ICMPv4: &flowpb.ICMPv4{Type: kind}}}
	f.Summary = "ICMPv4 " + name
}

func uuid(r *rand.Rand) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], r.Uint64())
	binary.BigEndian.PutUint64(b[8:], r.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var out [36]byte
	hex.Encode(out[:], b[:4])
	hex.Encode(out[9:], b[4:6])
	hex.Encode(out[14:], b[6:8])
	hex.Encode(out[19:], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

const (
	toEndpoint = flowpb.TraceObservationPoint_TO_ENDPOINT
	toProxy    = flowpb.TraceObservationPoint_TO_PROXY
	toStack    = flowpb.TraceObservationPoint_TO_STACK
	toOverlay  = flowpb.TraceObservationPoint_TO_OVERLAY
	toNetwork  = flowpb.TraceObservationPoint_TO_NETWORK
)

// points are the subtypes of trace events (pkg/monitor/api); TO_ENDPOINT is 0.
var points = map[flowpb.TraceObservationPoint]int32{toProxy: 1, toStack: 3, toOverlay: 4, toNetwork: 11}

func at(f *flowpb.Flow, p flowpb.TraceObservationPoint) {
	f.TraceObservationPoint = p
	f.EventType.SubType = points[p]
}

// decided says of a record which way it went.
func decided(f *flowpb.Flow, reply bool, d flowpb.TrafficDirection, reason flowpb.TraceReason) {
	f.IsReply, f.Reply, f.TrafficDirection, f.TraceReason = wrapperspb.Bool(reply), reply, d, reason
}

const (
	ingress = flowpb.TrafficDirection_INGRESS
	egress  = flowpb.TrafficDirection_EGRESS
)

// deliver is a packet to the server as it arrives.
func (x *exchange) deliver(opening bool) {
	f := x.packet(false, flagsOf(opening))
	f.Destination = x.server.full
	f.Source = x.client.seen(x.server.node)
	decided(f, false, ingress, reasonOf(opening))
	at(f, toEndpoint)
	x.h.emit(f, x.server.node, x.r)
}

func reasonOf(opening bool) flowpb.TraceReason {
	if opening {
		return flowpb.TraceReason_NEW
	}
	return flowpb.TraceReason_ESTABLISHED
}

func flagsOf(opening bool) *flowpb.TCPFlags {
	if opening {
		return &flowpb.TCPFlags{SYN: true}
	}
	return &flowpb.TCPFlags{ACK: true, PSH: true}
}

// reply is a packet back, seen by the server's node where it leaves (TO_STACK) or the client's where it arrives.
func (x *exchange) reply(p flowpb.TraceObservationPoint) {
	f := x.packet(true, x.answer())
	node := x.client.node
	if p == toStack {
		decided(f, true, ingress, flowpb.TraceReason_REPLY)
		node = x.server.node
		f.Source, f.Destination = x.server.full, x.client.seen(node)
	} else {
		decided(f, true, egress, flowpb.TraceReason_REPLY)
		f.Source, f.Destination = x.server.seen(node), x.client.full
	}
	at(f, p)
	x.h.emit(f, node, x.r)
}
