package hubble

import (
	"math/rand/v2"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"sluice/model"
)

// anyTexts are texts of the members of that name, others are of any.
var anyTexts = map[protoreflect.Name][]string{
	"source":      {"10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "x"},
	"destination": {"10.0.0.2", "fd00::2", "0.0.0.0"},
	"labels": {"k8s:app=cart", "k8s:io.kubernetes.pod.namespace=shop", "reserved:host", "reserved:world",
		"cidr:10.0.0.0/8",
		"fqdn:a.example", "reserved:kube-apiserver", "reserved:ingress", "a=b", "k8s:io.cilium.k8s.policy.serviceaccount=s",
		"k8s:io.cilium.k8s.policy.derived-from=NetworkPolicy", "reserved:unmanaged"},
	"pod_name":          {"cart-1", "cart-2", "api-7d9fbd6c7b-abcde"},
	"namespace":         {"shop", "bank"},
	"kind":              {"Deployment", "NetworkPolicy", "CiliumNetworkPolicy", "a/b"},
	"destination_names": {"example.org", "example.org.", "a.b", ""},
	"method":            {"GET", "POST"},
	"url":               {"http://a/b?c=d", "/x"},
	"protocol":          {"HTTP/1.1", "HTTP/2"},
	"query":             {"example.org."},
	"qtypes":            {"A", "AAAA"},
	"rrtypes":           {"A", "CNAME"},
	"ips":               {"192.0.2.1", "2001:db8::1"},
	"trace_id":          {"4bf92f3577b34da6a3ce929d0e0e4736"},
}

var anyNumbers = map[protoreflect.Name][]uint64{
	"source_port": {40000, 443, 0, 65535}, "destination_port": {443, 53, 65536}, "type": {0, 8, 1, 4, 5, 129, 256, 7},
	"sub_type": {0, 3, 4, 11, 101}, "drop_reason": {133, 181, 189, 130, 65536, 65535}, "code": {200, 3, 0},
}

// anyMessage sets some fields of a message.
func anyMessage(r *rand.Rand, m protoreflect.Message, deep int) {
	fields := m.Descriptor().Fields()
	few := r.IntN(3)
	for i := range fields.Len() {
		f := fields.Get(i)
		if r.IntN(4) < few || deep > 5 || f.Name() == "extensions" || f.ContainingOneof() != nil && r.IntN(3) > 0 {
			continue
		}
		switch {
		case f.IsMap():
		case f.IsList():
			list := m.Mutable(f).List()
			for range r.IntN(4) {
				if f.Kind() == protoreflect.MessageKind {
					e := list.NewElement()
					anyMessage(r, e.Message(), deep+1)
					list.Append(e)
				} else {
					list.Append(anyValue(r, f))
				}
			}
		case f.Message() != nil && f.Message().FullName() == "google.protobuf.Timestamp":
			t := m.Mutable(f).Message()
			t.Set(t.Descriptor().Fields().ByNumber(1),
				protoreflect.ValueOfInt64(1772360430+int64(r.IntN(5))*int64(r.IntN(1e9))))
			t.Set(t.Descriptor().Fields().ByNumber(2), protoreflect.ValueOfInt32(int32(r.IntN(1e9))))
		case f.Kind() == protoreflect.MessageKind:
			anyMessage(r, m.Mutable(f).Message(), deep+1)
		default:
			m.Set(f, anyValue(r, f))
		}
	}
}

func anyValue(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	numbers := anyNumbers[f.Name()]
	if numbers == nil {
		numbers = []uint64{0, 1, 2, 3, 127, 128, 4711, 1<<31 - 1}
	}
	n := numbers[r.IntN(len(numbers))]
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) > 0)
	case protoreflect.EnumKind:
		of := f.Enum().Values()
		if r.IntN(10) == 0 {
			return protoreflect.ValueOfEnum([]protoreflect.EnumNumber{99, -1, 1 << 20, 1<<31 - 1}[r.IntN(4)])
		}
		return protoreflect.ValueOfEnum(of.Get(r.IntN(min(of.Len(), 8*(1+r.IntN(12))))).Number())
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(n << r.IntN(30))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("b"))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(0.5)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(0.5)
	default: // a string: flow.proto has no others
	}
	texts := anyTexts[f.Name()]
	if texts == nil || r.IntN(12) == 0 {
		texts = []string{"a", "b", "ä", "a\"b", "", "a\x00b", "x/y"}
	}
	return protoreflect.ValueOfString(texts[r.IntN(len(texts))])
}

// anyBytes writes a message again in a form that readers have to take for the same: fields in another order, with
// others between them that nobody knows, numbers that come again, and messages in two pieces.
func anyBytes(r *rand.Rand, b []byte, d protoreflect.MessageDescriptor) []byte {
	type part struct {
		num  protowire.Number
		text []byte
	}
	var parts []part
	for len(b) > 0 {
		num, _, n := protowire.ConsumeField(b)
		p, whole := part{num, b[:n]}, b[:n]
		f := d.Fields().ByNumber(num)
		_, typ, tag := protowire.ConsumeTag(b)
		b = b[n:]
		switch {
		case f != nil && f.Message() != nil && typ == protowire.BytesType:
			inner, _ := protowire.ConsumeBytes(whole[tag:])
			again := anyBytes(r, inner, f.Message())
			if cut := anyCut(r, again); !f.IsList() && cut > 0 {
				parts = append(parts, part{num, protowire.AppendBytes(protowire.AppendTag(nil, num, typ), again[:cut])})
				again = again[cut:]
			}
			p.text = protowire.AppendBytes(protowire.AppendTag(nil, num, typ), again)
		case f != nil && !f.IsList() && typ == protowire.VarintType && r.IntN(20) == 0:
			parts = append(parts, part{num, protowire.AppendVarint(protowire.AppendTag(nil, num, typ), uint64(r.IntN(256)))})
		case f != nil && !f.IsList() && typ == protowire.BytesType && r.IntN(20) == 0:
			parts = append(parts, part{num, protowire.AppendBytes(protowire.AppendTag(nil, num, typ), []byte("other"))})
		}
		parts = append(parts, p)
	}
	if r.IntN(6) == 0 {
		junk := [][]byte{
			protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 7),
			protowire.AppendFixed32(protowire.AppendTag(nil, 98, protowire.Fixed32Type), 7),
			protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), 7),
			protowire.AppendBytes(protowire.AppendTag(nil, 97, protowire.BytesType), []byte("x")),
			protowire.AppendGroup(protowire.AppendTag(nil, 96, protowire.StartGroupType), 96, nil),
		}[r.IntN(5)]
		parts = append(parts, part{99, junk})
	}
	// Of one number the order stays, and of the members of a oneof.
	key := func(n protowire.Number) int {
		if f := d.Fields().ByNumber(n); f != nil && f.ContainingOneof() != nil {
			return -1 - f.ContainingOneof().Index()
		}
		return int(n)
	}
	if r.IntN(3) == 0 {
		for range len(parts) {
			i := r.IntN(len(parts))
			if i+1 < len(parts) && key(parts[i].num) != key(parts[i+1].num) {
				parts[i], parts[i+1] = parts[i+1], parts[i]
			}
		}
	}
	var out []byte
	for _, p := range parts {
		out = append(out, p.text...)
	}
	return out
}

// anyCut is where a message is cut in two between its fields, mostly not.
func anyCut(r *rand.Rand, b []byte) int {
	if r.IntN(12) > 0 {
		return 0
	}
	cut := 0
	for rest := b; len(rest) > 0; {
		_, _, n := protowire.ConsumeField(rest)
		if rest = rest[n:]; r.IntN(2) == 0 {
			cut = len(b) - len(rest)
		}
	}
	return cut
}

// TestAnyMessages: what a flow says on the wire, in whatever form, is what its JSON says by each way to write that.
func TestAnyMessages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	p, keeps := newWires(), &keep{tables: model.NewTables()}
	d := New(keeps.tables, keeps)
	ways := []protojson.MarshalOptions{{UseProtoNames: true}, {}, {UseEnumNumbers: true}, {EmitUnpopulated: true},
		{EmitUnpopulated: true, UseProtoNames: true}, {UseEnumNumbers: true, UseProtoNames: true, Multiline: true}}
	flows, compared := 0, 0
	for n := range 2000 {
		var f flowpb.Flow
		anyMessage(r, f.ProtoReflect(), 0)
		canonical, err := proto.MarshalOptions{Deterministic: true}.Marshal(&f)
		if err != nil {
			t.Fatal(err)
		}
		b := canonical
		if r.IntN(2) == 0 {
			b = anyBytes(r, canonical, f.ProtoReflect().Descriptor())
		}
		var again flowpb.Flow
		if err := proto.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if diff := p.differ(&again, b); diff != "" {
			text, _ := protojson.Marshal(&again)
			t.Fatalf("message %d %q: (-json +wire)\n%s\n%s", n, b, diff, text)
		}
		if p.wire.got.reject.Reason == model.ReasonNone {
			flows++
		}
		for i, way := range ways {
			text, err := way.Marshal(&again)
			if err != nil {
				continue
			}
			keeps.got = kept{}
			took, reject := d.Record("-", 1, append(append([]byte(`{"flow":`), text...), '}')), &keeps.got.reject
			if !took || reject.Reason == model.NotFlowLog ||
				reject.Reason != model.ReasonNone && p.wire.got.reject.Reason != model.ReasonNone {
				continue
			}
			compared++
			keeps.got.flow.Node = p.wire.got.flow.Node
			if diff := cmp.Diff(keeps.got, p.wire.got, cmp.AllowUnexported(kept{})); diff != "" {
				t.Fatalf("message %d, way %d: (-json +wire)\n%s\n%s", n, i, diff, text)
			}
		}
	}
	if flows < 500 || compared < 3000 {
		t.Errorf("%d flows, compared with %d texts", flows, compared)
	}
}
