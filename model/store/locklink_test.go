package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLockIsNoLink: a store that somebody prepared makes nobody empty, or make, the file that its lock leads to.
func TestLockIsNoLink(t *testing.T) {
	top := t.TempDir()
	dir, theirs := filepath.Join(top, "flows", version), filepath.Join(top, "theirs")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(theirs, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{theirs, filepath.Join(top, "new")} {
		lock := filepath.Join(dir, filepath.Base(lockFile))
		if err := os.Symlink(to, lock); err != nil {
			t.Fatal(err)
		}
		if _, err := (hostSystem{}).lock(lock); err == nil || !strings.Contains(err.Error(), "is a link") {
			t.Error(err)
		}
		if err := os.Remove(lock); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(theirs); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Lstat(filepath.Join(top, "new")); err == nil {
		t.Error("the lock made a file behind a link")
	}
}
