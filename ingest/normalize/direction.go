package normalize

import "sluice/model"

// ephemeral is where Linux takes client ports from (net.ipv4.ip_local_port_range 32768-60999) and above.
const ephemeral = 32768

// highServices are ports of that range which servers are known to listen on; they are never folded away.
var highServices = map[uint16]bool{
	50000: true, // SAP, DB2, Jenkins agents
	50051: true, // gRPC examples everywhere
	50052: true,
	55555: true,
	36412: true, // S1AP, X2AP, NGAP, XnAP, F1AP: the SCTP ports of mobile networks
	36422: true,
	38412: true,
	38422: true,
	38472: true,
	61613: true, // ActiveMQ STOMP
	61616: true, // ActiveMQ OpenWire
	61617: true,
	55678: true, // OpenCensus
	55680: true, // old OTLP
	55681: true,
}

// fixedPort is the port where it can be a server's, 0 for a client's.
func fixedPort(p uint16) uint16 {
	if p >= ephemeral && !highServices[p] {
		return 0
	}
	return p
}

// direction reports whether the packet went from client to server (Used), back (Reply), or whether the record does
// not tell (Undecided). Absent is_reply is unknown: 23 % of real records lack it, replies among them.
func direction(f *model.Flow, denied bool) model.Fate {
	switch f.IsReply {
	case model.Yes:
		return model.Reply
	case model.No:
		if f.Event != model.EventConnection && echoReply(f.Proto, f.DstPort) {
			return model.Reply // of a request that conntrack no longer knew
		}
		if looksLikeReply(f) {
			return model.Undecided
		}
		return model.Used
	default:
	}
	switch f.Proto {
	case model.TCP:
		switch f.Flags & (model.SYN | model.ACK) {
		case model.SYN:
			return model.Used
		case model.SYN | model.ACK:
			return model.Reply
		default:
		}
		return model.Undecided
	case model.ICMP, model.ICMPv6:
		if echoReply(f.Proto, f.DstPort) {
			return model.Reply
		}
		return model.Used
	default:
	}
	if denied {
		return model.Used // policy is only asked about the first packet of a connection
	}
	return model.Undecided
}

// looksLikeReply: is_reply=false, yet from a server's port to a client's without a SYN: what conntrack says after
// it lost the connection (agent restart, table overflow). UDP only from privileged ports, since peers that talk
// from one fixed port to another are common there.
func looksLikeReply(f *model.Flow) bool {
	switch f.Proto {
	case model.TCP:
		if !f.HasFlags {
			return false
		}
		if f.Flags&(model.SYN|model.ACK) == model.SYN|model.ACK {
			return true
		}
		return f.Flags&model.SYN == 0 && fixedPort(f.SrcPort) != 0 && fixedPort(f.DstPort) == 0
	case model.UDP:
		return f.SrcPort < 1024 && fixedPort(f.DstPort) == 0 && f.Event != model.EventConnection
	default:
	}
	return false
}

func echoReply(p model.Proto, t uint16) bool {
	return p == model.ICMP && t == 0 || p == model.ICMPv6 && t == 129
}

// echoRequest returns the type that a connection of ICMP messages is known by: replies count as their requests.
func echoRequest(p model.Proto, t uint16) uint16 {
	switch {
	case p == model.ICMP && t == 0:
		return 8
	case p == model.ICMPv6 && (t == 129 || t == 0): // 0 is no type: Calico logs none
		return 128
	case p == model.ICMP || p == model.ICMPv6:
		return t
	}
	return 0
}
