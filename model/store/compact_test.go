package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/model"
)

// commitStream commits rows as a part of a stream, the n-th one.
func commitStream(t testing.TB, s *Store, tables model.Tables, rows []model.Observation, n int) {
	t.Helper()
	w, err := s.Writer(WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(tables, rows); err != nil {
		t.Fatal(err)
	}
	seen, err := w.Seen([]uint64{uint64(2 * n), uint64(2*n + 1)}, int64(n))
	if err != nil {
		t.Fatal(err)
	}
	err = w.Commit([]Source{{Name: "hubble://a", Format: "hubble", Records: int64(len(rows)), First: int64(1000 - n), Last: int64(n), Lost: 3,
		Rejected: map[string]int64{"malformed/bad-value": 1},
		Stream: &Stream{Watermark: int64(n), Last: map[string]int64{fmt.Sprint("n", n%3): int64(n)}, Opened: 1, Seen: []Seen{seen},
			Lost: []Lost{{Node: fmt.Sprint("n", n%2), Cause: "queue", Events: 3}}, Breaks: map[string]int64{"n0": 2}, Resent: 5}}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCompact: many small commits become few; rows, sources and the position of the stream stay the same sums, for who
// opens the store anew and for who had it open, and only files that count are left.
func TestCompact(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	tables := traffic(r, 30, 10)
	dir := t.TempDir()
	s, reader := mustCreate(t, dir), mustCreate(t, dir)
	var all []model.Observation
	const commits = 100
	most := 0
	for n := range commits {
		rows := someRows(r, tables, 20, 3)
		all = append(all, rows...)
		commitStream(t, s, tables, rows, n)
		if n == 50 {
			commitRows(t, s, WriterOptions{}, tables, nil, Source{Name: "file", Digest: "f"})
		}
		if _, err := s.Compact(t.Context(), CompactOptions{Run: 4}); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(s.snapshot()))
	}
	if most > 4*4 {
		t.Errorf("%d commits at once", most)
	}
	if err := reader.reload(); err != nil {
		t.Fatal(err)
	}
	want := plainRows(tables, all)
	for _, s := range []*Store{s, mustCreate(t, dir), reader} {
		gotTables, got := scanned(t, s, ScanOptions{})
		if diff := diffRows(want, plainRows(gotTables, got)); diff != "" {
			t.Fatal(diff)
		}
		st := s.Stream("hubble://a")
		ids, from, err := s.SeenIDs(st)
		if err != nil || from != 0 || len(ids) != 2*commits || !slices.IsSorted(ids) {
			t.Errorf("%d ids from %d, sorted %v: %v", len(ids), from, slices.IsSorted(ids), err)
		}
		if st.Watermark != commits-1 || st.Opened != commits || st.Resent != 5*commits || st.Breaks["n0"] != 2*commits || len(st.Lost) != 2 ||
			st.Lost[0].Events+st.Lost[1].Events != 3*commits || st.Last["n0"] != commits-1 || len(st.Seen) > 4*4 {
			t.Errorf("%d files of ids, stream %+v", len(st.Seen), st)
		}
		records := int64(0)
		for _, src := range s.Sources() {
			records += src.Records
		}
		if records != int64(len(all)) || !s.HasSource("f") {
			t.Errorf("%d records in the sources, want %d", records, len(all))
		}
	}
	named := map[string]bool{}
	for _, c := range s.snapshot() {
		for _, f := range c.files() {
			named[f] = true
		}
	}
	for name := range files(t, dir) {
		if !named[name] && !strings.HasSuffix(name, "lock") && !strings.Contains(name, "/commits/") && !strings.HasPrefix(name, headDir) {
			t.Errorf("%s is left", name)
		}
	}
	if n := len(files(t, dir)); n > 2*len(named)+10 {
		t.Errorf("%d files for %d that are named", n, len(named))
	}
}

// TestGrace: who opened the store before a compaction can still read it.
func TestGrace(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	tables := traffic(r, 10, 5)
	dir := t.TempDir()
	s := mustCreate(t, dir)
	for n := range 5 {
		commitStream(t, s, tables, someRows(r, tables, 5, 3), n)
	}
	before := mustCreate(t, dir)
	c, err := s.Compact(t.Context(), CompactOptions{Grace: time.Hour, Run: 5})
	if err != nil || c.Merged == 0 || c.Removed != 0 {
		t.Fatalf("%+v: %v", c, err)
	}
	scanned(t, before, ScanOptions{})
	if c, err = mustCreate(t, dir).Compact(t.Context(), CompactOptions{}); err != nil || c.Removed != 5 {
		t.Errorf("%+v: %v", c, err)
	}
	err = before.Scan(t.Context(), ScanOptions{}, func(model.Tables, []model.Observation) error { return nil })
	if err != nil && errors.Is(err, ErrDamaged) || err == nil || !strings.Contains(err.Error(), "read it again") {
		t.Errorf("a reader that took too long: %v", err)
	}
}

// TestRetention drops days that are too old, and what was learned of sources stays.
func TestRetention(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	tables := traffic(r, 10, 5)
	dir := t.TempDir()
	s := mustCreate(t, dir)
	for n := range 5 {
		rows := someRows(r, tables, 50, 10)
		for i := range rows {
			rows[i].Window += uint32(n) * minutesADay
			rows[i].First += int64(n) * minutesADay * 60e6
			rows[i].Last += int64(n) * minutesADay * 60e6
		}
		commitStream(t, s, tables, rows, n)
	}
	before := (29_000_000 + 2*minutesADay) * int64(60e6)
	o := CompactOptions{Keep: time.Duration(newestOf(s)-before) * time.Microsecond}
	c, err := s.Compact(t.Context(), o)
	if err != nil || c.Dropped == 0 || c.Merged != 0 {
		t.Fatalf("%+v: %v", c, err)
	}
	for _, g := range s.Segments() {
		if g.Last < before {
			t.Errorf("segment %s is left", g.Path)
		}
	}
	if n := len(s.Sources()); n != 5 {
		t.Errorf("%d sources", n)
	}
	if c, err := s.Compact(t.Context(), o); err != nil || c != (Compaction{}) {
		t.Errorf("once more: %+v: %v", c, err)
	}
	scanned(t, mustCreate(t, dir), ScanOptions{})
}

// TestLockStream: a stream has one collector; others are free.
func TestLockStream(t *testing.T) {
	s := mustCreate(t, t.TempDir())
	l, err := s.LockStream("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LockStream("a"); err == nil {
		t.Error("taken twice")
	}
	if other, err := s.LockStream("b"); err != nil {
		t.Error(err)
	} else if err := other.Release(); err != nil {
		t.Error(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if l, err = s.LockStream("a"); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

// TestMissingCommit: a commit that is gone and that none replaces is an error.
func TestMissingCommit(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	for n := range 3 {
		commitStream(t, s, model.NewTables(), nil, n)
	}
	if err := os.Remove(dir + "/" + commitsDir + "/" + s.snapshot()[1].file); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("opened")
	}
}
