package verify

import (
	"context"

	"sluice/model/graph"
	"sluice/synth/policy"
)

// Replayed is what Replay found.
type Replayed struct {
	Verdicts []Verdict // of Graph.Connections, in their order
	v        *verifier
}

// Replay gives the verdict on every connection of g and measures nothing beyond: it is for who asks again and again.
func Replay(ctx context.Context, g *graph.Graph, set policy.PolicySet, cfg Config) (*Replayed, error) {
	r := &Replayed{Verdicts: make([]Verdict, len(g.Connections)), v: newVerifier(g, set, cfg)}
	for i := range g.Connections {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.Verdicts[i], _ = r.v.judge(&g.Connections[i])
	}
	return r, nil
}

// Why says what decides a connection, by its index.
func (r *Replayed) Why(connection int) string {
	c := &r.v.g.Connections[connection]
	_, d := r.v.judge(c)
	return r.v.why(c, d)
}
