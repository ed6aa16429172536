package bundle_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render/kubernetes"
)

// breaking is a disk that fails once, or from one operation on.
type breaking struct {
	mu    sync.Mutex // of all: files are written beside each other
	at, n int
	after bool // the operation has its effect, and fails
	dies  bool // all that follow fail too
	what  string
}

func (b *breaking) do(op, name string, effect func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	if b.n < b.at || b.at == 0 || b.n > b.at && !b.dies {
		return effect()
	}
	if b.n == b.at {
		b.what = op + " " + filepath.Base(name)
		if b.after {
			_ = effect()
		}
	}
	return fmt.Errorf("injected: %w", syscall.ENOSPC)
}

// What is seen for the former bundle and for the next.
const (
	formerLines = "shop/web -> shop/db 1/tcp\nshop/api -> shop/db 3/tcp\npay/web -> pay/db 1/tcp"
	nextLines   = "shop/web -> shop/db 2/tcp\npay/web -> pay/db 1/tcp\nnew/web -> new/db 1/tcp"
)

// writeBundle writes what is learned from some lines, to the real disk if d is nil.
func writeBundle(t *testing.T, dir, lines string, d bundle.Disk) error {
	t.Helper()
	g := graphtest.Graph(t, lines)
	cfg := synth.Config{All: true, Dialect: kubernetes.Dialect{}, Resolver: &synth.Resolver{None: true}}
	r, err := synth.Synthesize(t.Context(), g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	in := bundle.Input{Graph: g, Config: cfg, Result: &r, Semantics: eval.Cilium}
	if d != nil {
		in = in.On(d)
	}
	_, err = bundle.Write(t.Context(), dir, in)
	return err
}

// TestWriteFaults: whichever change of a file fails while a bundle is written, over a former one or where none was, for
// want of room or because the process is killed, learn says so; what is there then is the former bundle or the new one,
// or a directory without a kustomization where it is a mixture of them; the next learn makes it the new one.
// SLUICE_FAULTS=all takes each operation, else one in 59.
func TestWriteFaults(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		made := func(t *testing.T) string {
			dir := filepath.Join(t.TempDir(), "b")
			if !fresh {
				if err := writeBundle(t, dir, formerLines, nil); err != nil {
					t.Fatal(err)
				}
				put(t, dir, "NOTES.md", "x")
			} else if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			return dir
		}
		dir := made(t)
		old, counting := tree(t, dir), &breaking{}
		if err := writeBundle(t, dir, nextLines, bundle.Real(counting.do)); err != nil {
			t.Fatal(err)
		}
		want := tree(t, dir)
		every := 59
		if os.Getenv("SLUICE_FAULTS") == "all" {
			every = 1
		}
		for _, mode := range []struct{ after, dies bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
			t.Run(fmt.Sprintf("fresh %v, after %v, dies %v", fresh, mode.after, mode.dies), func(t *testing.T) {
				t.Parallel()
				for at := 1; at <= counting.n && !t.Failed(); at += every {
					dir, fault := made(t), &breaking{at: at, after: mode.after, dies: mode.dies}
					err := writeBundle(t, dir, nextLines, bundle.Real(fault.do))
					where := fmt.Sprintf("operation %d of %d, %s", at, counting.n, fault.what)
					if got := tree(t, dir); err == nil && cmp.Diff(want, got) != "" || err != nil && !errors.Is(err, syscall.ENOSPC) {
						t.Fatalf("%s: error %v, and the bundle is not the new one", where, err)
					}
					checkAfter(t, where, dir, old, want)
				}
			})
		}
		t.Logf("fresh %v: %d operations", fresh, counting.n)
	}
}

// checkAfter fails where a directory is a mixture after a fault, or where the next learn does not make it the new bundle.
func checkAfter(t *testing.T, where, dir string, old, want map[string]string) {
	t.Helper()
	checkMixture(t, where, dir, old, want)
	if err := writeBundle(t, dir, nextLines, nil); err != nil {
		t.Errorf("%s: then %v", where, err)
	}
	if d := cmp.Diff(want, tree(t, dir)); d != "" {
		t.Errorf("%s: then -want +got\n%s", where, d)
	}
}

// checkMixture fails where a directory that can be applied is neither all of one bundle nor all of another.
func checkMixture(t *testing.T, where, dir string, old, next map[string]string) {
	t.Helper()
	got := tree(t, dir)
	maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasPrefix(name, ".sluice-") })
	_, err := bundle.Read(dir)
	if err == nil && !maps.Equal(got, old) && !maps.Equal(got, next) {
		t.Errorf("%s: a mixture is read as a bundle", where)
	}
	under := func(files map[string]string, at string) map[string]string {
		out := map[string]string{}
		for name, text := range files {
			if at == "." && strings.HasSuffix(name, ".yaml") || strings.HasPrefix(name, at+"/") {
				out[name] = text
			}
		}
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		at := path.Dir(name)
		if path.Base(name) != "kustomization.yaml" {
			continue
		}
		if now := under(got, at); !maps.Equal(now, under(old, at)) && !maps.Equal(now, under(next, at)) {
			t.Errorf("%s: %s can be applied and is a mixture:\n-former +now %s\n-new +now %s", where, at,
				cmp.Diff(under(old, at), now), cmp.Diff(under(next, at), now))
		}
	}
}
