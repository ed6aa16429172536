package store

import (
	"context"
	"maps"
	"testing"
	"time"

	"sluice/model"
)

// daysAgo commits rows of one day, so many days before a time.
func daysAgo(t *testing.T, s *Store, now time.Time, days, rows int) {
	t.Helper()
	tables := model.NewTables()
	id := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Name: "web"})
	out := make([]model.Observation, rows)
	for i := range out {
		at := now.Add(-time.Duration(days) * 24 * time.Hour)
		out[i] = model.Observation{Window: uint32(at.Unix() / 60), Src: id, Dst: id, Port: uint16(i), Records: 1,
			First: at.UnixMicro(), Last: at.UnixMicro()}
	}
	commitRows(t, s, WriterOptions{}, tables, out)
}

func newestOf(s *Store) (newest int64) {
	for _, g := range s.Segments() {
		newest = max(newest, g.Last)
	}
	return newest
}

func TestKeep(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	// 100 rows on each of the days 0, 10, 20, 30, 40 before now, and what stands in more.
	for _, c := range []struct {
		name  string
		more  map[int]int // rows by days ago
		clock time.Time
		opts  CompactOptions
		left  int64
		ahead int64
	}{
		{"nothing asked for", nil, now, CompactOptions{}, 500, 0},
		{"older than 25 days", nil, now, CompactOptions{Keep: 25 * day}, 300, 0},
		{"a record of the far future", map[int]int{-3650: 1}, now, CompactOptions{Keep: 25 * day}, 301, 1},
		{"a record of tomorrow", map[int]int{-1: 1}, now, CompactOptions{Keep: 25 * day}, 301, 0},
		{"lying rows, one in a thousand", map[int]int{-300: 2, 5: 2000}, now, CompactOptions{Keep: 25 * day}, 2302, 2},
		{"many days ahead, of a node with a wrong clock", map[int]int{-300: 400}, now, CompactOptions{Keep: 25 * day}, 700, 0},
		{"the clock jumps ten years ahead", nil, now.Add(3650 * day), CompactOptions{Keep: 25 * day}, 300, 0},
		{"the clock jumps 12 days back", nil, now.Add(-12 * day), CompactOptions{Keep: 25 * day}, 400, 0},
		{"the clock jumps to 1970", nil, time.Unix(0, 0), CompactOptions{Keep: 25 * day}, 500, 0},
		{"no more bytes than three days have", nil, now, CompactOptions{KeepBytes: 3}, 300, 0},
		{"lying rows go first", map[int]int{-300: 1}, now, CompactOptions{KeepBytes: 3}, 300, 0},
		{"the newest stays", nil, now, CompactOptions{KeepBytes: -1}, 100, 0},
		{"both", nil, now, CompactOptions{KeepBytes: 4, Keep: 15 * day}, 200, 0},
	} {
		s := mustCreate(t, t.TempDir())
		for n := range 5 {
			daysAgo(t, s, now, 10*n, 100)
		}
		size := s.Segments()[0].Bytes
		for days, rows := range c.more {
			daysAgo(t, s, now, days, rows)
		}
		c.opts.Now = c.clock
		switch {
		case c.opts.KeepBytes > 0:
			c.opts.KeepBytes = c.opts.KeepBytes*size + size/3
		case c.opts.KeepBytes < 0:
			c.opts.KeepBytes = 1
		}
		done, err := s.Compact(t.Context(), c.opts)
		if err != nil {
			t.Fatal(err)
		}
		left := int64(0)
		for _, g := range s.Segments() {
			left += g.Rows
		}
		if left != c.left || done.Ahead != c.ahead {
			t.Errorf("%s: %d rows left, %d ahead, want %d and %d", c.name, left, done.Ahead, c.left, c.ahead)
		}
	}
}

// TestClockJumps: whatever the clock says, replaced files go early or late, and no row with them.
func TestClockJumps(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	now := time.Now()
	for n := range 12 {
		daysAgo(t, s, now, n, 10)
		o := CompactOptions{Run: 3, Grace: time.Hour, Now: now.Add(time.Duration(n%3-1) * 1e5 * time.Hour)}
		if _, err := s.Compact(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if _, rows := scanned(t, mustCreate(t, dir), ScanOptions{}); len(rows) != 10*(n+1) {
			t.Fatalf("%d rows after %d commits", len(rows), n+1)
		}
	}
	found, err := Check(context.Background(), Dir(dir))
	if err != nil || len(found.Problems)+len(found.Unnamed) > 0 || found.Rows != 120 {
		t.Errorf("%+v: %v", found, err)
	}
}

// TestKeepClockJumps: a collector whose clock is a year ahead, or behind, drops no row that is young among the others.
func TestKeepClockJumps(t *testing.T) {
	for _, off := range []time.Duration{-1, 0, 1} {
		dir := t.TempDir()
		s := mustCreate(t, dir)
		now := time.Now()
		for n := range 6 {
			daysAgo(t, s, now, n, 10)
		}
		at := now.Add(off * 365 * 24 * time.Hour)
		c, err := s.Compact(t.Context(), CompactOptions{Keep: 10 * 24 * time.Hour, KeepBytes: 1 << 30, Now: at})
		if err != nil {
			t.Fatal(err)
		}
		if _, rows := scanned(t, mustCreate(t, dir), ScanOptions{}); c.Dropped > 0 || len(rows) != 60 {
			t.Errorf("clock off by %d years: %d rows dropped, %d left", off, c.Dropped, len(rows))
		}
	}
}

// TestKeepNodes: a node of a stream is forgotten with the last of its rows, and with it what it lost and its breaks: nodes
// come and go, and who judges what is left must not miss them. Where the stream stands is known all the same.
func TestKeepNodes(t *testing.T) {
	s := mustCreate(t, t.TempDir())
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(days int) int64 { return now.Add(-time.Duration(days) * 24 * time.Hour).UnixMicro() }
	tables := model.NewTables()
	id := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Name: "web"})
	commit := func(days int, nodes ...string) {
		at := ago(days)
		st := &Stream{Watermark: at, Last: map[string]int64{}, Breaks: map[string]int64{}}
		for _, node := range nodes {
			st.Last[node], st.Breaks[node] = at, 1
			st.Lost = append(st.Lost, Lost{Node: node, Cause: "ring", Events: 2})
		}
		rows := []model.Observation{{Window: uint32(at / 60e6), Src: id, Dst: id, Port: 80, Records: 1, First: at, Last: at}}
		if days == 0 { // a node that began anew, and of which nothing came since
			st.Gaps = []Gap{{Node: "restarted", From: ago(30), To: at, Cause: "node-restart"}}
		}
		src := Source{Name: "hubble://relay", Format: "hubble", Records: 1, First: at, Last: at, Stream: st}
		src.Lost = int64(2 * len(nodes))
		src.LostHours.Add(at, at, uint64(src.Lost))
		commitRows(t, s, WriterOptions{}, tables, append(rows, rows...), src)
	}
	want := map[string]int64{"stays": ago(0), "late": ago(0), "restarted": ago(30)}
	commit(40, "gone", "stays")
	commit(30, "gone", "stays", "restarted")
	for n := range 30 {
		commit(29-n, "stays", []string{"late", "gone-as-well"}[min(1, (29-n)/20)])
	}
	for _, run := range []int{2, 32} {
		o := CompactOptions{Keep: 10 * 24 * time.Hour, Run: run, Now: now}
		if _, err := s.Compact(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		st := s.Stream("hubble://relay")
		if !maps.Equal(st.Last, want) || len(st.Breaks) != len(want) || len(st.Lost) != 2 || st.Watermark != ago(0) {
			t.Errorf("%+v, want the nodes %v", st, want)
		}
	}
	// All of it lies before what is kept, by the rows of others: where it stands is known.
	delete(want, "restarted")
	daysAgo(t, s, now.Add(400*24*time.Hour), 0, 100)
	o := CompactOptions{Keep: 10 * 24 * time.Hour, Now: now.Add(400 * 24 * time.Hour)}
	if _, err := s.Compact(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if st := s.Stream("hubble://relay"); !maps.Equal(st.Last, want) || len(s.Segments()) != 1 {
		t.Errorf("%+v with %d segments", st, len(s.Segments()))
	}
}
