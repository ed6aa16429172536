package bundle_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// TestRows: a sweep of ports and a crowd of addresses are a row each in bundle.json, whose evidence adds up; every edge
// is still found by its name, and the verification of the bundle is the one of the graph.
func TestRows(t *testing.T) {
	var lines []string
	for p := range 300 {
		lines = append(lines, fmt.Sprintf("shop/web -> shop/ftp %d/tcp", 2000+p+p/100*50))
	}
	for i := range 2000 {
		lines = append(lines, fmt.Sprintf("20.%d.%d.1 -> shop/web 443/tcp", i%50, i/50))
	}
	lines = append(lines, "shop/web -> shop/db 5432/tcp", "192.0.2.7 -> shop/web 8443/tcp")
	dir := filepath.Join(t.TempDir(), "out")
	written := write(t, dir, synth.Config{Namespaces: []string{"shop"}}, lines...)
	m, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	g := graphtest.Graph(t, lines...)
	var rows []string
	var records, seen uint64
	edges := 0
	for i := range m.Edges {
		e := &m.Edges[i]
		rows = append(rows, fmt.Sprintf("%s -> %s %s (%d)", e.Source, e.Destination, e.Port, e.Count()))
		records += e.Records
		edges += e.Count()
	}
	for _, e := range g.AllEdges() {
		seen += e.Records()
	}
	want := []string{
		"shop/web -> shop/db 5432/tcp (1)",
		"shop/web -> shop/ftp 2000-2099,2150-2249,2300-2399/tcp (300)",
		"world:192.0.2.7 -> shop/web 8443/tcp (1)",
		"world:2000 addresses, 20.0.0.1 to 20.49.39.1 -> shop/web 443/tcp (2000)",
	}
	if !slices.Equal(rows, want) || records != seen || edges != len(g.Edges) {
		t.Errorf("%s\n%d records of %d, %d edges of %d", strings.Join(rows, "\n"), records, seen, edges, len(g.Edges))
	}
	index, stands := m.Index(), map[string]bool{}
	for i := range m.Rules {
		for _, k := range m.Rules[i].Edges {
			for name := range m.Edges[k].Each() {
				stands[name] = true
			}
		}
	}
	for _, e := range g.AllEdges() {
		src, dst := g.Peers[e.Src].ID, g.Peers[e.Dst].ID
		row := index.Of(src, dst, e.PortString())
		if row == nil || row.Destination != dst {
			t.Fatalf("%s -> %s %s: %v", src, dst, e.PortString(), row)
		}
		if name := src + " -> " + dst + " " + e.PortString(); stands[name] == (e.Port == 443) {
			t.Fatalf("%s: %v", name, stands[name])
		}
	}
	for _, name := range [][3]string{{"shop/web", "shop/ftp", "2120/tcp"}, {"shop/web", "shop/ftp", "2000/udp"},
		{"world:1.2.3.4", "shop/ftp", "443/tcp"}, {"shop/web", "world:1.2.3.4", "443/tcp"}} {
		if e := index.Of(name[0], name[1], name[2]); e != nil {
			t.Errorf("%v is %v", name, e)
		}
	}
	set, problems, err := bundle.Policies(dir, bundle.Enforced, kubernetes.Dialect{}.Kinds())
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	cfg := verify.Config{Semantics: eval.Cilium}
	bundle.Expect(g, m, &cfg)
	again, err := verify.Verify(t.Context(), g, set, cfg)
	if err != nil || again.Connections != written.Connections || again.Connections[verify.Inexpressible] != 2000 {
		t.Errorf("%v, as it was written %v: %v", again.Connections, written.Connections, err)
	}
}

// TestIndexOfRefused: of an edge that worked and of which other records were refused, what worked is found.
func TestIndexOfRefused(t *testing.T) {
	one := func(port, state string, edges int) bundle.Edge {
		return bundle.Edge{Source: "shop/web", Destination: "entity:host", Port: port, State: state, Edges: edges}
	}
	for _, c := range []struct {
		edges []bundle.Edge
		want  string
	}{
		{[]bundle.Edge{one("80/tcp", "allowed", 0), one("80/tcp", "refused", 0)}, "allowed"},
		{[]bundle.Edge{one("80/tcp", "refused", 0), one("80/tcp", "allowed", 0)}, "allowed"},
		{[]bundle.Edge{one("80/tcp", "refused", 0), one("80,81/tcp", "allowed", 2)}, "allowed"},
		{[]bundle.Edge{one("80/tcp", "refused", 0), one("81/tcp", "allowed", 0)}, "refused"},
	} {
		m := bundle.Manifest{Edges: c.edges}
		x := m.Index()
		if e := x.Of("shop/web", "entity:host", "80/tcp"); e == nil || e.State != c.want {
			t.Errorf("%+v: %+v", c.edges, e)
		}
		if e := x.Refused("shop/web", "entity:host", "80/tcp"); e == nil || e.State != "refused" {
			t.Errorf("%+v: refused %+v", c.edges, e)
		}
	}
}
