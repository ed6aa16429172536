package cli

import (
	"path/filepath"
	"testing"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/bundle/applytest"
	"sluice/synth/eval"
	"sluice/synth/render/all"
)

// TestScenariosComeIntoForce: the bundles of generated captures deny nothing that worked, whatever half of a phase is
// applied, by the commands that they print.
func TestScenariosComeIntoForce(t *testing.T) {
	g := newGenerator(t)
	for _, c := range []struct {
		scenario, format, cluster string
		sem                       eval.Semantics
	}{
		{"online-boutique", "hubble", "", eval.Cilium}, {"argo-cd", "hubble", "", eval.Cilium}, {"standard", "goldmane", "", eval.Calico},
		{"features", "hubble", "", eval.Cilium}, {"mesh", "hubble", "near", eval.Cilium},
	} {
		flows := g.file(t, c.scenario, ".applied."+c.format, "-format", c.format)
		in := reading{workers: 2, quiet: true}
		l, err := in.open(t.Context(), Streams{}, []string{flows})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all.Dialects() {
			t.Run(c.scenario+"/"+d.Name(), func(t *testing.T) {
				t.Parallel()
				cfg := synth.Config{All: true, Dialect: d, Cluster: c.cluster}
				r, err := synth.Synthesize(t.Context(), l.Graph, cfg)
				if err != nil {
					t.Fatal(err)
				}
				dir := filepath.Join(t.TempDir(), "bundle")
				if _, err := bundle.Write(t.Context(), dir, bundle.Input{Graph: l.Graph, Config: cfg, Result: &r, Semantics: c.sem}); err != nil {
					t.Fatal(err)
				}
				applytest.Run(t, nil, dir, l.Graph, c.sem, d)
			})
		}
	}
}
