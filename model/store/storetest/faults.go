package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"sluice/model/store"
)

// Do does one operation, or makes it fail: without or after its effect.
type Do func(op, name string, effect func() error) error

// FaultyPlace makes a new place for files. What it returns opens that place anew; every operation goes through do.
// Files that have a method Kill are told when their process is killed.
type FaultyPlace func(t *testing.T) (open func(do Do) store.Files)

// Faulty makes the operations of a place go through a Do: each method of store.Files, each write, each unlock.
func Faulty(place Place) FaultyPlace {
	return func(t *testing.T) func(Do) store.Files {
		open := place(t)
		return func(do Do) store.Files { return &faulty{open(), do} }
	}
}

// Faults makes every single operation of a collector's life fail in turn: an ingest, a compaction, what retention
// drops, the evidence of a bundle. After each failure the store opens, what was acknowledged is there, nothing is there
// twice, and the work can go on: by the same process where the operation failed once or for a while, by another where
// it was killed.
//
// It takes one operation in seven; each where SLUICE_FAULTS is all, one in 49 where it is few.
func Faults(t *testing.T, place FaultyPlace) { faults(t, place, failBefore, dieAfter) }

// Kills kills the process before and after every single operation.
func Kills(t *testing.T, place FaultyPlace) { faults(t, place, dieBefore, dieAfter) }

func faults(t *testing.T, place FaultyPlace, from, to mode) {
	counting := &fault{at: -1}
	live(t, place(t), counting)
	t.Logf("%d operations", counting.n)
	for mode := from; mode <= to; mode++ {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			every := 7
			switch os.Getenv("SLUICE_FAULTS") {
			case "all":
				every = 1
			case "few":
				every = 49
			}
			for at := 1 + int(mode)%every; at <= counting.n && !t.Failed(); at += every {
				live(t, place(t), &fault{at: at, mode: mode})
			}
		})
	}
}

// mode is a way to fail.
type mode int

const (
	failBefore   mode = iota // without effect, once
	failAfter                // after its effect, once
	outageBefore             // without effect, and so do those that follow
	outageAfter
	dieBefore // the process is killed
	dieAfter
)

// String is the name of the mode.
func (m mode) String() string {
	return [...]string{"FailBefore", "FailAfter", "OutageBefore", "OutageAfter", "DieBefore", "DieAfter"}[m]
}

// outage is how many operations an outage lasts.
const outage = 9

var (
	errFault = fmt.Errorf("injected: %w", syscall.ENOSPC)
	errDead  = errors.New("the process was killed")
)

// fault makes an operation fail.
type fault struct {
	at   int // number of the operation, from 1
	mode mode
	n    int    // operations so far
	what string // the operation that failed
	dead bool
}

func (f *fault) do(op, name string, effect func() error) error {
	if f.dead {
		return errDead
	}
	f.n++
	last := f.at
	if f.mode == outageBefore || f.mode == outageAfter {
		last += outage
	}
	if f.at < 0 || f.n < f.at || f.n > last {
		return effect()
	}
	if f.n == f.at {
		f.what = fmt.Sprintf("%s %s (%s at %d)", op, name, f.mode, f.at)
	}
	f.dead = f.mode == dieBefore || f.mode == dieAfter
	after := f.mode == failAfter || f.mode == outageAfter || f.mode == dieAfter
	if after || op == "unlock" && !f.dead {
		if err := effect(); err != nil {
			return err
		}
	}
	if f.dead {
		return errDead
	}
	return errFault
}

// step is a part of the work. It can be done again after it failed.
type step struct {
	name string
	run  func(s *store.Store) error
	done func(s *store.Store) bool // by a process that was killed meanwhile
}

// keep makes the rows of a third of the sources too old: they lie on three days.
const keep = 36 * time.Hour

func old(n int) bool { return n%3 == 0 }

func steps() []step {
	file := func(n int, sorted bool) step {
		return step{fmt.Sprint("file ", n), func(s *store.Store) error { return addFile(s, n, sorted) },
			func(s *store.Store) bool { return s.HasSource(fmt.Sprint(n)) }}
	}
	part := func(n int) step {
		return step{fmt.Sprint("part ", n), func(s *store.Store) error { return addPart(s, n) },
			func(s *store.Store) bool { st := s.Stream(stream); return st != nil && st.Watermark > int64(n) }}
	}
	compact := func(name string, o store.CompactOptions) step {
		return step{name, func(s *store.Store) error {
			_, err := s.Compact(context.Background(), o)
			return err
		}, func(*store.Store) bool { return false }}
	}
	return []step{file(0, false), part(0), part(1), file(1, false),
		compact("compact", store.CompactOptions{Run: 3, HoursFrom: 1}), part(2),
		compact("drop", store.CompactOptions{Keep: keep, HoursFrom: 1}), file(2, true)}
}

// live does all the work in a place where one operation fails.
func live(t *testing.T, open func(Do) store.Files, f *fault) {
	t.Helper()
	healthy := func(_, _ string, effect func() error) error { return effect() }
	files := open(f.do)
	kill := func() {}
	if k, ok := files.(interface{ Kill() }); ok {
		kill = k.Kill
	}
	s, err := create(files, f)
	work := steps()
	seen := false
	for i := 0; i < len(work); i++ {
		if !f.dead {
			err = again(f, func() error { return work[i].run(s) })
		}
		check := func() *store.Store {
			now, openErr := store.OpenFiles(open(healthy))
			if errors.Is(openErr, store.ErrNoStore) && s == nil {
				now, openErr = store.CreateFiles(open(healthy))
			}
			if openErr != nil {
				t.Fatalf("%s failed at %s: %v", work[i].name, f.what, openErr)
			}
			if why := verify(now, work, i, err == nil); why != "" {
				t.Fatalf("%s failed at %s: %s", work[i].name, f.what, why)
			}
			return now
		}
		if f.dead {
			kill()
			f.dead, f.at, err = false, -1, errDead
			s = check() // the next process
			if !work[i].done(s) {
				i--
			}
			err = nil
			continue
		}
		if err != nil {
			t.Fatalf("%s failed at %s and goes on failing: %v", work[i].name, f.what, err)
		}
		if hit := f.what != ""; hit != seen || i == len(work)-1 {
			seen = hit
			check()
		}
	}
}

// create makes the store.
func create(files store.Files, f *fault) (s *store.Store, err error) {
	err = again(f, func() error {
		s, err = store.CreateFiles(files)
		return err
	})
	return s, err
}

// again does something until the fault is over.
func again(f *fault, do func() error) error {
	err := do()
	for range 2 * outage {
		if err == nil || f.dead {
			break
		}
		err = do()
	}
	return err
}

// verify returns what is wrong with a store in which the steps before i are done, and step i is done or half done.
func verify(s *store.Store, work []step, i int, done bool) string {
	got, err := answer(s)
	if err != nil {
		return err.Error()
	}
	parts, dropping, dropped := 0, false, false
	for j := range work[:i+1] {
		n, half := 0, j == i && !done
		switch name := work[j].name; {
		case name == "drop":
			dropping, dropped = true, !half
		case len(name) > 5 && name[:5] == "part ":
			fmt.Sscan(name[5:], &n)
			if !half || got.parts == int64(n+1) {
				parts++
			}
		}
	}
	if got.parts != int64(parts) || len(got.ids) != parts || !slices.IsSorted(got.ids) {
		return fmt.Sprintf("%d parts of the stream with ids %v, want %d", got.parts, got.ids, parts)
	}
	want := map[string]int64{}
	expect := func(name string, n int, kept bool) string {
		want[name] += int64(1 + rowsOf(n))
		gone := old(n) && !kept
		if rows := got.rows[n]; rows != 1+rowsOf(n) && !(rows == 0 && gone && dropping) || rows > 0 && gone && dropped {
			return fmt.Sprintf("%d rows of source %d, want %d", rows, n, 1+rowsOf(n))
		}
		delete(got.rows, n)
		return ""
	}
	for p := range parts {
		if why := expect(stream, partOf(p), false); why != "" {
			return why
		}
	}
	for j := range work[:i+1] {
		if n := 0; len(work[j].name) > 5 && work[j].name[:5] == "file " {
			fmt.Sscan(work[j].name[5:], &n)
			name := fileSource(n).Name
			if j == i && !done && got.sources[name] == 0 && got.rows[n] == 0 {
				continue
			}
			if why := expect(name, n, false); why != "" {
				return why
			}
		}
	}
	if fmt.Sprint(want) != fmt.Sprint(got.sources) || len(got.rows) > 0 {
		return fmt.Sprintf("sources %v, want %v; unknown rows %v", got.sources, want, got.rows)
	}
	return ""
}

// faulty are files whose operations can fail.
type faulty struct {
	files store.Files
	do    Do
}

// String is the place.
func (f *faulty) String() string { return f.files.String() }

// Put stores a file; each half of a write is an operation too.
func (f *faulty) Put(name string, write func(io.Writer) error) error {
	return f.do("put", name, func() error {
		return f.files.Put(name, func(w io.Writer) error { return write(&faultyWriter{w, name, f.do}) })
	})
}

// Get opens a file.
func (f *faulty) Get(name string) (r io.ReadCloser, size int64, err error) {
	err = f.do("get", name, func() (err error) {
		r, size, err = f.files.Get(name)
		return err
	})
	if err != nil && r != nil {
		return nil, 0, errors.Join(err, r.Close())
	}
	return r, size, err
}

// List returns the names of the files below a directory.
func (f *faulty) List(dir string) (names []string, err error) {
	err = f.do("list", dir, func() (err error) {
		names, err = f.files.List(dir)
		return err
	})
	return names, err
}

// Modified returns when a file was put.
func (f *faulty) Modified(name string) (at time.Time, err error) {
	err = f.do("modified", name, func() (err error) {
		at, err = f.files.Modified(name)
		return err
	})
	return at, err
}

// Remove removes files, one after the other.
func (f *faulty) Remove(names ...string) error {
	for _, name := range names {
		if err := f.do("remove", name, func() error { return f.files.Remove(name) }); err != nil {
			return err
		}
	}
	return nil
}

// Lock takes the right of a name.
func (f *faulty) Lock(name string) (r store.Right, err error) {
	err = f.do("lock", name, func() (err error) {
		r, err = f.files.Lock(name)
		return err
	})
	held := r.Unlock
	if held == nil {
		return r, err
	}
	if err != nil {
		return store.Right{}, errors.Join(err, held(false))
	}
	r.Unlock = func(clean bool) error {
		unlocked := false
		err := f.do("unlock", name, func() error {
			unlocked = true
			return held(clean)
		})
		if !unlocked { // killed
			err = errors.Join(err, held(false))
		}
		return err
	}
	return r, nil
}

// Tidy removes what was not finished.
func (f *faulty) Tidy() error { return f.do("tidy", "", f.files.Tidy) }

// faultyWriter is a writer whose writes can fail and be cut short.
type faultyWriter struct {
	w    io.Writer
	name string
	do   Do
}

// Write writes in two halves.
func (w *faultyWriter) Write(b []byte) (n int, err error) {
	for _, half := range [][]byte{b[:len(b)/2], b[len(b)/2:]} {
		m := 0
		err := w.do("write", w.name, func() (err error) {
			m, err = w.w.Write(half)
			return err
		})
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
