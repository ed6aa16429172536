package hubble

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/model"
)

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

type oraclePorts struct {
	Src   *text `json:"source_port"`
	Dst   *text `json:"destination_port"`
	SrcC  *text `json:"sourcePort"`
	DstC  *text `json:"destinationPort"`
	Flags map[string]oracleBool
	Chunk json.RawMessage `json:"chunk_type"`
	ChnkC json.RawMessage `json:"chunkType"`
}

// oracleName is a text that decides nothing: of another type it says nothing.
type oracleName string

func (n *oracleName) UnmarshalJSON(b []byte) error {
	var s string
	_ = json.Unmarshal(b, &s)
	*n = oracleName(s)
	return nil
}

type oracleICMP struct {
	Type *text `json:"type"`
}
type oracleEnd struct {
	Identity  text     `json:"identity"`
	Cluster   string   `json:"cluster_name"`
	ClusterC  string   `json:"clusterName"`
	Namespace string   `json:"namespace"`
	Labels    []string `json:"labels"`
	Pod       string   `json:"pod_name"`
	PodC      string   `json:"podName"`
	Workloads []struct{ Name, Kind string }
}
type oracleFlow struct {
	Time    text `json:"time"`
	Verdict text `json:"verdict"`
	Drop    text `json:"drop_reason"`
	DropC   text `json:"dropReason"`
	Desc    text `json:"drop_reason_desc"`
	DescC   text `json:"dropReasonDesc"`
	IP      *struct{ Source, Destination string }
	L4      *struct {
		TCP, UDP, SCTP *oraclePorts
		ICMPv4, ICMPv6 *oracleICMP
		VRRP, IGMP     *struct{}
	} `json:"l4"`
	Source, Destination *oracleEnd
	Reply               *oracleBool    `json:"reply"`
	IsReply             *oracleBool    `json:"is_reply"`
	IsReplyC            *oracleBool    `json:"isReply"`
	Event               *oracleEvent   `json:"event_type"`
	EventC              *oracleEvent   `json:"eventType"`
	Dir                 text           `json:"traffic_direction"`
	DirC                text           `json:"trafficDirection"`
	Obs                 text           `json:"trace_observation_point"`
	ObsC                text           `json:"traceObservationPoint"`
	Reason              text           `json:"trace_reason"`
	ReasnC              text           `json:"traceReason"`
	Svc                 *oracleService `json:"destination_service"`
	SvcC                *oracleService `json:"destinationService"`
	Names               []string       `json:"destination_names"`
	NamesC              []string       `json:"destinationNames"`
	Kind                text           `json:"Type"`
	Total               *oracleTotal   `json:"aggregate"`
	Log                 []string       `json:"policy_log"`
	LogC                []string       `json:"policyLog"`

	Node  oracleName `json:"node_name"`
	NodeC oracleName `json:"nodeName"`

	Layer7 json.RawMessage `json:"l7"`
	Trace  json.RawMessage `json:"trace_context"`
	TraceC json.RawMessage `json:"traceContext"`
}
type oracleEnvelope struct {
	Flow   *oracleFlow     `json:"flow"`
	Agent  json.RawMessage `json:"agent_event"`
	AgentC json.RawMessage `json:"agentEvent"`
	Debug  json.RawMessage `json:"debug_event"`
	DebugC json.RawMessage `json:"debugEvent"`
	Node   json.RawMessage `json:"node_status"`
	NodeC  json.RawMessage `json:"nodeStatus"`
	Lost   *oracleLost     `json:"lost_events"`
	LostC  *oracleLost     `json:"lostEvents"`
	Time   oracleOuter     `json:"time"`
	Name   oracleName      `json:"node_name"`
	NameC  oracleName      `json:"nodeName"`
}

// oracleOuter is the time of an envelope, and how often it stood there.
type oracleOuter struct {
	text
	n int
}

func (t *oracleOuter) UnmarshalJSON(b []byte) error {
	t.n++
	return t.text.UnmarshalJSON(b)
}

// oracleBool is a boolean, or an object with one as its value.
type oracleBool bool

var wrapped = regexp.MustCompile(`^\{\s*"value"\s*:\s*(true|false)\s*\}$`)

func (t *oracleBool) UnmarshalJSON(b []byte) error {
	if m := wrapped.FindSubmatch(b); m != nil {
		b = m[1]
	}
	return json.Unmarshal(b, (*bool)(t))
}

func (t *oracleBool) yes() bool { return t != nil && bool(*t) }

type oracleEvent struct {
	Type text
	Sub  text `json:"sub_type"`
	SubC text `json:"subType"`
}
type oracleTotal struct {
	In   text `json:"ingress_flow_count"`
	InC  text `json:"ingressFlowCount"`
	Eg   text `json:"egress_flow_count"`
	EgC  text `json:"egressFlowCount"`
	Not  text `json:"unknown_direction_flow_count"`
	NotC text `json:"unknownDirectionFlowCount"`
}
type oracleService struct{ Name, Namespace string }

func (s *oracleService) named() bool { return s.Name != "" || s.Namespace != "" }

type oracleLost struct {
	N  text `json:"num_events_lost"`
	NC text `json:"numEventsLost"`

	First text `json:"first"`
	Last  text `json:"last"`
}

// when is from when to when the events were lost: a minute before the record was written, if it does not say.
func (l *oracleLost) when(outer oracleOuter) (from, to model.Micros) {
	first, ok1 := oracleTime(l.First)
	last, ok2 := oracleTime(l.Last)
	if d := last - first; ok1 && ok2 && first > 0 && d >= 0 && d <= 86400e6 {
		return first, last
	}
	if t, ok := oracleTime(outer.text); ok && outer.n == 1 && t > 0 {
		return t - 60e6, t
	}
	return 0, 0
}

// namesVerdict matches a name or a number.
var namesVerdict = regexp.MustCompile(`^("[^"]|[0-9])`)

func or(a ...text) text {
	for _, t := range a {
		if t != "" {
			return t
		}
	}
	return ""
}

// oracle reads records with encoding/json, in words of its own: what the reader has to agree with. It takes no notice of
// keys that stand twice.
type oracle struct {
	tables model.Tables
	sink   ingest.Sink
	flow   model.Flow
}

func (d *oracle) reject(f model.Fate, r model.Reason, source string, line int64, detail string) {
	d.sink.Reject(ingest.Rejection{Fate: f, Reason: r, Source: source, Line: line, Detail: detail})
}

// general decodes a record of any shape.
func (d *oracle) general(source string, line int64, b []byte) {
	var e oracleEnvelope
	if err := json.Unmarshal(b, &e); err != nil {
		reason := model.BadJSON
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) {
			reason = model.BadValue
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
			from, to := model.Micros(0), model.Micros(0)
			if n > 0 {
				from, to = l.when(e.Time)
			}
			d.sink.Reject(ingest.Rejection{Fate: model.Irrelevant, Reason: model.NotAFlow, Source: source, Line: line, Lost: n,
				LostFrom: from, LostTo: to})
			return
		}
		if e.Agent != nil || e.AgentC != nil || e.Debug != nil || e.DebugC != nil || e.Node != nil || e.NodeC != nil {
			d.reject(model.Irrelevant, model.NotAFlow, source, line, "")
			return
		}
		r = &oracleFlow{}
		if err := json.Unmarshal(b, r); err != nil {
			d.reject(model.Malformed, model.BadValue, source, line, err.Error())
			return
		}
		if _, ok := oracleTime(r.Time); !ok && r.Time != "" {
			d.reject(model.Malformed, model.BadValue, source, line, "bad time")
			return
		}
		var verdict struct{ Verdict json.RawMessage }
		_ = json.Unmarshal(b, &verdict) // as above
		if !namesVerdict.Match(verdict.Verdict) && r.Source == nil && r.L4 == nil {
			d.reject(model.Malformed, model.NotFlowLog, source, line, "no flow in it")
			return
		}
	}
	if err := d.fill(r, e.Time.text); err != "" {
		d.reject(model.Malformed, model.BadValue, source, line, err)
		return
	}
	if n := cmp.Or(r.Node, r.NodeC, e.Name, e.NameC); n != "" {
		d.flow.Node = []byte(n)
	}
	d.sink.Flow(&d.flow)
}

var oracleVerdicts = map[text]model.Verdict{"FORWARDED": 1, "1": 1, "DROPPED": 2, "2": 2, "ERROR": 3, "3": 3, "AUDIT": 4, "4": 4,
	"REDIRECTED": 5, "5": 5, "TRACED": 6, "6": 6, "TRANSLATED": 7, "7": 7}

var oracleEpoch = regexp.MustCompile(`^(\d{10}(?:\d{3}){0,3})(?:\.(\d*))?$`)

var oracleTable = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:[.,]\d+)?)( ?UTC|Z|[+-]\d\d(?::?\d\d)?)?$`)

// oracleZone is a zone as RFC 3339 has it.
func oracleZone(zone string) string {
	switch {
	case strings.HasSuffix(zone, "UTC"):
		return "Z"
	case len(zone) == 3:
		return zone + ":00"
	case len(zone) == 5:
		return zone[:3] + ":" + zone[3:]
	}
	return zone
}

// oracleTime reads a time as Hubble writes it, since the epoch, or as a table has it.
func oracleTime(s text) (model.Micros, bool) {
	t, err := time.Parse(time.RFC3339Nano, string(s))
	if err == nil {
		return t.UnixMicro(), true
	}
	if m := oracleEpoch.FindStringSubmatch(string(s)); m != nil {
		us, err := strconv.ParseInt((m[1] + m[2] + "000000")[:16], 10, 64)
		return us, err == nil
	}
	if m := oracleTable.FindStringSubmatch(string(s)); m != nil {
		t, err = time.Parse(time.RFC3339Nano, m[1]+"T"+m[2]+cmp.Or(oracleZone(m[3]), "Z"))
	}
	return t.UnixMicro(), err == nil
}

func (d *oracle) fill(r *oracleFlow, outer text) string {
	f := &d.flow
	*f = model.Flow{Observer: model.Elsewhere}
	if s := or(r.Time, outer); s != "" {
		var ok bool
		if f.Time, ok = oracleTime(s); !ok {
			return "bad time " + strconv.Quote(string(s))
		}
	}
	f.Verdict = oracleVerdicts[oracleNumber(r.Verdict)]
	if n := or(r.Drop, r.DropC); n != "" {
		var reason uint16
		if oracleWhole(&n, &reason) {
			f.Drop = dropOf(uint32(reason))
		}
	}
	if f.Drop == model.DropNone {
		f.Drop = oracleDrop(string(oracleNumber(or(r.Desc, r.DescC))))
	}
	if r.IP != nil {
		f.SrcIP, f.DstIP = []byte(r.IP.Source), []byte(r.IP.Destination)
	}
	if l := r.L4; l != nil {
		switch {
		case l.TCP != nil:
			f.Proto = model.TCP
			for n, on := range l.TCP.Flags {
				// Names are known in any case, as encoding/json knows those of a struct.
				for name, flag := range map[string]model.TCPFlags{"SYN": model.SYN, "ACK": model.ACK, "FIN": model.FIN, "RST": model.RST} {
					if bool(on) && strings.EqualFold(n, name) {
						f.Flags |= flag
					}
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
			var chunk text
			if err := json.Unmarshal([]byte(cmp.Or(string(l.SCTP.Chunk), string(l.SCTP.ChnkC), "null")), &chunk); err != nil {
				return "bad chunk"
			}
			switch oracleNumber(chunk) {
			case "INIT", "1":
				f.Flags = model.SYN
			case "ABORT", "6":
				f.Flags = model.RST
			}
		case l.ICMPv4 != nil:
			f.Proto = model.ICMP
			if !oracleWhole(l.ICMPv4.Type, &f.DstPort) || f.DstPort > 255 {
				return "bad ICMP type"
			}
		case l.ICMPv6 != nil:
			f.Proto = model.ICMPv6
			if !oracleWhole(l.ICMPv6.Type, &f.DstPort) || f.DstPort > 255 {
				return "bad ICMP type"
			}
		case l.VRRP != nil:
			f.Proto = model.VRRP
		case l.IGMP != nil:
			f.Proto = model.IGMP
		}
	}
	switch {
	case r.IsReply.yes(), r.IsReplyC.yes():
		f.IsReply = model.Yes
	case r.IsReply != nil || r.IsReplyC != nil:
		f.IsReply = model.No
	case r.Reply.yes():
		f.IsReply = model.Yes
	}
	switch oracleNumber(or(r.Dir, r.DirC)) {
	case "INGRESS", "1":
		f.Direction = model.Ingress
	case "EGRESS", "2":
		f.Direction = model.Egress
	}
	f.Related = oracleUnjudged(string(oracleNumber(or(r.Reason, r.ReasnC))))
	event := cmp.Or(r.Event, r.EventC, &oracleEvent{})
	typ, sub := oracleNumber(event.Type), oracleNumber(or(event.Sub, event.SubC))
	r.Kind = oracleNumber(r.Kind)
	obs := oracleNumber(or(r.Obs, r.ObsC))
	if obs == "UNKNOWN_POINT" || obs == "0" {
		obs = "" // what protobuf's JSON leaves out
	}
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
	if o, ok := oraclePoint(obs); ok && (f.Event == model.EventTrace || f.Event == model.EventNone) {
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
	verdict := oracleNumber(r.Verdict)
	f.Aggregated = r.Total != nil && (verdict == "" || verdict == "0" || verdict == "VERDICT_UNKNOWN" || f.Proto == 0 || f.Proto.HasPorts() && (f.SrcPort == 0 || f.DstPort == 0))
	if s := cmp.Or(r.Svc, r.SvcC, &oracleService{}); s.named() && f.Dst.Kind == model.KindAddress && f.IsReply != model.Yes {
		addr, _ := netip.ParseAddr(string(f.DstIP))
		f.Dst = model.Ref{Kind: model.KindService, ID: d.tables.Endpoints.Intern(model.Endpoint{Kind: model.KindService,
			Namespace: s.Namespace, Name: s.Name, Address: addr.Unmap()})}
	}
	if r.Total != nil && f.Proto == model.TCP && f.Flags&(model.SYN|model.ACK) == model.SYN {
		for _, t := range []text{r.Total.In, r.Total.InC, r.Total.Eg, r.Total.EgC, r.Total.Not, r.Total.NotC} {
			if n, err := strconv.ParseUint(string(t), 10, 32); err == nil {
				f.Conns = max(f.Conns, uint32(n))
			}
		}
	}
	if r.Total != nil {
		f.Marks |= model.MarkAggregate
	}
	if f.Event == model.EventL7 && f.IsReply != model.Yes && len(r.Layer7) > 0 && r.Layer7[0] == '{' &&
		(f.Dst.Kind == model.KindService || f.Src.Entities&model.IngressEntity != 0) {
		x := facts{layer7: r.Layer7, trace: []byte(cmp.Or(string(r.Trace), string(r.TraceC)))}
		f.Host, f.Request = x.request()
	}
	if len(r.Layer7) > 0 && r.Layer7[0] == '{' && f.Event == model.EventL7 {
		x := facts{layer7: r.Layer7}
		x.lookUp(f)
	}
	for _, t := range append(r.Log, r.LogC...) {
		if strings.ContainsRune(t, 0) {
			continue
		}
		f.Logged = append(append(f.Logged, t...), 0)
		f.Marks |= model.MarkLogged
	}
	return ""
}

func (d *oracle) ports(p *oraclePorts) bool {
	return oracleWhole(cmp.Or(p.Src, p.SrcC), &d.flow.SrcPort) && oracleWhole(cmp.Or(p.Dst, p.DstC), &d.flow.DstPort)
}

// oracleWhole reads a number where there is one, and is false where it is none of 16 bits.
func oracleWhole(t *text, to *uint16) bool {
	if t == nil {
		return true
	}
	n, err := strconv.ParseFloat(string(*t), 64)
	*to = uint16(n)
	return err == nil && n == float64(*to)
}

func (d *oracle) endpoint(e *oracleEnd, ip *[]byte, names []string) (model.Ref, []byte) {
	if e == nil {
		e = &oracleEnd{}
	}
	ep, pod := oracleIdentity(e, ip, names)
	return d.intern(ep), []byte(pod)
}

func (d *oracle) intern(ep model.Endpoint) model.Ref {
	return model.Ref{ID: d.tables.Endpoints.Intern(ep), Kind: ep.Kind, Entities: ep.Entities, Marks: ep.Marks}
}

// address reads *ip, and empties it where it is no address.
func address(ip *[]byte) netip.Addr {
	a, err := netip.ParseAddr(string(*ip))
	if err != nil {
		*ip = nil
	}
	return a.Unmap()
}

// oracleIdentity makes an endpoint and the name of its pod. ip is emptied where the endpoint is known by it and it is no
// address: what an anonymized export has there cannot be learned from.
func oracleIdentity(e *oracleEnd, ip *[]byte, names []string) (model.Endpoint, string) {
	ep := model.Endpoint{Namespace: e.Namespace, Cluster: e.Cluster + e.ClusterC}
	pod := e.Pod + e.PodC
	var own, ns []string
	cidr, ofPod, labelled := false, false, ""
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
			if v != "" && labelled == "" {
				if labelled = v; ep.Namespace != "" && ep.Namespace != v {
					pod = "" // of whoever has the address
				}
				ep.Namespace, ofPod = v, true
			}
		case "io.cilium.k8s.policy.cluster":
			if ep.Cluster == "" {
				ep.Cluster = v
			}
		case "io.cilium.k8s.policy.serviceaccount":
			ep.ServiceAccount = v
			ofPod = ofPod || v != ""
		default:
			own = append(own, strings.TrimSuffix(l, "="))
		}
	}
	ep.Labels, ep.NamespaceLabels = model.MakeLabels(own), model.MakeLabels(ns)
	if len(e.Workloads) > 0 {
		ep.Owner = model.Owner{Kind: e.Workloads[0].Kind, Name: e.Workloads[0].Name}
	}
	switch {
	case ep.Entities&(model.Host|model.RemoteNode) != 0 && ofPod:
		return model.Endpoint{Kind: model.KindEntity, Entities: model.UnknownEntity}, ""
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
	case pod != "" && len(e.Labels) == 0 && (e.Identity == "" || oracleNumber(e.Identity) == "0"):
		ep.Name = pod
	case pod != "":
		ep.Kind, ep.Name = model.KindPod, pod
	}
	return ep, pod
}

// oracleNumber is an enumeration's number as a whole one, where it is written with a fraction or an exponent.
func oracleNumber(t text) text {
	if t == "" || t[0] < '0' || t[0] > '9' || len(t) > maxDecimal || !json.Valid([]byte(t)) {
		return t
	}
	if n, err := strconv.ParseFloat(string(t), 64); err == nil && n < 1<<31 && n == float64(int64(n)) {
		return text(strconv.FormatInt(int64(n), 10))
	}
	return t
}

func oraclePoint(point text) (model.Observer, bool) {
	o, ok := map[text]model.Observer{"TO_ENDPOINT": model.AtDestination, "101": model.AtDestination, "TO_PROXY": model.ToProxy,
		"1": model.ToProxy, "TO_STACK": model.ToStack, "3": model.ToStack, "TO_OVERLAY": model.ToOverlay, "4": model.ToOverlay,
		"TO_NETWORK": model.ToNetwork, "11": model.ToNetwork}[point]
	return o, ok
}

func oracleUnjudged(reason string) bool {
	return reason == "RELATED" || reason == "4" || reason == "6" || reason == "7" || strings.HasPrefix(reason, "SRV6")
}

func oracleDrop(desc string) model.Drop {
	switch desc {
	case "", "0", "DROP_REASON_UNKNOWN":
		return model.DropNone
	case "POLICY_DENIED", "133":
		return model.DropPolicy
	case "POLICY_DENY", "181":
		return model.DropRule
	case "AUTH_REQUIRED", "189":
		return model.DropAuth
	}
	return model.DropOther
}
