package graph

import "sluice/model"

// decider settles the directions that single records left open.
type decider struct {
	g *Graph
	// servers are the ports that decided records show a peer listening on, as far as an open direction asks for them.
	servers map[server]bool
	asked   [1 << 16]bool // ports of undecided records
	behind  *backends
}

type server struct {
	peer  PeerID
	proto model.Proto
	port  uint16
}

func newDecider(g *Graph, b *Builder, at *tenants, cfg *Config) *decider {
	d := &decider{g: g, servers: map[server]bool{}}
	d.behind = newBackends(g, b, cfg)
	for t := range b.all {
		if t.k.fate == model.Undecided {
			d.asked[t.k.port], d.asked[t.k.srcPort] = true, true
		}
	}
	for t := range b.all {
		if (t.k.fate == model.Used || t.k.fate == model.Reply) && d.asked[t.k.port] {
			k, _ := at.join(t)
			d.servers[server{g.PeerOf[k.dst], k.proto, k.port}] = true
		}
	}
	return d
}

// decide returns the key that an undecided tally counts under: forward, reply, denied, irrelevant, or refused as
// undecided. Other keys stay. Folded ephemeral ports are 0 and never a server's.
func (d *decider) decide(k key) key {
	if k.fate != model.Undecided {
		return k
	}
	fwd, back := d.evidence(k)
	forward := k
	forward.srcPort, forward.fate = 0, model.Used
	reply := key{
		src:      k.dst,
		dst:      k.src,
		port:     k.srcPort,
		proto:    k.proto,
		verdict:  k.verdict,
		observer: k.observer,
		fate:     model.Reply,
	}
	if k.marks&model.MarkDenied != 0 {
		forward.fate = model.Denied
		reply.fate, reply.reason = model.Irrelevant, model.Related // a late answer that conntrack no longer knew
	}
	switch {
	case fwd > back:
		return d.ownNode(forward)
	case back > fwd:
		return d.ownNode(reply)
	}
	k.fate, k.reason = model.Refused, model.UnknownDirection
	k.port = max(k.port, k.srcPort)
	k.srcPort = 0
	return k
}

// evidence weighs how sure it is that the packet went to a server, and that it came from one: 3 for a listener that
// decided records know, 2 for a well-known service port against a client's, 1 for a well-known one.
func (d *decider) evidence(k key) (fwd, back int) {
	weight := func(ep model.EndpointID, port, other uint16) int {
		switch {
		case port == 0:
			return 0
		case d.servers[server{d.g.PeerOf[ep], k.proto, port}]:
			return 3
		case wellKnown(k.proto, port) && other == 0:
			return 2
		case wellKnown(k.proto, port) && k.marks&model.MarkReplyNo == 0:
			return 1
		}
		return 0
	}
	fwd, back = weight(k.dst, k.port, k.srcPort), weight(k.src, k.srcPort, k.port)
	if k.proto == model.TCP && k.marks&model.MarkReplyNo != 0 && k.port != 0 {
		fwd = 0 // a SYN-ACK, since all else of that mark goes to a client's port: it opens nothing
	}
	if k.marks&model.MarkReplyNo != 0 && back < 3 {
		back = 0 // the record itself says it is no reply: only a known listener outweighs that
	}
	return fwd, back
}

// ownNode applies the rule of a node reaching its own pods once the direction is known.
func (d *decider) ownNode(k key) key {
	src, dst := d.g.Tables.Endpoints.Get(k.src), d.g.Tables.Endpoints.Get(k.dst)
	if src.Kind == model.KindEntity && src.Entities&model.Host != 0 && dst.Kind == model.KindPod {
		k.fate, k.reason = model.Irrelevant, model.OwnNode
	}
	return k
}

// refusal says why a decided key cannot become an edge.
func (d *decider) refusal(k key) model.Reason {
	if k.fate == model.Refused {
		return k.reason
	}
	if d.behind.isService(k.dst) {
		return model.ServiceAddress
	}
	for _, id := range [2]model.EndpointID{k.src, k.dst} {
		p := &d.g.Peers[d.g.PeerOf[id]]
		if p.Kind == model.KindPod && (p.Workload < 0 || d.g.Workloads[p.Workload].Refusal != "") {
			return model.Unlabelled
		}
	}
	return model.ReasonNone
}

// wellKnown are the ports that the field's servers listen on by default, beside the privileged ones.
func wellKnown(p model.Proto, port uint16) bool {
	if port < 1024 {
		return true
	}
	switch port {
	case 1433,
		1521,
		1883,
		2049,
		2181,
		2379,
		2380,
		2888,
		3000,
		3100,
		3128,
		3306,
		3888,
		4222,
		4317,
		4318,
		4369,
		5000,
		5432,
		5555,
		5601,
		5671,
		5672,
		5044,
		5353,
		6379,
		6443,
		6831,
		6832,
		7000,
		7001,
		7070,
		7077,
		7199,
		7473,
		7687,
		8000,
		8008,
		8080,
		8081,
		8082,
		8086,
		8088,
		8123,
		8125,
		8181,
		8200,
		8300,
		8301,
		8302,
		8443,
		8500,
		8600,
		8787,
		8888,
		9000,
		9042,
		9080,
		9090,
		9091,
		9092,
		9093,
		9094,
		9095,
		9096,
		9100,
		9121,
		9153,
		9160,
		9200,
		9300,
		9411,
		9443,
		9500,
		9876,
		9999,
		10250,
		10255,
		10256,
		10257,
		10259,
		11211,
		14250,
		14268,
		15000,
		15010,
		15012,
		15014,
		15017,
		15020,
		15021,
		15090,
		15672,
		16379,
		16686,
		20880,
		24224,
		26379,
		26257,
		27017,
		27018,
		27019,
		28015,
		50051,
		61616:
		return true
	}
	return false
}
