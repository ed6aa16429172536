package bundle

import (
	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/decision"
	"sluice/synth/verify"
)

// Expect adds to a verification what a bundle says of itself: the rules that it has evidence for, the directions that
// it isolates, edges that its dialect cannot say, denied edges that it means to allow, and connections that it allows
// without having seen them. Peers are known by their names, so that another log than its own can be judged.
func Expect(g *graph.Graph, m *Manifest, cfg *verify.Config) {
	if cfg.Cluster == "" {
		cfg.Cluster = m.Cluster
	}
	if cfg.Namespaces == nil {
		for _, ns := range m.Namespaces {
			cfg.Namespaces = append(cfg.Namespaces, ns.Name)
		}
	}
	cfg.Recorded, cfg.Held, cfg.Beside = []string{}, map[string]bool{}, true
	for _, r := range m.Rules {
		cfg.Recorded = append(cfg.Recorded, r.ID)
	}
	for _, ns := range m.Namespaces {
		cfg.Isolated = append(cfg.Isolated, ns.Isolated()...)
		cfg.Recorded = append(cfg.Recorded, ns.Open...)
		for _, id := range ns.Open {
			cfg.Held[id] = true
		}
	}
	m.expectEdges(g, cfg)
	m.expectWidened(g, cfg)
}

func (m *Manifest) expectEdges(g *graph.Graph, cfg *verify.Config) {
	known := m.Index()
	cfg.Inexpressible, cfg.Accepted = map[graph.EdgeID]bool{}, map[graph.EdgeID]bool{}
	cfg.Rejected, cfg.Ignored = map[graph.EdgeID]bool{}, map[graph.EdgeID]bool{}
	for i, e := range g.AllEdges() {
		src, dst, port := g.Peers[e.Src].ID, g.Peers[e.Dst].ID, e.PortString()
		k := known.Of(src, dst, port)
		if own := known.Refused(src, dst, port); own != nil && e.State == graph.Refused {
			k = own
		}
		if k != nil {
			note(cfg.Inexpressible, i, k.Inexpressible)
			note(cfg.Accepted, i, k.Accepted)
			note(cfg.Rejected, i, k.Decided == decision.Reject.String())
			note(cfg.Ignored, i, k.Decided == decision.Ignore.String())
		}
	}
}

// note notes the edges of which something is so: hardly any of hundreds of thousands.
func note(of map[graph.EdgeID]bool, i graph.EdgeID, is bool) {
	if is {
		of[i] = true
	}
}

func (m *Manifest) expectWidened(g *graph.Graph, cfg *verify.Config) {
	type key struct{ source, destination, protocol string }
	opened := map[key][]Opened{}
	cfg.WidenedRules = map[string]bool{}
	for _, w := range m.Widenings {
		for _, o := range w.Opens {
			k := key{o.Source, o.Destination, o.Protocol}
			opened[k] = append(opened[k], o)
		}
		for _, id := range w.Rules {
			cfg.WidenedRules[id] = true
		}
	}
	cfg.Widened = func(src, dst graph.PeerID, proto model.Proto, port uint16) bool {
		for _, o := range opened[key{g.Peers[src].ID, g.Peers[dst].ID, proto.String()}] {
			if o.First <= port && port <= o.Last {
				return true
			}
		}
		return false
	}
}
