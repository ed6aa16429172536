package graph

import "sluice/model"

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
		case model.UnknownDirection:
			if !r.unasked(i, spoke) {
				continue
			}
		case model.NoPort:
			single := e.RefusedRecords == 1 && !spoke[pair{e.Dst, e.Src}]
			if !single || !r.tellsOf(i, model.TCP) || r.incomplete(e) || r.nearEdge(e.First) {
				continue
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

// unasked reports whether packets belong to no connection: which end is the server nothing tells, and the other end
// never said a word but a reset, in a log that shows both ends of others. TCP has no connection of which one end is
// silent. Datagrams need no other end: those are unasked where they are single.
func (r *grader) unasked(i EdgeID, spoke map[pair]bool) bool {
	e := &r.g.Edges[i]
	switch {
	case e.Proto != model.TCP && e.Proto != model.UDP:
		return false
	case e.Proto == model.UDP && e.RefusedRecords > 1:
		return false
	case spoke[pair{e.Dst, e.Src}] || !r.tells(i) || r.incomplete(e):
		return false
	}
	return !r.nearEdge(e.First) || !r.nearEdge(e.Last)
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
