package page

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Mermaid draws no text that is longer and no diagram that has more arrows, and forges leave it so.
const (
	maxMermaidText  = 50_000
	maxMermaidEdges = 500
)

// mermaid installs the library that forges draw diagrams with, as its lock says, and returns its script.
func mermaid(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, filepath.Join("mermaid", name))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--silent")
	c.Dir = dir
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, b)
	}
	return read(t, filepath.Join(dir, "node_modules/mermaid/dist/mermaid.min.js"))
}

var (
	fences = regexp.MustCompile("(?ms)^```mermaid\n(.*?)^```$")
	nodes  = regexp.MustCompile(`(?m)^\s*(\w+)(?:\[|\(|\{|>)`)
	arrows = regexp.MustCompile(`(?m)^\s*\w+ (?:-->|-\.->|==>)`)
)

// diagrams returns those of everything that a bundle has people read, by where they stand.
func diagrams(t *testing.T, bundle string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(bundle, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		for i, m := range fences.FindAllStringSubmatch(read(t, path), -1) {
			name, err := filepath.Rel(bundle, path)
			if err != nil {
				return err
			}
			out[fmt.Sprintf("%s, diagram %d", name, i+1)] = m[1]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMermaid: Mermaid itself draws every diagram of REVIEW.md, strictly as forges have it do so, hostile names among
// them: each box once, and nothing in it that could run.
func TestMermaid(t *testing.T) {
	script := mermaid(t)
	ctx := browser(t)
	for name, bundle := range map[string]string{
		"boutique": boutique(t), "hostile": hostile(t),
		"large": load(t, "large", large),
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"mermaid.js": script,
			"index.html": `<!doctype html><meta charset="utf-8"><title>Diagrams</title><script src="mermaid.js"></script>`} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p := visit(t, ctx, "file://"+filepath.Join(dir, "index.html"), 1280, 800, false)
		p.wait("window.mermaid")
		p.does("mermaid.initialize({startOnLoad: false, securityLevel: 'strict'})")
		found := diagrams(t, filepath.Join(bundle, "bundle"))
		if len(found) == 0 {
			t.Errorf("%s: no diagram", name)
		}
		for at, text := range found {
			boxes, lines := len(nodes.FindAllString(text, -1)), len(arrows.FindAllString(text, -1))
			if len(text) > maxMermaidText || lines > maxMermaidEdges {
				t.Errorf("%s: %s: %d characters and %d arrows: forges draw no such diagram", name, at, len(text), lines)
			}
			quoted, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			type drawn struct {
				Error                       string
				Boxes, Lines, Runs, Outside int
			}
			got := eval[drawn](p, `(async () => {
  try {
    const { svg } = await mermaid.render('d', `+string(quoted)+`);
    const doc = new DOMParser().parseFromString(svg, 'text/html');
    const all = [...doc.querySelectorAll('*')];
    return {
      Error: '', Boxes: doc.querySelectorAll('g.node').length, Lines: [...doc.querySelectorAll('path.flowchart-link')].filter((e) => !/cyclic-special-(mid|2)/.test(e.id)).length, // a loop is drawn in three parts
      Runs: all.filter((e) => e.localName === 'script' || [...e.attributes].some((a) => a.name.startsWith('on'))).length,
      Outside: all.filter((e) => ['img', 'image', 'iframe', 'a'].includes(e.localName)).length,
    };
  } catch (e) { return { Error: String(e) }; }
})()`)
			if want := (drawn{Boxes: boxes, Lines: lines}); got != want || boxes == 0 || lines == 0 {
				t.Errorf("%s: %s: drawn %+v, its text has %+v\n%s", name, at, got, want, strings.ToValidUTF8(text, "?"))
			}
		}
		t.Logf("%s: Mermaid drew %d diagrams", name, len(found))
	}
}
