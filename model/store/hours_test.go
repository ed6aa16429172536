package store

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/model"
)

// byHour returns rows with their windows as hours.
func byHour(t model.Tables, rows []model.Observation) (model.Tables, []model.Observation) {
	for i := range rows {
		rows[i].Window -= rows[i].Window % hourMinutes
	}
	return t, rows
}

// twins are two stores of the same rows: one with sums of hours, and one without.
func twins(t *testing.T, r *rand.Rand) (with, without *Store) {
	tables := traffic(r, 12, 5)
	with, without = mustCreate(t, t.TempDir()), mustCreate(t, t.TempDir())
	for range 3 {
		rows := someRows(r, tables, 300, 3*minutesADay)
		for i := range rows {
			o := &rows[i]
			o.Marks |= model.MarkNoted
			o.SrcPort, o.Port, o.Proto, o.Verdict, o.Observer, o.Fate, o.Reason = 0, 80, 6, 1, 0, 1, 0
		}
		commitRows(t, with, WriterOptions{HoursFrom: 1}, tables, rows)
		commitRows(t, without, WriterOptions{HoursFrom: math.MaxInt}, tables, rows)
	}
	return with, without
}

// TestHours: whatever is asked for, sums of hours give what the rows of minutes give, also of a store that was
// compacted, that has dropped days, and that was packed.
func TestHours(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 1))
	with, without := twins(t, r)
	same := func(what string) {
		t.Helper()
		from, span := int64(29_000_000)*60e6, int64(3*minutesADay)*60e6
		for range 20 {
			o := ScanOptions{Cluster: []string{"", "east", "../x y"}[r.IntN(3)]}
			if r.IntN(3) > 0 {
				o.Since = from + r.Int64N(span)
			}
			if r.IntN(3) > 0 {
				o.Until = from + r.Int64N(span)
			}
			want, got := plainRows(byHour(scanned(t, without, o))), plainRows(byHour(scanned(t, with, o)))
			if d := diffRows(want, got); d != "" {
				t.Fatalf("%s, %+v: -without +with:\n%.4000s", what, o, d)
			}
		}
		if c, err := Check(t.Context(), with.files); err != nil || len(c.Problems)+len(c.Unnamed) > 0 {
			t.Fatalf("%s: %v, %+v", what, err, c)
		}
	}
	hours := func() (n int) {
		for _, c := range with.snapshot() {
			n += len(c.Hours)
		}
		return n
	}
	same("written")
	for i := range with.snapshot() {
		for _, g := range (&ScanOptions{}).reads(with.snapshot()[i : i+1]) {
			if !strings.HasPrefix(g.Path, hoursDir+"/") {
				t.Errorf("%s is read for whole hours", g.Path)
			}
		}
	}
	var pack bytes.Buffer
	if err := with.Pack(t.Context(), &pack, ScanOptions{}); err != nil {
		t.Fatal(err)
	}
	packed, n := with, hours()
	var err error
	if with, err = Unpack(t.Context(), &pack, Dir(t.TempDir()), maxFile); err != nil {
		t.Fatal(err)
	}
	if hours() != n {
		t.Errorf("%d sums of %d are packed", hours(), n)
	}
	same("packed")
	with = packed
	for _, s := range []*Store{with, without} {
		if c, err := s.Compact(t.Context(), CompactOptions{Run: 3, HoursFrom: map[bool]int{true: 1, false: math.MaxInt}[s == with]}); err != nil || c.Merged != 3 {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	same("compacted")
	if hours() == 0 {
		t.Error("there are no sums of what was compacted")
	}
	o := CompactOptions{Keep: time.Duration(newestOf(with)-29_000_000*60e6-minutesADay*60e6) * time.Microsecond}
	for _, s := range []*Store{with, without} {
		if c, err := s.Compact(t.Context(), o); err != nil || c.Dropped == 0 {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	same("with dropped days")
	if hours() == 0 {
		t.Error("there are no sums of the days that stay")
	}
}

// TestHoursNoted: rows that say what came back and rows that do not are no sum.
func TestHoursNoted(t *testing.T) {
	tables := traffic(rand.New(rand.NewPCG(1, 1)), 2, 1)
	row := model.Observation{Window: 29_000_040, Dst: 1, Records: 1, Marks: model.MarkNoted | model.MarkAnswered}
	rows := []model.Observation{row, row, row, row}
	for i := range rows {
		rows[i].Window += uint32(i)
		rows[i].First = int64(i)
	}
	rows[3].Marks = 0
	s := mustCreate(t, t.TempDir())
	commitRows(t, s, WriterOptions{HoursFrom: 1}, tables, rows)
	_, got := scanned(t, s, ScanOptions{})
	if len(got) != 2 || got[0].Records != 3 || got[0].Marks != row.Marks || got[1].Records != 1 || got[1].Marks != 0 {
		t.Errorf("%+v", got)
	}
}

// TestHoursWorthIt: rows that are sums of hours already, few rows, and rows of a day with no two in an hour are not
// written twice.
func TestHoursWorthIt(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	tables := traffic(r, 40, 1)
	_, whole := byHour(tables, someRows(r, tables, 200, 3*minutesADay))
	for what, c := range map[string]struct {
		o    WriterOptions
		rows []model.Observation
	}{
		"hours":           {WriterOptions{HoursFrom: 1}, whole},
		"few":             {WriterOptions{}, someRows(r, tables, 200, 3*minutesADay)},
		"nothing adds up": {WriterOptions{HoursFrom: 1}, someRows(r, tables, 200, 60)},
	} {
		s := mustCreate(t, t.TempDir())
		commitRows(t, s, c.o, tables, c.rows)
		if h := s.snapshot()[0].Hours; len(h) > 0 {
			t.Errorf("%s: %+v", what, h)
		}
	}
}

// TestCheckHours: a check finds sums that are not those of their segments, and a commit that names other segments than
// its own is no commit.
func TestCheckHours(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	with, _ := twins(t, r)
	c := with.snapshot()[0]
	forge := func(change func(h *Hours)) (*Store, error) {
		dir := t.TempDir()
		forged := c
		forged.Hours = nil
		for _, h := range c.Hours {
			change(&h)
			forged.Hours = append(forged.Hours, h)
		}
		name, text, err := forged.content()
		if err == nil {
			err = os.CopyFS(dir, os.DirFS(with.Dir()))
		}
		must(t, err)
		must(t, os.RemoveAll(filepath.Join(dir, headDir)))
		must(t, os.Remove(filepath.Join(dir, lockFile))) // as of a store that nobody wrote to: it lost a commit
		must(t, os.RemoveAll(filepath.Join(dir, commitsDir)))
		must(t, os.Mkdir(filepath.Join(dir, commitsDir), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, commitsDir, path.Base(name)), text, 0o600))
		return Open(dir)
	}
	later := map[string]*Hours{}
	for _, h := range with.snapshot()[1].Hours {
		later[h.Cluster] = &h
	}
	s, err := forge(func(h *Hours) { h.Segment = later[h.Cluster].Segment })
	must(t, err)
	found, err := Check(t.Context(), s.files)
	must(t, err)
	if len(found.Problems) != len(c.Hours) || !strings.Contains(found.Problems[0].Error(), "does not add up") {
		t.Errorf("%v", found.Problems)
	}
	for what, change := range map[string]func(*Hours){
		"of another commit":  func(h *Hours) { h.Of = later[h.Cluster].Of },
		"twice":              func(h *Hours) { h.Of = append(h.Of[:1:1], h.Of...) },
		"of another cluster": func(h *Hours) { h.Cluster += "x" },
	} {
		if _, err := forge(change); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
