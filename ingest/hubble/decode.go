// Package hubble decodes Cilium Hubble's JSON records into flows.
package hubble

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/model"
)

// Decoder turns records into flows. It serves one goroutine.
type Decoder struct {
	tables  model.Tables
	sink    ingest.Sink
	flow    model.Flow
	memo    memo
	tails   tails
	tail    tail   // of the flow
	node    []byte // name of the node in the flow with its end, where known
	timeLen int    // length of the flow's time
	minute  minute
	same    [2]string // values that hardly change and need no second look
}

// New makes a Decoder.
func New(t model.Tables, sink ingest.Sink) *Decoder {
	return &Decoder{tables: t, sink: sink, memo: newMemo(newObjects())}
}

// Sibling makes a Decoder for another goroutine, which shares what d learns of endpoints.
func (d *Decoder) Sibling(sink ingest.Sink) *Decoder {
	return &Decoder{tables: d.tables, sink: sink, memo: newMemo(d.memo.shared)}
}

// text is a JSON string or number, by its text.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(s)
		return nil
	}
	if len(b) > 0 && (b[0] == '{' || b[0] == '[') {
		return &json.UnmarshalTypeError{Value: "object", Type: reflect.TypeFor[string]()}
	}
	*t = text(b)
	return nil
}

type ports struct {
	Src   *text `json:"source_port"`
	Dst   *text `json:"destination_port"`
	SrcC  *text `json:"sourcePort"`
	DstC  *text `json:"destinationPort"`
	Flags map[string]bool
}
type icmp struct {
	Type *text `json:"type"`
}
type end struct {
	Identity  text     `json:"identity"`
	Cluster   string   `json:"cluster_name"`
	ClusterC  string   `json:"clusterName"`
	Namespace string   `json:"namespace"`
	Labels    []string `json:"labels"`
	Pod       string   `json:"pod_name"`
	PodC      string   `json:"podName"`
	Workloads []struct{ Name, Kind string }
}
type flowRecord struct {
	Time    text `json:"time"`
	Verdict text `json:"verdict"`
	Drop    text `json:"drop_reason"`
	DropC   text `json:"dropReason"`
	Desc    text `json:"drop_reason_desc"`
	DescC   text `json:"dropReasonDesc"`
	IP      *struct{ Source, Destination string }
	L4      *struct {
		TCP, UDP, SCTP *ports
		ICMPv4, ICMPv6 *icmp
	} `json:"l4"`
	Source, Destination *end
	Reply               *bool `json:"reply"`
	IsReply             *bool `json:"is_reply"`
	IsReplyC            *bool `json:"isReply"`
	Event               *struct {
		Type text
		Sub  text `json:"sub_type"`
	} `json:"event_type"`
	EventC *struct {
		Type text
		Sub  text `json:"subType"`
	} `json:"eventType"`
	Dir    text            `json:"traffic_direction"`
	DirC   text            `json:"trafficDirection"`
	Obs    text            `json:"trace_observation_point"`
	ObsC   text            `json:"traceObservationPoint"`
	Reason text            `json:"trace_reason"`
	ReasnC text            `json:"traceReason"`
	Svc    json.RawMessage `json:"destination_service"`
	SvcC   json.RawMessage `json:"destinationService"`
	Names  []string        `json:"destination_names"`
	NamesC []string        `json:"destinationNames"`
	Kind   text            `json:"Type"`
}
type envelope struct {
	Flow   *flowRecord     `json:"flow"`
	Agent  json.RawMessage `json:"agent_event"`
	AgentC json.RawMessage `json:"agentEvent"`
	Debug  json.RawMessage `json:"debug_event"`
	DebugC json.RawMessage `json:"debugEvent"`
	Node   json.RawMessage `json:"node_status"`
	NodeC  json.RawMessage `json:"nodeStatus"`
	Lost   *lost           `json:"lost_events"`
	LostC  *lost           `json:"lostEvents"`
	Time   text            `json:"time"`
}
type lost struct {
	N  text `json:"num_events_lost"`
	NC text `json:"numEventsLost"`
}

func or(a ...text) text {
	for _, t := range a {
		if t != "" {
			return t
		}
	}
	return ""
}

func (d *Decoder) reject(f model.Fate, r model.Reason, source string, line int64, detail string) {
	d.sink.Reject(ingest.Rejection{Fate: f, Reason: r, Source: source, Line: line, Detail: detail})
}

// Record decodes one JSON object.
func (d *Decoder) Record(source string, line int64, b []byte) {
	if d.fast(b) || d.unordered(b) {
		d.sink.Flow(&d.flow)
		return
	}
	d.general(source, line, b)
}

// general decodes a record of any shape.
func (d *Decoder) general(source string, line int64, b []byte) {
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil {
		reason := model.BadJSON
		if _, ok := err.(*json.UnmarshalTypeError); ok {
			reason = model.BadValue
		} else if list := several(b); len(list) > 1 {
			for _, r := range list {
				d.Record(source, line, r)
			}
			return
		}
		d.reject(model.Malformed, reason, source, line, err.Error())
		return
	}
	r := e.Flow
	if r == nil {
		l := cmp.Or(e.Lost, e.LostC)
		if l != nil {
			n, err := strconv.ParseUint(string(or(l.N, l.NC, "0")), 10, 64)
			if err != nil {
				d.reject(model.Malformed, model.BadValue, source, line, "bad number of lost events")
				return
			}
			d.sink.Reject(ingest.Rejection{Fate: model.Irrelevant, Reason: model.NotAFlow, Source: source, Line: line, Lost: n})
			return
		}
		if e.Agent != nil || e.AgentC != nil || e.Debug != nil || e.DebugC != nil || e.Node != nil || e.NodeC != nil {
			d.reject(model.Irrelevant, model.NotAFlow, source, line, "")
			return
		}
		r = &flowRecord{}
		if err := json.Unmarshal(b, r); err != nil {
			d.reject(model.Malformed, model.BadValue, source, line, err.Error())
			return
		}
		if r.Verdict == "" && r.Source == nil && r.L4 == nil {
			d.reject(model.Malformed, model.NotFlowLog, source, line, "no flow in it")
			return
		}
	}
	if err := d.fill(r, e.Time); err != "" {
		d.reject(model.Malformed, model.BadValue, source, line, err)
		return
	}
	d.sink.Flow(&d.flow)
}

// several cuts a line that begins with a whole value and goes on: where a file without an end to its last line was put
// before another. What follows the last whole value is a part of its own.
func several(b []byte) (list [][]byte) {
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var v json.RawMessage
		from := d.InputOffset()
		if err := d.Decode(&v); err == io.EOF {
			return list
		} else if err != nil {
			return append(list, b[from:])
		}
		list = append(list, v)
	}
}

var verdicts = map[text]model.Verdict{"FORWARDED": 1, "1": 1, "DROPPED": 2, "2": 2, "ERROR": 3, "3": 3, "AUDIT": 4, "4": 4, "REDIRECTED": 5, "5": 5, "TRACED": 6, "6": 6, "TRANSLATED": 7, "7": 7}

func (d *Decoder) fill(r *flowRecord, outer text) string {
	f := &d.flow
	*f = model.Flow{Observer: model.Elsewhere}
	if s := or(r.Time, outer); s != "" {
		t, err := time.Parse(time.RFC3339Nano, string(s))
		if err != nil {
			return "bad time " + strconv.Quote(string(s))
		}
		f.Time = t.UnixMicro()
	}
	f.Verdict = verdicts[r.Verdict]
	if n := or(r.Drop, r.DropC); n != "" {
		v, err := strconv.ParseUint(string(n), 10, 16)
		if err == nil {
			f.Drop = dropOf(uint32(v))
		}
	}
	if f.Drop == model.DropNone {
		f.Drop = dropNamed(string(or(r.Desc, r.DescC)))
	}
	if r.IP != nil {
		f.SrcIP, f.DstIP = []byte(r.IP.Source), []byte(r.IP.Destination)
	}
	if l := r.L4; l != nil {
		switch {
		case l.TCP != nil:
			f.Proto = model.TCP
			for n, on := range l.TCP.Flags {
				if on {
					f.Flags |= map[string]model.TCPFlags{"SYN": model.SYN, "ACK": model.ACK, "FIN": model.FIN, "RST": model.RST}[n]
				}
			}
			f.HasFlags = l.TCP.Flags != nil
			if !d.ports(l.TCP) {
				return "bad port"
			}
		case l.UDP != nil:
			f.Proto = model.UDP
			if !d.ports(l.UDP) {
				return "bad port"
			}
		case l.SCTP != nil:
			f.Proto = model.SCTP
			if !d.ports(l.SCTP) {
				return "bad port"
			}
		case l.ICMPv4 != nil:
			f.Proto = model.ICMP
			if !whole(l.ICMPv4.Type, &f.DstPort) || f.DstPort > 255 {
				return "bad ICMP type"
			}
		case l.ICMPv6 != nil:
			f.Proto = model.ICMPv6
			if !whole(l.ICMPv6.Type, &f.DstPort) || f.DstPort > 255 {
				return "bad ICMP type"
			}
		}
	}
	switch {
	case r.IsReply != nil && *r.IsReply, r.IsReplyC != nil && *r.IsReplyC:
		f.IsReply = model.Yes
	case r.IsReply != nil || r.IsReplyC != nil:
		f.IsReply = model.No
	case r.Reply != nil && *r.Reply:
		f.IsReply = model.Yes
	}
	switch or(r.Dir, r.DirC) {
	case "INGRESS", "1":
		f.Direction = model.Ingress
	case "EGRESS", "2":
		f.Direction = model.Egress
	}
	f.Related = unjudged(string(or(r.Reason, r.ReasnC)))
	var typ, sub text
	if r.Event != nil {
		typ, sub = r.Event.Type, r.Event.Sub
	} else if r.EventC != nil {
		typ, sub = r.EventC.Type, r.EventC.Sub
	}
	obs := or(r.Obs, r.ObsC)
	switch {
	case typ == "1":
		f.Event, f.Observer = model.EventDrop, model.AtDrop
	case typ == "5":
		f.Event, f.Observer = model.EventVerdict, model.AtVerdict
	case typ == "129", r.Kind == "L7", r.Kind == "2":
		f.Event, f.Observer = model.EventL7, model.AtL7
	case typ == "7", r.Kind == "SOCK", r.Kind == "3":
		f.Event = model.EventSock
	case typ == "3":
		f.Event = model.EventDebug
	case typ == "4":
		f.Event = model.EventTrace
		if obs == "" && (sub == "" || sub == "0") {
			f.Observer = model.AtDestination
		}
	}
	if o, ok := observer([]byte(obs)); ok && (f.Event == model.EventTrace || f.Event == model.EventNone) {
		f.Observer = o
	}
	if f.Event == model.EventNone && f.Verdict == model.Dropped {
		f.Observer = model.AtDrop
	}
	names := r.Names
	if names == nil {
		names = r.NamesC
	}
	f.Src, f.SrcPod = d.endpoint(r.Source, &f.SrcIP, nil)
	f.Dst, f.DstPod = d.endpoint(r.Destination, &f.DstIP, names)
	f.Service = (len(r.Svc) > 4 || len(r.SvcC) > 4) && f.Dst.Kind == model.KindAddress && f.IsReply != model.Yes
	return ""
}

func (d *Decoder) ports(p *ports) bool {
	return whole(cmp.Or(p.Src, p.SrcC), &d.flow.SrcPort) && whole(cmp.Or(p.Dst, p.DstC), &d.flow.DstPort)
}

// whole reads a number where there is one, and is false where it is none of 16 bits.
func whole(t *text, to *uint16) bool {
	if t == nil {
		return true
	}
	n, err := strconv.ParseFloat(string(*t), 64)
	*to = uint16(n)
	return err == nil && n == float64(*to)
}

func (d *Decoder) endpoint(e *end, ip *[]byte, names []string) (model.Ref, []byte) {
	if e == nil {
		e = &end{}
	}
	ep, pod := identity(e, ip, names)
	return d.intern(ep), []byte(pod)
}

func (d *Decoder) intern(ep model.Endpoint) model.Ref {
	return model.Ref{ID: d.tables.Endpoints.Intern(ep), Kind: ep.Kind, Entities: ep.Entities, Marks: ep.Marks}
}

// address reads *ip, and empties it where it is no address.
func address(ip *[]byte) netip.Addr {
	a, err := netip.ParseAddr(string(*ip))
	if err != nil {
		*ip = nil
	}
	return a
}

// identity makes an endpoint and the name of its pod. ip is emptied where the endpoint is known by it and it is no
// address: what an anonymized export has there cannot be learned from.
func identity(e *end, ip *[]byte, names []string) (model.Endpoint, string) {
	ep := model.Endpoint{Namespace: e.Namespace, Cluster: e.Cluster + e.ClusterC}
	pod := e.Pod + e.PodC
	var own, ns []string
	cidr := false
	for _, l := range e.Labels {
		if r, ok := strings.CutPrefix(l, "reserved:"); ok {
			x, known := model.ParseEntity(r)
			if !known {
				x = model.UnknownEntity
			}
			ep.Entities |= x
			continue
		}
		if strings.HasPrefix(l, "cidr:") || strings.HasPrefix(l, "fqdn:") || strings.HasPrefix(l, "cidrgroup:") {
			cidr = true
			continue
		}
		l = strings.TrimPrefix(l, "k8s:")
		k, v, _ := strings.Cut(l, "=")
		if n, ok := strings.CutPrefix(l, "io.cilium.k8s.namespace.labels."); ok {
			ns = append(ns, n)
			continue
		}
		switch k {
		case "io.kubernetes.pod.namespace":
			if ep.Namespace == "" {
				ep.Namespace = v
			}
		case "io.cilium.k8s.policy.cluster":
			if ep.Cluster == "" {
				ep.Cluster = v
			}
		case "io.cilium.k8s.policy.serviceaccount":
			ep.ServiceAccount = v
		default:
			own = append(own, strings.TrimSuffix(l, "="))
		}
	}
	ep.Labels, ep.NamespaceLabels = model.MakeLabels(own), model.MakeLabels(ns)
	if len(e.Workloads) > 0 {
		ep.Owner = model.Owner{Kind: e.Workloads[0].Kind, Name: e.Workloads[0].Name}
	}
	switch {
	case ep.Entities&(model.Host|model.RemoteNode) != 0:
		m := model.Marks(0)
		if pod != "" {
			m = model.MarkHostNetwork
		}
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities, Marks: m}, ""
	case len(own) > 0:
		ep.Kind, ep.Entities = model.KindPod, 0
	case pod != "" && ep.Entities&model.World != 0:
		ep.Kind, ep.Entities, ep.Name, ep.Marks = model.KindPod, 0, pod, model.MarkWorldPod
	case pod != "" && ep.Entities&model.Unmanaged != 0:
		ep.Kind, ep.Entities, ep.Name, ep.Marks = model.KindPod, 0, pod, model.MarkUnmanaged
	case ep.Entities&model.KubeAPIServer != 0:
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities}, ""
	case ep.Entities&model.World != 0 || cidr:
		out := model.Endpoint{Kind: model.KindAddress, Entities: model.World, Address: address(ip)}
		for _, n := range names {
			if n, ok := model.DNSName(n); ok {
				out.Names = append(out.Names, n)
			}
		}
		slices.Sort(out.Names)
		out.Names = slices.Compact(out.Names)
		return out, ""
	case ep.Entities != 0:
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities}, ""
	case pod != "" && len(e.Labels) == 0 && e.Identity == "":
		ep.Name = pod
	case pod != "":
		ep.Kind, ep.Name = model.KindPod, pod
	}
	return ep, pod
}
