package graph

import (
	"cmp"
	"slices"

	"sluice/model"
)

// fanOutSize is the number of failed edges of one client that make a fan-out.
const fanOutSize = 16

// fanOuts finds the clients most of whose edges failed. What was no proof by itself is one among so many others: those
// edges count as attempted, or as reset.
func (r *grader) fanOuts() []FanOut {
	type counts struct{ failed, worked int }
	by := make([]counts, len(r.g.Peers))
	for i, e := range r.g.AllEdges() {
		c := &by[e.Src]
		switch {
		case r.vain(i):
			c.failed++
		case e.State.Worked() && e.Grade != GradeUnknown:
			c.worked++
		}
	}
	outs := map[PeerID]*FanOut{}
	for client, c := range by {
		if c.failed >= fanOutSize && c.failed > c.worked {
			outs[PeerID(client)] = &FanOut{Client: PeerID(client)}
		}
	}
	if len(outs) == 0 {
		return nil
	}
	servers := r.serversOf(outs)
	for i, e := range r.g.AllEdges() {
		out := outs[e.Src]
		if out == nil || !r.vain(i) && !(servers[pair{e.Dst, e.Src}] && r.once(i)) {
			continue
		}
		if p := &r.proofs[i]; e.State.Worked() && !e.Grade.Failed() {
			e.Grade, e.Doubt = Attempted, DoubtNone
			if p.reset {
				e.Grade = Reset
			}
		}
		out.Edges = append(out.Edges, i)
	}
	list := make([]FanOut, 0, len(outs))
	for _, out := range outs {
		peers, ports := map[PeerID]bool{}, map[uint32]bool{}
		for _, i := range out.Edges {
			e := &r.g.Edges[i]
			peers[e.Dst], ports[uint32(e.Proto)<<16|uint32(e.Port)] = true, true
		}
		out.Peers, out.Ports = len(peers), len(ports)
		list = append(list, *out)
	}
	slices.SortFunc(list, func(a, b FanOut) int { return cmp.Compare(a.Client, b.Client) })
	return list
}

// serversOf returns to whom the clients of fan-outs came in vain.
func (r *grader) serversOf(outs map[PeerID]*FanOut) map[pair]bool {
	servers := map[pair]bool{}
	for i, e := range r.g.AllEdges() {
		if outs[e.Src] != nil && r.vain(i) {
			servers[pair{e.Dst, e.Src}] = true
		}
	}
	return servers
}

// once reports whether an edge is but a few packets that nobody answered, in an hour that may not show answers. Beside
// a fan-out of its client to the same server it is one more port of the scan.
func (r *grader) once(i EdgeID) bool {
	e, p := &r.g.Edges[i], &r.proofs[i]
	unanswered := p.forwards && !p.answered && !p.counted
	return e.State.Worked() && e.Grade == GradeUnknown && unanswered && !p.old && !p.proxied &&
		e.Used <= fewDatagrams && len(e.Windows) == 1
}

// vain reports whether an edge failed, was denied, or may well have failed.
func (r *grader) vain(i EdgeID) bool {
	e := &r.g.Edges[i]
	switch e.State {
	case Denied:
		return true
	case Refused:
		return e.NeverWorked && e.Reason != model.UnknownDirection
	default:
	}
	return e.Grade.Failed() || e.Grade == GradeUnknown && r.proofs[i].soft
}
