//lint:file-ignore SA1019 The exporter still writes Summary, reply and drop_reason, and so do real captures.

package main

import (
	"strconv"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// splicer writes flows as protojson would, ten times as fast: what repeats (endpoints, requests, node labels) is
// marshalled once and remembered, the rest is a few numbers and words. A test holds every kind of record against
// protojson.
type splicer struct {
	messages map[proto.Message][]byte
	texts    map[string][]byte
	b        []byte
	err      error
}

func newSplicer() splicer {
	return splicer{messages: map[proto.Message][]byte{}, texts: map[string][]byte{}}
}

// record appends a record to b.
func (s *splicer) record(b []byte, f *flowpb.Flow) ([]byte, error) {
	s.b, s.err = append(b, `{"flow":{`...), nil
	s.key("time")
	s.time(f)
	if f.Uuid != "" {
		s.key("uuid")
		s.plain(f.Uuid)
	}
	if f.Emitter != nil {
		s.key("emitter")
		s.fresh(f.Emitter)
	}
	s.word("verdict", int32(f.Verdict), flowpb.Verdict_name)
	s.number("drop_reason", uint64(f.DropReason))
	s.message("ethernet", f.Ethernet, f.Ethernet == nil)
	s.addresses(f.IP)
	s.layer4(f.L4)
	s.message("source", f.Source, f.Source == nil)
	s.message("destination", f.Destination, f.Destination == nil)
	s.word("Type", int32(f.Type), flowpb.FlowType_name)
	s.text("node_name", f.NodeName)
	s.list("node_labels", f.NodeLabels)
	s.list("destination_names", f.DestinationNames)
	s.message("l7", f.L7, f.L7 == nil)
	s.flag("reply", f.Reply)
	if e := f.EventType; e != nil {
		s.key("event_type")
		s.b = append(s.b, '{')
		s.number("type", uint64(e.Type))
		s.number("sub_type", uint64(e.SubType))
		s.b = append(s.b, '}')
	}
	if f.DestinationService != nil {
		s.key("destination_service")
		s.fresh(f.DestinationService)
	}
	s.word("traffic_direction", int32(f.TrafficDirection), flowpb.TrafficDirection_name)
	s.number("policy_match_type", uint64(f.PolicyMatchType))
	s.word("trace_observation_point", int32(f.TraceObservationPoint), flowpb.TraceObservationPoint_name)
	s.word("trace_reason", int32(f.TraceReason), flowpb.TraceReason_name)
	s.word("drop_reason_desc", int32(f.DropReasonDesc), flowpb.DropReason_name)
	if f.IsReply != nil {
		s.key("is_reply")
		s.b = strconv.AppendBool(s.b, f.IsReply.Value)
	}
	s.number("proxy_port", uint64(f.ProxyPort))
	s.word("sock_xlate_point", int32(f.SockXlatePoint), flowpb.SocketTranslationPoint_name)
	s.quoted("socket_cookie", f.SocketCookie)
	s.quoted("cgroup_id", f.CgroupId)
	s.text("Summary", f.Summary)
	s.b = append(s.b, '}')
	s.text("node_name", f.NodeName)
	s.key("time")
	s.time(f)
	return append(s.b, '}'), s.err
}

// key begins a field.
func (s *splicer) key(name string) {
	if s.b[len(s.b)-1] != '{' {
		s.b = append(s.b, ',')
	}
	s.b = append(s.b, '"')
	s.b = append(s.b, name...)
	s.b = append(s.b, '"', ':')
}

// time appends the time with 0, 3, 6 or 9 digits of a second, as protojson does.
func (s *splicer) time(f *flowpb.Flow) {
	layout := "2006-01-02T15:04:05.000000000Z"
	switch n := f.Time.Nanos; {
	case n == 0:
		layout = "2006-01-02T15:04:05Z"
	case n%1e6 == 0:
		layout = "2006-01-02T15:04:05.000Z"
	case n%1e3 == 0:
		layout = "2006-01-02T15:04:05.000000Z"
	}
	s.b = append(s.b, '"')
	s.b = f.Time.AsTime().In(time.UTC).AppendFormat(s.b, layout)
	s.b = append(s.b, '"')
}

// plain appends a text that needs no escapes.
func (s *splicer) plain(text string) {
	s.b = append(s.b, '"')
	s.b = append(s.b, text...)
	s.b = append(s.b, '"')
}

// text appends any text that is not empty.
func (s *splicer) text(name, text string) {
	if text == "" {
		return
	}
	s.key(name)
	s.value(text)
}

func (s *splicer) value(text string) {
	v, ok := s.texts[text]
	if !ok {
		if v, s.err = compact(wrapperspb.String(text)); s.err != nil {
			return
		}
		s.texts[text] = v
	}
	s.b = append(s.b, v...)
}

func (s *splicer) list(name string, texts []string) {
	if len(texts) == 0 {
		return
	}
	s.key(name)
	for i, t := range texts {
		s.b = append(s.b, "[,"[min(i, 1)])
		s.value(t)
	}
	s.b = append(s.b, ']')
}

// number appends a number that is not 0.
func (s *splicer) number(name string, n uint64) {
	if n != 0 {
		s.key(name)
		s.b = strconv.AppendUint(s.b, n, 10)
	}
}

// quoted appends a 64-bit number that is not 0.
func (s *splicer) quoted(name string, n uint64) {
	if n != 0 {
		s.key(name)
		s.plain(strconv.FormatUint(n, 10))
	}
}

func (s *splicer) flag(name string, on bool) {
	if on {
		s.key(name)
		s.b = append(s.b, "true"...)
	}
}

// word appends the name of a value that is not 0.
func (s *splicer) word(name string, v int32, names map[int32]string) {
	if v != 0 {
		s.key(name)
		s.plain(names[v])
	}
}

// message appends a message that lives as long as the capture, remembered by its address.
func (s *splicer) message(name string, m proto.Message, absent bool) {
	if absent {
		return
	}
	s.key(name)
	text, ok := s.messages[m]
	if !ok {
		if text, s.err = compact(m); s.err != nil {
			return
		}
		s.messages[m] = text
	}
	s.b = append(s.b, text...)
}

// fresh appends a message made for one record.
func (s *splicer) fresh(m proto.Message) {
	text, err := compact(m)
	if err != nil {
		s.err = err
		return
	}
	s.b = append(s.b, text...)
}

func (s *splicer) addresses(ip *flowpb.IP) {
	if ip == nil {
		return
	}
	s.key("IP")
	s.b = append(s.b, `{"source":"`...)
	s.b = append(s.b, ip.Source...)
	s.b = append(s.b, `","destination":"`...)
	s.b = append(s.b, ip.Destination...)
	s.b = append(s.b, `","ipVersion":"`...)
	s.b = append(s.b, flowpb.IPVersion_name[int32(ip.IpVersion)]...)
	s.b = append(s.b, '"', '}')
}

func (s *splicer) layer4(l *flowpb.Layer4) {
	if l == nil {
		return
	}
	s.key("l4")
	s.b = append(s.b, '{')
	switch p := l.Protocol.(type) {
	case *flowpb.Layer4_TCP:
		s.ports("TCP", p.TCP.SourcePort, p.TCP.DestinationPort)
		if g := p.TCP.Flags; g != nil {
			s.key("flags")
			s.b = append(s.b, '{')
			s.flag("FIN", g.FIN)
			s.flag("RST", g.RST)
			s.flag("SYN", g.SYN)
			s.flag("PSH", g.PSH)
			s.flag("ACK", g.ACK)
			s.b = append(s.b, '}')
		}
	case *flowpb.Layer4_UDP:
		s.ports("UDP", p.UDP.SourcePort, p.UDP.DestinationPort)
	case *flowpb.Layer4_SCTP:
		s.ports("SCTP", p.SCTP.SourcePort, p.SCTP.DestinationPort)
	case *flowpb.Layer4_ICMPv4:
		s.icmp("ICMPv4", p.ICMPv4.Type, p.ICMPv4.Code)
	case *flowpb.Layer4_ICMPv6:
		s.icmp("ICMPv6", p.ICMPv6.Type, p.ICMPv6.Code)
	}
	s.b = append(s.b, '}', '}')
}

func (s *splicer) ports(name string, src, dst uint32) {
	s.key(name)
	s.b = append(s.b, '{')
	s.number("source_port", uint64(src))
	s.number("destination_port", uint64(dst))
}

func (s *splicer) icmp(name string, kind, code uint32) {
	s.key(name)
	s.b = append(s.b, '{')
	s.number("type", uint64(kind))
	s.number("code", uint64(code))
}
