package synth_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/graphtest"
	"sluice/synth/render/cilium"
)

// clients are edges from, or to, so many outside addresses far from each other.
func clients(n int, edge string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, strings.Replace(edge, "X", "%d.%d.%d.%d", 1)+"\n", 20+i%50, i/50%250, i/12500%250, 1)
	}
	return b.String()
}

// names is an edge to one outside address that was asked for by so many names.
func names(n int, domain string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("x%d.%s", i, domain)
	}
	return "shop/web -> 20.1.1.1 443/tcp names=" + strings.Join(list, ",")
}

// TestPublicClients: where many clients came from public addresses, and most of them once, others come tomorrow: one
// finding for their port. Partners that come again, few clients, and those of a private network are findings each.
func TestPublicClients(t *testing.T) {
	var passing strings.Builder // one after the other, each in two hours
	for i := range 40 {
		fmt.Fprintf(&passing, "20.1.%d.1 -> shop/web 443/tcp hour=%d\n20.1.%d.1 -> shop/web 443/tcp hour=%d\n", i, i, i, i+1)
	}
	again := clients(12, "X -> shop/web 443/tcp hour=1") + clients(12, "X -> shop/web 443/tcp hour=5")
	for _, c := range []struct {
		name, edges string
		public      string
		fragile     int
	}{
		{"a public service", clients(60, "X -> shop/web 443/tcp"), "shop/web: 443/tcp from 60 public addresses, 60 of which came once", 0},
		{"and an office", clients(10, "X -> shop/web 443/tcp") + "10.9.9.9 -> shop/web 443/tcp",
			"shop/web: 443/tcp from 10 public addresses, 10 of which came once", 1},
		{"who stays for a while", passing.String(), "shop/web: 443/tcp from 40 public addresses, 40 of which came once", 0},
		{"partners", again, "", 12},
		{"few", clients(9, "X -> shop/web 443/tcp"), "", 9},
		{"servers", clients(20, "shop/web -> X 443/tcp"), "", 20},
		{"each port alone", clients(9, "X -> shop/web 443/tcp") + clients(9, "X -> shop/web 80/tcp"), "", 18},
	} {
		r := learn(t, graphtest.Graph(t, c.edges), synth.Config{Namespaces: []string{"shop"}})
		public, fragile := "", 0
		for _, f := range r.Findings {
			if f.Kind == synth.KindClients {
				public += f.Text
			}
			if f.Kind == synth.KindFragile {
				fragile++
			}
		}
		if public != c.public || fragile != c.fragile {
			t.Errorf("%s: %q, %d findings", c.name, public, fragile)
		}
	}
}

// TestCrowd: thousands of outside addresses are no list in a policy. They are one finding, as are names
// of them, and their port is held open; everything else is learned and enforced as without them.
func TestCrowd(t *testing.T) {
	const rest = "\nshop/web -> shop/db 5432/tcp\nops/probe -> shop/web 9090/tcp"
	for _, c := range []struct {
		name, edges string
		cfg         synth.Config
		held        []string // each with what alone stays open
		rules       int
	}{
		{"few clients are a list", clients(400, "X -> shop/web 443/tcp"), synth.Config{}, nil, 4},
		{"thousands are not", clients(3000, "X -> shop/web 443/tcp"), synth.Config{}, []string{"web ingress 443/tcp"}, 3},
		{"nor are servers", clients(3000, "shop/web -> X 443/tcp"), synth.Config{}, []string{"web egress 443/tcp"}, 3},
		{"few names are a list", names(400, "api.example.com"), synth.Config{Dialect: cilium.Dialect{}}, nil, 4},
		{"names made for each request are not", names(3000, "api.example.com"), synth.Config{Dialect: cilium.Dialect{}}, []string{"web egress 443/tcp"}, 3},
		{"the domain of the names is chosen", names(3000, "api.example.com"), synth.Config{Dialect: cilium.Dialect{}, Widen: []string{synth.WidenSuffixes}}, nil, 4},
		{"each port is counted alone", clients(400, "X -> shop/web 443/tcp") + clients(400, "X -> shop/web 80/tcp"), synth.Config{}, nil, 4},
		{"chosen", clients(3000, "X -> shop/web 443/tcp"), synth.Config{Widen: []string{synth.WidenAnywhere}}, nil, 4},
	} {
		c.cfg.Namespaces = []string{"shop"}
		r := learn(t, graphtest.Graph(t, c.edges+rest), c.cfg)
		var held []string
		for _, h := range r.Enforce["shop"].Held {
			text := h.Name + " " + h.Direction.String()
			for _, r := range h.Only {
				for _, p := range r.Ports {
					text += " " + p.String()
				}
				if !r.AnyPeer {
					t.Errorf("%s: %s", c.name, r)
				}
			}
			held = append(held, text)
		}
		crowds := 0
		for _, f := range r.Findings {
			if f.Kind == synth.KindCrowd {
				crowds++
			}
		}
		if fmt.Sprint(held) != fmt.Sprint(c.held) || crowds != len(c.held) || r.Stats.Rules != c.rules {
			t.Errorf("%s: held %q, want %q; %d findings, %d rules, want %d", c.name, held, c.held, crowds, r.Stats.Rules, c.rules)
		}
		if e := r.Enforce["shop"]; !e.Allows(model.Ingress) || !e.Allows(model.Egress) {
			t.Errorf("%s: %s, %s", c.name, e.Ingress, e.Egress)
		}
	}
}
