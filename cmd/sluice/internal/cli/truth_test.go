package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model/graph"
	"sluice/synth/render/all"
)

// generator runs flowgen, as a process of its own: it shares no code with what it tests.
type generator struct {
	binary, dir, scenarios string
}

func newGenerator(t *testing.T) *generator {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	g := &generator{dir: t.TempDir(), scenarios: filepath.Join(root, "testdata", "scenarios")}
	g.binary = filepath.Join(g.dir, "flowgen")
	if out, err := exec.Command("go", "build", "-o", g.binary, filepath.Join(root, "cmd", "flowgen")).CombinedOutput(); err != nil {
		t.Fatalf("build flowgen: %v\n%s", err, out)
	}
	return g
}

func (g *generator) file(t *testing.T, scenario, suffix string, args ...string) string {
	t.Helper()
	file := filepath.Join(g.dir, scenario+suffix)
	args = append(args, "-scenario", filepath.Join(g.scenarios, scenario+".yaml"), "-o", file)
	if out, err := exec.Command(g.binary, args...).CombinedOutput(); err != nil {
		t.Fatalf("flowgen: %v\n%s", err, out)
	}
	return file
}

// TestTruth: from generated captures of real applications, in every format, exactly the edges are learned that the
// scenarios say the applications need (and people's own tests, which only people can tell), and the policies of one
// capture still permit everything after a rollout.
func TestTruth(t *testing.T) {
	g := newGenerator(t)
	for _, c := range []struct {
		scenario   string
		namespaces []string
	}{
		{"online-boutique", []string{"default"}},
		{"argo-cd", []string{"argocd"}},
		{"standard", []string{"shop", "ci"}},
		{"features", []string{"shop", "batch"}},
		{"attacks", []string{"shop", "logging"}},
		{"hostile", []string{"shop"}},
	} {
		for _, format := range []string{"hubble", "goldmane", "emitter", "whisker", "enterprise"} {
			if hostile := c.scenario == "attacks" || c.scenario == "hostile"; hostile && format == "whisker" {
				continue // it counts no connections: what was refused looks like what was answered
			}
			t.Run(c.scenario+"/"+format, func(t *testing.T) {
				t.Parallel()
				flows := checkTruth(t, g, c.scenario, format)
				after := g.file(t, c.scenario, "."+format+".after", "-format", format, "-rollout", "-seed", "2")
				for _, d := range all.Dialects() {
					if home := homes[d.Name()]; home == nil || slices.Contains(home, format) && judged[c.scenario] {
						checkPolicies(t, flows, after, filepath.Join(g.dir, c.scenario+"-"+format+"-"+d.Name()), d.Name(), c.namespaces)
					}
				}
			})
		}
	}
}

// judged are the scenarios whose policies are replayed in the dialects that are for some formats, too.
var judged = map[string]bool{"features": true, "attacks": true, "hostile": true}

// homes are the formats of the network plugin that a dialect is for; none where it is for all.
var homes = map[string][]string{"cilium": {"hubble"}, "calico": {"goldmane", "emitter", "whisker", "enterprise"}}

// checkPolicies learns from one capture and replays another. Ends that the dialect has no peer for are inexpressible:
// enforcing anyway shows that all else is exact.
func checkPolicies(t *testing.T, flows, after, bundle, dialect string, namespaces []string, more ...string) {
	t.Helper()
	learn := []string{"learn", flows, "--out", bundle, "--dialect", dialect, "--config", os.DevNull, "--enforce-anyway", "--fail-on", "lost,escaped,over,unused"}
	for _, n := range namespaces {
		learn = append(learn, "-n", n)
	}
	learn = append(learn, more...)
	for _, args := range [][]string{learn, {"verify", bundle, after, "--config", os.DevNull, "--fail-on", "lost,escaped"}} {
		var out strings.Builder
		root := newRoot(Streams{strings.NewReader(""), &out, &out}, &profiles{})
		root.SetArgs(args)
		if err := root.Execute(); err != nil {
			t.Errorf("%s %s: %v\n%s", dialect, args[0], err, out.String())
		}
	}
}

// TestTruthShapes: so it is for every other form in which the same records come, for short captures, many
// workloads and two clusters.
func TestTruthShapes(t *testing.T) {
	g := newGenerator(t)
	for _, format := range []string{"hubble-jsonpb", "hubble-array", "hubble-flat", "hubble-pretty", "hubble-camel", "hubble-bus",
		"stream", "whisker-watch", "elasticsearch"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			checkTruth(t, g, "features", format, "-records", "3000")
		})
	}
	for seed := range 4 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			checkTruth(t, g, "features", "hubble", "-records", "700", "-seed", fmt.Sprint(seed+10)) // hardly more than one connection an edge
		})
	}
	for _, format := range []string{"hubble", "goldmane"} {
		t.Run("mesh/"+format, func(t *testing.T) {
			t.Parallel()
			flows := checkTruth(t, g, "mesh", format)
			if format == "hubble" { // which names the clusters
				checkPolicies(t, flows, flows, filepath.Join(g.dir, "mesh"), "kubernetes", []string{"shop"}, "--cluster", "near")
			}
		})
	}
	t.Run("masked", func(t *testing.T) {
		t.Parallel()
		for state, edges := range edgesByState(t, g.file(t, "features", ".masked", "-format", "hubble-masked", "-records", "3000")) {
			if state != graph.Refused && len(edges) > 0 {
				t.Errorf("learned from records without labels: %s %v", state, edges)
			}
		}
	})
	t.Run("load", func(t *testing.T) {
		t.Parallel()
		checkTruth(t, g, "load", "hubble", "-records", "40000")
	})
}

// checkTruth compares what is learned from a capture with what its scenario says, and gives the capture.
func checkTruth(t *testing.T, g *generator, scenario, format string, args ...string) string {
	t.Helper()
	flows := g.file(t, scenario, strings.Join(args, "")+"."+format, append(args, "-format", format)...)
	want := readTruth(t, g.file(t, scenario, "."+format+".truth", "-format", format, "-truth"))
	got := edgesByState(t, flows)
	scans := []edgeText{}
	for _, e := range want.Denied {
		if e.Port == "*" {
			scans = append(scans, e)
		}
	}
	got[graph.Denied] = slices.DeleteFunc(got[graph.Denied], func(e edgeText) bool {
		return slices.ContainsFunc(scans, func(s edgeText) bool { return s.Source == e.Source && s.Destination == e.Destination })
	})
	want.Denied = slices.DeleteFunc(want.Denied, func(e edgeText) bool { return e.Port == "*" })
	for name, d := range map[string]string{
		"worked":  cmp.Diff(append(want.Edges, want.Tests...), append(got[graph.Allowed], got[graph.Mixed]...), sorted),
		"denied":  cmp.Diff(want.Denied, got[graph.Denied], sorted),
		"refused": cmp.Diff(want.Refused, got[graph.Refused], sorted),
	} {
		if d != "" {
			t.Errorf("%s (-truth +learned)\n%s", name, d)
		}
	}
	return flows
}

// truth is what flowgen -truth says.
type truth struct{ Edges, Tests, Denied, Refused []edgeText }

type edgeText struct{ Source, Destination, Port string }

// sorted compares lists of edges as sets, and no list as an empty one.
var sorted = cmp.Transformer("sorted", func(list []edgeText) []string {
	out := []string{}
	for _, e := range list {
		out = append(out, fmt.Sprintf("%s -> %s %s", e.Source, e.Destination, e.Port))
	}
	slices.Sort(out)
	return slices.Compact(out)
})

func readTruth(t *testing.T, file string) truth {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out truth
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// edgesByState returns the edges of a capture by their state.
func edgesByState(t *testing.T, file string) map[graph.State][]edgeText {
	t.Helper()
	in := &reading{workers: 2, quiet: true, config: os.DevNull}
	l, err := in.open(t.Context(), Streams{strings.NewReader(""), io.Discard, io.Discard}, []string{file})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err != nil {
		t.Error(err)
	}
	out := map[graph.State][]edgeText{}
	for _, e := range l.Graph.AllEdges() {
		out[e.State] = append(out[e.State], edgeText{l.Graph.Peers[e.Src].ID, l.Graph.Peers[e.Dst].ID, e.PortString()})
	}
	return out
}
