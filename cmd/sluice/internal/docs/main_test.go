package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/cmd/sluice/internal/cli"
)

// TestWrite: every command has a page of each kind, with its flags, and what is written is the same twice.
func TestWrite(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, other} {
		if err := write(cli.Root(), dir, stamp()); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"man/sluice-learn.1":         "port-forward",
		"man/sluice.1":               ".TH",
		"reference/sluice_learn.md":  "-P, --port-forward",
		"reference/sluice_verify.md": "sluice verify POLICIES [SOURCE...] [flags]",
		"completions/sluice.bash":    "__complete",
		"completions/_sluice":        "#compdef sluice",
		"completions/sluice.fish":    "complete -c sluice",
		"completions/sluice.ps1":     "Register-ArgumentCompleter",
	} {
		text, err := os.ReadFile(filepath.Join(one, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, no %q", name, err, want)
		}
	}
	for _, c := range cli.Root().Commands() {
		if c.Name() == "help" || c.Hidden {
			continue
		}
		for _, page := range []string{"man/sluice-" + c.Name() + ".1", "reference/sluice_" + c.Name() + ".md"} {
			if _, err := os.Stat(filepath.Join(one, page)); err != nil {
				t.Error(err)
			}
		}
	}
	err := filepath.WalkDir(one, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(one, p)
		a, _ := os.ReadFile(p)
		b, err := os.ReadFile(filepath.Join(other, rel))
		if string(a) != string(b) {
			t.Errorf("%s differs", rel)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
