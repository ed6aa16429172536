//go:build conformance

package eval_test

import (
	"strings"
	"testing"

	"sluice/synth/eval"
	"sluice/synth/eval/calicotest"
	"sluice/synth/eval/ciliumtest"
)

// TestExamplesCiliumEngine: the examples mean the same to Cilium's own engine.
func TestExamplesCiliumEngine(t *testing.T) {
	var asked []expectation
	var names []string
	var worlds []ciliumtest.World
	for _, x := range append(examplesOf(t, "kubernetes"), examplesOf(t, "cilium")...) {
		for _, w := range x.want {
			worlds = append(worlds, ciliumtest.World{Ends: []eval.Facts{w.from, w.to}, Objects: x.objects(false), Connections: []ciliumtest.Connection{{From: 0, To: 1, Proto: w.proto, Port: w.port}}})
			asked, names = append(asked, w), append(names, x.name)
		}
	}
	for i, a := range ciliumtest.Ask(t, worlds) {
		w, v := &asked[i], a.Verdicts[0]
		for _, o := range a.Objects {
			if o.Error != "" {
				t.Errorf("%s: the engine refuses %s: %s", names[i], o.Name, o.Error)
			}
		}
		allowed := (!w.from.IsPod || v.Egress == "allow") && (!w.to.IsPod || v.Ingress == "allow")
		if allowed != (w.sign(eval.Cilium) == '+') {
			t.Errorf("%s: %s: the engine says %+v", names[i], w.line, v)
		}
	}
	t.Logf("%d connections", len(worlds))
}

// TestExamplesCiliumSchema: the API server and the agent have nothing against the examples.
func TestExamplesCiliumSchema(t *testing.T) {
	var texts []string
	for _, x := range examplesOf(t, "cilium") {
		texts = append(texts, x.objects(false)...)
	}
	for i, complaints := range ciliumtest.Complaints(t, texts) {
		if len(complaints) > 0 {
			t.Errorf("%v\n%s", complaints, texts[i])
		}
	}
	t.Logf("%d objects", len(texts))
}

// TestExamplesCalicoEngine: the examples mean the same to Calico's own engine.
func TestExamplesCalicoEngine(t *testing.T) {
	var asked []expectation
	var names []string
	var worlds []calicotest.World
	for _, x := range append(examplesOf(t, "kubernetes"), examplesOf(t, "calico")...) {
		for _, w := range x.want {
			world := calicotest.World{Objects: x.objects(w.enforced)}
			for name, f := range exampleEnds() {
				if f.IsPod {
					world.Add(strings.ReplaceAll(name, "/", "-"), &f)
				}
			}
			world.Ask(&w.from, &w.to, w.proto, w.port)
			worlds, asked, names = append(worlds, world), append(asked, w), append(names, x.name)
		}
	}
	for i, a := range calicotest.Run(t, worlds) {
		w, v := &asked[i], a.Verdicts[0]
		for _, o := range a.Objects {
			if o.Error != "" {
				t.Errorf("%s: the engine refuses %s: %s", names[i], o.Name, o.Error)
			}
		}
		if sign := w.sign(eval.Calico); sign != '?' && (v.Egress != "deny" && v.Ingress != "deny") != (sign == '+') {
			t.Errorf("%s: %s: the engine says %+v", names[i], w.line, v)
		}
	}
	t.Logf("%d connections", len(worlds))
}
