package verify

import (
	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Granted says of every edge at which of its ends the set isolates the pod and a rule of it lets all connections of the
// edge pass, whatever the ends may be: there it needs no other rule. What passes only because nothing isolates the pod
// is not granted.
func Granted(g *graph.Graph, set policy.PolicySet, cfg Config) []policy.ByDirection[bool] {
	v := newVerifier(g, set, cfg)
	out := make([]policy.ByDirection[bool], len(g.Edges))
	refused := make([]policy.ByDirection[bool], len(g.Edges))
	for i := range g.Connections {
		c := &g.Connections[i]
		for _, src := range v.may(c.Src) {
			for _, dst := range v.server(c) {
				if !sameFamily(src, dst) {
					continue
				}
				d := v.ev.Decide(src, dst, c.Proto, c.Port)
				for _, dir := range policy.Directions() {
					part := d.Egress
					if dir == model.Ingress {
						part = d.Ingress
					}
					if part.Outcome == eval.Allowed && part.Reason == eval.ByRule {
						*out[c.Edge].At(dir) = true
					} else {
						*refused[c.Edge].At(dir) = true
					}
				}
			}
		}
	}
	for i := range out {
		for _, dir := range policy.Directions() {
			*out[i].At(dir) = *out[i].At(dir) && !*refused[i].At(dir)
		}
	}
	return out
}
