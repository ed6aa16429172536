package verify

import (
	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Space is the universe that a set is measured over, for tests that ask all of it.
type Space struct {
	Members []eval.Facts
	Ports   []Port
}

// Port is a protocol and port.
type Port struct {
	Proto  model.Proto
	Number uint16
}

// SpaceOf returns the universe of a graph and the labels and networks that a set asks for.
func SpaceOf(g *graph.Graph, set policy.PolicySet) Space {
	u := newUniverse(g, eval.New(set, eval.Cilium), Config{})
	var s Space
	for _, m := range u.members {
		s.Members = append(s.Members, m.end.Facts)
	}
	for _, p := range u.ports {
		s.Ports = append(s.Ports, Port{p.proto, p.port})
	}
	return s
}

// DefectsOf are the defects of versions, for tests.
var DefectsOf = defectsOf
