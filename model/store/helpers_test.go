package store

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"sluice/model"
)

// traffic makes random tables with every field of an endpoint in use.
func traffic(r *rand.Rand, endpoints, pods int) model.Tables {
	t := model.NewTables()
	word := func(n int) string {
		return []string{"", "a", "b", "web", "db", "café\x00", "a=b", "long-" + fmt.Sprint(r.IntN(n+1))}[r.IntN(8)]
	}
	list := func() []string {
		var l []string
		for range r.IntN(4) {
			l = append(l, word(20)+"="+word(3))
		}
		return model.MakeLabels(l)
	}
	for t.Endpoints.Len() < endpoints {
		e := model.Endpoint{Kind: model.Kind(r.IntN(7)), Cluster: []string{"", "east", "../x y"}[r.IntN(3)],
			Namespace: word(9), Name: word(1000), Owner: model.Owner{Kind: word(1), Name: word(1000)}, ServiceAccount: word(2),
			Labels: list(), NamespaceLabels: list(), Entities: model.Entities(r.IntN(1 << 9)), Marks: model.Marks(r.IntN(1 << 9))}
		switch r.IntN(4) {
		case 0:
			e.Address = netip.AddrFrom4([4]byte{10, byte(r.Int()), byte(r.Int()), byte(r.Int())})
			e.Names = []string{"api.example.com", "b.example.com"}
		case 1:
			e.Address = netip.MustParseAddr("fe80::1%eth0")
		case 2:
			e.Address = netip.MustParseAddr("::ffff:1.2.3.4")
		}
		t.Endpoints.Intern(e)
	}
	for t.Names.Len() < pods {
		t.Names.Intern(fmt.Appendf(nil, "pod-%x", r.Uint32()))
	}
	return t
}

// someRows makes random rows; spread is the number of minutes they lie in.
func someRows(r *rand.Rand, t model.Tables, n, spread int) []model.Observation {
	ends, pods := t.Endpoints.Len(), t.Names.Len()
	rows := make([]model.Observation, n)
	for i := range rows {
		o := &rows[i]
		*o = model.Observation{
			Window: 29_000_000 + uint32(r.IntN(spread)), Src: model.EndpointID(r.IntN(ends)), Dst: model.EndpointID(r.IntN(ends)),
			SrcPort: uint16(r.IntN(2) * r.IntN(1<<16)), Port: uint16(r.IntN(1 << 16)), Proto: model.Proto(r.IntN(256)),
			Verdict: model.Verdict(r.IntN(8)), Observer: model.Observer(r.IntN(10)), Fate: model.Fate(r.IntN(8)),
			Reason: model.Reason(r.IntN(model.NumReasons)), Marks: model.Marks(r.IntN(1 << 9)),
			Records: 1 + uint32(r.IntN(1000)), Conns: uint32(r.IntN(2) * r.IntN(1000)),
			SrcPod: model.NameID(r.IntN(2) * r.IntN(pods)), DstPod: model.NameID(r.IntN(2) * r.IntN(pods))}
		o.First = int64(o.Window)*60e6 + r.Int64N(30e6)
		o.Last = o.First + r.Int64N(30e6)
	}
	return rows
}

// row is an observation without reference to tables.
type row struct {
	src, dst, srcPod, dstPod string
	o                        model.Observation
}

// plainRows adds rows of one key up and sorts them: two sets of rows are equal if these are.
func plainRows(t model.Tables, rows []model.Observation) []row {
	type key struct {
		src, dst string
		o        model.Observation
	}
	sums := map[key]row{}
	keys := make([]string, t.Endpoints.Len())
	for i := range keys {
		keys[i] = t.Endpoints.Get(model.EndpointID(i)).Key()
	}
	for _, o := range rows {
		p := row{keys[o.Src], keys[o.Dst], t.Names.Get(o.SrcPod), t.Names.Get(o.DstPod), o}
		p.o.Src, p.o.Dst, p.o.SrcPod, p.o.DstPod = 0, 0, 0, 0
		k := key{p.src, p.dst, p.o}
		k.o.Marks &= model.KeyMarks
		k.o.Records, k.o.Conns, k.o.First, k.o.Last = 0, 0, 0, 0
		s, ok := sums[k]
		if !ok {
			sums[k] = p
			continue
		}
		if c := cmp.Or(cmp.Compare(p.o.First, s.o.First), cmp.Compare(p.srcPod, s.srcPod), cmp.Compare(p.dstPod, s.dstPod)); c < 0 {
			s.srcPod, s.dstPod = p.srcPod, p.dstPod
		}
		s.o.Records += p.o.Records
		s.o.Conns += p.o.Conns
		s.o.Marks |= p.o.Marks
		s.o.First, s.o.Last = min(s.o.First, p.o.First), max(s.o.Last, p.o.Last)
		sums[k] = s
	}
	out := make([]row, 0, len(sums))
	for _, r := range sums {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.src, b.src), cmp.Compare(a.dst, b.dst), compareKey(&a.o, &b.o))
	})
	return out
}

// scanned returns all rows of a store, interned in one table.
func scanned(tb testing.TB, s *Store, o ScanOptions) (model.Tables, []model.Observation) {
	tb.Helper()
	own := newTables("")
	var out []model.Observation
	err := s.Scan(context.Background(), o, func(t model.Tables, rows []model.Observation) error {
		for _, r := range rows {
			own.own(t, &r)
			out = append(out, r)
		}
		return nil
	})
	all := model.Tables{Endpoints: model.NewEndpoints(), Names: own.names}
	for _, e := range own.endpoints {
		all.Endpoints.Intern(*e)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return all, out
}

func mustCreate(tb testing.TB, dir string) *Store {
	tb.Helper()
	s, err := Create(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// inMemory makes a store that nothing has to be synced for.
func inMemory(t *testing.T) *Store {
	t.Helper()
	s, err := CreateFiles(newDirFiles(memRoot, NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// commitRows writes rows as one commit.
func commitRows(tb testing.TB, s *Store, o WriterOptions, t model.Tables, rows []model.Observation, sources ...Source) {
	tb.Helper()
	w, err := s.Writer(o)
	if err != nil {
		tb.Fatal(err)
	}
	if err := w.Write(t, rows); err != nil {
		tb.Fatal(err)
	}
	if err := w.Commit(sources); err != nil {
		tb.Fatal(err)
	}
}
