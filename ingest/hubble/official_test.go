package hubble

//lint:file-ignore SA1019 The deprecated fields are in the records.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"sluice/ingest"
	"sluice/model"
)

// official is what the types of Cilium's own API say of a record: the fields that edges are made of.
type official struct {
	time             int64
	verdict          model.Verdict
	drop             model.Drop
	observer         model.Observer
	proto            model.Proto
	srcPort, dstPort uint32
	flags            model.TCPFlags
	hasFlags         bool
	reply            model.Tri
	direction        model.Direction
	event            model.Event
	srcIP, dstIP     string
	src, dst         officialEnd
}

// officialEnd is an end by its labels, with "k8s:" taken off as readers do. A label that comes twice is no real one's; its
// order tells which counts.
type officialEnd struct {
	pod, namespace string
	labels         []string
}

// judge reads a record as Cilium's types do, strictly: nil where they do not take it, or where it is no flow.
func judge(b []byte) *flowpb.Flow {
	var export observerpb.ExportEvent
	if protojson.Unmarshal(b, &export) == nil && export.GetFlow() != nil {
		return export.GetFlow()
	}
	var flow flowpb.Flow
	if protojson.Unmarshal(b, &flow) == nil && (flow.Verdict != 0 || flow.Source != nil || flow.L4 != nil) {
		return &flow
	}
	return nil
}

func officialOf(f *flowpb.Flow) official {
	o := official{verdict: model.Verdict(f.Verdict), drop: dropOfficial(f), srcIP: f.GetIP().GetSource(), dstIP: f.GetIP().GetDestination(),
		direction: model.Direction(f.TrafficDirection), src: officialEndOf(f.Source), dst: officialEndOf(f.Destination)}
	if f.Time != nil {
		o.time = f.Time.AsTime().UnixMicro()
	}
	switch p := f.GetL4().GetProtocol().(type) {
	case *flowpb.Layer4_TCP:
		o.proto, o.srcPort, o.dstPort = model.TCP, p.TCP.SourcePort, p.TCP.DestinationPort
		o.hasFlags = p.TCP.Flags != nil
		for flag, on := range map[model.TCPFlags]bool{model.SYN: p.TCP.Flags.GetSYN(), model.ACK: p.TCP.Flags.GetACK(), model.FIN: p.TCP.Flags.GetFIN(), model.RST: p.TCP.Flags.GetRST()} {
			if on {
				o.flags |= flag
			}
		}
	case *flowpb.Layer4_UDP:
		o.proto, o.srcPort, o.dstPort = model.UDP, p.UDP.SourcePort, p.UDP.DestinationPort
	case *flowpb.Layer4_SCTP:
		o.proto, o.srcPort, o.dstPort = model.SCTP, p.SCTP.SourcePort, p.SCTP.DestinationPort
		o.flags = map[flowpb.SCTPChunkType]model.TCPFlags{
			flowpb.SCTPChunkType_INIT: model.SYN, flowpb.SCTPChunkType_ABORT: model.RST,
		}[p.SCTP.ChunkType]
	case *flowpb.Layer4_ICMPv4:
		o.proto, o.dstPort = model.ICMP, p.ICMPv4.Type
	case *flowpb.Layer4_ICMPv6:
		o.proto, o.dstPort = model.ICMPv6, p.ICMPv6.Type
	case *flowpb.Layer4_VRRP:
		o.proto = model.VRRP
	case *flowpb.Layer4_IGMP:
		o.proto = model.IGMP
	}
	switch {
	case f.IsReply.GetValue(), f.IsReply == nil && f.Reply:
		o.reply = model.Yes
	case f.IsReply != nil:
		o.reply = model.No
	}
	o.event = eventOf(f)
	o.observer = observerOf(f, o.event)
	return o
}

// dropOfficial is what the number means, or the description where that is all there is: a number over 16 bits is no
// reason.
func dropOfficial(f *flowpb.Flow) model.Drop {
	d := flowpb.DropReason(f.DropReason)
	if f.DropReason == 0 || f.DropReason > 0xffff {
		d = f.DropReasonDesc
	}
	switch d {
	case 0:
		return model.DropNone
	case flowpb.DropReason_POLICY_DENIED:
		return model.DropPolicy
	case flowpb.DropReason_POLICY_DENY:
		return model.DropRule
	case flowpb.DropReason_AUTH_REQUIRED:
		return model.DropAuth
	default:
	}
	return model.DropOther
}

// observerOf is where the event was seen. A trace without a point and without a subtype is one to an endpoint, since
// both are 0 there.
func observerOf(f *flowpb.Flow, e model.Event) model.Observer {
	switch {
	case e == model.EventDrop, e == model.EventNone && f.Verdict == flowpb.Verdict_DROPPED:
		return model.AtDrop
	case e == model.EventVerdict:
		return model.AtVerdict
	case e == model.EventL7:
		return model.AtL7
	case e != model.EventTrace && e != model.EventNone:
		return model.Elsewhere
	}
	points := map[flowpb.TraceObservationPoint]model.Observer{flowpb.TraceObservationPoint_TO_ENDPOINT: model.AtDestination,
		flowpb.TraceObservationPoint_TO_PROXY: model.ToProxy, flowpb.TraceObservationPoint_TO_STACK: model.ToStack,
		flowpb.TraceObservationPoint_TO_OVERLAY: model.ToOverlay, flowpb.TraceObservationPoint_TO_NETWORK: model.ToNetwork}
	if o, ok := points[f.TraceObservationPoint]; ok {
		return o
	}
	if e == model.EventTrace && f.TraceObservationPoint == 0 && f.EventType.GetSubType() == 0 {
		return model.AtDestination
	}
	return model.Elsewhere
}

// eventOf is the kind of event, which older records say by their Type alone.
func eventOf(f *flowpb.Flow) model.Event {
	n := f.GetEventType().GetType()
	switch {
	case n == 1:
		return model.EventDrop
	case n == 5:
		return model.EventVerdict
	case n == 129 || f.Type == flowpb.FlowType_L7:
		return model.EventL7
	case n == 7 || f.Type == flowpb.FlowType_SOCK:
		return model.EventSock
	case n == 3:
		return model.EventDebug
	case n == 4:
		return model.EventTrace
	}
	return model.EventNone
}

func officialEndOf(e *flowpb.Endpoint) officialEnd {
	o := officialEnd{pod: e.GetPodName(), namespace: e.GetNamespace()}
	for _, l := range e.GetLabels() {
		o.labels = append(o.labels, strings.TrimPrefix(l, "k8s:"))
	}
	return o
}

// read is a decoded record in the same words, as far as the record went into the endpoints.
type read struct {
	flow             model.Flow
	src, dst         model.Endpoint
	srcPod, dstPod   string
	srcIP, dstIP     string
	reject, accepted bool
}

type officialSink struct {
	tables model.Tables
	got    read
}

func (r *officialSink) Flow(f *model.Flow) {
	r.got = read{flow: *f, src: *r.tables.Endpoints.Get(f.Src.ID), dst: *r.tables.Endpoints.Get(f.Dst.ID), accepted: true,
		srcPod: string(f.SrcPod), dstPod: string(f.DstPod), srcIP: string(f.SrcIP), dstIP: string(f.DstIP)}
}

func (r *officialSink) Reject(ingest.Rejection) { r.got = read{reject: true} }

// disagreement says where the decoder and Cilium's types read a record differently; records that either does not take
// are not judged.
func disagreement(b []byte) string {
	f := judge(b)
	r := &officialSink{tables: model.NewTables()}
	New(r.tables, r).Record("-", 1, b)
	if f == nil || !r.got.accepted || f.GetL4().GetICMPv4().GetType() > 255 || f.GetL4().GetICMPv6().GetType() > 255 {
		return ""
	}
	want, got := officialOf(f), r.got
	have := official{time: got.flow.Time, verdict: got.flow.Verdict, drop: got.flow.Drop, observer: got.flow.Observer, proto: got.flow.Proto, srcPort: uint32(got.flow.SrcPort),
		dstPort: uint32(got.flow.DstPort), flags: got.flow.Flags, hasFlags: got.flow.HasFlags, reply: got.flow.IsReply, direction: got.flow.Direction,
		event: got.flow.Event, srcIP: got.srcIP, dstIP: got.dstIP, src: want.src, dst: want.dst}
	want.srcIP, want.dstIP = addressOf(want.srcIP, got.src), addressOf(want.dstIP, got.dst)
	var out strings.Builder
	if want.time == 0 {
		have.time = 0 // the outer time stands in, which the official flow does not have
	}
	out.WriteString(cmp.Diff(want, have, cmp.AllowUnexported(official{}, officialEnd{})))
	for _, end := range []struct {
		name string
		want officialEnd
		pod  string
		got  model.Endpoint
	}{{"source", want.src, got.srcPod, got.src}, {"destination", want.dst, got.dstPod, got.dst}} {
		if d := endDiffers(end.want, end.pod, &end.got); d != "" {
			fmt.Fprintf(&out, "%s: %s\n", end.name, d)
		}
	}
	return out.String()
}

// addressOf is the text of an address; an end that is known by it, or by a service at it, has none where it is no address.
func addressOf(ip string, e model.Endpoint) string {
	if _, err := netip.ParseAddr(ip); (e.Kind == model.KindAddress || e.Kind == model.KindService) && err != nil {
		return ""
	}
	return ip
}

// endDiffers holds an endpoint against the labels that it was made of: each is in its place, and nothing else is.
func endDiffers(want officialEnd, pod string, got *model.Endpoint) string {
	var own, namespaced []string
	var entities model.Entities
	namespace, account, labelled, name := want.namespace, "", "", want.pod
	for _, l := range want.labels {
		key, value, _ := strings.Cut(l, "=")
		switch {
		case strings.HasPrefix(l, "reserved:"):
			e, ok := model.ParseEntity(strings.TrimPrefix(l, "reserved:"))
			if !ok {
				e = model.UnknownEntity
			}
			entities |= e
		case strings.HasPrefix(l, "cidr:"), strings.HasPrefix(l, "fqdn:"), strings.HasPrefix(l, "cidrgroup:"):
			entities |= model.World
		case strings.HasPrefix(l, "io.cilium.k8s.namespace.labels."):
			namespaced = append(namespaced, strings.TrimPrefix(l, "io.cilium.k8s.namespace.labels."))
		case key == "io.kubernetes.pod.namespace":
			if value != "" && labelled == "" {
				labelled = value
			}
		case key == "io.cilium.k8s.policy.serviceaccount":
			account = value
		case key == "io.cilium.k8s.policy.cluster":
		default:
			own = append(own, strings.TrimSuffix(l, "="))
		}
	}
	if labelled != "" {
		if namespace != "" && namespace != labelled {
			name = "" // of whoever has the address
		}
		namespace = labelled
	}
	if entities&(model.Host|model.RemoteNode) != 0 && (labelled != "" || account != "") {
		entities = model.UnknownEntity // the labels of a node and those of a pod
	}
	switch got.Kind {
	case model.KindEntity:
		if got.Entities != entities {
			return fmt.Sprintf("entities %s, not %s", got.Entities, entities)
		}
	case model.KindAddress, model.KindService:
		if entities&model.World == 0 {
			return "taken for an address: " + strings.Join(want.labels, " ")
		}
	case model.KindPod:
		if d := cmp.Diff(model.MakeLabels(own), got.Labels, orEmpty); d != "" {
			return d
		}
		if d := cmp.Diff(model.MakeLabels(namespaced), got.NamespaceLabels, orEmpty); d != "" {
			return d
		}
		if got.Namespace != namespace || len(own) > 0 && got.ServiceAccount != account || pod != name {
			return fmt.Sprintf("%s/%s of %s, not %s/%s of %s", got.Namespace, pod, got.ServiceAccount, namespace, name, account)
		}
	case model.KindUnknown:
		if len(own) > 0 || entities != 0 {
			return "unknown in spite of " + strings.Join(want.labels, " ")
		}
	default:
		return "a kind that Hubble does not know: " + got.Kind.String()
	}
	return ""
}

var orEmpty = cmp.Transformer("orEmpty", func(l model.Labels) []string { return append([]string{}, l...) })

// corpus returns the records of FuzzFast's committed corpus: one of each shape that captures have.
func corpus(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzFast", "shape-*"))
	if err != nil || len(files) < 80 {
		t.Fatal(len(files), err)
	}
	var out [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, quoted, ok := strings.Cut(strings.TrimSpace(string(text)), "[]byte(")
		record, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
		if !ok || err != nil {
			t.Fatal(file, err)
		}
		out = append(out, []byte(record))
	}
	return out
}

// TestOfficial: what the decoder takes from a record is what Cilium's own types say, for every shape and in every
// spelling that protojson reads.
func TestOfficial(t *testing.T) {
	for _, c := range changes {
		b := []byte(strings.Replace(full, c.from, c.to, 1))
		if d := disagreement(b); d != "" {
			t.Errorf("%s -> %s: (-official +decoded)\n%s", c.from, c.to, d)
		}
	}
	judged := 0
	for _, b := range corpus(t) {
		f := judge(b)
		if f == nil {
			continue
		}
		for name, spelled := range spellings(t, f) {
			judged++
			if d := disagreement(spelled); d != "" {
				t.Errorf("%s: (-official +decoded)\n%s\n%s", name, d, spelled)
			}
		}
	}
	if judged < 5*80 {
		t.Errorf("only %d records judged", judged)
	}
}

// TestOfficialCrossed: so it is for records whose fields come from several shapes, as no capture has them.
func TestOfficialCrossed(t *testing.T) {
	var parents []*flowpb.Flow
	for _, b := range corpus(t) {
		if f := judge(b); f != nil {
			parents = append(parents, f)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	fields := parents[0].ProtoReflect().Descriptor().Fields()
	for range 400 {
		child := &flowpb.Flow{}
		for i := range fields.Len() {
			parent := parents[r.IntN(len(parents))].ProtoReflect()
			if parent.Has(fields.Get(i)) {
				child.ProtoReflect().Set(fields.Get(i), parent.Get(fields.Get(i)))
			}
		}
		for name, spelled := range spellings(t, child) {
			if d := disagreement(spelled); d != "" {
				t.Fatalf("%s: (-official +decoded)\n%s\n%s", name, d, spelled)
			}
		}
	}
}

// spellings are the forms that protojson gives and takes.
func spellings(t *testing.T, f *flowpb.Flow) map[string][]byte {
	t.Helper()
	export := &observerpb.ExportEvent{ResponseTypes: &observerpb.ExportEvent_Flow{Flow: f}, NodeName: f.NodeName, Time: f.Time}
	out := map[string][]byte{}
	for name, c := range map[string]struct {
		m proto.Message
		o protojson.MarshalOptions
	}{
		"exporter":     {export, protojson.MarshalOptions{UseProtoNames: true}},
		"camel case":   {export, protojson.MarshalOptions{}},
		"enum numbers": {export, protojson.MarshalOptions{UseProtoNames: true, UseEnumNumbers: true}},
		"pretty":       {export, protojson.MarshalOptions{UseProtoNames: true, Multiline: true}},
		"flat":         {f, protojson.MarshalOptions{UseProtoNames: true}},
		"flat camel":   {f, protojson.MarshalOptions{UseEnumNumbers: true}},
	} {
		b, err := c.o.Marshal(c.m)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	for name, b := range formsOf(t, rand.New(rand.NewPCG(5, 6)), out["exporter"]) {
		out[name] = b
	}
	for name, b := range formsOf(t, rand.New(rand.NewPCG(7, 8)), out["flat camel"]) {
		out["flat camel, "+name] = b
	}
	return out
}

// FuzzOfficial looks for records that the decoder and Cilium's types take and read differently.
func FuzzOfficial(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b)
	}
	f.Add([]byte(full))
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.IndexByte(b, 0) >= 0 {
			return
		}
		if d := disagreement(b); d != "" {
			t.Errorf("(-official +decoded)\n%s", d)
		}
	})
}
