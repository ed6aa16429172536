package bundle_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

var ruleLine = regexp.MustCompile(`(?m)^ *# rule ([0-9a-f]{10})`)

// TestTraced: above every rule in the YAML stands its id, and bundle.json knows it; no rule of bundle.json is without
// its place in the YAML.
func TestTraced(t *testing.T) {
	for _, name := range all.Names() {
		t.Run(name, func(t *testing.T) {
			d, err := all.Named(name)
			if err != nil {
				t.Fatal(err)
			}
			traced(t, d)
		})
	}
}

func traced(t *testing.T, d render.Dialect) {
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{Dialect: d, Namespaces: []string{"shop", "jobs"}}, flows)
	m, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range m.Rules {
		known[r.ID] = true
	}
	for _, n := range m.Namespaces {
		for _, id := range n.Open {
			known[id] = true
		}
	}
	found := map[string]bool{}
	for file, text := range tree(t, dir) {
		if !strings.HasPrefix(file, "allow/") {
			continue
		}
		for _, match := range ruleLine.FindAllStringSubmatch(text, -1) {
			found[match[1]] = true
			if !known[match[1]] {
				t.Errorf("%s has the rule %s, which bundle.json does not know:\n%s", file, match[1], text)
			}
		}
	}
	for _, r := range m.Rules {
		if !found[r.ID] {
			t.Errorf("no YAML has the rule %s, %s", r.ID, r.Text)
		}
	}
}
