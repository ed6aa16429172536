// Package cmd holds the programs. It has no code of its own, only the test of how the packages of the module may import
// each other: data moves from ingest to model to synth to cmd.
package cmd

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the picture of the house, from the ground up: a package and what of the module it imports. A package
// imports only what stands above its own line, so that no circle can close. Both ways it is exact: an arrow that is
// not here is a breach, and one that nobody needs any more is struck out.
var layers = []struct{ pkg, imports string }{
	{"model", ""},
	{"model/store", "model"},
	{"model/store/storetest", "model model/store"},
	{"model/store/bucket", "model/store"},
	{"model/store/bucket/buckettest", ""},
	{"model/store/cache", "model/store"},
	{"model/store/clickhouse", "model model/store"},
	{"model/workload", "model"},
	{"model/graph", "model model/workload"},
	{"model/capture", "model model/graph"},
	{"model/redact", "model"},

	{"ingest", "model"},
	{"ingest/scan", ""},
	{"ingest/calico", "ingest ingest/scan model"},
	{"ingest/hubble", "ingest ingest/scan model"},
	{"ingest/all", "ingest ingest/calico ingest/hubble"},
	{"ingest/normalize", "ingest model"},
	{"ingest/live", "ingest ingest/normalize model"},
	{"ingest/live/goldmane", "ingest/calico ingest/live model"},
	{"ingest/live/hubble", "ingest ingest/hubble ingest/live model"},
	{"ingest/source", "ingest ingest/scan model"},
	{"ingest/ingesttest", "ingest ingest/source model"},

	{"synth/cover", ""},
	{"synth/decision", "model"},
	{"synth/eval/judgetest", "model"},
	{"synth/policy", "model"},
	{"synth/eval", "model synth/policy"},
	{"synth/eval/calicotest", "model synth/eval synth/eval/judgetest"},
	{"synth/eval/ciliumtest", "model synth/eval synth/eval/judgetest"},
	{"synth/layout", "model"},
	{"synth/graphtest", "model model/graph synth/policy"},
	{"synth/render", "model synth/policy"},
	{"synth", "model model/graph model/workload synth/cover synth/decision synth/policy synth/render"},
	{"synth/lint", "model model/graph model/workload synth/eval synth/policy synth/render"},
	{"synth/render/cilium", "model synth/policy synth/render"},
	{"synth/render/kubernetes", "model synth/policy synth/render"},
	{"synth/render/calico", "model synth/policy synth/render synth/render/kubernetes"},
	{"synth/render/cluster", "model synth/policy synth/render synth/render/kubernetes"},
	{"synth/render/all", "synth/render synth/render/calico synth/render/cilium synth/render/cluster synth/render/kubernetes"},
	{"synth/render/rendertest", "synth/policy synth/render"},
	{"synth/verify", "model model/graph synth/eval synth/policy"},
	{"synth/bundle", "model model/graph synth synth/decision synth/eval synth/layout synth/policy synth/render synth/verify"},
	{"synth/fleet", "synth/bundle"},
	{"synth/bundle/applytest", "model model/graph synth/bundle synth/eval synth/policy synth/render"},
	{"synth/readiness", "model model/graph model/workload synth/decision synth/verify"},
	{"synth/readiness/readinesstest", "model synth/readiness"},

	{"cmd/flowgen", ""}, // shares no code with what reads its captures
	{"cmd/sluice/internal/text", "model"},
	{"cmd/sluice/internal/disk", ""},
	{"cmd/sluice/internal/kube", "ingest/live"},
	{"cmd/sluice/internal/kube/kubetest", ""},
	{"cmd/sluice/internal/place", "model model/store model/store/bucket model/store/cache model/store/clickhouse"},
	{"cmd/sluice/internal/run", "cmd/sluice/internal/disk cmd/sluice/internal/place cmd/sluice/internal/text ingest ingest/all ingest/normalize ingest/source model model/capture model/graph " +
		"model/redact model/store model/workload synth synth/bundle synth/decision synth/eval synth/fleet synth/lint " +
		"synth/policy synth/readiness synth/render synth/render/all synth/verify"},
	{"cmd/sluice/internal/collect", "cmd/sluice/internal/place cmd/sluice/internal/run ingest/live ingest/live/goldmane ingest/live/hubble ingest/source model " +
		"model/capture model/store"},
	{"cmd/sluice/internal/propose", "cmd/sluice/internal/disk synth/bundle"},
	{"cmd/sluice/internal/review", "cmd/sluice/internal/run model synth/bundle synth/decision synth/layout synth/policy " +
		"synth/readiness synth/verify"},
	{"cmd/sluice/internal/show", "cmd/sluice/internal/collect cmd/sluice/internal/propose cmd/sluice/internal/run " +
		"cmd/sluice/internal/text ingest/live model " +
		"model/graph model/store model/workload synth synth/bundle synth/fleet synth/lint synth/policy " +
		"synth/layout synth/readiness synth/render synth/verify"},
	{"cmd/sluice/internal/cli", "cmd/sluice/internal/collect cmd/sluice/internal/disk cmd/sluice/internal/kube cmd/sluice/internal/place cmd/sluice/internal/propose " +
		"cmd/sluice/internal/review cmd/sluice/internal/run cmd/sluice/internal/show " +
		"cmd/sluice/internal/text ingest/live/goldmane ingest/live/hubble model model/capture model/redact model/store synth " +
		"synth/bundle synth/lint synth/readiness synth/render/all synth/verify"},
	{"cmd/sluice", "cmd/sluice/internal/cli"},
	{"cmd/sluice/internal/docs", "cmd/sluice/internal/cli"}, // a program of its own, for make dist
}

// proposing is the room that opens pull requests.
const proposing = "cmd/sluice/internal/propose"

// confined are libraries that one room only may know, and why.
var confined = []struct{ library, rooms, why string }{
	{"github.com/apache/arrow/go", "model/store", "the columnar format is the store's own business"},
	{"gocloud.dev", "model/store/bucket model/store/bucket/buckettest cmd/sluice/internal/place",
		"no command knows what kind of store it has"},
	{"github.com/aws", "model/store/bucket", "no command knows what kind of store it has"},
	{"github.com/ClickHouse", "model/store/clickhouse", "no command knows what kind of store it has"},
	{"github.com/spf13/cobra", "cmd/sluice/internal/cli cmd/sluice/internal/docs", "flags end where a command begins"},
	{"k8s.io", "cmd/sluice/internal/kube cmd/sluice/internal/kube/kubetest", "the cluster is asked by one room"},
	{"github.com/prometheus", "cmd/sluice/internal/collect", "only a collector is measured"},
	{"github.com/cilium/cilium", "ingest/live/hubble cmd/flowgen", "protobuf is read at the edge"},
	{"google.golang.org/grpc", "ingest/live/hubble ingest/live/goldmane", "only servers are talked to"},
	{"github.com/owenrumney/go-sarif", "cmd/sluice/internal/show", "what other tools read is printed"},
	{"github.com/go-git/go-git", proposing, "Git and the forges are one room's business"},
	{"github.com/google/go-github", proposing, "Git and the forges are one room's business"},
	{"code.gitea.io/sdk", proposing, "Git and the forges are one room's business"},
	{"gitlab.com/gitlab-org", proposing, "Git and the forges are one room's business"},
	{"sigs.k8s.io/yaml", "synth/render synth/bundle synth/fleet synth/bundle/applytest cmd/sluice/internal/run " +
		"cmd/flowgen", "YAML is text at the edges"},
}

const module = "sluice/"

// TestLayers compares the imports of every source file with the picture. It reads the sources: what the go command has
// cached cannot hide a breach.
func TestLayers(t *testing.T) {
	found := imports(t)
	at := map[string]int{}
	for i, l := range layers {
		at[l.pkg] = i
		if found[l.pkg] == nil {
			t.Errorf("%s is in the picture and not in the tree", l.pkg)
		}
		for _, im := range strings.Fields(l.imports) {
			if j, ok := at[im]; !ok || j >= i {
				t.Errorf("%s imports %s, which does not stand above it in the picture", l.pkg, im)
			}
			if !slices.Contains(found[l.pkg], module+im) {
				t.Errorf("%s needs %s no more: strike it out of the picture", l.pkg, im)
			}
		}
	}
	for pkg, list := range found {
		i, ok := at[pkg]
		if !ok {
			t.Errorf("%s is in the tree and not in the picture", pkg)
			continue
		}
		for _, im := range list {
			if own, ok := strings.CutPrefix(im, module); ok && !slices.Contains(strings.Fields(layers[i].imports), own) {
				t.Errorf("%s imports %s: not in the picture", pkg, own)
			}
			if why := confinement(pkg, im); why != "" {
				t.Errorf("%s imports %s: %s", pkg, im, why)
			}
		}
	}
}

// confinement says why a package may not import a library, "" if it may.
func confinement(pkg, library string) string {
	for _, c := range confined {
		if library == c.library || strings.HasPrefix(library, c.library+"/") {
			if !slices.Contains(strings.Fields(c.rooms), pkg) {
				return c.why
			}
		}
	}
	return ""
}

// TestConfinement checks the check: a library elsewhere than in its room is a breach, another is none.
func TestConfinement(t *testing.T) {
	for _, c := range []struct {
		pkg, library string
		breach       bool
	}{
		{"ingest/live", "github.com/apache/arrow/go/v15/arrow", true},
		{"model/store", "github.com/apache/arrow/go/v15/arrow", false},
		{"synth", "github.com/spf13/cobra", true},
		{"synth", "github.com/spf13/cobralike", false},
		{"synth", "slices", false},
	} {
		if got := confinement(c.pkg, c.library) != ""; got != c.breach {
			t.Errorf("%s importing %s: breach %v, want %v", c.pkg, c.library, got, c.breach)
		}
	}
}

// imports returns what the sources of each package import, tests aside, without the modules of their own.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(p, ".."+string(filepath.Separator)))
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && p != ".."
			if hidden || d.Name() == "testdata" || rel == "cmd/conformance" || rel == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(rel)
		if out[pkg] == nil {
			out[pkg] = []string{}
		}
		for _, im := range f.Imports {
			name, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				return err
			}
			if !slices.Contains(out[pkg], name) {
				out[pkg] = append(out[pkg], name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
