package cli

import (
	"bytes"
	"path/filepath"
	"testing"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// TestSixty: on the cluster that the goals for size are about, the bundle loses nothing, allows nothing beside, and has
// at most 0.72 of the lines that a rule for each (workload, peer, port) has in the same dialect, half of them where peers
// of several namespaces may cross.
func TestSixty(t *testing.T) {
	g := newGenerator(t)
	in := reading{workers: 2, quiet: true}
	l, err := in.open(t.Context(), Streams{}, []string{g.file(t, "sixty", ".jsonl")})
	if err != nil {
		t.Fatal(err)
	}
	cfg := synth.Config{All: true, Dialect: kubernetes.Dialect{}}
	r, err := synth.Synthesize(t.Context(), l.Graph, cfg)
	if err != nil {
		t.Fatal(err)
	}
	set := r.Policies // which writing forgets
	dir := filepath.Join(t.TempDir(), "bundle")
	rep, err := bundle.Write(t.Context(), dir, bundle.Input{Graph: l.Graph, Config: cfg, Result: &r, Semantics: eval.Cilium})
	if err != nil {
		t.Fatal(err)
	}
	listed := graphtest.List(l.Graph, r.Namespaces())
	short, long := yamlLines(t, set), yamlLines(t, listed.Set)
	s := r.Stats
	t.Logf("%d tuples, %.1f%% of subjects with equal rule sets; %+v; %d lines of %d", listed.Tuples, 100*listed.Equal, s, short, long)
	if len(r.Namespaces()) != 60 || s.Subjects != 396 || listed.Tuples < 15_500 || listed.Tuples > 16_500 || listed.Equal > 0.2 {
		t.Error("this is not the cluster that the goals are about")
	}
	if rep.Connections[verify.Permitted] != rep.Connections.Total() || rep.Over.Count > 0 || len(rep.Unused) > 0 {
		t.Errorf("%v, over %+v, unused %v", rep.Connections, rep.Over, rep.Unused)
	}
	names := map[string]bool{}
	for _, p := range set.Policies {
		names[p.Namespace+"/"+p.Name] = true
	}
	if len(names) != s.Policies {
		t.Errorf("%d names for %d policies", len(names), s.Policies)
	}
	cfg.Widen = []string{synth.WidenProducts}
	wide, err := synth.Synthesize(t.Context(), l.Graph, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if widened := yamlLines(t, wide.Policies); 100*short > 72*long || 2*widened > long {
		t.Errorf("%d lines, %d where peers may cross, of %d", short, widened, long)
	}
	if 100*s.Proven < 99*s.Matrices || 100*s.LargeProven < 95*s.Large {
		t.Errorf("proven %d of %d, of the large %d of %d", s.Proven, s.Matrices, s.LargeProven, s.Large)
	}
}

func yamlLines(t *testing.T, set policy.PolicySet) (n int) {
	t.Helper()
	files, losses, err := kubernetes.Render(set)
	if err != nil || len(losses) > 0 {
		t.Fatal(losses, err)
	}
	for _, f := range files {
		n += bytes.Count(f.YAML, []byte("\n"))
	}
	return n
}
