package bundle_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/render/all"
)

// committed are the files of a bundle that Git does not leave out, evidence aside.
func committed(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := tree(t, dir)
	left := files[".gitignore"]
	maps.DeleteFunc(files, func(name, _ string) bool {
		top, _, _ := strings.Cut(name, "/")
		return strings.Contains(left, "/"+name+"\n") || strings.Contains(left, "/"+top+"/\n")
	})
	return files
}

// changed are the names of files that differ.
func changed(before, after map[string]string) []string {
	var out []string
	for name := range after {
		if before[name] != after[name] {
			out = append(out, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

const (
	today = `
shop/web -> shop/db 5432/tcp times=30 src=web-1
shop/web -> shop/db 5432/tcp hour=2
shop/web -> shop/cart 7070/tcp
shop/web -> kube-system/{k8s-app=kube-dns} 53/udp
ingress/nginx -> shop/web 8080/tcp
shop/rogue -> shop/db 5432/tcp denied
`
	more = `
shop/web -> shop/db 5432/tcp times=3 src=web-2
shop/web -> shop/db 5432/tcp hour=2
ingress/nginx -> shop/web 8080/tcp hour=2
shop/rogue -> shop/db 5432/tcp denied
`
)

// TestCommitted: more of the same traffic changes no byte of what is committed, on a later run and with the former
// bundle as the base, and one new edge changes the policies of its two ends, the reviews and bundle.json.
func TestCommitted(t *testing.T) {
	for _, name := range all.Names() {
		t.Run(name, func(t *testing.T) {
			d, err := all.Named(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "out")
			cfg := synth.Config{Dialect: d, Namespaces: []string{"shop"}}
			write(t, dir, cfg, today)
			first, volatile := committed(t, dir), tree(t, dir)
			write(t, dir, cfg, today+more)
			if got := changed(first, committed(t, dir)); len(got) > 0 {
				t.Errorf("more of the same changed %v:\n%s", got, cmp.Diff(first, committed(t, dir)))
			}
			now := tree(t, dir)
			for _, file := range []string{bundle.ReportFile, bundle.ReportData} {
				if now[file] == volatile[file] || now[file] == "" {
					t.Errorf("%s does not tell of the run", file)
				}
			}
			write(t, dir, cfg, today+more+"shop/cart -> shop/db 5432/tcp\n")
			var yaml []string
			for _, file := range changed(first, committed(t, dir)) {
				if strings.HasPrefix(file, "allow/") {
					yaml = append(yaml, file)
				}
			}
			if diff := cmp.Diff([]string{"allow/shop/cart.yaml", "allow/shop/db.yaml"}, yaml); diff != "" {
				t.Errorf("one new edge: -want +got\n%s", diff)
			}
			text := tree(t, dir)[bundle.ReviewFile]
			for _, want := range []string{"What changed since the former bundle", "| newly allowed | **1** (1 of them seen) |", "Rules that the files have no more:",
				"shop/cart -> shop/db 5432/tcp"} {
				if !strings.Contains(text, want) {
					t.Errorf("REVIEW.md lacks %q:\n%s", want, text)
				}
			}
			changedOnce := committed(t, dir)
			write(t, dir, cfg, today+more+more+"shop/cart -> shop/db 5432/tcp times=2\n")
			if got := changed(changedOnce, committed(t, dir)); len(got) > 0 {
				t.Errorf("what changed is forgotten by the next run: %v", got)
			}
		})
	}
}

// TestClone: of a bundle as Git has it, without the report and the evidence, the rules and edges are known, and no
// count is made up.
func TestClone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{Namespaces: []string{"shop"}}, today)
	whole, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, bundle.ReportData)); err != nil {
		t.Fatal(err)
	}
	m, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole.Rules, m.Rules); diff != "" {
		t.Error(diff)
	}
	if whole.Edges[0].Records == 0 || m.Edges[0].Records != 0 || m.Edges[0].Source != whole.Edges[0].Source {
		t.Errorf("%+v is of the report, %+v of the manifest", whole.Edges[0], m.Edges[0])
	}
	// A report of another state is none.
	write(t, dir, synth.Config{Namespaces: []string{"shop"}}, today)
	text := tree(t, dir)[bundle.ManifestFile]
	if err := os.WriteFile(filepath.Join(dir, bundle.ManifestFile), []byte(strings.Replace(text, `"asOf"`, `"asof"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := bundle.ReadReport(dir); r != nil || err != nil {
		t.Errorf("%v %v", r, err)
	}
}

// TestForeignName: a bundle of another's hand has no name that would leave its branch, or the comment that marks it.
func TestForeignName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{Namespaces: []string{"shop"}}, today)
	file, text := filepath.Join(dir, bundle.ManifestFile), tree(t, dir)[bundle.ManifestFile]
	for name, ok := range map[string]bool{"shop-2": true, "../../x": false, "x --> <b>": false, "a.lock": false, "a/b": false, "-x": false} {
		changed := strings.Replace(text, `"name": "sluice"`, `"name": "`+name+`"`, 1)
		if changed == text {
			t.Fatal("the manifest has no name")
		}
		if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Read(dir); (err == nil) != ok || !ok && !strings.Contains(err.Error(), "want lower-case letters") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHostileTexts: names in a log call nobody, draw nothing and leave neither their cell nor their box.
func TestHostileTexts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	long := strings.Repeat("x", 300)
	write(t, dir, synth.Config{All: true}, strings.Join([]string{
		"shop/{app=@octocat} -> shop/web 1/tcp", "shop/{app=:rocket:} -> shop/web 2/tcp",
		"shop/{app=a\"]|b} -> shop/web 3/tcp", "shop/{app=\u202eevil} -> shop/web 4/tcp",
		"shop/{app=#12} -> shop/web 5/tcp", "shop/{app=" + long + "} -> shop/web 6/tcp", "shop/web -> shop/db 7/tcp",
	}, "\n"))
	for name, text := range tree(t, dir) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, bad := range []string{"@octocat", ":rocket:", "\u202e", "#12 ", "\"]|b"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %q:\n%s", name, bad, text)
			}
		}
		for _, r := range text {
			if r != '\n' && !model.IsPrintable(r) {
				t.Errorf("%s has %q", name, r)
			}
		}
	}
}
