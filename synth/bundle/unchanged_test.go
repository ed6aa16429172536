package bundle_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/bundle"
)

// TestUnchangedStays: what a bundle has as the former one had it is not written again, and stays as it lies there. Where
// one file changes, it is written, with what says of the bundle what it is and the lists over it.
func TestUnchangedStays(t *testing.T) {
	lines := []string{formerLines, strings.Replace(formerLines, "shop/api -> shop/db 3", "shop/api -> shop/db 4", 1)}
	for i, want := range []string{
		".sluice-new/REPORT.md .sluice-new/STALE .sluice-new/bundle.json .sluice-new/report.json",
		".sluice-new/REPORT.md .sluice-new/REVIEW.md .sluice-new/STALE .sluice-new/allow/kustomization.yaml " +
			".sluice-new/allow/shop/REVIEW.md .sluice-new/allow/shop/api.yaml .sluice-new/allow/shop/db.yaml " +
			".sluice-new/allow/shop/kustomization.yaml .sluice-new/bundle.json .sluice-new/picture.svg " +
			".sluice-new/report.json",
	} {
		dir, fresh := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "b")
		if err := writeBundle(t, dir, formerLines, nil); err != nil {
			t.Fatal(err)
		}
		old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		before := tree(t, dir)
		for name := range before {
			if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
				t.Fatal(err)
			}
		}
		var (
			mu      sync.Mutex // files are written beside each other
			written []string
		)
		disk := bundle.Real(func(op, name string, effect func() error) error {
			if rel, err := filepath.Rel(dir, name); err == nil && op == "write" {
				mu.Lock()
				defer mu.Unlock()
				written = append(written, filepath.ToSlash(rel))
			}
			return effect()
		})
		if err := writeBundle(t, dir, lines[i], disk); err != nil {
			t.Fatal(err)
		}
		slices.Sort(written)
		if got := strings.Join(written, " "); got != want {
			t.Errorf("%d: written: %s", i, cmp.Diff(strings.Fields(want), written))
		}
		now := tree(t, dir)
		for name, text := range before {
			info, err := os.Stat(filepath.Join(dir, name))
			if text == now[name] && (err != nil || !info.ModTime().Equal(old)) && !strings.HasSuffix(name, "kustomization.yaml") {
				t.Errorf("%d: %s was written again, at %v", i, name, info.ModTime())
			}
		}
		if err := writeBundle(t, fresh, lines[i], nil); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(policiesOf(tree(t, fresh)), policiesOf(now)); d != "" {
			t.Errorf("%d: not as written where nothing was: %s", i, d)
		}
	}
}

// policiesOf are the files that can be applied.
func policiesOf(files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		if strings.HasSuffix(name, ".yaml") {
			out[name] = text
		}
	}
	return out
}
