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
)

// TestTruth: from generated captures of real applications exactly the edges are learned that the scenarios say the
// applications need, and the policies of one capture still permit everything after a rollout.
func TestTruth(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	flowgen := filepath.Join(dir, "flowgen")
	if out, err := exec.Command("go", "build", "-o", flowgen, filepath.Join(root, "cmd", "flowgen")).CombinedOutput(); err != nil {
		t.Fatalf("build flowgen: %v\n%s", err, out)
	}
	for name, namespace := range map[string]string{"online-boutique": "default", "argo-cd": "argocd"} {
		t.Run(name, func(t *testing.T) {
			gen := func(file string, args ...string) string {
				file = filepath.Join(dir, name+file)
				args = append(args, "-scenario", filepath.Join(root, "testdata", "scenarios", name+".yaml"), "-o", file)
				if out, err := exec.Command(flowgen, args...).CombinedOutput(); err != nil {
					t.Fatalf("flowgen: %v\n%s", err, out)
				}
				return file
			}
			flows, truth, after := gen(".jsonl"), gen(".truth.json", "-truth"), gen(".after.jsonl", "-rollout", "-seed", "2")
			if d := cmp.Diff(truthOf(t, truth), workedEdges(t, flows)); d != "" {
				t.Errorf("(-truth +learned)\n%s", d)
			}
			bundle := filepath.Join(dir, name+"-bundle")
			var out strings.Builder
			s := Streams{strings.NewReader(""), &out, io.Discard}
			root := newRoot(s)
			root.SetArgs([]string{"learn", flows, "-n", namespace, "--out", bundle, "--config", os.DevNull, "--fail-on", "lost,escaped,over,unused,refused"})
			if err := root.Execute(); err != nil {
				t.Errorf("learn: %v\n%s", err, out.String())
			}
			root = newRoot(s)
			root.SetArgs([]string{"verify", bundle, after, "--config", os.DevNull, "--fail-on", "lost,escaped,refused"})
			if err := root.Execute(); err != nil {
				t.Errorf("verify after the rollout: %v\n%s", err, out.String())
			}
		})
	}
}

func truthOf(t *testing.T, file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Edges []struct{ Source, Destination, Port string }
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list.Edges {
		out = append(out, fmt.Sprintf("%s -> %s %s", e.Source, e.Destination, e.Port))
	}
	slices.Sort(out)
	return out
}

func workedEdges(t *testing.T, file string) []string {
	in := &input{workers: 2, quiet: true, config: os.DevNull}
	l, err := in.load(t.Context(), Streams{strings.NewReader(""), io.Discard, io.Discard}, []string{file})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.validate(); err != nil {
		t.Error(err)
	}
	var out []string
	for i := range l.graph.Edges {
		if e := &l.graph.Edges[i]; e.State == graph.Allowed {
			out = append(out, fmt.Sprintf("%s -> %s %s", l.graph.Peers[e.Src].ID, l.graph.Peers[e.Dst].ID, e.PortString()))
		}
	}
	slices.Sort(out)
	return out
}
