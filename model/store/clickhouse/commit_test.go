package clickhouse

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/model/store"
)

// TestBatches: a row of commits says which batches of its writer count. One that failed never does, even if its own row
// comes late, since a later one has taken its place.
func TestBatches(t *testing.T) {
	stream := []store.Source{{Name: "s", Records: 2, Stream: &store.Stream{Watermark: 5}}}
	r := &row{writer: 7, state: made, stream: "s"}
	one := r.with(1, []part{{Cluster: "c", Hour: 3, Rows: 2, First: 10, Last: 20, Peers: []string{"x"}}}, stream)
	three := one.with(3, []part{{Cluster: "c", Hour: 3, Rows: 1, First: 5, Last: 15, Peers: []string{"a"}},
		{Cluster: "d", Hour: 3, Rows: 1, First: 5, Last: 5}}, stream)
	for batch, want := range map[uint32]bool{1: true, 2: false, 3: true, 4: false} {
		if three.has(batch) != want {
			t.Errorf("batch %d counts: %v", batch, !want)
		}
	}
	want := []part{{Cluster: "c", Hour: 3, Rows: 3, First: 5, Last: 20, Peers: []string{"a", "x"}},
		{Cluster: "d", Hour: 3, Rows: 1, First: 5, Last: 5}}
	if d := cmp.Diff(want, three.content.Parts); d != "" {
		t.Error(d)
	}
	if len(three.content.Sources) != 1 || three.content.Sources[0].Records != 4 || three.version <= one.version {
		t.Errorf("%+v", three)
	}
	if one.content.Parts[0].Rows != 2 || one.content.Sources[0].Records != 2 {
		t.Errorf("the row before has changed: %+v", one.content)
	}
	three.state = withdrawn
	if three.has(1) {
		t.Error("a batch of a row that was withdrawn counts")
	}
}

// TestPart: what the commits say is what a store in files says of its segments, by day and cluster.
func TestPart(t *testing.T) {
	digest := func(d string) []store.Source {
		return []store.Source{{Name: d, Digest: d, Bytes: 9, Lost: 7, LostHours: model.Losses{model.AnyHour: 1, 23: 2, 24: 4}}}
	}
	s := &Store{dropped: "1970-01-01", rows: map[uint64]*row{
		1: {writer: 1, state: made, content: content{Batches: 1, Sources: digest("a"), Parts: []part{
			{Cluster: "c", Hour: 25, Rows: 2, First: 1, Last: 2}, {Cluster: "c", Hour: 47, Rows: 3, First: 3, Last: 9},
			{Cluster: "c", Hour: 1, Rows: 3, First: 3, Last: 9}}}},
		2: {writer: 2, state: prepared, content: content{Batches: 1, Sources: digest("b"), Parts: []part{
			{Cluster: "c", Hour: 25, Rows: 7, First: 1, Last: 2}}}},
		3: {writer: 3, state: made, content: content{Batches: 1, Parts: []part{
			{Cluster: "d", Hour: 25, Rows: 1, First: 4, Last: 4, Peers: []string{"c"}},
			{Cluster: "e", Hour: 25, Rows: 1, First: 4, Last: 4}}}},
	}}
	want := []store.Segment{
		{Path: "cluster=c/day=1970-01-02", Cluster: "c", Peers: []string{}, Day: "1970-01-02", Rows: 5, First: 1, Last: 9},
		{Path: "cluster=d/day=1970-01-02", Cluster: "d", Peers: []string{"c"}, Day: "1970-01-02", Rows: 1, First: 4, Last: 4},
	}
	if d := cmp.Diff(want, s.Part("c").Segments); d != "" {
		t.Error(d)
	}
	if lost := s.Part("").Sources[0]; lost.Lost != 5 || len(lost.LostHours) != 2 {
		t.Errorf("what was lost on a day that was dropped is still told: %+v", lost)
	}
	if had := s.Digests(); len(had) != 1 || had["a"] != 9 {
		t.Error("sources that were only prepared count, or others do not")
	}
}

// TestEnd: the partitions of what was dropped are to go even if the replica that was asked knows of none of them, or not
// of the row that drops them, and so are those that a process left before.
func TestEnd(t *testing.T) {
	s := &Store{dropped: "2026-03-01", ended: map[string]time.Time{"2026-02-28": {}},
		bytes: map[string]int64{"2026-02-27": 1, "2026-02-28": 1, "2026-03-04": 1, "2026-03-05": 1}}
	s.end([]string{"2026-03-02", "2026-03-03"})
	if d := cmp.Diff([]string{"2026-02-27", "2026-02-28", "2026-03-02", "2026-03-03"}, slices.Sorted(maps.Keys(s.ended))); d != "" {
		t.Error(d)
	}
	if !s.ended["2026-02-28"].IsZero() || s.dropped != "2026-03-03" {
		t.Errorf("%+v", s)
	}
	s.end(nil)
	if s.dropped != "2026-03-03" || len(s.ended) != 4 {
		t.Errorf("%+v", s)
	}
}

// TestIdentity: an endpoint has one name wherever it is written, and another endpoint another one.
func TestIdentity(t *testing.T) {
	a := model.Endpoint{Kind: model.KindPod, Namespace: "shop", Labels: model.Labels{"app=cart"}}
	same, b := a, a
	b.Labels = model.Labels{"app=carts"}
	if idOf(a.Key()) != idOf(same.Key()) || idOf(a.Key()) == idOf(b.Key()) {
		t.Error("names of endpoints")
	}
	if got := quote("a'\\\x00é"); got != `'a\x27\x5c\x00\xc3\xa9'` {
		t.Errorf("%s", got)
	}
}

// TestOverflow: a sum that a row cannot hold becomes several.
func TestOverflow(t *testing.T) {
	h := &hourRows{}
	h.add(model.Observation{}, 1<<32+1, 3)
	h.add(model.Observation{}, 0, 0)
	sum := uint64(0)
	for _, o := range h.rows {
		sum += uint64(o.Records)
	}
	if len(h.rows) != 3 || sum != 1<<32+1 || h.rows[0].Conns+h.rows[1].Conns != 3 {
		t.Errorf("%+v", h.rows)
	}
}

// TestMerge: rows of one key and minute are one sum, in whatever parts and order they were written.
func TestMerge(t *testing.T) {
	names := model.NewStrings()
	a, b := names.Intern([]byte("z")), names.Intern([]byte("a"))
	rows := []model.Observation{
		{Window: 5, Port: 80, Records: 2, Conns: 1, First: 7, Last: 9, SrcPod: a, Marks: model.MarkSYN},
		{Window: 5, Port: 80, Records: 3, First: 4, Last: 5, SrcPod: a},
		{Window: 5, Port: 80, Records: 1, First: 4, Last: 6, SrcPod: b},
		{Window: 6, Port: 80, Records: 1, First: 8, Last: 8, SrcPod: a},
		{Window: 5, Port: 80, Records: 1, First: 3, Last: 3, Marks: model.MarkDenied},
	}
	want := []model.Observation{
		{Window: 5, Port: 80, Records: 6, Conns: 1, First: 4, Last: 9, SrcPod: b, Marks: model.MarkSYN}, rows[3], rows[4]}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {2, 0, 1, 3, 4}, {1, 2, 0, 3, 4}} {
		h, sums := &hourRows{}, map[model.Observation]int{}
		for _, i := range order {
			h.merge(rows[i], sums, names)
		}
		if d := cmp.Diff(want, h.rows); d != "" {
			t.Errorf("%v: %s", order, d)
		}
	}
	h, sums := &hourRows{}, map[model.Observation]int{}
	for range 2 {
		h.merge(model.Observation{Records: 1 << 31}, sums, names)
	}
	if len(h.rows) != 2 {
		t.Errorf("a sum that does not fit is %d rows", len(h.rows))
	}
}
