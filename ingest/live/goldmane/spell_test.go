package goldmane

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"sluice/ingest/calico"
	"sluice/model"
)

// records are flows as Goldmane's emitter writes them: an edge at both reporters, a denial at the end of a tier, and what
// has most members unset.
var records = []string{
	`{"Key":{"source_name":"frontend-7d9fbd6c7b-*","source_namespace":"shop","source_type":1,"dest_name":"cart-6c8f4d9c5-*","dest_namespace":"shop","dest_type":1,` +
		`"dest_port":8080,"dest_service_name":"cart","dest_service_namespace":"shop","dest_service_port_name":"http","dest_service_port":80,"proto":"tcp","reporter":1,"action":1,` +
		`"policies":{"enforced_policies":[{"kind":9,"name":"kns.shop","action":1}],"pending_policies":[{"kind":3,"namespace":"shop","name":"allow-frontend","tier":"default","action":1,"policy_index":1}]}},` +
		`"start_time":1795229200,"end_time":1795229215,"source_labels":["app=frontend","pod-template-hash=7d9fbd6c7b"],"dest_labels":["app=cart"],` +
		`"packets_in":5,"packets_out":7,"bytes_in":500,"bytes_out":700,"num_connections_started":1,"num_connections_completed":1,"num_connections_live":1}`,
	`{"Key":{"source_name":"pvt","source_namespace":"-","source_type":4,"dest_name":"cart-6c8f4d9c5-*","dest_namespace":"shop","dest_type":1,"dest_port":8080,` +
		`"dest_service_name":"-","dest_service_namespace":"-","dest_service_port_name":"-","proto":"tcp","reporter":2,"action":2,` +
		`"policies":{"enforced_policies":[{"kind":10,"tier":"default","action":2,"rule_index":-1}]}},"start_time":1795229200,"end_time":1795229215,"dest_labels":["app=cart"],"packets_in":1}`,
	`{"Key":{"source_name":"a\u0001\"\\é","source_namespace":"x","source_type":1,"dest_name":"pub","dest_type":4,"proto":"icmp","reporter":1,"action":1}}`,
}

// wire writes a message of a shape from its JSON: field numbers alone say what it is.
func wire(t testing.TB, obj map[string]any, s shape) []byte {
	var b []byte
	put := func(num protowire.Number, f field, v any) {
		switch f.kind {
		case number:
			n, err := v.(json.Number).Int64()
			if err != nil {
				t.Fatal(err)
			}
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(n))
		case text, texts:
			b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v.(string))
		default:
			b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), wire(t, v.(map[string]any), f.of))
		}
	}
	for num := protowire.Number(1); num < 32; num++ {
		f, ok := s[num]
		v, has := obj[f.name]
		switch l, list := v.([]any); {
		case !ok || !has:
		case list:
			for _, e := range l {
				put(num, f, e)
			}
		default:
			put(num, f, v)
		}
		delete(obj, f.name)
	}
	for k := range obj {
		t.Fatalf("%s is no field", k)
	}
	return b
}

func flowBytes(t testing.TB, text string) []byte {
	var obj map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&obj); err != nil {
		t.Fatal(err)
	}
	return wire(t, obj, flowShape)
}

// TestSpell: what came over the wire reads as what the emitter would have posted, to the byte.
func TestSpell(t *testing.T) {
	for _, want := range records {
		got, err := spell(nil, flowBytes(t, want), flowShape)
		if err != nil || string(got) != want {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	}
}

// TestSpellNewer: members that later versions add are passed over (3.32's kind 11, addresses in review as 13 and 14), and
// lists may come in pieces.
func TestSpellNewer(t *testing.T) {
	num := func(b []byte, n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
	}
	str := func(b []byte, n protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
	}
	hit := str(str(num(nil, 1, 11), 3, "kube"), 4, "default")
	key := str(str(nil, 1, "a-*"), 2, "x")
	key = str(key, 15, string(str(nil, 1, string(hit))))
	key = num(key, 99, 7)
	b := str(nil, 4, "app=a")
	b = str(b, 1, string(key))
	b = str(b, 13, "192.0.2.1")
	b = str(b, 4, "tier=web")
	b = str(b, 14, "192.0.2.2")
	b = protowire.AppendFixed64(protowire.AppendTag(b, 15, protowire.Fixed64Type), 1)
	got, err := spell(nil, b, flowShape)
	want := `{"source_labels":["app=a","tier=web"],"Key":{"source_name":"a-*","source_namespace":"x","policies":{"enforced_policies":[{"kind":11,"name":"kube","tier":"default"}]}}}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

// TestSpellPieces: messages that come in pieces are one.
func TestSpellPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	// cut writes a message with some of the messages in it in two pieces.
	var cut func(b []byte, s shape) []byte
	cut = func(b []byte, s shape) (out []byte) {
		for len(b) > 0 {
			num, typ, n := protowire.ConsumeField(b)
			f := s[num]
			if f.kind == message || f.kind == messages {
				_, _, tag := protowire.ConsumeTag(b)
				inner, _ := protowire.ConsumeBytes(b[tag:])
				inner = cut(inner, f.of)
				at := 0
				for rest := inner; f.kind == message && len(rest) > 0; {
					_, _, n := protowire.ConsumeField(rest)
					if rest = rest[n:]; r.IntN(6) == 0 {
						at = len(inner) - len(rest)
					}
				}
				if at > 0 {
					out = protowire.AppendBytes(protowire.AppendTag(out, num, typ), inner[:at])
				}
				out = protowire.AppendBytes(protowire.AppendTag(out, num, typ), inner[at:])
			} else {
				out = append(out, b[:n]...)
			}
			b = b[n:]
		}
		return out
	}
	for range 200 {
		for _, want := range records {
			got, err := spell(nil, cut(flowBytes(t, want), flowShape), flowShape)
			if err != nil || string(got) != want {
				t.Fatalf("%v\n got %s\nwant %s", err, got, want)
			}
		}
	}
}

// TestAnswer reads a FlowListResult with an unknown member in each message, and refuses half of one.
func TestAnswer(t *testing.T) {
	var want []string
	meta := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	meta = protowire.AppendVarint(protowire.AppendTag(meta, 2, protowire.VarintType), 42)
	b := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), meta)
	for i, r := range records {
		result := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(i))
		result = protowire.AppendBytes(protowire.AppendTag(result, 2, protowire.BytesType), flowBytes(t, r))
		result = protowire.AppendString(protowire.AppendTag(result, 3, protowire.BytesType), "new")
		b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), result)
		want = append(want, r)
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, 9, protowire.VarintType), 1)
	var got []string
	n, err := answer(b, func(flow []byte) { got = append(got, string(flow)) })
	if err != nil || n != 42 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d, %v\n got %q\nwant %q", n, err, got, want)
	}
	if _, err := answer(b[:len(b)-1], func([]byte) {}); err == nil {
		t.Error("half an answer is taken for one")
	}
}

// FuzzSpell: any bytes are spelled as valid JSON or refused, and the decoder takes what was spelled.
func FuzzSpell(f *testing.F) {
	for _, r := range records {
		f.Add(flowBytes(f, r))
	}
	f.Add([]byte{0x0a, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := spell(nil, b, flowShape)
		if err != nil {
			return
		}
		if !json.Valid(got) || !utf8.Valid(got) {
			t.Fatalf("not JSON: %q", got)
		}
		calico.NewDecoder("test", model.NewTables()).Decode(got)
	})
}

// TestText agrees with encoding/json on any text.
func TestText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		s := make([]byte, r.IntN(12))
		for i := range s {
			s[i] = byte(r.IntN(256))
			if r.IntN(2) == 0 {
				s[i] = "aé\"\\\n\x00"[r.IntN(7)]
			}
		}
		var back string
		if err := json.Unmarshal(appendText(nil, s), &back); err != nil || back != string([]rune(string(s))) {
			t.Fatalf("%q -> %q: %v", s, back, err)
		}
	}
}

func BenchmarkSpell(b *testing.B) {
	msg := flowBytes(b, records[0])
	d := calico.NewDecoder("test", model.NewTables())
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out, _ = spell(out[:0], msg, flowShape)
		if _, rej := d.Decode(out); rej != nil {
			b.Fatal(rej.Detail)
		}
		_ = d.ID(out)
	}
}
