package bundle_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth"
	"sluice/synth/bundle"
)

func over(t *testing.T, src, dst string, evidence bool) *bundle.Laid {
	t.Helper()
	laid, err := bundle.Over(t.Context(), src, dst, evidence, func(_, _ string, theirs, ours []byte) ([]byte, bool) {
		joined, ok := strings.CutPrefix(string(theirs), "# join\n")
		return append([]byte("# joined\n"), ours...), ok && joined != ""
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	laid.Ours = nil
	return laid
}

// TestOver: a bundle laid over a former one takes the place of what nobody changed, and of nothing else.
func TestOver(t *testing.T) {
	src, dst := filepath.Join(t.TempDir(), "src"), t.TempDir()
	cfg := synth.Config{All: true}
	learn := func(lines string) { write(t, src, cfg, lines) }
	learn("shop/web -> shop/db 1/tcp\nshop/api -> shop/db 3/tcp\nshop/old -> shop/db 4/tcp")
	if laid := over(t, src, dst, true); len(laid.Kept)+len(laid.Merged)+len(laid.Refused) > 0 {
		t.Errorf("%+v", laid)
	}
	whole := tree(t, src)
	delete(whole, bundle.ReportFile) // they are of one run
	delete(whole, bundle.ReportData)
	if d := cmp.Diff(whole, tree(t, dst)); d != "" {
		t.Error(d)
	}
	read := func(name string) string { return tree(t, dst)[name] }
	put(t, dst, "allow/shop/db.yaml", "# join\n"+read("allow/shop/db.yaml"))
	put(t, dst, "allow/shop/old.yaml", "# mine\n")
	put(t, dst, "allow/shop/web.yaml", "# mine\n"+read("allow/shop/web.yaml"))
	put(t, dst, "extra/mine.yaml", mine)
	put(t, dst, "NOTES.md", "note\n")
	put(t, src, "extra/more.yaml", strings.Replace(mine, "name: mine", "name: more", 1))
	put(t, src, "LOCAL.md", "not for others\n")
	learn("shop/web -> shop/db 1/tcp\nshop/api -> shop/db 5/tcp")
	laid := over(t, src, dst, false)
	if d := cmp.Diff(&bundle.Laid{Kept: []string{"allow/shop/web.yaml"}, Merged: []string{"allow/shop/db.yaml"},
		Refused: []string{"allow/shop/old.yaml"}}, laid); d != "" {
		t.Error(d)
	}
	now := tree(t, dst)
	if !strings.HasPrefix(now["allow/shop/db.yaml"], "# joined\n") || now["NOTES.md"] != "note\n" ||
		!strings.Contains(now["allow/shop/api.yaml"], "port: 5") {
		t.Error(now)
	}
	for name := range now {
		if strings.HasPrefix(name, "evidence/") || name == "LOCAL.md" {
			t.Errorf("%s is there", name)
		}
	}
	// both have policies of their own: both are applied, and nothing looks changed by hand that is not
	if list := now["extra/kustomization.yaml"]; !strings.Contains(list, "mine.yaml") || !strings.Contains(list, "more.yaml") {
		t.Error(list)
	}
	h, err := bundle.Hands(dst)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"allow/shop/db.yaml", "allow/shop/web.yaml"}, h.Changed()); d != "" {
		t.Error(d)
	}
	// again: nothing is left to do
	before := tree(t, dst)
	if over(t, src, dst, false); !maps.Equal(before, tree(t, dst)) {
		t.Error("changed again")
	}
}

// TestOverRemoved: what people removed stays removed, and what lies in the way stands.
func TestOverRemoved(t *testing.T) {
	src, dst := filepath.Join(t.TempDir(), "src"), t.TempDir()
	put(t, dst, "REVIEW.md", "of another\n")
	write(t, src, synth.Config{All: true}, "shop/web -> shop/db 1/tcp")
	if laid := over(t, src, dst, false); !slices.Equal(laid.Refused, []string{"REVIEW.md"}) {
		t.Errorf("%+v", laid)
	}
	if err := os.Remove(filepath.Join(dst, "allow", "shop", "web.yaml")); err != nil {
		t.Fatal(err)
	}
	if laid := over(t, src, dst, false); !slices.Contains(laid.Kept, "allow/shop/web.yaml") {
		t.Errorf("%+v", laid)
	}
	write(t, src, synth.Config{All: true}, "shop/web -> shop/db 2/tcp")
	if laid := over(t, src, dst, false); !slices.Contains(laid.Refused, "allow/shop/web.yaml") {
		t.Errorf("%+v", laid)
	}
	if text := tree(t, dst)["allow/shop/web.yaml"]; text != "" {
		t.Error(text)
	}
}

// TestOverThroughLinks: what a link in a bundle leads to is not proposed to everybody.
func TestOverThroughLinks(t *testing.T) {
	for _, name := range []string{"REVIEW.md", "allow/shop/web.yaml", "evidence/FILES"} {
		top := t.TempDir()
		src := filepath.Join(top, "src")
		write(t, src, synth.Config{All: true}, "shop/web -> shop/db 1/tcp")
		put(t, top, "secret", "token\n")
		file := filepath.Join(src, filepath.FromSlash(name))
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(top, "secret"), file); err != nil {
			t.Fatal(err)
		}
		_, err := bundle.Over(t.Context(), src, t.TempDir(), true, func(_, _ string, _, ours []byte) ([]byte, bool) {
			return ours, true
		}, nil)
		if err == nil || !strings.Contains(err.Error(), "leads out of") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
