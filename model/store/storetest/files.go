package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/model/store"
)

// Place makes a new place for files. What it returns opens that place anew each time, as another process does.
type Place func(t *testing.T) (open func() store.Files)

// Files tests what store.Files promises.
func Files(t *testing.T, place Place) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open func() store.Files)
	}{
		{"Put", testPut}, {"PutFails", testPutFails}, {"PutOnce", testPutOnce}, {"List", testList}, {"Remove", testRemove},
		{"Modified", testModified}, {"Lock", testLock}, {"Names", testNames},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, place(t)) })
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func get(f store.Files, name string) (string, error) {
	r, size, err := f.Get(name)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	if size >= 0 && size != int64(len(b)) {
		err = errors.Join(err, fmt.Errorf("size %d of %d bytes", size, len(b)))
	}
	return string(b), errors.Join(err, r.Close())
}

func checkFile(t *testing.T, f store.Files, name, want string) {
	t.Helper()
	if got, err := get(f, name); err != nil || got != want {
		t.Errorf("%s holds %.40q, want %.40q: %v", name, got, want, err)
	}
}

func checkNone(t *testing.T, f store.Files, name string) {
	t.Helper()
	if got, err := get(f, name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s holds %.40q, want none: %v", name, got, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testPut: what was put is there for every process, and stays the same.
func testPut(t *testing.T, open func() store.Files) {
	f := open()
	if f.String() == "" {
		t.Error("the place has no name")
	}
	checkNone(t, f, "v1/commits/a.json")
	large := strings.Repeat("0123456789abcdef", 200_000)
	contents := map[string]string{"v1/commits/a.json": "one", "v1/head/a": "", "v1/cluster=c/day=d/x.parquet": large}
	for name, content := range contents {
		must(t, f.Put(name, func(w io.Writer) error {
			for part := range slices.Chunk([]byte(content), 70_001) {
				if n, err := w.Write(part); err != nil || n != len(part) {
					return fmt.Errorf("%d of %d bytes written: %w", n, len(part), err)
				}
			}
			return nil
		}))
		checkFile(t, f, name, content)
		checkFile(t, open(), name, content)
		if err := f.Put(name, text("two")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("put %s twice: %v", name, err)
		}
		checkFile(t, open(), name, content)
	}
}

// testPutFails: when the content cannot be made, nothing is stored, and the name is free.
func testPutFails(t *testing.T, open func() store.Files) {
	f := open()
	failed := errors.New("failed")
	for _, before := range []string{"", "some", strings.Repeat("much", 100_000)} {
		err := f.Put("v1/commits/a", func(w io.Writer) error { return errors.Join(text(before)(w), failed) })
		if !errors.Is(err, failed) {
			t.Errorf("error %v", err)
		}
		checkNone(t, open(), "v1/commits/a")
		if names, err := f.List("v1"); len(names) > 0 || err != nil {
			t.Errorf("%q is left: %v", names, err)
		}
	}
	must(t, f.Put("v1/commits/a", text("whole")))
	checkFile(t, f, "v1/commits/a", "whole")
}

// testPutOnce: of many that put one name at a time, one has put it, and its content is there.
func testPutOnce(t *testing.T, open func() store.Files) {
	for round := range 5 {
		name := fmt.Sprint("v1/commits/", round)
		var wg sync.WaitGroup
		var won atomic.Value
		for i := range 8 {
			f := open()
			wg.Go(func() {
				content := strings.Repeat(fmt.Sprint(i), 50_000)
				switch err := f.Put(name, text(content)); {
				case err == nil && won.Swap(content) != nil:
					t.Error("two have put it")
				case err != nil && !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		checkFile(t, open(), name, won.Load().(string))
	}
}

func testList(t *testing.T, open func() store.Files) {
	f := open()
	checkList := func(dir string, want ...string) {
		t.Helper()
		if got, err := open().List(dir); err != nil || !slices.Equal(got, want) {
			t.Errorf("list %s: %q, want %q: %v", dir, got, want, err)
		}
	}
	checkList("v1")
	all := []string{"v1/cluster=a/day=1/x", "v1/cluster=a/day=2/x", "v1/cluster=a.b/day=1/x",
		"v1/commits/1", "v1/commits/2"}
	slices.Sort(all)
	for i := range all {
		must(t, f.Put(all[len(all)-1-i], text("x")))
	}
	checkList("v1", all...)
	checkList("v1/commits", "v1/commits/1", "v1/commits/2")
	checkList("v1/commit")
	checkList("v1/cluster=a", "v1/cluster=a/day=1/x", "v1/cluster=a/day=2/x")
	checkList("v1/none/at/all")
}

func testRemove(t *testing.T, open func() store.Files) {
	f := open()
	must(t, f.Remove())
	must(t, f.Remove("v1/commits/none", "v1/none/none"))
	must(t, errors.Join(f.Put("v1/cluster=a/day=1/x", text("x")), f.Put("v1/cluster=a/day=1/y", text("y"))))
	must(t, f.Remove("v1/cluster=a/day=1/x"))
	checkNone(t, open(), "v1/cluster=a/day=1/x")
	checkFile(t, open(), "v1/cluster=a/day=1/y", "y")
	must(t, f.Remove("v1/cluster=a/day=1/x", "v1/cluster=a/day=1/y"))
	if names, err := open().List("v1"); len(names) > 0 || err != nil {
		t.Errorf("%q is left: %v", names, err)
	}
	must(t, f.Put("v1/cluster=a/day=1/x", text("again")))
	checkFile(t, open(), "v1/cluster=a/day=1/x", "again")
}

func testModified(t *testing.T, open func() store.Files) {
	f := open()
	if _, err := f.Modified("v1/commits/1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of none: %v", err)
	}
	must(t, f.Put("v1/commits/1", text("x")))
	at, err := open().Modified("v1/commits/1")
	if d := time.Since(at); err != nil || d < -time.Minute || d > time.Minute {
		t.Errorf("put %v ago: %v", d, err)
	}
}

// testLock: one has a right at a time, and the next is told when it was not given up cleanly.
func testLock(t *testing.T, open func() store.Files) {
	a, b := open(), open()
	first, err := a.Lock("v1/lock")
	if err != nil || first.Killed {
		t.Fatalf("first: killed %v: %v", first.Killed, err)
	}
	for _, f := range []store.Files{a, b} {
		if _, err := f.Lock("v1/lock"); !errors.Is(err, store.ErrLocked) {
			t.Fatalf("second: %v", err)
		}
	}
	other, err := b.Lock("v1/seen/other.lock")
	must(t, err)
	must(t, errors.Join(other.Unlock(true), first.Unlock(false)))
	second, err := b.Lock("v1/lock")
	if err != nil || !second.Killed {
		t.Fatalf("after an unclean end: killed %v: %v", second.Killed, err)
	}
	must(t, errors.Join(b.Tidy(), second.Unlock(true)))
	third, err := a.Lock("v1/lock")
	must(t, err)
	must(t, third.Unlock(true))
	if first.Term > 0 && (second.Term <= first.Term || third.Term <= second.Term) {
		t.Errorf("terms %d, %d, %d", first.Term, second.Term, third.Term)
	}
}

// testNames: names that a store has, whatever a cluster is called.
func testNames(t *testing.T, open func() store.Files) {
	f := open()
	var want []string
	for _, cluster := range []string{"a", "A-b_c.d", "%2E%2E%2Fx", strings.Repeat("x", 100)} {
		name := "v1/cluster=" + cluster + "/day=2025-02-20/20250220T0006-20250220T0141-00000001.0001.labels.parquet"
		must(t, f.Put(name, text(cluster)))
		checkFile(t, open(), name, cluster)
		want = append(want, name)
	}
	slices.Sort(want)
	if got, err := f.List("v1"); err != nil || !slices.Equal(got, want) {
		t.Errorf("list %q, want %q: %v", got, want, err)
	}
}

// altered is the content of a file after damage of one of several ways.
func altered(content []byte, way int) []byte {
	b := bytes.Clone(content)
	switch {
	case way == 0 || len(b) == 0:
		return append(b, 'x')
	case way == 1:
		return b[:len(b)/2]
	}
	b[len(b)/2] ^= 1
	return b
}
