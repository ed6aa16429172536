//lint:file-ignore SA1019 The exporter still writes the deprecated fields (Summary, reply, drop_reason), and so do real captures.

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// party is one end of a connection: a pod, or what stands for an end that is none.
type party struct {
	full  *flowpb.Endpoint // as its own node reports it
	peer  *flowpb.Endpoint // as other nodes do: no endpoint ID, no workload
	proxy *flowpb.Endpoint // behind the proxy or on the overlay: no namespace, no pod name
	ip    string
	node  int
	pod   bool
}

type generator struct {
	s       *scenario
	r       *rand.Rand
	enc     *encoder
	parties map[string][]*party
	clock   time.Time
	step    time.Duration
	left    int
	held    []*flowpb.Flow // written a little out of order
}

func newGenerator(s *scenario, seed uint64, rollout bool, enc *encoder) *generator {
	g := &generator{s: s, r: rand.New(rand.NewPCG(seed, 11)), enc: enc, parties: map[string][]*party{}, clock: start}
	g.people(rollout)
	return g
}

// hash makes the suffixes that controllers give to names, of their own alphabet.
func hash(r *rand.Rand, n int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func podName(w *workload, r *rand.Rand, rs string, i int) string {
	switch w.Kind {
	case "StatefulSet":
		return fmt.Sprintf("%s-%d", w.Name, i)
	case "DaemonSet":
		return w.Name + "-" + hash(r, 5)
	case "CronJob":
		return fmt.Sprintf("%s-%d-%s", w.Name, 29_000_000+r.IntN(9999), hash(r, 5))
	case "Pod":
		return w.Name
	}
	return w.Name + "-" + rs + "-" + hash(r, 5)
}

// people makes the pods. Their names come from a generator of their own, so that they do not depend on the records.
func (g *generator) people(rollout bool) {
	version, seed := "v1", uint64(3)
	if rollout {
		version, seed = "v2", 4
	}
	r := rand.New(rand.NewPCG(seed, 5))
	for i := range g.s.Workloads {
		w := &g.s.Workloads[i]
		rs := hash(r, 10)
		labels := []string{"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=" + w.Namespace, "k8s:io.cilium.k8s.policy.cluster=" + g.s.Cluster,
			"k8s:io.cilium.k8s.policy.serviceaccount=" + cmpOr(w.ServiceAccount, "default"), "k8s:io.kubernetes.pod.namespace=" + w.Namespace}
		for k, v := range w.Labels {
			labels = append(labels, "k8s:"+k+"="+v)
		}
		for k, v := range w.PerRollout {
			labels = append(labels, "k8s:"+k+"="+strings.ReplaceAll(v, "%s", version))
		}
		slices.Sort(labels)
		for n := range max(w.Replicas, 1) {
			kind := w.Kind
			if kind == "" {
				kind = "Deployment"
			}
			name := podName(w, r, rs, n)
			identity := uint32(20_000 + i)
			id := uint32(1 + r.IntN(4000))
			base := func() *flowpb.Endpoint {
				return &flowpb.Endpoint{Identity: identity, ClusterName: g.s.Cluster, Namespace: w.Namespace, Labels: labels, PodName: name}
			}
			p := &party{full: base(), peer: base(), proxy: &flowpb.Endpoint{Identity: identity, ClusterName: g.s.Cluster, Labels: labels}, pod: true, node: (i + n) % g.s.Nodes}
			p.full.ID = id
			if kind != "Pod" {
				p.full.Workloads = []*flowpb.Workload{{Name: w.Name, Kind: kind}}
			}
			p.ip = fmt.Sprintf("10.%d.%d.%d", 1+i/250%250, i%250, 2+n%250)
			key := w.Namespace + "/" + w.Name
			g.parties[key] = append(g.parties[key], p)
		}
	}
	reserved := func(key, ip string, identity uint32, labels ...string) {
		e := &flowpb.Endpoint{Identity: identity, Labels: labels}
		g.parties[key] = []*party{{full: e, peer: e, proxy: e, ip: ip, node: -1}}
	}
	reserved("host", "10.0.0.1", 1, "reserved:host")
	reserved("node", "10.0.0.2", 6, "reserved:remote-node")
	reserved("apiserver", "172.18.0.2", 7, "reserved:kube-apiserver", "reserved:remote-node")
	reserved("health", "10.0.0.9", 4, "reserved:health")
	for _, e := range append(slices.Clone(g.s.Edges), g.s.Noise...) {
		for _, end := range []string{e.From, e.To} {
			if a, ok := strings.CutPrefix(end, "world:"); ok {
				reserved(end, a, 2, "reserved:world")
			}
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// run draws edges by their weight until enough records are written. Every edge is drawn once first.
func (g *generator) run(records int) error {
	g.left = records
	g.step = time.Duration(g.s.Minutes) * time.Minute / time.Duration(max(records, 1))
	var wheel []*edge
	for _, list := range [][]edge{g.s.Edges, g.s.Noise} {
		for i := range list {
			for range max(list[i].Weight, 1) {
				wheel = append(wheel, &list[i])
			}
		}
	}
	for i := range g.s.Edges {
		g.draw(&g.s.Edges[i])
	}
	for i := range g.s.Noise {
		g.draw(&g.s.Noise[i])
	}
	for g.left > 0 && g.enc.err == nil {
		if g.r.IntN(400) == 0 {
			g.health()
			continue
		}
		g.draw(wheel[g.r.IntN(len(wheel))])
	}
	for _, f := range g.held {
		g.enc.write(f, g.r)
	}
	return g.enc.err
}

func (g *generator) pick(end string) *party {
	list := g.parties[end]
	return list[g.r.IntN(len(list))]
}

// draw writes the records of one connection of an edge.
func (g *generator) draw(e *edge) {
	c := &conn{g: g, e: e, client: g.pick(e.From), server: g.pick(e.To), sport: uint32(32768 + g.r.IntN(28000))}
	switch {
	case e.Kind == "denied":
		c.denied()
	case e.Kind == "icmp-error":
		c.icmpError()
	case e.From == "host":
		c.deliver(!e.Old, flowpb.TraceObservationPoint_TO_ENDPOINT)
		c.reply(flowpb.TraceObservationPoint_TO_STACK)
	default:
		c.connection()
	}
}

// health is what cilium-health sends all the time.
func (g *generator) health() {
	c := &conn{g: g, e: &edge{Port: 4240}, client: g.pick("node"), server: g.pick("health"), sport: 45000}
	c.deliver(true, flowpb.TraceObservationPoint_TO_ENDPOINT)
}

// emit stamps a record and writes it, a few records later than some that follow it.
func (g *generator) emit(f *flowpb.Flow, node int) {
	if g.left <= 0 {
		return
	}
	g.left--
	g.clock = g.clock.Add(g.step + time.Duration(g.r.IntN(1000)))
	f.Time = timestamppb.New(g.clock)
	f.NodeName = fmt.Sprintf("%s/node-%d", g.s.Cluster, max(node, 0))
	g.held = append(g.held, f)
	if len(g.held) > 8 {
		i := g.r.IntN(3)
		g.enc.write(g.held[i], g.r)
		g.held = slices.Delete(g.held, i, i+1)
	}
}

// conn is one connection while its records are written.
type conn struct {
	g              *generator
	e              *edge
	client, server *party
	sport          uint32
}

// packet is a record of a packet, towards the server or back.
func (c *conn) packet(back bool, flags *flowpb.TCPFlags) *flowpb.Flow {
	f := &flowpb.Flow{Verdict: flowpb.Verdict_FORWARDED, Type: flowpb.FlowType_L3_L4, Summary: "TCP Flags: ACK",
		Ethernet:  &flowpb.Ethernet{Source: "46:e5:ea:1f:95:ff", Destination: "d6:ec:b0:4a:ff:46"},
		EventType: &flowpb.CiliumEventType{Type: 4}, Uuid: c.g.uuid()}
	src, dst, sport, dport := c.client, c.server, c.sport, c.e.Port
	if back {
		src, dst, sport, dport = dst, src, dport, sport
	}
	f.IP = &flowpb.IP{Source: src.ip, Destination: dst.ip, IpVersion: flowpb.IPVersion_IPv4}
	f.Source, f.Destination = src.peer, dst.peer
	if strings.Contains(src.ip, ":") || strings.Contains(dst.ip, ":") {
		f.IP.IpVersion = flowpb.IPVersion_IPv6
	}
	if c.e.Proto == "udp" {
		f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_UDP{UDP: &flowpb.UDP{SourcePort: sport, DestinationPort: dport}}}
		f.Summary = "UDP"
	} else {
		f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_TCP{TCP: &flowpb.TCP{SourcePort: sport, DestinationPort: dport, Flags: flags}}}
	}
	return f
}

func (g *generator) uuid() string {
	a, b := g.r.Uint64(), g.r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

var points = map[flowpb.TraceObservationPoint]int32{flowpb.TraceObservationPoint_TO_ENDPOINT: 0, flowpb.TraceObservationPoint_TO_PROXY: 1,
	flowpb.TraceObservationPoint_TO_STACK: 3, flowpb.TraceObservationPoint_TO_OVERLAY: 4, flowpb.TraceObservationPoint_TO_NETWORK: 11}

func at(f *flowpb.Flow, p flowpb.TraceObservationPoint) {
	f.TraceObservationPoint = p
	f.EventType.SubType = points[p]
}

// deliver is a packet to the server as it arrives.
func (c *conn) deliver(opening bool, p flowpb.TraceObservationPoint) {
	flags := &flowpb.TCPFlags{ACK: true, PSH: true}
	reason := flowpb.TraceReason_ESTABLISHED
	if opening {
		flags, reason = &flowpb.TCPFlags{SYN: true}, flowpb.TraceReason_NEW
	}
	f := c.packet(false, flags)
	f.Destination = c.server.full
	if c.client.node == c.server.node && c.client.pod {
		f.Source = c.client.full
	}
	f.IsReply, f.TrafficDirection, f.TraceReason = wrapperspb.Bool(false), flowpb.TrafficDirection_INGRESS, reason
	at(f, p)
	c.g.emit(f, c.server.node)
}

// reply is a packet back, seen by the server's node where it leaves (TO_STACK) or the client's where it arrives.
func (c *conn) reply(p flowpb.TraceObservationPoint) {
	f := c.packet(true, &flowpb.TCPFlags{ACK: true})
	f.IsReply, f.Reply, f.TraceReason = wrapperspb.Bool(true), true, flowpb.TraceReason_REPLY
	f.TrafficDirection = flowpb.TrafficDirection_EGRESS
	node := c.client.node
	if p == flowpb.TraceObservationPoint_TO_STACK {
		f.TrafficDirection, f.Source, node = flowpb.TrafficDirection_INGRESS, c.server.full, c.server.node
	} else {
		f.Destination = c.client.full
	}
	at(f, p)
	c.g.emit(f, node)
}

// connection is a connection between pods, or with the outside.
func (c *conn) connection() {
	g := c.g
	opening := !c.e.Old && g.r.IntN(3) > 0
	crossed := c.client.node != c.server.node || !c.client.pod || !c.server.pod
	if crossed && c.client.pod {
		f := c.packet(false, &flowpb.TCPFlags{SYN: opening, ACK: !opening})
		f.Source = c.client.full
		f.TraceReason = flowpb.TraceReason_NEW
		f.IsReply, f.TrafficDirection = wrapperspb.Bool(false), flowpb.TrafficDirection_EGRESS
		switch {
		case !c.server.pod:
			at(f, flowpb.TraceObservationPoint_TO_NETWORK)
			f.DestinationNames = c.e.Names
		case g.r.IntN(10) == 0: // the overlay knows neither direction nor reply, nor who the sender is but by its identity
			f.IsReply, f.TrafficDirection, f.TraceReason = nil, 0, 0
			f.Source = c.client.proxy
			at(f, flowpb.TraceObservationPoint_TO_OVERLAY)
		default:
			at(f, flowpb.TraceObservationPoint_TO_OVERLAY)
		}
		g.emit(f, c.client.node)
	}
	if c.server.pod {
		c.deliver(opening, flowpb.TraceObservationPoint_TO_ENDPOINT)
	}
	if c.e.L7 {
		f := c.packet(false, nil)
		f.Type, f.EventType.Type, f.Summary = flowpb.FlowType_L7, 129, "HTTP/1.1 GET http://service/path"
		f.L7 = &flowpb.Layer7{Type: flowpb.L7FlowType_REQUEST, Record: &flowpb.Layer7_Http{Http: &flowpb.HTTP{Method: "GET", Url: "http://service/path", Protocol: "HTTP/1.1"}}}
		f.IsReply, f.TrafficDirection = wrapperspb.Bool(false), flowpb.TrafficDirection_INGRESS
		g.emit(f, c.server.node)
	}
	switch {
	case crossed && c.server.pod && g.r.IntN(10) == 0: // a reply on the overlay, without is_reply
		f := c.packet(true, &flowpb.TCPFlags{ACK: true})
		at(f, flowpb.TraceObservationPoint_TO_OVERLAY)
		f.Source = c.server.proxy
		g.emit(f, c.server.node)
	case c.client.pod:
		c.reply(flowpb.TraceObservationPoint_TO_ENDPOINT)
	default:
		c.reply(flowpb.TraceObservationPoint_TO_STACK)
	}
}

// denied is a connection that a policy drops: a verdict and a drop a few microseconds apart.
func (c *conn) denied() {
	for _, event := range []int32{5, 1} {
		f := c.packet(false, &flowpb.TCPFlags{SYN: true})
		f.Verdict, f.DropReason, f.DropReasonDesc = flowpb.Verdict_DROPPED, 133, flowpb.DropReason_POLICY_DENIED
		f.EventType = &flowpb.CiliumEventType{Type: event}
		if event == 1 {
			f.EventType.SubType = 133
		}
		f.Destination, f.TrafficDirection = c.server.full, flowpb.TrafficDirection_INGRESS
		c.g.emit(f, c.server.node)
	}
}

// icmpError is the answer to a late packet; it looks like denied egress.
func (c *conn) icmpError() {
	f := c.packet(false, nil)
	f.L4 = &flowpb.Layer4{Protocol: &flowpb.Layer4_ICMPv4{ICMPv4: &flowpb.ICMPv4{Type: 3, Code: 3}}}
	f.Verdict, f.DropReason, f.DropReasonDesc = flowpb.Verdict_DROPPED, 133, flowpb.DropReason_POLICY_DENIED
	f.EventType = &flowpb.CiliumEventType{Type: 1, SubType: 133}
	f.TrafficDirection, f.Source, f.Summary = flowpb.TrafficDirection_EGRESS, c.client.full, "ICMPv4 DestinationUnreachable(Port)"
	c.g.emit(f, c.client.node)
}
