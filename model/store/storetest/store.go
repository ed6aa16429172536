package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"sluice/model"
	"sluice/model/store"
)

// Store tests a store in a place: it gives back what was committed, one writes at a time, and the loss or damage of any
// single file is an error or changes nothing of what it answers.
func Store(t *testing.T, place Place) {
	t.Run("Writers", func(t *testing.T) { testWriters(t, place(t)) })
	t.Run("Loss", func(t *testing.T) { testDamage(t, place, 1, remove) })
	t.Run("Damage", func(t *testing.T) { testDamage(t, place, 3, replace) })
}

// testWriters: one writer at a time and one collector of a stream; a source is stored once.
func testWriters(t *testing.T, open func() store.Files) {
	if _, err := store.OpenFiles(open()); !errors.Is(err, store.ErrNoStore) {
		t.Errorf("open before it is made: %v", err)
	}
	a, err := store.CreateFiles(open())
	must(t, err)
	b, err := store.OpenFiles(open())
	must(t, err)
	w, err := a.Writer(store.WriterOptions{})
	must(t, err)
	if _, err := b.Writer(store.WriterOptions{}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second writer: %v", err)
	}
	must(t, w.Abort())
	l, err := a.LockStream("s")
	must(t, err)
	if _, err := b.LockStream("s"); !errors.Is(err, store.ErrStreamLocked) {
		t.Errorf("second collector: %v", err)
	}
	must(t, l.Release())
	must(t, addFile(a, 1, false))
	w, err = b.Writer(store.WriterOptions{})
	must(t, err)
	if err := w.Commit([]store.Source{fileSource(1)}); !errors.Is(err, store.ErrSourceStored) {
		t.Errorf("stored twice: %v", err)
	}
	for _, s := range []*store.Store{a, b} {
		got, err := answer(s)
		must(t, err)
		if len(got.rows) != 1 || got.rows[1] != 1+rowsOf(1) {
			t.Errorf("rows by source %v", got.rows)
		}
	}
}

func remove(f store.Files, name string, _ []byte, _ int) error { return f.Remove(name) }

func replace(f store.Files, name string, content []byte, way int) error {
	return errors.Join(f.Remove(name), f.Put(name, func(w io.Writer) error {
		_, err := w.Write(altered(content, way))
		return err
	}))
}

// damageFunc damages a file.
type damageFunc func(f store.Files, name string, content []byte, way int) error

// testDamage damages each file of a store in turn, in several ways, and asks it all it can answer.
func testDamage(t *testing.T, place Place, ways int, damage damageFunc) {
	f := place(t)()
	must(t, damaged(f))
	want, err := answerOf(f)
	must(t, err)
	names, err := f.List("v1")
	must(t, err)
	refused := 0
	for _, name := range names {
		if strings.Contains(name, "lock") {
			continue
		}
		content, err := get(f, name)
		must(t, err)
		for way := range ways {
			must(t, damage(f, name, []byte(content), way))
			got, err := answerOf(f)
			switch {
			case err == nil && got.String() != want.String():
				t.Errorf("with %s damaged (%d) it answers %v, not %v", name, way, got, want)
			case err != nil && !errors.Is(err, store.ErrDamaged):
				t.Errorf("with %s damaged (%d): %v", name, way, err)
			case err != nil:
				refused++
			}
			must(t, f.Remove(name))
			must(t, f.Put(name, text(content)))
		}
	}
	if refused < len(names) {
		t.Logf("%d of %d damages were errors", refused, len(names)*ways)
	}
	if refused == 0 {
		t.Error("no damage was an error")
	}
	got, err := answerOf(f)
	if err != nil || got.String() != want.String() {
		t.Errorf("repaired it answers %v, not %v: %v", got, want, err)
	}
}

// damaged makes the store that is damaged then: with commits that were replaced and are still there.
func damaged(f store.Files) error {
	s, err := store.CreateFiles(f)
	if err != nil {
		return err
	}
	for n := range 5 {
		if err := errors.Join(addFile(s, n, n == 2), addPart(s, n)); err != nil {
			return err
		}
	}
	if _, err := s.Compact(context.Background(), store.CompactOptions{Run: 4, Grace: 1 << 50, HoursFrom: 1}); err != nil {
		return err
	}
	return addPart(s, 5)
}

// The stores of the tests hold file sources and parts of a stream, each with rows of its own.

const stream = "hubble://relay"

// rowsOf is how many rows a source has beside its first.
func rowsOf(n int) int { return 1 + n%10 }

// rows are those of a source: what they are of is in the name of their endpoint.
func rows(n int) (model.Tables, []model.Observation) {
	t := model.NewTables()
	out := make([]model.Observation, 1+rowsOf(n))
	for i := range out { // three minutes of an hour
		src := t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: fmt.Sprint(n), Name: fmt.Sprint(i / 3)})
		window := 29_000_000 + uint32(n%3)*24*60 + uint32(i%3)
		out[i] = model.Observation{Window: window, Src: src, Dst: src, Records: 1, First: int64(window) * 60e6,
			Last: int64(window)*60e6 + 1}
	}
	return t, out
}

func fileSource(n int) store.Source {
	return store.Source{
		Name:    fmt.Sprint("file", n),
		Digest:  fmt.Sprint(n),
		Records: int64(1 + rowsOf(n)),
		Bytes:   int64(n),
	}
}

// addFile stores a file source.
func addFile(s *store.Store, n int, sorted bool) error {
	w, err := s.Writer(store.WriterOptions{Sorted: sorted, HoursFrom: 1})
	if err != nil {
		return err
	}
	if err := w.Write(rows(n)); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Commit([]store.Source{fileSource(n)})
}

// partOf is the number of the source that has the rows of a part of the stream.
func partOf(n int) int { return 1000 + n }

// addPart stores a part of the stream.
func addPart(s *store.Store, n int) error {
	w, err := s.Writer(store.WriterOptions{})
	if err != nil {
		return err
	}
	if err := w.Write(rows(partOf(n))); err != nil {
		return errors.Join(err, w.Abort())
	}
	seen, err := w.Seen([]uint64{uint64(n)}, int64(n))
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Commit([]store.Source{{Name: stream, Format: "hubble", Records: int64(1 + rowsOf(partOf(n))),
		Stream: &store.Stream{
			Watermark: int64(n + 1),
			Opened:    1,
			Lost:      []store.Lost{{Node: "n", Cause: "c", Events: 1}},
			Seen:      []store.Seen{seen},
		}}})
}

// answered is what a store answers.
type answered struct {
	rows    map[int]int // by source
	sources map[string]int64
	parts   int64
	ids     []uint64
}

// String is the same for the same answers.
func (a *answered) String() string {
	if a == nil {
		return "nothing"
	}
	return fmt.Sprint(a.rows, a.sources, a.parts, a.ids)
}

func answerOf(f store.Files) (*answered, error) {
	s, err := store.OpenFiles(f)
	if err != nil {
		return nil, err
	}
	return answer(s)
}

// answer asks a store all it can answer.
func answer(s *store.Store) (*answered, error) {
	a := &answered{rows: map[int]int{}, sources: map[string]int64{}}
	err := s.Scan(context.Background(), store.ScanOptions{}, func(t model.Tables, rows []model.Observation) error {
		for i := range rows {
			n := 0
			if _, err := fmt.Sscan(t.Endpoints.Get(rows[i].Src).Namespace, &n); err != nil {
				return err
			}
			a.rows[n] += int(rows[i].Records)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, src := range s.Sources() {
		a.sources[src.Name] += src.Records
	}
	if st := s.Stream(stream); st != nil {
		a.parts = st.Opened
		if a.ids, _, err = s.SeenIDs(st); err != nil {
			return nil, err
		}
	}
	return a, nil
}
