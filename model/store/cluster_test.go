package store

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"sluice/model"
)

// fleetTables are pods of clusters, four each, and an address outside.
func fleetTables(clusters ...string) model.Tables {
	t := model.NewTables()
	t.Endpoints.Intern(model.Endpoint{Kind: model.KindEntity, Entities: model.World})
	for _, c := range clusters {
		for i := range 4 {
			t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Cluster: c, Namespace: "shop", Name: fmt.Sprint("web", i)})
		}
	}
	t.Names.Intern([]byte("web-1"))
	return t
}

// nearRows are the rows of clusters that have to do with one, by the definition: whatever is filed under it, under one
// that a row joins it with, or under none.
func nearRows(t model.Tables, rows []model.Observation, cluster string) []model.Observation {
	filed := func(o *model.Observation) string {
		if c := t.Endpoints.Get(o.Src).Cluster; c != "" {
			return c
		}
		return t.Endpoints.Get(o.Dst).Cluster
	}
	near := map[string]bool{"": true, cluster: true}
	for i := range rows {
		from, to := filed(&rows[i]), t.Endpoints.Get(rows[i].Dst).Cluster
		if to != "" && (from == cluster || to == cluster) {
			near[from], near[to] = true, true
		}
	}
	return slices.DeleteFunc(slices.Clone(rows), func(o model.Observation) bool { return !near[filed(&o)] })
}

// TestScanCluster: a scan for a cluster gives what has to do with it, however the rows lie in commits and segments.
func TestScanCluster(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 14))
	names := []string{"a", "b", "c", "d", "../e"}
	tables := fleetTables(append([]string{""}, names...)...)
	for world := range 6 {
		rows := someRows(r, tables, 150, 300)
		for i := range rows { // most traffic stays in its cluster
			if o := &rows[i]; o.Src > 0 && r.IntN(100) > world%3 {
				o.Dst = o.Src - (o.Src-1)%4 + model.EndpointID(r.IntN(4))
			}
		}
		s := mustCreate(t, t.TempDir())
		for i, part := range slices.Collect(slices.Chunk(rows, 20+r.IntN(80))) {
			commitRows(t, s, WriterOptions{}, tables, part, Source{Name: fmt.Sprint(i), Digest: fmt.Sprint(world, i)})
		}
		for _, compacted := range []bool{false, true} {
			if compacted {
				if _, err := s.Compact(t.Context(), CompactOptions{Run: 2}); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range names {
				got := plainRows(scanned(t, s, ScanOptions{Cluster: c}))
				if want := plainRows(tables, nearRows(tables, rows, c)); !reflect.DeepEqual(got, want) {
					t.Fatalf("world %d, cluster %s, compacted %v: %d rows, want %d", world, c, compacted, len(got), len(want))
				}
			}
		}
	}
}

// TestScanUnknownPeers: a segment of which nobody knows where its rows lead is read for every cluster.
func TestScanUnknownPeers(t *testing.T) {
	g := []Segment{{Cluster: "a", Peers: []string{}}, {Cluster: "b"}, {Cluster: "c", Peers: []string{"d"}}}
	for _, c := range []struct {
		cluster string
		want    []bool
	}{{"a", []bool{true, true, false}}, {"b", []bool{true, true, true}}, {"c", []bool{false, true, true}}, {"d", []bool{false, true, true}}} {
		n := newNear(g, c.cluster)
		for i := range g {
			if n.segment(&g[i]) != c.want[i] {
				t.Errorf("for %s segment of %s: %v", c.cluster, g[i].Cluster, !c.want[i])
			}
		}
	}
}

// TestCollectorsCluster: what a collector was told fills what the flows do not say, in every merge of its commits: rows
// and sources of other clusters are left out.
func TestCollectorsCluster(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	tables := fleetTables("", unnamedCluster)
	s := mustCreate(t, t.TempDir())
	rows := someRows(r, tables, 100, 10)
	rows = append(rows, model.Observation{Window: 29_000_000, First: 29_000_000 * 60e6, Last: 29_000_000 * 60e6, Records: 1})
	for i := range 12 {
		name := fmt.Sprint("c", i%3)
		part := rows
		if i > 8 {
			part = nil
		}
		commitRows(t, s, WriterOptions{Cluster: name}, tables, part,
			Source{Name: name + ": relay", Cluster: name, Lost: 1, Records: int64(len(part)), Stream: &Stream{Watermark: 1}})
	}
	for _, run := range []int{100, 2} {
		if _, err := s.Compact(t.Context(), CompactOptions{Run: run}); err != nil {
			t.Fatal(err)
		}
		if got := s.Clusters(); !slices.Equal(got, []string{"c0", "c1", "c2"}) {
			t.Fatal(got)
		}
		for _, of := range s.Part("").ByCluster() {
			lost, n := int64(0), int64(0)
			for _, src := range of.Sources {
				lost += src.Lost
			}
			for _, g := range of.Segments {
				n += g.Rows
			}
			if of.Cluster == "" || lost != 4 || n == 0 {
				t.Errorf("run %d: %q lost %d of %d rows", run, of.Cluster, lost, n)
			}
		}
		got, all := scanned(t, s, ScanOptions{Cluster: "c1"})
		records := uint64(0)
		for i := range all {
			records += uint64(all[i].Records)
		}
		want := uint64(0)
		for i := range rows {
			want += 3 * uint64(rows[i].Records)
		}
		if records != want {
			t.Errorf("run %d: %d records, want %d", run, records, want)
		}
		for _, ep := range got.Endpoints.Snapshot() {
			if ep.Kind == model.KindPod && ep.Cluster != "c1" {
				t.Errorf("%+v", ep)
			}
		}
		if p := s.Part("c1"); len(p.Sources) == 0 || slices.ContainsFunc(p.Sources, func(s Source) bool { return s.Cluster != "c1" }) {
			t.Errorf("sources %+v", p.Sources)
		}
	}
}

// TestSourceCluster: where nobody says of which cluster a source is, its rows do, if they are of one.
func TestSourceCluster(t *testing.T) {
	tables := fleetTables("a", "b")
	at := func(src, dst model.EndpointID) model.Observation {
		return model.Observation{Window: 29_000_000, Src: src, Dst: dst, First: 29_000_000 * 60e6, Last: 29_000_000 * 60e6, Records: 1}
	}
	for _, c := range []struct {
		rows       []model.Observation
		told, want string
	}{
		{[]model.Observation{at(1, 2), at(0, 3), at(0, 0)}, "", "a"},
		{[]model.Observation{at(1, 2), at(5, 6)}, "", ""},
		{[]model.Observation{at(1, 5)}, "", ""},
		{nil, "", ""},
		{nil, "a", "a"},
		{[]model.Observation{at(0, 0)}, "a", "a"},
		{[]model.Observation{at(1, 2), at(1, 5), at(5, 1)}, "a", "a"}, // of a mesh
		{[]model.Observation{at(1, 2), at(5, 6)}, "a", ""},
		{[]model.Observation{at(1, 2)}, "c", "a"}, // the flows say another
	} {
		s := mustCreate(t, t.TempDir())
		commitRows(t, s, WriterOptions{}, tables, c.rows, Source{Name: "f", Digest: "f", Cluster: c.told})
		if got := s.Sources()[0].Cluster; got != c.want {
			t.Errorf("%v: %q, want %q", c.rows, got, c.want)
		}
	}
}
