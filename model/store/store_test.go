package store

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

func diffRows(want, got []row) string {
	if slices.Equal(want, got) {
		return ""
	}
	return cmp.Diff(want, got, cmp.AllowUnexported(row{}))
}

// TestRoundTrip: what is scanned is what was written, added up by key, in this store and in one that is opened anew.
func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name                          string
		endpoints, pods, rows, spread int
	}{
		{"one row", 2, 1, 1, 1},
		{"no pods", 5, 1, 100, 10},
		{"one key over and over", 1, 3, 300, 1},
		{"many days", 300, 200, 5000, 5 * minutesADay},
		{"several row groups", 40, 20, groupRows, 100},
		{"several groups of labels", labelGroup + 1000, 100, 60_000, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(c.rows)))
			tables := traffic(r, c.endpoints, c.pods)
			rows := someRows(r, tables, c.rows, c.spread)
			rows = append(rows, rows[:len(rows)/2]...)
			want := plainRows(tables, rows)
			s := mustCreate(t, t.TempDir())
			commitRows(t, s, WriterOptions{HoursFrom: math.MaxInt}, tables, rows, Source{Name: "a.jsonl", Digest: "d1", Records: 7})
			for _, s := range []*Store{mustCreate(t, s.Dir()), s}[:min(2, 1+50_000/c.rows)] {
				got := plainRows(scanned(t, s, ScanOptions{}))
				if d := diffRows(want, got); d != "" {
					t.Fatalf("-want +got:\n%.4000s", d)
				}
				if !s.HasSource("d1") || s.HasSource("d2") || s.HasSource("") {
					t.Error("sources")
				}
				var n int64
				for _, g := range s.Segments() {
					n += g.Rows
				}
				if n != int64(len(want)) {
					t.Errorf("%d rows stored for %d keys", n, len(want))
				}
			}
		})
	}
}

// TestSeveralTables: rows may come with tables of their own, and in several commits.
func TestSeveralTables(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	s := mustCreate(t, t.TempDir())
	all := model.NewTables()
	var want []model.Observation
	for range 3 {
		w, err := s.Writer(WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		a, b := traffic(r, 30, 10), traffic(r, 60, 40)
		for _, from := range []model.Tables{a, b, a} {
			rows := someRows(r, from, 100, 2)
			if err := w.Write(from, rows); err != nil {
				t.Fatal(err)
			}
			for _, o := range rows {
				o.Src, o.Dst = all.Endpoints.Intern(*from.Endpoints.Get(o.Src)), all.Endpoints.Intern(*from.Endpoints.Get(o.Dst))
				o.SrcPod = all.Names.Intern([]byte(from.Names.Get(o.SrcPod)))
				o.DstPod = all.Names.Intern([]byte(from.Names.Get(o.DstPod)))
				want = append(want, o)
			}
		}
		if err := w.Commit(nil); err != nil {
			t.Fatal(err)
		}
	}
	if d := diffRows(plainRows(all, want), plainRows(scanned(t, s, ScanOptions{}))); d != "" {
		t.Fatalf("-want +got:\n%.4000s", d)
	}
}

// TestSorted: the same observations in any order, in any split, from any tables give the same bytes.
func TestSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	tables := traffic(r, 200, 50)
	rows := someRows(r, tables, 4000, 3*minutesADay)
	var want map[string]string
	for i := range 3 {
		dir := t.TempDir()
		w, err := mustCreate(t, dir).Writer(WriterOptions{Sorted: true})
		if err != nil {
			t.Fatal(err)
		}
		for part := range slices.Chunk(rows, 1000-i*300) {
			from, part := reintern(r, tables, part)
			if err := w.Write(from, part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Commit([]Source{{Name: "x", Digest: "y"}}); err != nil {
			t.Fatal(err)
		}
		got := files(t, dir)
		if want == nil {
			want = got
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("run %d gave other files: %.2000s", i, d)
		}
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		// Split a row into two partial sums: the key, and so the bytes, stay the same.
		if n := rows[0].Records; n > 1 {
			part := rows[0]
			part.Records, part.Conns = 1, 0
			rows[0].Records--
			rows = append(rows, part)
		}
	}
}

// reintern returns the rows new tables in which everything has another id.
func reintern(r *rand.Rand, t model.Tables, rows []model.Observation) (model.Tables, []model.Observation) {
	out := model.NewTables()
	for _, i := range r.Perm(t.Endpoints.Len()) {
		out.Endpoints.Intern(*t.Endpoints.Get(model.EndpointID(i)))
	}
	rows = slices.Clone(rows)
	for i := range rows {
		o := &rows[i]
		o.Src, o.Dst = out.Endpoints.Intern(*t.Endpoints.Get(o.Src)), out.Endpoints.Intern(*t.Endpoints.Get(o.Dst))
		o.SrcPod = out.Names.Intern([]byte(t.Names.Get(o.SrcPod)))
		o.DstPod = out.Names.Intern([]byte(t.Names.Get(o.DstPod)))
	}
	return out, rows
}

// files returns the content of all files by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRange: a row is given if it touches the range, and segments outside are not even opened.
func TestRange(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	tables := traffic(r, 20, 10)
	rows := someRows(r, tables, 2000, 3*minutesADay)
	s := mustCreate(t, t.TempDir())
	commitRows(t, s, WriterOptions{}, tables, rows)
	mid := (rows[0].First + rows[1].First) / 2
	for _, o := range []ScanOptions{{Since: mid}, {Until: mid}, {Since: mid - 3600e6, Until: mid + 3600e6}, {Since: 1, Until: 2}} {
		var want []model.Observation
		for _, x := range rows {
			if x.Last >= o.Since && (o.Until == 0 || x.First < o.Until) {
				want = append(want, x)
			}
		}
		if d := diffRows(plainRows(tables, want), plainRows(scanned(t, s, o))); d != "" {
			t.Errorf("%+v -want +got:\n%.2000s", o, d)
		}
	}
	o := ScanOptions{Since: mid, Until: mid + 60e6}
	want := plainRows(scanned(t, s, o))
	removed := 0
	for _, g := range s.Segments() {
		if !o.Overlaps(g.First, g.Last) {
			removed++
			if err := os.Remove(filepath.Join(s.Dir(), g.Path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if removed == 0 {
		t.Fatal("no segment lies outside the range")
	}
	if d := diffRows(want, plainRows(scanned(t, s, o))); d != "" {
		t.Errorf("-want +got:\n%.2000s", d)
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNoStore) {
		t.Errorf("empty directory: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrNoStore) {
		t.Errorf("no directory: %v", err)
	}
}

// TestConcurrent: readers see whole commits while a writer adds some.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			own := s
			for {
				if i > 0 {
					own = mustCreate(t, dir)
				}
				n := 0
				err := own.Scan(context.Background(), ScanOptions{}, func(_ model.Tables, rows []model.Observation) error {
					n += len(rows)
					return nil
				})
				if err != nil || n%101 != 0 {
					t.Errorf("%d rows, error %v", n, err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	tables, rows := crashRows(1)
	for range 20 {
		commitRows(t, s, WriterOptions{}, tables, rows)
	}
	close(stop)
	wg.Wait()
	if _, got := scanned(t, s, ScanOptions{}); len(got) != 20*101 {
		t.Errorf("%d rows", len(got))
	}
}

// TestCommitTooLarge: a commit that no reader would take is not written, and the store stays as it is.
func TestCommitTooLarge(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	w, err := s.Writer(WriterOptions{})
	must(t, err)
	w.most = 1 << 10
	must(t, w.Write(crashRows(1)))
	if err := w.Commit([]Source{{Name: strings.Repeat("n", 1<<10)}}); err == nil || !strings.Contains(err.Error(), "no reader takes more than 1024") {
		t.Errorf("the commit: %v", err)
	}
	if found := checked(t, dir); found.Commits != 0 || len(found.Problems)+len(found.Unnamed) > 0 {
		t.Errorf("%+v", found)
	}
	w, err = s.Writer(WriterOptions{})
	must(t, err)
	must(t, w.Write(crashRows(1)))
	must(t, w.Commit([]Source{{Name: "small"}}))
}
