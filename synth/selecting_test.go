package synth_test

import (
	"testing"

	"sluice/synth"
	"sluice/synth/graphtest"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// TestLabelsOfNobody: a label that no API server would have let in stands in no selector of several workloads either,
// though each of them is selected by others.
func TestLabelsOfNobody(t *testing.T) {
	for _, zone := range []string{"zone=|", "zone=a\u202eb", "z\u202e=b", "zone=-b"} {
		g := graphtest.Graph(t, "shop/{app=a,"+zone+"} -> shop/srv 80/tcp", "shop/{k8s-app=b,zone=z,z\u202e=c} -> shop/srv 80/tcp")
		for _, d := range all.Dialects() {
			r := learn(t, g, synth.Config{All: true, Dialect: d})
			files, _, err := d.Render(r.Policies)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if _, problems := render.ParseText(f.YAML, f.Path(), d.Kinds()); len(problems) > 0 {
					t.Errorf("%q: %s: %v\n%s", zone, d.Name(), problems, f.YAML)
				}
			}
		}
	}
}
