package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/model"
)

func checked(t *testing.T, dir string) *Checked {
	t.Helper()
	found, err := Check(context.Background(), Dir(dir))
	must(t, err)
	return found
}

// TestCheck: a whole store has no problems, and every damaged or missing file that counts is one, with its name.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	for n := range 5 {
		tables, rows := crashRows(n)
		commitStream(t, s, tables, rows, n)
		if n == 3 {
			_, err := s.Compact(t.Context(), CompactOptions{Run: 4, Grace: time.Hour})
			must(t, err)
		}
	}
	whole := checked(t, dir)
	want := Checked{Commits: 2, Replaced: 4, Segments: 6, Sources: 2, Rows: 510, Records: 510, Bytes: whole.Bytes}
	if whole.Commits != want.Commits || whole.Replaced != want.Replaced || whole.Segments != want.Segments ||
		whole.Sources != want.Sources || whole.Rows != want.Rows || whole.Records != want.Records || whole.Bytes == 0 ||
		len(whole.Problems)+len(whole.Unnamed) > 0 {
		t.Errorf("%+v, want %+v", whole, want)
	}
	for _, c := range s.snapshot() {
		for _, name := range append(c.files(), commitsDir+"/"+c.file) {
			p := filepath.Join(dir, filepath.FromSlash(name))
			content, err := os.ReadFile(p)
			must(t, err)
			overwrite(t, p, content[:len(content)-1])
			if found := checked(t, dir); len(found.Problems) != 1 || !strings.Contains(found.Problems[0].Error(), filepath.Base(p)) {
				t.Errorf("%s cut short: %v", name, found.Problems)
			}
			must(t, os.Remove(p))
			if found := checked(t, dir); len(found.Problems) != 1 || !errors.Is(found.Problems[0], ErrDamaged) {
				t.Errorf("%s lost: %v", name, found.Problems)
			}
			overwrite(t, p, content)
		}
	}
	w, err := s.Writer(WriterOptions{})
	must(t, err)
	must(t, w.Write(crashRows(1)))
	must(t, w.flush())
	if found := checked(t, dir); len(found.Unnamed) != 6 || len(found.Problems) > 0 {
		t.Errorf("while a commit is being written: %q, %v", found.Unnamed, found.Problems)
	}
	must(t, w.Abort())
	if _, err := Check(context.Background(), Dir(t.TempDir())); !errors.Is(err, ErrNoStore) {
		t.Errorf("no store: %v", err)
	}
}

// TestCheckClaims: a commit that is whole and says what its files do not hold is a problem, though every digest is
// right.
func TestCheckClaims(t *testing.T) {
	for _, c := range []struct {
		name  string
		alter func(c *commit)
		want  string
	}{
		{"rows", func(c *commit) { c.Segments[0].Rows++ }, "its commit says"},
		{"first", func(c *commit) { c.Segments[0].First++ }, "its commit says from"},
		{"last", func(c *commit) { c.Segments[1].Last-- }, "its commit says from"},
		{"day", func(c *commit) { c.Segments[0].Day = "2020-02-20" }, "of another day"},
		{"twice", func(c *commit) { c.Segments = append(c.Segments, c.Segments[0]) }, "is named by"},
		{"labels of another", func(c *commit) {
			a, b := &c.Segments[0], &c.Segments[1]
			a.Labels, b.Labels, a.LabelsSHA256, b.LabelsSHA256 = b.Labels, a.Labels, b.LabelsSHA256, a.LabelsSHA256
		}, "refers to a label"},
	} {
		dir := t.TempDir()
		s := mustCreate(t, dir)
		tables, rows := crashRows(1)
		rows = rows[:100]
		commitRows(t, s, WriterOptions{}, tables, append(rows, model.Observation{Window: rows[0].Window + minutesADay*9}))
		done := s.snapshot()[0]
		must(t, os.RemoveAll(filepath.Join(dir, headDir)))
		must(t, os.Remove(filepath.Join(dir, commitsDir, done.file)))
		c.alter(&done)
		name, data, err := done.content()
		must(t, err)
		overwrite(t, filepath.Join(dir, name), data)
		found := checked(t, dir)
		if len(found.Problems) == 0 || !strings.Contains(errors.Join(found.Problems...).Error(), c.want) {
			t.Errorf("%s: %v", c.name, found.Problems)
		}
	}
}

// TestNewer: a commit of a later version, which says more than this one knows, is told from a damaged one.
func TestNewer(t *testing.T) {
	dir := t.TempDir()
	commitRows(t, mustCreate(t, dir), WriterOptions{}, model.NewTables(), nil)
	must(t, os.RemoveAll(filepath.Join(dir, headDir)))
	for text, want := range map[string]error{
		`{"format":"sluice/store/v1","number":2,"segments":[],"sources":[],"replaces":[[1,1]],"mirrors":[]}`: ErrNewer,
		`{"format":"sluice/store/v9","number":2,"segments":[],"sources":[]}`:                                 ErrNewer,
		`{"format":"sluice/store/v1","number":3,"segments":[],"sources":[]}`:                                 ErrDamaged,
		`{"format":"sluice/store/v1","number":2,"segments":[],"sources":[]}`:                                 nil,
	} {
		file := filepath.Join(dir, commitsDir, commitName(2, []byte(text)))
		must(t, os.WriteFile(file, []byte(text), 0o600))
		if _, err := Open(dir); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
		must(t, os.Remove(file))
	}
}
