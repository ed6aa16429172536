package synth_test

import (
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/graphtest"
)

// TestDeniedOrder: of what policies deny, what one of the subjects lacks is told first, then other pods, nodes, and last
// those outside, who try every door.
func TestDeniedOrder(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 5432/tcp", "192.0.2.1 -> shop/web 22/tcp denied",
		"entity:remote-node -> shop/web 23/tcp denied", "front/gw -> shop/web 24/tcp denied",
		"shop/web -> zone/x 25/tcp denied", "shop/zero -> shop/web 26/tcp denied")
	r := learn(t, g, synth.Config{Namespaces: []string{"shop"}})
	var ports []string
	for _, f := range r.Findings {
		if f.Kind == synth.KindDenied {
			ports = append(ports, strings.Fields(f.Text)[3])
		}
	}
	if got, want := strings.Join(ports, " "), "26/tcp 25/tcp 26/tcp 24/tcp 23/tcp 22/tcp"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
