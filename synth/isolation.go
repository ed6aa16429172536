package synth

import (
	"sluice/model"
	"sluice/model/graph"
)

// side is a direction of a namespace, or of a peer by its ID.
type side struct {
	d    model.Direction
	what string
}

// isolation says where policies of the cluster denied something: at which sides perhaps, and where for sure, since the
// log says so or no policy isolates the other end.
type isolation struct{ any, sure map[side]bool }

// mayTellIsolation reports whether records of an edge are denials that may show isolation: also of what cannot be
// learned, whoever it was that was denied.
func mayTellIsolation(e *graph.Edge) bool {
	return e.State == graph.Denied || e.State == graph.Mixed || e.State == graph.Refused
}

func isolationOf(s *scope) isolation {
	out := isolation{map[side]bool{}, map[side]bool{}}
	for _, e := range s.g.AllEdges() {
		if !mayTellIsolation(e) {
			continue
		}
		for en := range s.ends(e) {
			perhaps, sure := e.Denials.At(en.dir, s.g.Peers[en.peer].NoPod())
			sure = sure && (e.State != graph.Refused || e.NeverWorked)
			if !perhaps {
				continue
			}
			at := side{en.dir, s.g.Peers[en.self].ID}
			out.any[side{en.dir, en.namespace}] = true
			out.any[at] = true
			out.sure[at] = out.sure[at] || sure
		}
	}
	return out
}

// holds reports whether policies isolate a workload today, so that ours may not open it. Where an allow policy
// isolates nothing a doubt is enough: it is left as it is, and nothing is cut. Elsewhere the policies that allow would
// isolate it themselves, so that it is held open unless it is sure.
func (x *isolation) holds(workload string, d model.Direction, additive bool) bool {
	at := side{d, workload}
	return x.sure[at] || additive && x.any[at]
}
