package bundle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth"
	"sluice/synth/bundle"
)

// TestPlaces: a bundle comes with the places of its peers, the same for the same edges. A bundle without them, or with
// some that are not of its edges, has those that would have been written.
func TestPlaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{Namespaces: []string{"shop"}}, today)
	m, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := *m.Places()
	groups := map[string]int{}
	for _, g := range want.Groups {
		groups[g.Name] = len(g.Peers)
		for _, p := range g.Peers {
			if p.X <= 0 || p.X >= g.Width || p.Y <= 0 || p.Y >= g.Height {
				t.Errorf("%+v is not in %+v", p, g)
			}
		}
	}
	if d := cmp.Diff(map[string]int{"ingress": 1, "kube-system": 1, "shop": 4}, groups); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	file := filepath.Join(dir, bundle.PlacesFile)
	text := tree(t, dir)[bundle.PlacesFile]
	moved := strings.Replace(text, `"x": 0`, `"x": 7`, 1)
	if moved == text {
		t.Fatalf("nothing lies at the edge: %s", text)
	}
	for name, c := range map[string]struct {
		text string
		own  bool // the places of the file count
	}{
		"as written": {text, true},
		"moved":      {moved, true},
		"none":       {"", false},
		"no JSON":    {"<!DOCTYPE", false},
		"others":     {strings.Replace(text, "shop/db", "shop/dc", 1), false},
		"twice":      {strings.Replace(text, "shop/db", "shop/cart", 1), false},
		"far away":   {strings.Replace(text, `"x": 0`, `"x": 99999999999`, 1), false},
		"wrong box":  {strings.Replace(text, `"name": "shop"`, `"name": "shoq"`, 1), false},
		"of others":  {strings.Replace(text, "sluice/v1", "sluice/v9", 1), false},
	} {
		if c.text == "" {
			err = os.Remove(file)
		} else {
			err = os.WriteFile(file, []byte(c.text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := bundle.Read(dir)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same := cmp.Equal(want, *m.Places())
		if same != (!c.own || c.text == text) {
			t.Errorf("%s: these places count: %v, want %v", name, !same, c.own)
		}
	}
}

// TestPicture: namespaces are boxes in the order of their places in what forges draw, and several of them are drawn in a
// file too.
func TestPicture(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{Namespaces: []string{"shop", "jobs"}}, today+"\njobs/cron -> shop/web 1/tcp\n")
	files := tree(t, dir)
	page := files["allow/shop/REVIEW.md"]
	// Clients stand before servers: the box of the namespace holds its own alone.
	in := func(text string, parts ...string) {
		t.Helper()
		at := 0
		for _, p := range parts {
			k := strings.Index(text[at:], p)
			if k < 0 {
				t.Fatalf("%q is not where it should be in\n%s", p, text)
			}
			at += k + len(p)
		}
	}
	in(page, "flowchart LR", `["ingress/nginx"]:::other`, `subgraph`, `["shop"]`, `["web"]`, `["db"]`, "end\n", "-->")
	drawing := files[bundle.PictureFile]
	in(drawing, "<svg", "shop/web", "jobs/cron → shop/web 1/tcp", "</svg>")
	m, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Picture()
	if err != nil || string(again) != drawing {
		t.Errorf("%v: read back, the bundle has another picture\n%s", err, cmp.Diff(drawing, string(again)))
	}
	one := filepath.Join(t.TempDir(), "one")
	write(t, one, synth.Config{Namespaces: []string{"shop"}}, today)
	if _, err := os.Stat(filepath.Join(one, bundle.PictureFile)); err == nil {
		t.Error("a review that has its picture in itself has one in a file too")
	}
}
