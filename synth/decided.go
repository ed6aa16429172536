package synth

import (
	"slices"
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/decision"
)

// decided is what people decided of the edges of a graph. It is built once and only read.
type decided struct {
	list   []decision.Decision
	at     time.Time            // expired is what ended before
	of     map[graph.EdgeID]int // into list
	unused []int                // decisions that name no edge
}

// decide matches the decisions with the edges.
func decide(g *graph.Graph, book *decision.Book) decided {
	d := decided{at: time.UnixMicro(g.AsOf).UTC(), of: map[graph.EdgeID]int{}}
	if book == nil {
		return d
	}
	d.list = book.List()
	used := make([]bool, len(d.list))
	for i := range g.AllEdges() {
		if n, ok := DecisionOn(g, i, book); ok {
			d.of[i] = n
			used[n] = true
		}
	}
	silent := map[string]bool{}
	for _, w := range g.AllWorkloads() {
		silent[w.ID] = silent[w.ID] || !w.Observed
	}
	for n := range d.list {
		if !used[n] && d.list[n].Verdict != decision.Widen && !silent[d.list[n].Source] && !silent[d.list[n].Destination] {
			d.unused = append(d.unused, n)
		}
	}
	return d
}

// DecisionOn returns the index of the decision of a book on an edge of a graph.
func DecisionOn(g *graph.Graph, edge graph.EdgeID, book *decision.Book) (int, bool) {
	e := &g.Edges[edge]
	src, dst := &g.Peers[e.Src], &g.Peers[e.Dst]
	return book.Of(&decision.Edge{Source: src.ID, Destination: dst.ID, SourceAddress: src.Address,
		DestinationAddress: dst.Address, Names: e.Names, Proto: e.Proto, Port: e.Port})
}

// on returns the decision on an edge, nil if nobody took one.
func (d *decided) on(edge graph.EdgeID) *decision.Decision {
	if n, ok := d.of[edge]; ok {
		return &d.list[n]
	}
	return nil
}

// holds reports whether a verdict on an edge stands. One that allows outlives its date: no date alone removes what
// works. One that denies does not: the edge is undecided then.
func (d *decided) holds(edge graph.EdgeID, verdicts ...decision.Verdict) bool {
	x := d.on(edge)
	if x == nil || !slices.Contains(verdicts, x.Verdict) {
		return false
	}
	return x.Verdict == decision.Accept || x.Verdict == decision.Widen || !x.Expired(d.at)
}

// speaksOf reports whether a decision that stands names a workload outright as a client, for egress, or as a server.
func (d *decided) speaksOf(workload string, dir model.Direction) bool {
	return slices.ContainsFunc(d.list, func(x decision.Decision) bool {
		named := x.Source
		if dir == model.Ingress {
			named = x.Destination
		}
		return named == workload && (x.Verdict == decision.Widen || !x.Expired(d.at))
	})
}

// denied are the edges that people decided to deny: reject denies on purpose, ignore says that nothing depends on it.
func (d *decided) denied() map[graph.EdgeID]decision.Verdict {
	out := map[graph.EdgeID]decision.Verdict{}
	for edge := range d.of {
		if d.holds(edge, decision.Reject, decision.Ignore) {
			out[edge] = d.on(edge).Verdict
		}
	}
	return out
}
