package synth_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/graphtest"
)

// TestHeap: what a policy cannot hold is one finding and holds its workload open in that direction; the other ends of
// the same edges are learned, and so is everything else.
func TestHeap(t *testing.T) {
	grid := func(peers, ports, step int, edge string) string {
		var b strings.Builder
		for i := range peers {
			for k := range ports {
				fmt.Fprintf(&b, strings.Replace(edge, "X", "%d", 1)+"\n", i, 1000+step*k)
			}
		}
		return b.String()
	}
	for _, c := range []struct {
		name, edges string
		cfg         synth.Config
		held        string
	}{
		{"16,000 pairs of port and peer can be held", grid(160, 100, 2, "shop/cX -> shop/web %d/tcp"), synth.Config{}, "[]"},
		{"20,000 cannot", grid(200, 100, 2, "shop/cX -> shop/web %d/tcp"), synth.Config{}, "[web ingress]"},
		{"ports in a row are one", grid(200, 100, 1, "shop/cX -> shop/web %d/tcp"), synth.Config{}, "[]"},
		{"and so are those of a range that was opened", grid(200, 100, 2, "shop/cX -> shop/web %d/tcp"),
			synth.Config{Widen: []string{synth.WidenRanges}}, "[]"},
		{"few addresses on each of many ports", grid(100, 30, 2, "20.0.X.1 -> shop/web %d/tcp"), synth.Config{}, "[web ingress]"},
	} {
		c.cfg.Namespaces = []string{"shop"}
		r := learn(t, graphtest.Graph(t, c.edges+"ops/probe -> shop/db 9090/tcp"), c.cfg)
		held, told := []string{}, 0
		for _, h := range r.Enforce["shop"].Held {
			held = append(held, h.Name+" "+h.Direction.String())
		}
		for _, f := range r.Findings {
			if f.Kind == synth.KindHeap {
				told++
			}
		}
		if fmt.Sprint(held) != c.held || told != len(held) {
			t.Errorf("%s: held %q, %d findings", c.name, held, told)
		}
		if e := r.Enforce["shop"]; !e.Allows(model.Ingress) || !e.Allows(model.Egress) {
			t.Errorf("%s: %s, %s", c.name, e.Ingress, e.Egress)
		}
		if r.Stats.Rules == 0 {
			t.Errorf("%s: nothing is learned", c.name)
		}
	}
}
