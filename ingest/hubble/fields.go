package hubble

import (
	"strconv"

	"sluice/ingest/scan"
	"sluice/model"
)

func (r *reader) ip(b []byte, i int) int {
	if b[i] != '{' {
		return scan.Null(b, i)
	}
	seen := uint64(0)
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inIP], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inIP, id, twice)
		}
		seen |= 1 << id &^ often
		switch id {
		case ipSource:
			i = r.note(holeSrcIP, i, r.str(b, i, &r.srcIP))
		case ipDestination:
			i = r.note(holeDstIP, i, r.str(b, i, &r.dstIP))
		case ipVersion:
			i = scan.Skip(b, i, 0)
		default:
			i = r.note(holeSkip, i, scan.Skip(b, i, 0))
		}
		if i < 0 {
			return r.fail(inIP, id, badValue)
		}
	}
}

var protocols = [...]model.Proto{
	l4TCP:   model.TCP,
	l4UDP:   model.UDP,
	l4SCTP:  model.SCTP,
	l4ICMP4: model.ICMP,
	l4ICMP6: model.ICMPv6,
	l4VRRP:  model.VRRP,
	l4IGMP:  model.IGMP,
	passed:  0,
}

func (r *reader) layer4(b []byte, i int) int {
	if b[i] != '{' {
		return scan.Null(b, i)
	}
	r.hasLayer4 = true
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inLayer4], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		switch p := protocols[id]; {
		case p == 0:
			i = r.note(holeSkip, i, scan.Skip(b, i, 0))
		case b[i] != '{':
			i = scan.Null(b, i)
		case r.proto != 0:
			return r.fail(inLayer4, id, twoProtocols)
		default:
			r.proto = p
			i = r.ports(b, i)
		}
		if i < 0 {
			return r.fail(inLayer4, id, badValue)
		}
	}
}

// ports reads what a protocol has: ports and flags, or a type.
func (r *reader) ports(b []byte, i int) int {
	icmp := r.proto == model.ICMP || r.proto == model.ICMPv6
	ports := r.proto.HasPorts()
	seen := uint64(0)
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inPorts], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inPorts, id, twice)
		}
		seen |= 1 << id &^ often
		switch {
		case id == portType && icmp:
			i = r.whole(b, i, maxICMP, &r.icmp)
		case id == portSource && ports:
			i = r.note(holeSrcPort, i, r.whole(b, i, maxPort, &r.srcPort))
		case id == portDestination && ports:
			i = r.note(holeDstPort, i, r.whole(b, i, maxPort, &r.dstPort))
		case id == portFlags && ports:
			i = r.tcpFlags(b, i)
		case id == portChunk && r.proto == model.SCTP:
			chunk := uint32(0)
			i = r.enum(b, i, chunks, &chunk)
			r.flags = chunkFlags(chunk)
		case id == portCode:
			i = scan.Skip(b, i, 0)
		default:
			i = r.note(holeSkip, i, scan.Skip(b, i, 0))
		}
		if i < 0 {
			return r.fail(inPorts, id, badValue)
		}
	}
}

const (
	maxPort = 1<<16 - 1
	maxICMP = 1<<8 - 1
)

var tcpFlags = [...]model.TCPFlags{
	flagSYN: model.SYN,
	flagACK: model.ACK,
	flagFIN: model.FIN,
	flagRST: model.RST,
	passed:  0,
}

func (r *reader) tcpFlags(b []byte, i int) int {
	if b[i] != '{' {
		return scan.Null(b, i)
	}
	tcp := r.proto == model.TCP
	r.hasFlags = tcp
	seen := uint64(0)
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inFlags], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inFlags, id, twice)
		}
		seen |= 1 << id &^ often
		var on model.Tri
		if i = boolean(b, i, &on); i < 0 {
			return r.fail(inFlags, id, badValue)
		}
		if on == model.Yes && tcp {
			r.flags |= tcpFlags[id]
		}
	}
}

func (r *reader) eventType(b []byte, i int) int {
	if b[i] != '{' {
		return scan.Null(b, i)
	}
	seen := uint64(0)
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inEvent], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inEvent, id, twice)
		}
		seen |= 1 << id &^ often
		switch id {
		case eventType:
			i = r.enum(b, i, plainly, &r.event)
		case eventSubType:
			i = r.enum(b, i, plainly, &r.subEvent)
		default:
			i = r.note(holeSkip, i, scan.Skip(b, i, 0))
		}
		if i < 0 {
			return r.fail(inEvent, id, badValue)
		}
	}
}

// readService reads a Service.
func (r *reader) readService(b []byte, i int) int {
	if b[i] != '{' {
		return scan.Null(b, i)
	}
	seen := uint64(0)
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inService], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inService, id, twice)
		}
		seen |= 1 << id &^ often
		switch id {
		case serviceName:
			i = r.str(b, i, &r.service.name)
		case serviceNamespace:
			i = r.str(b, i, &r.service.namespace)
		default:
			i = scan.Skip(b, i, 0)
		}
		if i < 0 {
			return r.fail(inService, id, badValue)
		}
	}
}

// counts reads how many flows an aggregate stands for. What is no number says nothing.
func (r *reader) counts(b []byte, i int) int {
	if b[i] != '{' {
		return scan.Null(b, i)
	}
	r.aggregate = true
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inAggregate], open)
		if id == closed {
			return at
		}
		if i = at; i < 0 {
			return -1
		}
		if id != flowCount {
			i = scan.Skip(b, i, 0)
		} else {
			var t []byte
			if i = r.text(b, i, &t); len(t) > 0 {
				n, err := strconv.ParseUint(string(t), 10, 32)
				if err == nil {
					r.flows = max(r.flows, uint32(n))
				}
			}
		}
		if i < 0 {
			return r.fail(inAggregate, id, badValue)
		}
	}
}
