package run

import (
	"fmt"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/bundle"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// exceptions are what a bundle itself says: the rules that it has evidence for, the directions that it isolates, edges that its dialect cannot say, denied edges that it means to allow,
// and connections that it allows without having seen them.
func exceptions(g *graph.Graph, m *bundle.Manifest, cfg *verify.Config) {
	name := func(src, dst int, proto model.Proto, port uint16) string {
		e := graph.Edge{Proto: proto, Port: port}
		return g.Peers[src].ID + " -> " + g.Peers[dst].ID + " " + e.PortString()
	}
	cannot, widened, rules := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range m.Edges {
		if e.Inexpressible {
			cannot[e.Source+" -> "+e.Destination+" "+e.Port] = true
		}
	}
	for _, w := range m.Widenings {
		for _, p := range w.Pairs {
			eachPort(p, func(pair string) { widened[pair] = true })
		}
		for _, id := range w.Rules {
			rules[id] = true
		}
	}
	cfg.Inexpressible, cfg.Accepted = map[int]bool{}, map[int]bool{}
	for i := range g.Edges {
		e := &g.Edges[i]
		cfg.Inexpressible[i] = cannot[name(e.Src, e.Dst, e.Proto, e.Port)]
		cfg.Accepted[i] = m.Options.LearnDenied && e.State == graph.Denied
	}
	cfg.Widened = func(src, dst int, proto model.Proto, port uint16) bool { return widened[name(src, dst, proto, port)] }
	cfg.WidenedRules = rules
	cfg.Recorded = []string{}
	for _, r := range m.Rules {
		cfg.Recorded = append(cfg.Recorded, r.ID)
	}
	for _, ns := range m.Namespaces {
		cfg.Isolated = append(cfg.Isolated, ns.Isolated()...)
		cfg.Recorded = append(cfg.Recorded, ns.Open...)
	}
	if cfg.Cluster == "" {
		cfg.Cluster = m.Cluster
	}
	if cfg.Namespaces == nil {
		for _, ns := range m.Namespaces {
			cfg.Namespaces = append(cfg.Namespaces, ns.Name)
		}
	}
}

// eachPort gives the pairs of one "SRC -> DST 8000-8010/tcp": one for every port.
func eachPort(pair string, yield func(string)) {
	at := strings.LastIndexByte(pair, ' ') + 1
	var first, last int
	var proto string
	if n, _ := fmt.Sscanf(pair[at:], "%d-%d/%s", &first, &last, &proto); n < 3 || last > policy.LastPort {
		yield(pair)
		return
	}
	for p := first; p <= last; p++ {
		yield(fmt.Sprintf("%s%d/%s", pair[:at], p, proto))
	}
}
