//go:build conformance

package eval_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/synth/eval"
	"sluice/synth/eval/ciliumtest"
	"sluice/synth/render/cilium"
)

// TestCiliumEngine: for random policies and connections, a third of them as we write them, Cilium's own engine decides
// as eval does, and refuses the policies that Parse refuses.
func TestCiliumEngine(t *testing.T) {
	ends := ciliumEnds()
	worlds := make([]ciliumtest.World, 10_000)
	for i := range worlds {
		worlds[i] = author{rand.New(rand.NewPCG(uint64(i), 15))}.world(ends)
		if i%3 == 0 {
			set, _ := setOf(&worlds[i])
			for j := range set.Policies {
				set.Policies[j].SubjectEntities = 0 // the engine is asked about pods
			}
			objects, lost := written(t, cilium.Dialect{}, set)
			if len(lost) > 0 {
				t.Fatal(lost)
			}
			worlds[i].Objects = objects
		}
	}
	asked := make([]ciliumtest.World, len(worlds))
	for i, w := range worlds {
		asked[i] = w
		asked[i].Ends = unnamed(w.Ends)
	}
	answers := ciliumtest.Ask(t, asked)
	seen, compared, refused, differ := newCoverage(), 0, 0, 0
	for i := range worlds {
		w := &worlds[i]
		set, problems := setOf(w)
		if refusedByOne(t, i, w.Objects, answers[i].Objects, problems, &refused) {
			continue
		}
		ours := verdicts(w, set)
		for j, c := range w.Connections {
			theirs := answers[i].Verdicts[j]
			for side, word := range []string{theirs.Egress, theirs.Ingress} {
				if ours[j][side] == "" {
					continue
				}
				compared++
				if want := map[string]string{"allow": "allowed", "deny": "denied"}[word]; ours[j][side] != want {
					if differ++; differ < 10 {
						t.Errorf("world %d: %s of %s -> %s %d/%s: eval says %s, the engine %s\n%s", i, [2]string{"egress", "ingress"}[side],
							nameOf(&w.Ends[c.From]), nameOf(&w.Ends[c.To]), c.Port, c.Proto, ours[j][side], want, strings.Join(w.Objects, "\n"))
					}
				}
			}
		}
		seen.note(w, set, ours)
	}
	t.Logf("%d worlds, %d refused by both, %d verdicts compared, %d differ", len(worlds), refused, compared, differ)
	seen.report(t)
}

// unnamed leaves out the name of the engine's own cluster.
func unnamed(ends []eval.Facts) []eval.Facts {
	out := make([]eval.Facts, len(ends))
	for i, f := range ends {
		if f.Cluster == "default" {
			f.Cluster = ""
		}
		out[i] = f
	}
	return out
}
