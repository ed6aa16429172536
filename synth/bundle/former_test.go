package bundle_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/bundle"
)

// TestFormer: a bundle is told from its former state by what they say, whatever the order of the keys; what is not whole
// is no bundle.
func TestFormer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{Namespaces: []string{"shop", "jobs"}, Widen: []string{"dns"}}, flows)
	m, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Edges) == 0 || len(m.Rules) == 0 || len(m.Findings) == 0 {
		t.Fatal("there is nothing to compare")
	}
	text := tree(t, dir)["bundle.json"]
	var keys map[string]any
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, now string) string {
		t.Helper()
		if !strings.Contains(text, old) {
			t.Fatalf("bundle.json lacks %s", old)
		}
		return strings.Replace(text, old, now, 1)
	}
	rule, edge := m.Rules[0], m.Edges[0]
	for name, c := range map[string]struct {
		text string
		same bool
	}{
		"as written":           {text, true},
		"keys sorted":          {string(sorted), true},
		"a field of tomorrow":  {replaced(`"kind": "`, `"tomorrow": [{"x": 1}], "kind": "`), true},
		"a rule marked as new": {replaced(`"id": "`+rule.ID+`"`, `"new": true, "id": "`+rule.ID+`"`), true},
		"another day":          {replaced(`"asOf": "`+m.AsOf, `"asOf": "2020-01-01`), true},
		"another rule":         {replaced(`"id": "`+rule.ID+`"`, `"id": "0123456789"`), false},
		"another edge":         {replaced(`"source": "`+edge.Source+`"`, `"source": "shop/other"`), false},
		"another finding":      {replaced(`"severity": "`, `"severity": "x`), false},
		"another name":         {replaced(`"name": "sluice"`, `"name": "other"`), false},
		"no edges":             {replaced("\n  \"edges\": [", `"edges": null, "more": [`), false},
	} {
		put(t, dir, "bundle.json", c.text)
		f, err := bundle.ReadFormer(dir)
		if name == "no edges" {
			if err == nil || !strings.Contains(err.Error(), "names edge") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if same, err := m.SameMeaning(f); same != c.same || err != nil {
			t.Errorf("%s: the same: %v, %v", name, same, err)
		}
	}
	bad := map[string]string{"more": text + "{}", "other kind": replaced(`"kind": "`, `"kind": "x`), "a list": "[" + text + "]",
		"a list that is none": replaced(`"findings": [`, `"findings": 1, "more": [`)}
	for cut := 1; cut < len(text)-2; cut += len(text) / 50 {
		bad[text[max(0, cut-20):cut]] = text[:cut]
	}
	for name, text := range bad {
		put(t, dir, "bundle.json", text)
		if _, err := bundle.ReadFormer(dir); err == nil {
			t.Errorf("%q is a bundle", name)
		}
	}
}
