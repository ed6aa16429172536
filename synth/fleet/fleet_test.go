package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReplace: a run replaces what the former one wrote, also one that was killed, and nothing of a person's; no link
// leads out, not even by force.
func TestReplace(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "theirs")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	first := map[string][]byte{"base/allow/a.yaml": []byte("a"), "base/allow/b.yaml": []byte("b"), ReviewFile: []byte("r")}
	next := map[string][]byte{"base/allow/a.yaml": []byte("a2"), ReviewFile: []byte("r2")}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(replace(dir, first, false))
	write(in("base/allow/a.yaml"), "a2") // as a run of next that was killed leaves it
	must(replace(dir, next, false))
	if _, err := os.Stat(in("base/allow/b.yaml")); !os.IsNotExist(err) {
		t.Errorf("what the former run wrote stays: %v", err)
	}
	write(in("base/allow/mine.yaml"), "m")
	if err := replace(dir, next, false); err == nil || !strings.Contains(err.Error(), "mine.yaml") {
		t.Error(err)
	}
	must(os.Remove(in("base/allow/mine.yaml")))
	write(outside, "a2")
	must(os.Remove(in("base/allow/a.yaml")))
	must(os.Symlink(outside, in("base/allow/a.yaml")))
	for _, force := range []bool{false, true} {
		if err := replace(dir, first, force); err == nil {
			t.Errorf("force %v: a link that leads out is followed", force)
		}
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "a2" {
		t.Errorf("%s, %v", text, err)
	}
}

// TestListsOnlyItsOwn: what fleet.json names is removed where a fleet has files, and nowhere else.
func TestListsOnlyItsOwn(t *testing.T) {
	for _, name := range []string{"NOTES.md", "east/bundle.json", "base/../NOTES.md", "../NOTES.md"} {
		dir := t.TempDir()
		for _, file := range []string{"NOTES.md", "bundle.json"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, listFile), []byte(`{"files":{"`+name+`":"x"}}`), 0o666); err != nil {
			t.Fatal(err)
		}
		err := replace(dir, map[string][]byte{ReviewFile: []byte("r")}, true)
		if err == nil || !strings.Contains(err.Error(), "which is none of a fleet") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "NOTES.md")); err != nil {
			t.Error(err)
		}
	}
}
