package hubble

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"sluice/ingest"
	"sluice/model"
)

// wires decodes a flow as JSON, by the general way, and from the wire.
type wires struct {
	json, wire *keep
	d          *oracle
	w          *Wire
}

func newWires() *wires {
	p := &wires{json: &keep{tables: model.NewTables()}, wire: &keep{tables: model.NewTables()}}
	p.d, p.w = &oracle{tables: p.json.tables, sink: p.json}, NewWire(p.wire.tables)
	return p
}

// differ says how the two ways differ for the bytes of a flow, which f was made of.
func (p *wires) differ(f *flowpb.Flow, b []byte) string {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(f)
	if err != nil {
		return "" // a time that JSON cannot write
	}
	p.json.got, p.wire.got = kept{}, kept{}
	p.d.general("-", 1, append(append([]byte(`{"flow":`), text...), '}'))
	if err := p.w.Decode(b); err != nil {
		p.wire.Reject(ingest.Rejection{Fate: model.Malformed, Reason: model.BadValue, Source: "-", Line: 1, Detail: err.Error()})
	} else {
		if string(p.w.UUID) != f.Uuid || string(p.w.Node) != f.NodeName {
			return "uuid or node differ"
		}
		p.wire.Flow(&p.w.Flow)
	}
	if r := p.json.got.reject; r.Reason == model.NotFlowLog {
		return "" // JSON does not tell an empty flow from none
	}
	p.wire.got.flow.Node = p.json.got.flow.Node // Wire.Node has it
	return cmp.Diff(p.json.got, p.wire.got, cmp.AllowUnexported(kept{}))
}

func (p *wires) check(t *testing.T, line string) bool {
	var e observerpb.GetFlowsResponse
	opts := protojson.UnmarshalOptions{DiscardUnknown: true}
	if err := opts.Unmarshal([]byte(line), &e); err != nil || e.GetFlow() == nil {
		return false
	}
	b, err := proto.Marshal(e.GetFlow())
	if err != nil {
		t.Fatal(err)
	}
	if diff := p.differ(e.GetFlow(), b); diff != "" {
		t.Errorf("%s: (-json +wire)\n%s", line, diff)
	}
	return true
}

// TestWireAgrees compares both ways on the records of the test of the fast way, and on every Hubble record of testdata.
func TestWireAgrees(t *testing.T) {
	p, checked := newWires(), 0
	for range 2 {
		for _, c := range changes {
			p.check(t, strings.Replace(full, c.from, c.to, 1))
		}
	}
	err := filepath.WalkDir(filepath.Join("..", "..", "testdata"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || t.Failed() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		if strings.HasSuffix(name, ".gz") {
			z, err := gzip.NewReader(f)
			if err != nil {
				return err
			}
			lines = bufio.NewScanner(z)
		}
		lines.Buffer(nil, 1<<20)
		for n := 0; lines.Scan() && n < 2000 && !t.Failed(); n++ {
			if p.check(t, lines.Text()) {
				checked++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 1000 {
		t.Errorf("only %d records compared", checked)
	}
}

func wireOf(t testing.TB, record string) []byte {
	var e observerpb.GetFlowsResponse
	if err := protojson.Unmarshal([]byte(record), &e); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(e.GetFlow())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzWire: what the official types accept is read, and says the same as its JSON; nothing else makes it panic.
func FuzzWire(f *testing.F) {
	for _, c := range changes {
		var e observerpb.GetFlowsResponse
		if protojson.Unmarshal([]byte(strings.Replace(full, c.from, c.to, 1)), &e) == nil {
			b, _ := proto.Marshal(e.GetFlow())
			f.Add(b)
		}
	}
	p := newWires()
	f.Fuzz(func(t *testing.T, b []byte) {
		var m flowpb.Flow
		if proto.Unmarshal(b, &m) != nil {
			_ = p.w.Decode(b)
			return
		}
		canonical, err := proto.Marshal(&m)
		if err != nil {
			return
		}
		if diff := p.differ(&m, canonical); diff != "" {
			t.Errorf("(-json +wire)\n%s", diff)
		}
		if err := p.w.Decode(b); errors.Is(err, errWire) {
			t.Errorf("refused what the official types accept")
		}
	})
}

// TestWireCut cuts a flow at every byte: nothing may be read beyond the end.
func TestWireCut(t *testing.T) {
	b := wireOf(t, full)
	w := NewWire(model.NewTables())
	for n := range b {
		_ = w.Decode(b[:n:n])
	}
	if err := w.Decode(b); err != nil || w.Flow.DstPort != 443 {
		t.Errorf("whole flow: %v, port %d", err, w.Flow.DstPort)
	}
}

// TestWireSplit: a message that comes in two pieces is one (protobuf's rule), and the last of two oneofs counts.
func TestWireSplit(t *testing.T) {
	b := wireOf(t, full)
	b = protowire.AppendTag(b, flowL4, protowire.BytesType)
	b = protowire.AppendBytes(b, append(protowire.AppendTag(nil, layerUDP, protowire.BytesType), 2, 0x10, 53))
	w := NewWire(model.NewTables())
	if err := w.Decode(b); err != nil || w.Flow.Proto != model.UDP || w.Flow.DstPort != 53 || w.Flow.SrcPort != 0 {
		t.Errorf("%v: %+v", err, w.Flow)
	}
}

func BenchmarkWire(b *testing.B) {
	m := wireOf(b, full)
	w := NewWire(model.NewTables())
	b.SetBytes(int64(len(m)))
	for b.Loop() {
		if err := w.Decode(m); err != nil {
			b.Fatal(err)
		}
	}
}

// TestManyPieces: a server that sends a message in very many pieces is refused, and not copied for.
func TestManyPieces(t *testing.T) {
	piece := protowire.AppendBytes(protowire.AppendTag(nil, flowSource, protowire.BytesType), []byte("\x08\x01"))
	for n, want := range map[int]bool{1: true, 1 + maxPieces: true, 2 + maxPieces: false, 1 << 20: false} {
		w := NewWire(model.NewTables())
		if err := w.Decode(bytes.Repeat(piece, n)); (err == nil) != want {
			t.Errorf("%d pieces: %v", n, err)
		}
	}
}
