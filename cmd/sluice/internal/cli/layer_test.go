package cli

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	cobraPath = "github.com/spf13/cobra"
	rooms     = "sluice/cmd/sluice/internal/"
)

// forbidden lists what a layer must not import; the longest prefix that matches a package decides.
var forbidden = []struct {
	pkg  string
	deny []string
}{
	{"model", []string{"sluice/ingest", "sluice/synth", "sluice/cmd"}},
	{"ingest", []string{"sluice/synth", "sluice/cmd", "sluice/model/"}},
	{"synth", []string{"sluice/ingest", "sluice/cmd", "sluice/model/store"}},
	{"synth/policy", []string{"sluice/ingest", "sluice/cmd", "sluice/synth", "sluice/model/"}},
	{"synth/render", []string{"sluice/ingest", "sluice/cmd", "sluice/model/", "sluice/synth"}},
	{"synth/eval", []string{"sluice/ingest", "sluice/cmd", "sluice/model/", "sluice/synth"}},
	{"cmd/sluice/internal/text", []string{"sluice"}},
	{"cmd/sluice/internal/run", []string{rooms + "cli", rooms + "show", rooms + "collect", cobraPath}},
	{"cmd/sluice/internal/collect", []string{rooms + "cli", rooms + "show", cobraPath}},
	{"cmd/sluice/internal/show", []string{rooms + "cli", cobraPath}},
	{"cmd/flowgen", []string{"sluice/ingest", "sluice/model", "sluice/synth"}},
}

// TestLayers reads the imports of every source file: data moves from ingest to model to synth to cmd, the evaluator
// shares no code with synthesis, the generator none with ingest, and Arrow stays inside the store.
func TestLayers(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	checked := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" || rel == "cmd/conformance" || rel == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		checked++
		dir := path.Dir(rel)
		for _, im := range f.Imports {
			name, _ := strconv.Unquote(im.Path.Value)
			if why := breach(dir, name); why != "" {
				t.Errorf("%s imports %s: %s", rel, name, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 20 {
		t.Fatalf("only %d files found: is the root right?", checked)
	}
}

func breach(dir, imp string) string {
	if strings.HasPrefix(imp, "github.com/apache/arrow") && dir != "model/store" {
		return "Arrow is confined to model/store"
	}
	best := -1
	for i, f := range forbidden {
		if (dir == f.pkg || strings.HasPrefix(dir, f.pkg+"/")) && (best < 0 || len(f.pkg) > len(forbidden[best].pkg)) {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	for _, d := range forbidden[best].deny {
		if (imp == strings.TrimSuffix(d, "/") && !strings.HasSuffix(d, "/")) || strings.HasPrefix(imp, strings.TrimSuffix(d, "/")+"/") {
			if own := "sluice/" + forbidden[best].pkg; imp == own || strings.HasPrefix(imp, own+"/") || imp == "sluice/synth/policy" {
				continue
			}
			return forbidden[best].pkg + " must not know it"
		}
	}
	return ""
}

func TestBreach(t *testing.T) {
	for _, c := range []struct {
		dir, imp string
		bad      bool
	}{
		{"model", "sluice/model/graph", false},
		{"model/graph", "sluice/ingest", true},
		{"ingest/hubble", "sluice/model", false},
		{"ingest/hubble", "sluice/model/store", true},
		{"synth", "sluice/model/graph", false},
		{"synth", "sluice/model/store", true},
		{"synth/eval", "sluice/synth/policy", false},
		{"synth/eval", "sluice/synth", true},
		{"synth/eval", "sluice/synth/cover", true},
		{"synth/eval", "sluice/model", false},
		{"synth/eval", "sluice/model/graph", true},
		{"synth/render/kubernetes", "sluice/synth/policy", false},
		{"cmd/flowgen", "sluice/model", true},
		{"ingest/live", "github.com/apache/arrow/go/v15/arrow", true},
		{"model/store", "github.com/apache/arrow/go/v15/arrow", false},
		{"cmd/sluice/internal/cli", "sluice/synth", false},
		{"cmd/sluice/internal/run", "sluice/synth", false},
		{"cmd/sluice/internal/run", rooms + "show", true},
		{"cmd/sluice/internal/show", cobraPath, true},
	} {
		if got := breach(c.dir, c.imp) != ""; got != c.bad {
			t.Errorf("%s importing %s: breach %v, want %v", c.dir, c.imp, got, c.bad)
		}
	}
}
