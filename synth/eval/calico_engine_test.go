//go:build conformance

package eval_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/synth/eval/calicotest"
	"sluice/synth/render/calico"
)

// untold is what eval cannot say of a world: no log tells the code of a message, and no file the labels of a namespace,
// which a network set in it has too.
var untold = []string{"unknown the code of the ICMP message", "unknown the labels of the namespace"}

// TestCalicoEngine: for random policies and connections, a third of them as we write them, Calico's own engine decides as
// eval does.
func TestCalicoEngine(t *testing.T) {
	ends := calicoEnds()
	worlds := make([]calicoWorld, 10_000)
	questions, asWritten := make([]calicotest.World, len(worlds)), 0
	for i := range worlds {
		worlds[i] = randomCalico(i, ends)
		if i%3 == 0 {
			set, _ := readCalico(worlds[i].Objects...)
			if objects, lost := written(t, calico.Dialect{}, set); len(lost) == 0 {
				worlds[i].Objects = objects
				asWritten++
			}
		}
		questions[i] = worlds[i].World
	}
	answers := calicotest.Run(t, questions)
	refused, differ, outcomes := 0, 0, map[string]int{}
	for i := range worlds {
		w := &worlds[i]
		set, problems := readCalico(w.Objects...)
		if refusedByOne(t, i, w.Objects, answers[i].Objects, problems, &refused) {
			continue
		}
		for j, parts := range w.decide(set, ends) {
			c, v := &w.Connections[j], answers[i].Verdicts[j]
			for side, got := range parts {
				if slices.Contains(untold, got) {
					outcomes[got]++
					continue
				}
				word := []string{v.Egress, v.Ingress}[side]
				if want := map[string]string{"allow": "allowed", "deny": "denied"}[word]; got != want {
					if differ++; differ < 8 {
						t.Errorf("world %d: %s of %s -> %s %d type %d proto %d: eval says %s, the engine %s (%s)\n%s", i, [2]string{"egress", "ingress"}[side],
							nameOf(&ends[w.asked[j][0]]), nameOf(&ends[w.asked[j][1]]), c.ToPort, c.Type, c.Protocol, got, want, []string{v.EgressTrace, v.IngressTrace}[side], strings.Join(w.Objects, "\n"))
					}
				}
				if word != "" {
					outcomes[word]++
				}
			}
		}
	}
	t.Logf("%d worlds, %d as we write them, %d refused by both, verdicts compared %v, %d differ", len(worlds), asWritten, refused, outcomes, differ)
	if refused > len(worlds)/10 || outcomes["allow"] < len(worlds) || outcomes["deny"] < len(worlds) || outcomes[untold[0]]+outcomes[untold[1]] > len(worlds)/10 {
		t.Error("the random policies hardly decide anything")
	}
}
