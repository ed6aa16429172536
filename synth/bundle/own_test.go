package bundle_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// mine is a policy of a person.
const mine = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: mine, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {}}]}]
`

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func tryWrite(t *testing.T, dir string, force bool, lines ...string) (verify.Report, error) {
	t.Helper()
	g := graphtest.Graph(t, lines...)
	cfg := synth.Config{All: true, Dialect: kubernetes.Dialect{}, Resolver: &synth.Resolver{None: true}}
	r, err := synth.Synthesize(t.Context(), g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w, err := bundle.Write(t.Context(), dir, bundle.Input{Graph: g, Config: cfg, Result: &r, Semantics: eval.Cilium, Force: force})
	return w.Report, err
}

// TestKeepsWhatIsTheirs: a bundle written over a former one touches nothing that the former did not list.
func TestKeepsWhatIsTheirs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	cfg := synth.Config{All: true}
	write(t, dir, cfg, "shop/web -> shop/db 1/tcp\nshop/api -> shop/db 3/tcp")
	theirs := map[string]string{
		".git/HEAD": "ref: refs/heads/main\n", ".git/objects/aa/bb": "x", "NOTES.md": "note\n", "allow/shop/mine.yaml": mine,
		"allow/team/notes.txt": "x", "docs/kustomization.yaml": "resources: []\n",
	}
	for name, text := range theirs {
		put(t, dir, name, text)
	}
	edited := strings.Replace(tree(t, dir)["allow/shop/web.yaml"], "port: 1", "port: 2", 1)
	put(t, dir, "allow/shop/web.yaml", edited)
	rep := write(t, dir, cfg, "shop/web -> shop/db 1/tcp")
	now := tree(t, dir)
	for name, text := range theirs {
		if now[name] != text {
			t.Errorf("%s is %q", name, now[name])
		}
	}
	if now["allow/shop/web.yaml"] != edited {
		t.Error("an edit was reverted")
	}
	if now["allow/shop/api.yaml"] != "" {
		t.Error("a policy of the former bundle that nobody changed is still there")
	}
	if rep.Connections[verify.Lost] != 1 || rep.Unread == 0 {
		t.Errorf("the edit and what is not applied do not count: %+v", rep)
	}
	for _, want := range []string{"blocks what worked, by policies changed or added by hand", "allow/shop/web.yaml | changed, and kept", "allow/shop/mine.yaml | not of this bundle"} {
		if !strings.Contains(now["REVIEW.md"], want) {
			t.Errorf("REVIEW.md lacks %q", want)
		}
	}
	h, err := bundle.Hands(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := bundle.ByHand{Edited: []string{"allow/shop/web.yaml"}, Loose: []string{"allow/shop/mine.yaml"},
		Foreign: []string{".git", "NOTES.md", "allow/shop/mine.yaml", "allow/team/notes.txt", "docs/kustomization.yaml"}}
	if d := cmp.Diff(want, h); d != "" {
		t.Error(d)
	}
	if _, err := tryWrite(t, dir, true, "shop/web -> shop/db 1/tcp"); err != nil {
		t.Fatal(err)
	}
	if now := tree(t, dir); now["allow/shop/web.yaml"] == edited || now["NOTES.md"] == "" || now["allow/shop/mine.yaml"] != mine {
		t.Error("--force must write over edits, and over nothing else")
	}
}

// TestExtra: policies in extra/ are listed, applied with allow and enforce, and verified.
func TestExtra(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	cfg := synth.Config{All: true}
	const lines = "shop/web -> shop/db 1/tcp\nshop/cron -> shop/web 1/tcp"
	if rep := write(t, dir, cfg, lines); rep.Over.Count != 0 {
		t.Fatal(rep.Over.Count)
	}
	put(t, dir, "extra/team/mine.yaml", mine)
	if rep := write(t, dir, cfg, lines); rep.Over.Count == 0 || rep.Unread > 0 {
		t.Errorf("what extra/ allows is not counted: %+v", rep)
	}
	now := tree(t, dir)
	for name, want := range map[string]string{
		"extra/kustomization.yaml":   "resources:\n- team/mine.yaml\n",
		"allow/kustomization.yaml":   "- shop\n- ../extra\n",
		"enforce/kustomization.yaml": "- shop\n- ../extra\n",
		"extra/team/mine.yaml":       mine,
	} {
		if !strings.Contains(now[name], want) {
			t.Errorf("%s:\n%s", name, now[name])
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "extra", "team")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, cfg, lines)
	if now := tree(t, dir); now["extra/kustomization.yaml"] != "" || strings.Contains(now["allow/kustomization.yaml"], "extra") {
		t.Error("extra/ is listed and gone")
	}
}

// TestRefusesPlaces: what cannot be written without taking something from people is refused by name.
func TestRefusesPlaces(t *testing.T) {
	const lines = "shop/web -> shop/db 1/tcp"
	for name, c := range map[string]struct {
		make func(dir string)
		want string
	}{
		"foreign": {func(dir string) { put(t, dir, "NOTES.md", "x") }, "it holds NOTES.md"},
		"in the way": {func(dir string) {
			write(t, dir, synth.Config{All: true}, "shop/web -> shop/x 1/tcp")
			put(t, dir, "allow/shop/db.yaml", mine)
		}, "allow/shop/db.yaml is not of the former bundle"},
		"link": {func(dir string) {
			write(t, dir, synth.Config{All: true}, lines)
			if err := os.Rename(filepath.Join(dir, "allow"), filepath.Join(dir, "elsewhere")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("elsewhere", filepath.Join(dir, "allow")); err != nil {
				t.Fatal(err)
			}
		}, "allow in "},
		"no list": {func(dir string) {
			write(t, dir, synth.Config{All: true}, lines)
			text := tree(t, dir)["bundle.json"]
			put(t, dir, "bundle.json", text[:strings.Index(text, ",\n  \"files\"")]+"\n}\n")
		}, "does not list its files"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		c.make(dir)
		before := names(t, dir)
		if _, err := tryWrite(t, dir, false, lines); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(before, names(t, dir)); d != "" {
			t.Errorf("%s: refused, and yet: %s", name, d)
		}
	}
}

// names lists what is in dir, with sizes.
func names(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		out[path] = fi.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestKilled: wherever a run is killed while it replaces a bundle, the former one is there or the next run finishes the
// new one, and what is a person's is never away.
func TestKilled(t *testing.T) {
	root := t.TempDir()
	const before, after = "shop/web -> shop/db 1/tcp\nshop/api -> shop/db 3/tcp", "shop/web -> shop/db 2/tcp"
	made := func(name string) (string, map[string]string) {
		dir := filepath.Join(root, name)
		put(t, dir, "NOTES.md", "x")
		if _, err := tryWrite(t, dir, true, before); err != nil {
			t.Fatal(err)
		}
		return dir, tree(t, dir)
	}
	old, _ := made("old")
	if _, err := tryWrite(t, old, false, after); err != nil {
		t.Fatal(err)
	}
	want := tree(t, old)
	steps := slices.Sorted(maps.Keys(want))
	for done := range len(steps) {
		// Complete and some files in place, as a kill leaves it.
		dir, had := made("ready" + steps[done][:3] + string(rune('a'+done)))
		for i, name := range steps {
			switch {
			case name == "NOTES.md":
			case i < done && name != "bundle.json":
				put(t, dir, name, want[name])
			default:
				put(t, dir, ".sluice-ready/"+name, want[name])
			}
		}
		put(t, dir, ".sluice-ready/STALE", "allow/shop/api.yaml\n")
		if _, err := bundle.Read(dir); err == nil || !strings.Contains(err.Error(), "was stopped while it replaced") {
			t.Errorf("read half of each: %v", err)
		}
		if err := bundle.Check(dir, false); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, tree(t, dir)); d != "" {
			t.Fatalf("after %d files: -want +got\n%s\nhad %d", done, d, len(had))
		}
	}
	dir, had := made("new") // not complete
	put(t, dir, ".sluice-new/allow/shop/web.yaml", "half")
	if _, err := bundle.Read(dir); err != nil {
		t.Error(err)
	}
	if _, err := tryWrite(t, dir, false, before); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(had, tree(t, dir)); d != "" {
		t.Error(d)
	}
}

// TestListsOnlyItsOwn: who can change bundle.json, evidence/FILES or what looks like a run that was stopped gets nothing
// removed or written that is not of a bundle, and nothing behind a link.
func TestListsOnlyItsOwn(t *testing.T) {
	fresh := func(t *testing.T) (top, dir string) {
		top = t.TempDir()
		dir = filepath.Join(top, "out")
		write(t, dir, synth.Config{All: true}, "shop/web -> shop/db 1/tcp")
		put(t, top, "theirs.txt", "x")
		put(t, dir, "NOTES.md", "x")
		put(t, dir, "allow/shop/.git/config", "x")
		return top, dir
	}
	link := func(t *testing.T, top, dir string) {
		if err := os.Mkdir(filepath.Join(top, "home"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../home", filepath.Join(dir, "stage")); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(t *testing.T, top, dir string) {
		t.Helper()
		for _, name := range []string{"theirs.txt", "out/NOTES.md", "out/allow/shop/.git/config"} {
			if text, err := os.ReadFile(filepath.Join(top, name)); err != nil || string(text) != "x" {
				t.Errorf("%s: %q, %v", name, text, err)
			}
		}
		if found, _ := os.ReadDir(filepath.Join(top, "home")); len(found) > 0 && found[0].Name() != "theirs.yaml" {
			t.Errorf("%s was written behind a link", found[0].Name())
		}
	}
	const digest = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of "x"
	for _, name := range []string{"../theirs.txt", "NOTES.md", "allow/../../theirs.txt", "allow/shop/.git/config"} {
		t.Run("listed "+name, func(t *testing.T) {
			top, dir := fresh(t)
			text := tree(t, dir)[bundle.ManifestFile]
			put(t, dir, bundle.ManifestFile, strings.Replace(text, `"files": {`, `"files": {"`+name+`": "`+digest+`", `, 1))
			if _, err := tryWrite(t, dir, false, "shop/web -> shop/db 2/tcp"); err == nil ||
				!strings.Contains(err.Error(), "where no bundle has one") {
				t.Error(err)
			}
			kept(t, top, dir)
		})
	}
	t.Run("evidence", func(t *testing.T) {
		top, dir := fresh(t)
		put(t, dir, "evidence/FILES", "evidence/../NOTES.md\nevidence/../../theirs.txt\n")
		if _, err := tryWrite(t, dir, true, "shop/web -> shop/db 2/tcp"); err != nil {
			t.Error(err)
		}
		kept(t, top, dir)
	})
	for _, name := range []string{"../../theirs.txt", "NOTES.md", "stage/theirs.yaml"} {
		t.Run("stopped, stale "+name, func(t *testing.T) {
			top, dir := fresh(t)
			link(t, top, dir)
			put(t, top, "home/theirs.yaml", "x")
			put(t, dir, ".sluice-ready/STALE", name+"\n")
			if _, err := tryWrite(t, dir, true, "shop/web -> shop/db 2/tcp"); err == nil {
				t.Error("no error")
			}
			kept(t, top, dir)
			if _, err := os.Lstat(filepath.Join(top, "home/theirs.yaml")); err != nil {
				t.Error(err)
			}
		})
	}
	for _, name := range []string{"stage/key", "Makefile", "allow/shop/.git/config"} {
		t.Run("stopped, new "+name, func(t *testing.T) {
			top, dir := fresh(t)
			link(t, top, dir)
			put(t, dir, ".sluice-ready/STALE", "")
			put(t, dir, ".sluice-ready/"+name, "evil")
			if _, err := tryWrite(t, dir, true, "shop/web -> shop/db 2/tcp"); err == nil {
				t.Error("no error")
			}
			kept(t, top, dir)
		})
	}
}
