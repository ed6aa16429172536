package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestReplaceFileAfterKill: what a killed run has left beside a file goes when the file is written again, and nothing else.
func TestReplaceFileAfterKill(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "web.yaml")
	if err := ReplaceFile(file, []byte("a")); err != nil {
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
	if err := ReplaceFile(file, []byte("b")); err != nil {
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
