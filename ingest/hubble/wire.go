package hubble

import (
	"errors"
	"math"

	"sluice/model"
)

// Wire decodes flows of Hubble's gRPC interface from their bytes (flow.proto), by the same rules as the JSON of the
// exporter. Message types are not built: most of a flow is passed over, and endpoints repeat. It serves one goroutine.
type Wire struct {
	Flow model.Flow // of the last Decode; valid as long as its bytes
	UUID []byte     // of the flow, empty where it has none
	Node []byte     // name of the node that reported it, empty where it names none

	tables model.Tables
	slots  [][2]wireKnown     // endpoint messages by identity, the one that hit last first
	ends   map[string]wireEnd // those that were not there, by all their bytes
	bytes  int                // of the keys of ends
	addrs  addresses
	names  map[string]model.Ref
	tail   tail
	src    []byte
	dst    []byte
	desc   uint64
	dns    [][]byte // destination_names
}

// wireEnd is an endpoint message as learned.
type wireEnd struct {
	ref   model.Ref
	pod   []byte
	known *wireKnown // nil: cannot stand for other pods
}

// NewWire makes a Wire that interns endpoints in t.
func NewWire(t model.Tables) *Wire {
	return &Wire{tables: t, slots: make([][2]wireKnown, 1<<memoBits), ends: map[string]wireEnd{}, addrs: addresses{}, names: map[string]model.Ref{}}
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
	layerTCP, layerUDP, layerICMP4, layerICMP6 = 1, 2, 3, 4
	layerSCTP, layerLast                       = 5, 7
)

// Decode reads a Flow message into w. On an error w.Flow is not to be used.
func (w *Wire) Decode(b []byte) error {
	w.Flow = model.Flow{Observer: model.Elsewhere}
	w.UUID, w.Node, w.src, w.dst, w.desc, w.dns = nil, nil, nil, nil, 0, w.dns[:0]
	w.tail = tail{}
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		if f.text {
			if err := w.message(&f); err != nil {
				return err
			}
		} else {
			w.number(&f)
		}
	}
	return w.finish()
}

func (w *Wire) number(f *field) {
	t := &w.tail
	switch f.num {
	case flowVerdict:
		if f.n <= uint64(model.Translated) {
			w.Flow.Verdict = model.Verdict(f.n)
		}
	case flowDropReason:
		if n := uint32(f.n); n < 1<<16 {
			w.Flow.Drop = dropOf(n)
		}
	case flowType:
		t.kind = nil
		switch f.n {
		case 2:
			t.kind = []byte("L7")
		case 3:
			t.kind = []byte("SOCK")
		}
	case flowReply:
		t.reply = f.n != 0
	case flowDirection:
		t.dir = digit(f.n)
	case flowPoint:
		t.obs = digit(f.n)
	case flowTraceReason:
		t.reason = nil
		switch f.n {
		case 4:
			t.reason = []byte("RELATED")
		case 6, 7:
			t.reason = []byte("SRV6")
		}
	case flowDropDesc:
		w.desc = f.n
	}
}

// digits are the numbers of enumerations as texts: what JSON has where it does not know a name.
var digits = func() (d [128][]byte) {
	for n := 1; n < len(d); n++ {
		d[n] = append(d[n], "0123456789"[n%10])
		for m := n / 10; m > 0; m /= 10 {
			d[n] = append([]byte{"0123456789"[m%10]}, d[n]...)
		}
	}
	return d
}()

func digit(n uint64) []byte {
	if n < uint64(len(digits)) {
		return digits[n]
	}
	return digits[len(digits)-1] // no value that has a meaning here
}

func (w *Wire) message(f *field) error {
	switch f.num {
	case flowTime:
		t, err := WireTime(f.b)
		w.Flow.Time = t
		return err
	case flowIP:
		return w.ip(f.b)
	case flowL4:
		return w.layer4(f.b)
	case flowSource:
		w.src = f.b
	case flowDest:
		w.dst = f.b
	case flowNode:
		w.Node = f.b
	case flowDestNames:
		w.dns = append(w.dns, f.b)
	case flowEvent:
		return w.event(f.b)
	case flowDestService:
		w.tail.service = w.tail.service || namesService(f.b)
	case flowIsReply:
		return w.reply(f.b)
	case flowUUID:
		w.UUID = f.b
	}
	return nil
}

// namesService says whether a Service message has a name or a namespace.
func namesService(b []byte) bool {
	const name, namespace = 1, 2
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return false
		}
		if f.text && (f.num == name || f.num == namespace) && len(f.b) > 0 {
			return true
		}
	}
	return false
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
			w.Flow.SrcIP = f.b
		case f.num == 2 && f.text:
			w.Flow.DstIP = f.b
		}
	}
	return nil
}

func (w *Wire) layer4(b []byte) error {
	f := &w.Flow
	var l field
	for len(b) > 0 {
		if b = l.next(b); b == nil {
			return errWire
		}
		if !l.text || l.num > layerLast {
			continue
		}
		f.Proto, f.SrcPort, f.DstPort, f.Flags, f.HasFlags = 0, 0, 0, 0, false
		var err error
		switch l.num {
		case layerTCP:
			f.Proto = model.TCP
			err = w.ports(l.b)
		case layerUDP:
			f.Proto = model.UDP
			err = w.ports(l.b)
		case layerSCTP:
			f.Proto = model.SCTP
			err = w.ports(l.b)
		case layerICMP4:
			f.Proto = model.ICMP
			err = w.icmp(l.b)
		case layerICMP6:
			f.Proto = model.ICMPv6
			err = w.icmp(l.b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Wire) ports(b []byte) error {
	flow := &w.Flow
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		switch {
		case f.num == 3 && f.text && flow.Proto == model.TCP:
			flow.HasFlags = true
			if err := w.flags(f.b); err != nil {
				return err
			}
		case f.text || f.num > 2:
		case uint32(f.n) > 1<<16-1:
			return errPort
		case f.num == 1:
			flow.SrcPort = uint16(f.n)
		case f.num == 2:
			flow.DstPort = uint16(f.n)
		}
	}
	return nil
}

// wireFlags are the flags by their numbers in TCPFlags.
var wireFlags = [...]model.TCPFlags{1: model.FIN, 2: model.SYN, 3: model.RST, 5: model.ACK}

func (w *Wire) flags(b []byte) error {
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		if f.num < uint32(len(wireFlags)) && !f.text && f.n != 0 {
			w.Flow.Flags |= wireFlags[f.num]
		}
	}
	return nil
}

func (w *Wire) icmp(b []byte) error {
	bad := false
	err := each(b, func(f *field) {
		if f.num == 1 && !f.text {
			bad = uint32(f.n) > 255
			w.Flow.DstPort = uint16(f.n)
		}
	})
	if bad {
		return errICMP
	}
	return err
}

func (w *Wire) event(b []byte) error {
	w.tail.event = true
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		switch {
		case f.num == 1 && !f.text:
			w.tail.typ = uint32(f.n)
		case f.num == 2 && !f.text:
			w.tail.sub = uint32(f.n) != 0
		}
	}
	return nil
}

// reply reads is_reply, a BoolValue.
func (w *Wire) reply(b []byte) error {
	w.tail.replied = model.No
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		if f.num == 1 && !f.text && f.n != 0 {
			w.tail.replied = model.Yes
		}
	}
	return nil
}

// finish decides what needs the whole flow.
func (w *Wire) finish() error {
	f := &w.Flow
	var err error
	if f.Src, f.SrcPod, err = w.endpoint(w.src); err != nil {
		return err
	}
	if f.Dst, f.DstPod, err = w.endpoint(w.dst); err != nil {
		return err
	}
	f.Src = w.addrs.endpoint(w.tables, f.Src, &f.SrcIP)
	if len(w.dns) > 0 && f.Dst.Kind == model.KindAddress {
		if f.Dst, err = w.named(f.Dst, &f.DstIP); err != nil {
			return err
		}
	} else {
		f.Dst = w.addrs.endpoint(w.tables, f.Dst, &f.DstIP)
	}
	if f.Drop == model.DropNone {
		f.Drop = dropOf(uint32(min(w.desc, math.MaxUint32)))
	}
	w.tail.apply(f)
	return nil
}
