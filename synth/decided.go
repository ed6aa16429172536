package synth

import (
	"fmt"
	"slices"
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/decision"
)

// decided is what people decided of the edges of a graph. It is built once and only read.
type decided struct {
	list   []decision.Decision
	at     time.Time // expired is what ended before
	of     map[int]int
	unused []int // decisions that name no edge
}

// decide matches the decisions with the edges.
func decide(g *graph.Graph, book *decision.Book) decided {
	d := decided{at: time.UnixMicro(g.AsOf).UTC(), of: map[int]int{}}
	if book == nil {
		return d
	}
	d.list = book.List()
	used := make([]bool, len(d.list))
	for i := range g.Edges {
		e := &g.Edges[i]
		src, dst := &g.Peers[e.Src], &g.Peers[e.Dst]
		n, ok := book.Of(&decision.Edge{Source: src.ID, Destination: dst.ID, SourceAddress: src.Address,
			DestinationAddress: dst.Address, Names: e.Names, Proto: e.Proto, Port: e.Port})
		if ok {
			d.of[i] = n
			used[n] = true
		}
	}
	for n := range d.list {
		if !used[n] && d.list[n].Verdict != decision.Widen {
			d.unused = append(d.unused, n)
		}
	}
	return d
}

// on returns the decision on an edge, nil if nobody took one.
func (d *decided) on(edge int) *decision.Decision {
	if n, ok := d.of[edge]; ok {
		return &d.list[n]
	}
	return nil
}

// holds reports whether a verdict on an edge stands. One that allows outlives its date: no date alone removes what
// works. One that denies does not: the edge is undecided then.
func (d *decided) holds(edge int, verdicts ...decision.Verdict) bool {
	x := d.on(edge)
	if x == nil || !slices.Contains(verdicts, x.Verdict) {
		return false
	}
	return x.Verdict == decision.Accept || x.Verdict == decision.Widen || !x.Expired(d.at)
}

// denied are the edges that people decided to deny: reject denies on purpose, ignore says that nothing depends on it.
func (d *decided) denied() map[int]decision.Verdict {
	out := map[int]decision.Verdict{}
	for edge := range d.of {
		if d.holds(edge, decision.Reject, decision.Ignore) {
			out[edge] = d.on(edge).Verdict
		}
	}
	return out
}

// leaveDecided notes an edge that is not learned because of a decision, or of one that has expired, and reports whether
// it was that.
func (x *gatherer) leaveDecided(i int, e *graph.Edge, en end) bool {
	d := x.decided.on(i)
	if d == nil || d.Verdict == decision.Accept || d.Verdict == decision.Widen {
		return false
	}
	text := x.edgeText(e) + ": " + d.Verdict.String() + "ed by " + orSomebody(d.By) + ": " + d.Reason
	if d.Verdict == decision.Ignore {
		text = x.edgeText(e) + ": ignored by " + orSomebody(d.By) + ": " + d.Reason
	}
	switch {
	case d.Expired(x.decided.at) && e.State.Worked():
		text = fmt.Sprintf(
			"%s: the decision to %s it ended on %s",
			x.edgeText(e),
			d.Verdict,
			d.Until.Format(time.DateOnly),
		)
		x.find(
			KindExpired.at(
				i,
				en.namespace,
				en.dir,
				text,
				"it is undecided again: nothing is learned of it, and its workload is held open",
			),
		)
		x.block(en.namespace, en.dir, x.holdable(en.self), text)
	case d.Verdict == decision.Reject:
		x.find(KindRejected.at(i, en.namespace, en.dir, text, "it is denied on purpose once the direction is"))
	default:
		x.find(KindIgnored.at(i, en.namespace, en.dir, text, "nothing is learned of it, and it holds nothing open"))
	}
	return true
}

func orSomebody(by string) string {
	if by == "" {
		return "somebody"
	}
	return by
}

// remarkDecisions notes the decisions that end, or that no edge is left for.
func remarkDecisions(s *scope, n *notes) {
	for _, i := range s.decided.unused {
		n.find(KindDangling.of("", model.DirectionUnknown, s.decided.list[i].String()+" names nothing that was seen",
			"it decides nothing; take it out, or mend its names"))
	}
	told := map[int]bool{}
	for _, i := range s.decided.of {
		d := &s.decided.list[i]
		if allows := d.Verdict == decision.Accept || d.Verdict == decision.Widen; allows && d.Expired(s.decided.at) &&
			!told[i] {
			told[i] = true
			n.find(KindExpired.of("", model.DirectionUnknown, fmt.Sprintf("%s has ended", d),
				"what it allows stays allowed: no date alone removes what works. Decide again").as(Warning))
		}
	}
}

// decisions opens what people decided to allow although it was never seen.
func (x *widening) decisions() {
	peers := map[string]int{}
	for i := range x.g.Peers {
		peers[x.g.Peers[i].ID] = i
	}
	w := Widening{Kind: "decision", Text: "decided to be allowed although it was never seen"}
	for i := range x.decided.list {
		d := &x.decided.list[i]
		if d.Verdict != decision.Widen {
			continue
		}
		src, okSrc := peers[d.Source]
		dst, okDst := peers[d.Destination]
		proto, first, last, err := decision.Ports(d.Port)
		if !okSrc || !okDst || err != nil {
			x.find(KindDangling.of("", model.DirectionUnknown, d.String()+" names a peer that was never seen",
				"nothing is opened: no selector is known for it"))
			continue
		}
		e := &graph.Edge{Src: src, Dst: dst, Proto: proto, Port: first}
		ends := x.ends(e)
		for _, en := range ends {
			if x.g.Peers[en.self].Workload < 0 || x.g.Peers[en.peer].Workload < 0 {
				x.find(
					KindDangling.of(
						en.namespace,
						en.dir,
						d.String()+" names what no selector reaches",
						"nothing is opened",
					),
				)
				continue
			}
			x.needs = append(
				x.needs,
				need{subject: x.g.Peers[en.self].Workload, namespace: en.namespace, dir: en.dir, peer: en.peer,
					proto: proto, port: first, last: last, edge: -1, widened: true},
			)
		}
		if len(ends) > 0 {
			w.Triples = append(w.Triples, Triple{src, dst, proto, first, last})
			w.Price += int(last-first) + 1
		}
	}
	if len(w.Triples) == 0 {
		return
	}
	slices.SortFunc(w.Triples, compareTriples)
	x.ledger.add(w)
	x.find(
		KindWidened.of("", model.DirectionUnknown, fmt.Sprintf("%s: %s", w.Text, w.Cost()), "it is allowed").as(Info),
	)
}
