package lint_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/lint"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/cluster"
	"sluice/synth/render/kubernetes"
)

var kinds = []render.Kinds{kubernetes.Dialect{}.Kinds(), cilium.Dialect{}.Kinds(), calico.Dialect{}.Kinds(),
	cluster.Dialect{}.Kinds()}

const policyFile = "policy.yaml"

// check lints one text, with what was seen.
func check(text []byte, g *graph.Graph) []lint.Finding {
	set, problems := render.Parse(bytes.NewReader(text), policyFile, kinds...)
	in := lint.Input{Set: set, Problems: problems, Graph: g, Texts: map[string][]byte{policyFile: text},
		Plugin: true}
	for i := range set.Policies {
		if lint.OfCilium(&set.Policies[i]) {
			in.Semantics = eval.Cilium
		} else if set.Policies[i].Tier != "" && !set.Policies[i].Around() {
			in.Semantics = eval.Calico
		}
	}
	return lint.Check(in)
}

// TestTraps has a file for each trap: a policy that falls into it, what is found, and the text with what can be mended
// by itself mended. Each check is found in its own file.
func TestTraps(t *testing.T) {
	for _, id := range lint.IDs() {
		t.Run(id, func(t *testing.T) {
			name := filepath.Join("testdata", "traps", id+".txtar")
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]string{}
			for _, f := range a.Files {
				part[f.Name] = string(f.Data)
			}
			text := []byte(part[policyFile])
			var g *graph.Graph
			if part["flows"] != "" {
				g = graphtest.Graph(t, part["flows"])
			}
			found := check(text, g)
			var lines []string
			for _, f := range found {
				lines = append(lines, fmt.Sprintf("%d:%d %s %s: %s %s\n  > %s\n", f.At.Line, f.At.Column, f.Severity, f.ID,
					f.Policy, f.Text, f.Remedy))
			}
			if !slices.ContainsFunc(found, func(f lint.Finding) bool { return f.ID == id && f.At.Column > 0 }) {
				t.Errorf("not found: %s", lines)
			}
			got := map[string]string{policyFile: part[policyFile], "found": strings.Join(lines, "")}
			if part["flows"] != "" {
				got["flows"] = part["flows"]
			}
			if mended, n := lint.Fix(text, policyFile, found, kinds...); n > 0 {
				got["mended"] = string(mended)
				left := check(mended, g)
				if slices.ContainsFunc(left, func(f lint.Finding) bool { return len(f.Edits) > 0 }) {
					t.Errorf("mended, it has something to mend yet: %v", left)
				}
			}
			if os.Getenv("SLUICE_UPDATE") != "" {
				write(t, name, a.Comment, got)
				return
			}
			if d := cmp.Diff(got, part); d != "" {
				t.Errorf("(-found +file) %s", d)
			}
		})
	}
}

func write(t *testing.T, name string, comment []byte, parts map[string]string) {
	a := &txtar.Archive{Comment: comment}
	for _, p := range []string{policyFile, "flows", "found", "mended"} {
		if parts[p] != "" {
			a.Files = append(a.Files, txtar.File{Name: p, Data: []byte(parts[p])})
		}
	}
	if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
