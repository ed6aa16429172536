package disk

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestReplaceAfterKill: what a killed run has left beside a file goes when the file is written again, and nothing else.
func TestReplaceAfterKill(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "web.yaml")
	if err := Replace(file, []byte("a")); err != nil {
		t.Fatal(err)
	}
	for name, old := range map[string]time.Duration{
		".sluice-ea816d0e-1": time.Hour, ".sluice-ea816d0e-2": 0, ".sluice-00000000-1": time.Hour, ".sluice-new": time.Hour,
	} {
		at := time.Now().Add(-old)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := Replace(file, []byte("b")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := strings.Fields(".sluice-00000000-1 .sluice-ea816d0e-2 .sluice-new web.yaml")
	if !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

// TestScratchAfterKill: directories of a kind that killed runs have left go when the next one is made, and no others.
func TestScratchAfterKill(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for name, old := range map[string]time.Duration{
		"sluice-propose-1": 25 * time.Hour, "sluice-propose-2": time.Hour, "sluice-git-1": 25 * time.Hour,
	} {
		if err := os.MkdirAll(filepath.Join(dir, name, "objects"), 0o700); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-old)
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	made, err := Scratch("propose")
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "sluice-git-1"), filepath.Join(dir, "sluice-propose-2"), made}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}
