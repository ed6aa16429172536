//lint:file-ignore SA1019 The exporter still writes Summary, reply and drop_reason, and so do real captures.

package main

import (
	"fmt"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// plain is a connection that no proxy looks into.
func (x *exchange) plain() {
	opening := !x.e.Old && x.r.IntN(3) > 0
	if x.e.Service {
		x.translation()
	}
	if x.e.Audit {
		f := x.verdict(flowpb.Verdict_AUDIT, ingress)
		f.Destination, f.Source = x.server.full, x.client.seen(x.server.node)
		x.h.emit(f, x.server.node, x.r)
	}
	crossed := x.client.node != x.server.node || !x.client.pod || !x.server.pod
	if crossed && x.client.pod {
		x.leave(opening)
	}
	if x.server.pod {
		x.deliver(opening)
	}
	switch {
	case crossed && x.client.pod && x.server.pod && x.r.IntN(10) == 0: // a reply on the overlay, without is_reply
		f := x.packet(true, x.answer())
		at(f, toOverlay)
		f.Source = x.server.proxy
		x.h.emit(f, x.server.node, x.r)
	case x.client.pod:
		x.reply(toEndpoint)
	default:
		x.reply(toStack)
	}
}

// leave is a packet that leaves the client's node.
func (x *exchange) leave(opening bool) {
	f := x.packet(false, flagsOf(opening))
	f.Source, f.Destination = x.client.full, x.server.seen(x.client.node)
	decided(f, false, egress, reasonOf(opening))
	switch {
	case x.server.w == nil:
		at(f, toNetwork)
		f.DestinationNames = x.e.Names
	case !x.server.pod:
		at(f, toStack)
	case x.r.IntN(10) == 0: // the overlay knows neither direction nor reply, nor who the sender is but by its identity
		f.IsReply, f.TrafficDirection, f.TraceReason = nil, 0, 0
		f.Source = x.client.proxy
		at(f, toOverlay)
	default:
		at(f, toOverlay)
	}
	x.h.emit(f, x.client.node, x.r)
}

// verdict is the event of a policy that was asked.
func (x *exchange) verdict(v flowpb.Verdict, d flowpb.TrafficDirection) *flowpb.Flow {
	f := x.packet(false, flagsOf(true))
	f.Verdict, f.EventType.Type = v, 5
	decided(f, false, d, 0)
	if v != flowpb.Verdict_AUDIT {
		f.PolicyMatchType = 2
	}
	return f
}

// proxied is a connection through the proxy of the client's node: HTTP, or a DNS query. What the proxy sends on has
// the client's identity and the address of its node. Aggregation leaves out about half of the packets and requests.
func (x *exchange) proxied() {
	node := x.client.node
	seen := func(f *flowpb.Flow) *flowpb.Flow {
		f.Source, f.Destination = x.client.full, x.server.seen(node)
		return f
	}
	if !x.client.pod {
		x.deliver(true)
	} else {
		x.h.emit(seen(x.verdict(flowpb.Verdict_REDIRECTED, egress)), node, x.r)
		if x.r.IntN(2) == 0 {
			f := seen(x.packet(false, flagsOf(false)))
			decided(f, false, egress, flowpb.TraceReason_ESTABLISHED)
			f.ProxyPort = 13431
			at(f, toProxy)
			x.h.emit(f, node, x.r)
		}
	}
	x.requests(x.r.IntN(2))
	x.behindProxy()
	if x.r.IntN(3) == 0 && x.client.pod {
		x.reply(toEndpoint)
	}
}

// behindProxy is what the proxy sends on to the server.
func (x *exchange) behindProxy() {
	if !x.client.pod || !x.server.pod || x.r.IntN(3) > 0 {
		return
	}
	from := fmt.Sprintf("10.0.%d.148", 10+x.client.node)
	opening := x.r.IntN(3) == 0
	f := x.packet(false, flagsOf(opening))
	f.Source = x.client.proxy
	if f.IP.Source = from; x.v6 {
		f.IP.Source = "fd00:10::94"
	}
	if x.client.node != x.server.node && x.r.IntN(2) == 0 {
		at(f, toOverlay)
		x.h.emit(f, x.client.node, x.r)
		return
	}
	f.Destination = x.server.full
	decided(f, false, ingress, reasonOf(opening))
	at(f, toEndpoint)
	x.h.emit(f, x.server.node, x.r)
}

func (x *exchange) requests(n int) {
	for range n {
		x.request(false)
		x.request(true)
	}
}

// request is a request that the proxy saw, or the response: ends swapped, direction kept.
func (x *exchange) request(back bool) {
	f := x.packet(back, nil)
	f.Type, f.EventType.Type, f.Ethernet = flowpb.FlowType_L7, 129, nil
	client, server := x.client.full, x.server.seen(x.client.node)
	node, direction := x.client.node, egress
	if !x.client.pod {
		client, server, node, direction = x.client.seen(x.server.node), x.server.full, x.server.node, ingress
	}
	if x.e.WorldPod {
		server = x.server.stray
	}
	f.Source, f.Destination = client, server
	if back {
		f.Source, f.Destination = server, client
	}
	decided(f, back, direction, 0)
	switch {
	case x.e.DNS && back:
		f.L7, f.Summary = dnsAnswer, "DNS Answer \"10.96.0.20\" TTL: 30 (Proxy service.example. A)"
	case x.e.DNS:
		f.L7, f.Summary = dnsQuery, "DNS Query service.example. A"
	case back:
		f.L7, f.Summary = httpResponse, "HTTP/1.1 200 12ms (GET http://service/path)"
	default:
		f.L7, f.Summary = httpRequest, "HTTP/1.1 GET http://service/path"
	}
	x.h.emit(f, node, x.r)
}

var (
	httpRequest = &flowpb.Layer7{Type: flowpb.L7FlowType_REQUEST, Record: &flowpb.Layer7_Http{Http: &flowpb.HTTP{
		Method: "GET", Url: "http://service/path", Protocol: "HTTP/1.1", Headers: []*flowpb.HTTPHeader{{Key: "User-Agent", Value: "client/1.0"}}}}}
	httpResponse = &flowpb.Layer7{
		Type:      flowpb.L7FlowType_RESPONSE,
		LatencyNs: 12_000_000,
		Record: &flowpb.Layer7_Http{Http: &flowpb.HTTP{
			Code: 200, Method: "GET", Url: "http://service/path", Protocol: "HTTP/1.1"}},
	}
	dnsQuery = &flowpb.Layer7{Type: flowpb.L7FlowType_REQUEST, Record: &flowpb.Layer7_Dns{Dns: &flowpb.DNS{
		Query: "service.example.", ObservationSource: "proxy", Qtypes: []string{"A"}}}}
	dnsAnswer = &flowpb.Layer7{
		Type:      flowpb.L7FlowType_RESPONSE,
		LatencyNs: 400_000,
		Record: &flowpb.Layer7_Dns{Dns: &flowpb.DNS{
			Query: "service.example.", Ips: []string{"10.96.0.20"}, Ttl: 30, ObservationSource: "proxy", Qtypes: []string{"A"}, Rrtypes: []string{"A"}}},
	}
)

// translation is the service address in the client's connect call and, where the socket does not translate, on the
// wire.
func (x *exchange) translation() {
	service := func(f *flowpb.Flow) *flowpb.Flow {
		f.IP.Destination, f.Destination = "10.96.7.7", &flowpb.Endpoint{Identity: 2, Labels: []string{"reserved:world"}}
		if x.v6 {
			f.IP.Destination = "fd00:96::77"
		}
		f.DestinationService = &flowpb.Service{Name: x.server.w.Name, Namespace: x.server.w.Namespace}
		f.Source = x.client.full
		return f
	}
	if x.r.IntN(2) == 0 {
		f := service(x.packet(false, flagsOf(true)))
		decided(f, false, egress, flowpb.TraceReason_NEW)
		at(f, toStack)
		x.h.emit(f, x.client.node, x.r)
		return
	}
	for _, point := range []flowpb.SocketTranslationPoint{
		flowpb.SocketTranslationPoint_SOCK_XLATE_POINT_PRE_DIRECTION_FWD,
		flowpb.SocketTranslationPoint_SOCK_XLATE_POINT_POST_DIRECTION_FWD,
	} {
		f := x.packet(false, nil)
		f.Verdict, f.Source = flowpb.Verdict_TRANSLATED, x.client.full
		if point == flowpb.SocketTranslationPoint_SOCK_XLATE_POINT_PRE_DIRECTION_FWD {
			f = service(f)
			f.Verdict = flowpb.Verdict_TRACED
		}
		f.Type, f.EventType, f.Ethernet, f.Summary = flowpb.FlowType_SOCK, &flowpb.CiliumEventType{Type: 7}, nil, ""
		f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_TCP{TCP: &flowpb.TCP{DestinationPort: x.port}}}
		f.SockXlatePoint, f.SocketCookie, f.CgroupId = point, 12345, 7890
		x.h.emit(f, x.client.node, x.r)
	}
}

// drops is a connection that a policy drops: a verdict and a drop a few microseconds apart. The policy is the
// server's where that is a pod, else the client's.
func (x *exchange) drops() {
	for _, event := range []int32{5, 1} {
		f := x.packet(false, flagsOf(true))
		f.Verdict, f.DropReason, f.DropReasonDesc = flowpb.Verdict_DROPPED, 133, flowpb.DropReason_POLICY_DENIED
		f.EventType.Type = event
		if event == 1 {
			f.EventType.SubType = 133
		}
		node := x.server.node
		if f.TrafficDirection = ingress; !x.server.pod {
			f.TrafficDirection, node = egress, x.client.node
			if x.r.IntN(8) > 0 { // the same address is in the log with its name and without
				f.DestinationNames = x.e.Names
			}
		}
		f.Source, f.Destination = x.client.seen(node), x.server.seen(node)
		if x.server.pod {
			f.Destination = x.server.full
		}
		x.h.emit(f, node, x.r)
	}
}

// icmpError is the answer to a late packet; it looks like denied egress, or belongs to another connection.
func (x *exchange) icmpError() {
	f := x.packet(false, nil)
	f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_ICMPv4{ICMPv4: &flowpb.ICMPv4{Type: 3, Code: 3}}}
	if x.v6 {
		f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_ICMPv6{ICMPv6: &flowpb.ICMPv6{Type: 1, Code: 4}}}
	}
	f.Source, f.Summary = x.client.full, "ICMPv4 DestinationUnreachable(Port)"
	if x.r.IntN(4) == 0 {
		decided(f, false, egress, flowpb.TraceReason_RELATED)
		at(f, toStack)
	} else {
		f.Verdict, f.DropReason, f.DropReasonDesc = flowpb.Verdict_DROPPED, 133, flowpb.DropReason_POLICY_DENIED
		f.EventType, f.TrafficDirection = &flowpb.CiliumEventType{Type: 1, SubType: 133}, egress
	}
	x.h.emit(f, x.client.node, x.r)
}

// probe is a packet that begins something, as it arrives.
func (x *exchange) probe(flags *flowpb.TCPFlags) {
	f := x.packet(false, flags)
	f.Source, f.Destination = x.client.seen(x.server.node), x.server.full
	decided(f, false, ingress, flowpb.TraceReason_NEW)
	at(f, toEndpoint)
	x.h.emit(f, x.server.node, x.r)
}

// scan is a probe of a closed port: TCP answers with a reset, UDP with an error, of which systems send few.
func (x *exchange) scan() {
	x.probe(
		map[string]*flowpb.TCPFlags{"syn-scan": {SYN: true}, "ack-scan": {ACK: true}, "fin-scan": {FIN: true}}[x.e.Kind],
	)
	f := x.packet(true, &flowpb.TCPFlags{RST: true, ACK: true})
	f.Source, f.Destination = x.server.full, x.client.seen(x.server.node)
	if x.e.Kind != "udp-scan" {
		decided(f, true, ingress, flowpb.TraceReason_REPLY)
	} else if x.r.IntN(4) > 0 {
		return
	} else {
		f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_ICMPv4{ICMPv4: &flowpb.ICMPv4{Type: 3, Code: 3}}}
		f.Summary = "ICMPv4 DestinationUnreachable(Port)"
		decided(f, false, egress, flowpb.TraceReason_RELATED)
	}
	at(f, toStack)
	x.h.emit(f, x.server.node, x.r)
}

// solicitation is a pod that asks for routers, from an address that Cilium did not give it.
func (x *exchange) solicitation() {
	f := x.packet(false, nil)
	f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_ICMPv6{ICMPv6: &flowpb.ICMPv6{Type: 133}}}
	f.IP = &flowpb.IP{Source: "fe80::64d8:8aff:fe72:fc14", Destination: x.server.ip, IpVersion: flowpb.IPVersion_IPv6}
	f.Verdict, f.DropReason, f.DropReasonDesc = flowpb.Verdict_DROPPED, 132, flowpb.DropReason_INVALID_SOURCE_IP
	f.EventType, f.TrafficDirection = &flowpb.CiliumEventType{Type: 1, SubType: 132}, ingress
	f.Source, f.Summary = x.client.full, "ICMPv6 RouterSolicitation"
	x.h.emit(f, x.client.node, x.r)
}

// drop is a packet that got lost for a reason that is no policy.
func (x *exchange) drop() {
	f := x.packet(false, flagsOf(false))
	f.Verdict, f.DropReason, f.DropReasonDesc = flowpb.Verdict_DROPPED, 151, flowpb.DropReason_STALE_OR_UNROUTABLE_IP
	f.EventType, f.TrafficDirection = &flowpb.CiliumEventType{Type: 1, SubType: 151}, egress
	f.Source = x.client.full
	x.h.emit(f, x.client.node, x.r)
}
