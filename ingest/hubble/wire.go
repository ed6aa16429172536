package hubble

import (
	"errors"
	"unicode/utf8"

	"sluice/model"
)

// Wire decodes flows of Hubble's gRPC interface from their bytes (flow.proto), by the same rules as the JSON of the
// exporter. Message types are not built: most of a flow is passed over, and endpoints repeat. It serves one goroutine.
type Wire struct {
	Flow model.Flow // of the last Decode; valid as long as its bytes
	UUID []byte     // of the flow, empty where it has none
	Node []byte     // name of the node that reported it, empty where it names none

	facts
	tables model.Tables
	slots  [][2]wireKnown     // endpoint messages by identity, the one that hit last first
	ends   map[string]wireEnd // those that were not there, by all their bytes
	bytes  int                // of the keys of ends
	addresses
	source []byte // the message
	dest   []byte // the message
	stamp  []byte // the message of the time
	totals []byte // the Aggregate message
	pieces int    // of messages, behind others of the same
}

// wireEnd is an endpoint message as learned.
type wireEnd struct {
	ref   model.Ref
	pod   []byte
	known *wireKnown // nil: cannot stand for other pods
}

// NewWire makes a Wire that interns endpoints in t.
func NewWire(t model.Tables) *Wire {
	return &Wire{
		tables:    t,
		slots:     make([][2]wireKnown, 1<<memoBits),
		ends:      map[string]wireEnd{},
		addresses: newAddresses(t),
	}
}

var (
	errWire = errors.New("not a message of flow.proto")
	errPort = errors.New("bad port")
	errICMP = errors.New("bad ICMP type")
	errText = errors.New("text that is not UTF-8")
)

// Fields of flow.proto.
const (
	flowTime, flowVerdict, flowDropReason      = 1, 2, 3
	flowIP, flowL4, flowSource, flowDest       = 5, 6, 8, 9
	flowType, flowNode, flowDestNames          = 10, 11, 14
	flowReply, flowEvent, flowDestService      = 16, 19, 21
	flowDirection, flowPoint, flowDropDesc     = 22, 24, 25
	flowIsReply, flowUUID, flowTraceReason     = 26, 34, 36
	flowLayer7, flowTraceContext               = 15, 30
	flowPolicyLog, flowAggregate               = 21006, 21007
	flowEgressAllowed, flowIngressAllowed      = 21001, 21002
	flowEgressDenied, flowIngressDenied        = 21004, 21005
	layerTCP, layerUDP, layerICMP4, layerICMP6 = 1, 2, 3, 4
	layerSCTP, layerVRRP, layerIGMP            = 5, 6, 7
)

// Decode reads a Flow message into w. On an error w.Flow is not to be used.
func (w *Wire) Decode(b []byte) error {
	w.facts = facts{names: w.names[:0], logged: w.logged[:0], policies: w.policies[:0], message: true}
	w.UUID, w.Node, w.source, w.dest, w.stamp, w.totals = nil, nil, nil, nil, nil, nil
	w.pieces = 0
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		if f.text {
			if err := w.message(&f); err != nil {
				return err
			}
			if w.pieces > maxPieces {
				return errWire
			}
		} else {
			w.number(&f)
		}
	}
	return w.finish()
}

func (w *Wire) number(f *field) {
	n := uint32(f.n)
	switch f.num {
	case flowVerdict:
		w.verdict = n
	case flowDropReason:
		if w.drop = 0; n < 1<<16 {
			w.drop = n
		}
	case flowType:
		w.kind = n
	case flowReply:
		w.reply = f.n != 0
	case flowDirection:
		w.direction = n
	case flowPoint:
		w.point = n
	case flowTraceReason:
		w.reason = n
	case flowDropDesc:
		w.desc = n
	}
}

func (w *Wire) message(f *field) error {
	switch f.num {
	case flowTime:
		w.stamp = w.joined(w.stamp, f.b)
		t, err := WireTime(w.stamp)
		w.time = t
		return err
	case flowIP:
		return w.ip(f.b)
	case flowL4:
		return w.layer4(f.b)
	case flowSource:
		w.source = w.joined(w.source, f.b)
	case flowDest:
		w.dest = w.joined(w.dest, f.b)
	case flowNode:
		w.Node = f.b
	case flowDestNames:
		w.names = appendText(w.names, f.b)
	case flowEvent:
		return w.eventType(f.b)
	case flowDestService:
		return w.readService(f.b)
	case flowIsReply:
		return w.replied(f.b)
	case flowUUID:
		w.UUID = f.b
	case flowAggregate:
		return w.counts(f.b)
	case flowLayer7:
		w.layer7 = w.joined(w.layer7, f.b)
	case flowTraceContext:
		w.trace = w.joined(w.trace, f.b)
	case flowPolicyLog:
		w.logged = appendText(w.logged, f.b)
	case flowEgressAllowed, flowIngressAllowed, flowEgressDenied, flowIngressDenied:
		w.policies = wireDecider(w.policies, f.b)
	}
	return nil
}

// maxPieces is how many pieces of messages a flow may have beside the first of each: one costs a copy of those before.
const maxPieces = 64

// joined is a message of which a piece came before, nil where none did: pieces are one message as they stand behind
// each other.
func (w *Wire) joined(before, piece []byte) []byte {
	if before == nil {
		return piece
	}
	w.pieces++
	return append(before[:len(before):len(before)], piece...) // what stands behind it in the message stays
}

// counts reads how many flows an Aggregate message stands for.
func (w *Wire) counts(b []byte) error {
	var n [4]uint32 // by their fields: ingress, egress and unknown direction
	w.aggregate, w.totals = true, w.joined(w.totals, b)
	err := each(w.totals, func(f *field) {
		if f.num < uint32(len(n)) && !f.text {
			n[f.num] = uint32(f.n)
		}
	})
	w.flows = max(n[1], n[2], n[3])
	return err
}

// readService reads a Service message.
func (w *Wire) readService(b []byte) error {
	const name, namespace = 1, 2
	bad := false
	err := each(b, func(f *field) {
		if !f.text || f.num > namespace {
			return
		}
		bad = bad || !utf8.Valid(f.b)
		if f.num == name {
			w.service.name = f.b
		} else {
			w.service.namespace = f.b
		}
	})
	if bad {
		return errText
	}
	return err
}

// maxSeconds keeps times that no calendar has from overflowing; what is outside 2000-2100 is refused later.
const maxSeconds = 1 << 40

// WireTime reads a google.protobuf.Timestamp as microseconds since 1970 UTC, rounded down.
func WireTime(b []byte) (int64, error) {
	var sec, nano int64
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return 0, errWire
		}
		switch {
		case f.num == 1 && !f.text:
			sec = max(min(int64(f.n), maxSeconds), -maxSeconds)
		case f.num == 2 && !f.text:
			nano = int64(int32(f.n))
		}
	}
	return sec*1e6 + nano/1000, nil
}

func (w *Wire) ip(b []byte) error {
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		switch {
		case f.num == 1 && f.text:
			w.srcIP = f.b
		case f.num == 2 && f.text:
			w.dstIP = f.b
		}
	}
	return nil
}

// layers are the protocols by their numbers in Layer4.
var layers = [...]model.Proto{
	layerTCP: model.TCP, layerUDP: model.UDP, layerICMP4: model.ICMP, layerICMP6: model.ICMPv6,
	layerSCTP: model.SCTP, layerVRRP: model.VRRP, layerIGMP: model.IGMP,
}

func (w *Wire) layer4(b []byte) error {
	f := &w.facts
	var l field
	for len(b) > 0 {
		if b = l.next(b); b == nil {
			return errWire
		}
		if !l.text || l.num > layerIGMP {
			continue
		}
		if p := layers[l.num]; p != f.proto { // else it is a piece of the same
			f.proto, f.srcPort, f.dstPort, f.icmp, f.flags, f.hasFlags = p, 0, 0, 0, 0, false
		}
		var err error
		switch l.num {
		case layerTCP, layerUDP, layerSCTP:
			err = w.ports(l.b)
		case layerICMP4, layerICMP6:
			err = w.icmpType(l.b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Wire) ports(b []byte) error {
	flow := &w.facts
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		switch {
		case f.num == 3 && f.text && flow.proto == model.TCP:
			flow.hasFlags = true
			if err := w.tcpFlags(f.b); err != nil {
				return err
			}
		case f.num == 3 && !f.text && flow.proto == model.SCTP:
			flow.flags = chunkFlags(uint32(f.n))
		case f.text || f.num > 2:
		case uint32(f.n) > 1<<16-1:
			return errPort
		case f.num == 1:
			flow.srcPort = uint16(f.n)
		case f.num == 2:
			flow.dstPort = uint16(f.n)
		}
	}
	return nil
}

// wireFlags are the flags by their numbers in TCPFlags.
var wireFlags = [...]model.TCPFlags{1: model.FIN, 2: model.SYN, 3: model.RST, 5: model.ACK}

func (w *Wire) tcpFlags(b []byte) error {
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		if f.num < uint32(len(wireFlags)) && !f.text && f.n != 0 {
			w.flags |= wireFlags[f.num]
		}
	}
	return nil
}

func (w *Wire) icmpType(b []byte) error {
	bad := false
	err := each(b, func(f *field) {
		if f.num == 1 && !f.text {
			bad = uint32(f.n) > 255
			w.icmp = uint16(f.n)
		}
	})
	if bad {
		return errICMP
	}
	return err
}

func (w *Wire) eventType(b []byte) error {
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		switch {
		case f.num == 1 && !f.text:
			w.event = uint32(f.n)
		case f.num == 2 && !f.text:
			w.subEvent = uint32(f.n)
		}
	}
	return nil
}

// replied reads is_reply, a BoolValue.
func (w *Wire) replied(b []byte) error {
	if w.isReply == model.Unknown {
		w.isReply = model.No
	}
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		if f.num == 1 && !f.text {
			if w.isReply = model.No; f.n != 0 {
				w.isReply = model.Yes
			}
		}
	}
	return nil
}

// finish decides what needs the whole flow.
func (w *Wire) finish() (err error) {
	if w.src.ref, w.src.pod, err = w.endpoint(w.source); err != nil {
		return err
	}
	if w.dst.ref, w.dst.pod, err = w.endpoint(w.dest); err != nil {
		return err
	}
	if w.dst.ref.Kind == model.KindAddress && !utf8.Valid(w.names) {
		return errText
	}
	w.into(&w.Flow, &w.addresses)
	return nil
}
