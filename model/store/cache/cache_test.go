package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/model/store"
	"sluice/model/store/storetest"
)

func open(t testing.TB, dir string, bound int64) *Files {
	t.Helper()
	c, err := New(store.Dir(t.TempDir()), dir, bound)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func text(n int) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 500) }

// size is how much lies in the cache, what is unfinished too.
func (c *Files) size(t testing.TB) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil {
			n += fi.Size()
		}
	}
	return n
}

// TestFiles: with a cache before them files are what they are without.
func TestFiles(t *testing.T) {
	storetest.Files(t, func(t *testing.T) func() store.Files {
		dir, cache := t.TempDir(), t.TempDir()
		return func() store.Files {
			c, err := New(store.Dir(dir), cache, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
	})
}

// TestBound: what was used last stays, and no more than the bound.
func TestBound(t *testing.T) {
	c := open(t, t.TempDir(), 3000)
	for n := range 3 {
		c.Keep(digest(text(n)), text(n))
		old := time.Now().Add(time.Duration(n-10) * time.Hour)
		if err := os.Chtimes(c.name(digest(text(n))), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if c.Cached(digest(text(0))) == nil {
		t.Fatal("the first is not there")
	}
	c.Keep(digest(text(3)), text(3))
	for n, want := range []bool{true, false, true, true} {
		if have := c.Cached(digest(text(n))) != nil; have != want {
			t.Errorf("%d is there: %v", n, have)
		}
	}
	huge := make([]byte, 3001)
	if c.Keep(digest(huge), huge); c.Cached(digest(huge)) != nil || c.size(t) > 3000 {
		t.Error("more is kept than the bound")
	}
	if files, bytes, err := c.Saved(); files != 4 || bytes != 4000 || err != nil {
		t.Errorf("saved %d files, %d bytes, %v", files, bytes, err)
	}
}

// TestDamaged: whatever lies in the cache, no file is another than its digest says.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 1<<20)
	d := digest(text(1))
	for name, damage := range map[string]func() error{
		"cut":     func() error { return os.Truncate(c.name(d), 500) },
		"empty":   func() error { return os.Truncate(c.name(d), 0) },
		"changed": func() error { return os.WriteFile(c.name(d), text(2), 0o600) },
		"gone":    func() error { return os.Remove(c.name(d)) },
		"folder":  func() error { return os.Mkdir(c.name(d), 0o700) },
	} {
		_ = os.RemoveAll(c.name(d))
		if c.Keep(d, text(1)); name != "folder" && !bytes.Equal(c.Cached(d), text(1)) {
			t.Fatalf("%s: not kept", name)
		}
		if name == "folder" {
			_ = os.Remove(c.name(d))
		}
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if got := c.Cached(d); got != nil {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
	if c.Cached("../lock") != nil {
		t.Error("a name outside")
	}
	if _, err := New(c.Files, filepath.Join(dir, folder, "lock"), 1); err == nil {
		t.Error("a file is a directory")
	}
}

// TestChild is a process of TestProcesses.
func TestChild(t *testing.T) {
	dir := os.Getenv("SLUICE_CACHE_CHILD")
	if dir == "" {
		return
	}
	c := open(t, dir, 20_000)
	for n := 0; ; n = (n + 7) % 50 {
		if got := c.Cached(digest(text(n))); got != nil && !bytes.Equal(got, text(n)) {
			fmt.Println("WRONG")
		}
		c.Keep(digest(text(n)), text(n))
		if _, _, err := c.Saved(); err != nil {
			fmt.Println("WRONG", err)
		}
	}
}

// TestProcesses: processes share a cache and are killed amid it; nothing false is left, and no more than the bound.
func TestProcesses(t *testing.T) {
	dir, left := t.TempDir(), t.TempDir() // what the killed ones leave is cleaned up
	var all sync.WaitGroup
	for n := range 3 {
		all.Go(func() {
			for i := range 4 {
				cmd := exec.Command(os.Args[0], "-test.run", "^TestChild$")
				cmd.Env = append(os.Environ(), "SLUICE_CACHE_CHILD="+dir, "TMPDIR="+left)
				var out strings.Builder
				cmd.Stdout = &out
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(60+n*37+i*53) * time.Millisecond)
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				if strings.Contains(out.String(), "WRONG") {
					t.Error(out.String())
				}
			}
		})
	}
	all.Wait()
	c := open(t, dir, 20_000)
	c.Keep(digest(text(99)), text(99)) // removes what is unfinished
	if size := c.size(t); size > 20_000 || size == 0 {
		t.Errorf("%d bytes are kept", size)
	}
	for n := range 50 {
		if got := c.Cached(digest(text(n))); got != nil && !bytes.Equal(got, text(n)) {
			t.Errorf("%d is another", n)
		}
	}
}
