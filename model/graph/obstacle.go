package graph

import (
	"slices"

	"sluice/model"
)

// atEdge is how near the beginning or the end of a log a packet may be whose other direction it does not show: agents
// log the packets of a connection again after some seconds only.
const atEdge = 10e6 // microseconds

// obstacles returns the edges from which no rule can come, and which keep their subject open: by what is not known of
// an end, of the port, or of the direction. Whoever sends a packet can make one.
func (r *grader) obstacles() []EdgeID {
	var out []EdgeID
	for i, e := range r.g.AllEdges() {
		if e.State != Refused || e.NeverWorked {
			continue
		}
		switch e.Reason {
		case model.Unlabelled, model.UnknownIdentity, model.UnknownDirection, model.NoPort:
			out = append(out, i)
		default:
		}
	}
	return out
}

// clear makes those obstacles pending of which the log shows that nothing worked: what nobody answered or what was only
// reset, and packets of no connection. They are shown, and hold nobody open.
func (r *grader) clear(obstacles []EdgeID) {
	spoke := r.spoke(obstacles)
	vain := map[pair]bool{}
	for _, i := range obstacles {
		e, grade := &r.g.Edges[i], Attempted
		switch e.Reason {
		case model.UnknownDirection, model.NoPort:
			if !r.unasked(i, spoke) {
				continue
			}
			if r.turnedAway(e) {
				grade = Reset
			}
		default:
			if grade, _ = r.gradeOf(i); !grade.Failed() {
				continue
			}
		}
		e.State, e.Grade = Pending, grade
		vain[pair{e.Dst, e.Src}] = true
	}
	if len(vain) == 0 {
		return
	}
	// What answered an unasked packet by a reset has no other packet of the client.
	for i, e := range r.g.AllEdges() {
		p := &r.proofs[i]
		if e.Proto == model.TCP && e.Grade == GradeUnknown && p.reset && !p.forwards && vain[pair{e.Dst, e.Src}] {
			e.Grade, e.Doubt = Reset, DoubtNone
		}
	}
}

// unasked reports whether packets of which nothing tells which end is the server, or the port, belong to no connection:
// the other end never said a word but a reset, in a log that shows both ends of others. What needs answers has no
// connection of which one end is silent. Datagrams, and packets of an unknown protocol, may need none: those are
// unasked where they are as few as a scanner sends, or where the other end refused most of them.
func (r *grader) unasked(i EdgeID, spoke map[pair]bool) bool {
	e := &r.g.Edges[i]
	few := e.RefusedRecords <= fewDatagrams && len(e.Windows) == 1
	switch {
	case !e.Proto.NeedsAnswer() && !few && !r.turnedAway(e):
		return false
	case spoke[pair{e.Dst, e.Src}]:
		return false
	}
	return r.unshown(i)
}

// unshown reports whether the log would have shown what the other end of an edge said.
func (r *grader) unshown(i EdgeID) bool {
	e := &r.g.Edges[i]
	if r.incomplete(e) || !r.tells(i) && !r.tellsOf(i, model.TCP) {
		return false
	}
	return !r.nearEdge(e.First) || !r.nearEdge(e.Last) || r.amid(e)
}

// oneSided reports whether packets without an opening belong to no connection: the server of one that is older than the
// log speaks as well, were it to acknowledge, and the log would show it. Scanners send such packets, and so may whoever
// wants a port to be learned: the system of the server resets them, or drops them.
func (r *grader) oneSided(i EdgeID) bool { return r.proofs[i].forwards && r.unshown(i) }

// amid reports whether an edge was seen in an hour that neither the beginning nor the end of the log lies in: whoever
// sends without end is seen near both, and is answered by nobody all the same.
func (r *grader) amid(e *Edge) bool {
	const hour = 3600e6
	begin, end := uint32(r.g.Begin/hour), uint32(r.span.end/hour)
	return slices.ContainsFunc(e.Windows, func(h uint32) bool { return begin < h && h < end })
}

// turnedAway reports whether the other end refused most datagrams by an error.
func (r *grader) turnedAway(e *Edge) bool {
	return e.Proto == model.UDP && 2*r.refusals[pair{e.Dst, e.Src}] >= e.RefusedRecords
}

// spoke returns who sent anything but a reset to whom, of the ends of some edges.
func (r *grader) spoke(of []EdgeID) map[pair]bool {
	ends := map[pair]bool{}
	for _, i := range of {
		e := &r.g.Edges[i]
		ends[pair{e.Dst, e.Src}] = false
	}
	if len(ends) == 0 {
		return ends
	}
	note := func(from, to PeerID) {
		if _, ok := ends[pair{from, to}]; ok {
			ends[pair{from, to}] = true
		}
	}
	for i, e := range r.g.AllEdges() {
		for _, it := range r.of(i) {
			switch {
			case it.k.fate != model.Reply:
				note(e.Src, e.Dst)
			case it.t.marks&model.MarkAnswered != 0:
				note(e.Dst, e.Src)
			}
		}
	}
	return ends
}

// nearEdge reports whether the log begins or ends near a time.
func (r *grader) nearEdge(t model.Micros) bool {
	return t < r.g.Begin+atEdge || t > r.span.end-atEdge
}
