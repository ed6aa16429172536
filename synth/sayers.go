package synth

import (
	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/render"
)

// Sayers are dialects that are asked for what another one has no rule for.
type Sayers struct {
	scope *scope
	of    []*gatherer
}

// NewSayers asks dialects about the edges of a graph, at the ends that cfg chooses.
func NewSayers(g *graph.Graph, cfg Config, of []render.Dialect) (*Sayers, error) {
	s := &Sayers{}
	for _, d := range of {
		sp := newSpeech(d)
		if s.scope == nil {
			var err error
			if s.scope, err = chooseScope(g, &cfg, sp); err != nil {
				return nil, err
			}
		}
		t := &translator{s.scope, newAddresses(s.scope, sp), nil}
		s.of = append(s.of, &gatherer{scope: s.scope, translator: t, speech: sp,
			reach: &reach{s.scope, sp, map[graph.WorkloadID]string{}}})
	}
	return s, nil
}

// Say names the dialects that have a rule for an edge at each of its ends, in the order that they were given in.
func (s *Sayers) Say(edge graph.EdgeID) []string {
	var out []string
	for _, x := range s.of {
		if x.saysAll(&s.scope.g.Edges[edge]) {
			out = append(out, x.speech.name())
		}
	}
	return out
}

// saysAll reports whether the dialect has a rule for an edge at each of its ends. What it cannot deny there it has none
// for.
func (x *gatherer) saysAll(e *graph.Edge) bool {
	for en := range x.scope.ends(e) {
		if !x.decides(en.dir) && x.g.Peers[en.peer].Kind != model.KindPod {
			return false
		}
		if why, _ := x.inexpressible(e, en); why != "" {
			return false
		}
	}
	return true
}
