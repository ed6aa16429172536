package synth

import (
	"fmt"

	"sluice/model"
	"sluice/model/graph"
)

// leavePending notes an edge that nothing shows to have worked, and reports whether it needs no other finding: it is in no
// policy and holds nothing back. The failures of a fan-out are one finding, whatever became of each.
func (l *learner) leavePending(i int, e *graph.Edge, en end) bool {
	if l.fanOut == nil {
		l.fanOut = map[int]int{}
		for n := range l.g.FanOuts {
			for _, edge := range l.g.FanOuts[n].Edges {
				l.fanOut[edge] = n
			}
		}
	}
	if n, ok := l.fanOut[i]; ok {
		l.remarkFanOut(n, en.namespace)
		return true
	}
	if e.State != graph.Pending {
		return false
	}
	kind, what := KindAttempted, "was tried and nobody answered"
	if e.Grade == graph.Reset {
		kind, what = KindReset, "was tried and only ever reset"
	}
	l.find(Finding{kind, Warning, en.namespace, en.dir, i, l.edgeText(e) + " " + what,
		"nothing shows that it ever worked: it is in no policy and holds nothing back"})
	return true
}

// remarkFanOut notes a fan-out, once for each namespace that it touches.
func (l *learner) remarkFanOut(n int, namespace string) {
	out := &l.g.FanOuts[n]
	key := fanOutIn{n, namespace}
	if l.fannedOut[key] {
		return
	}
	if l.fannedOut == nil {
		l.fannedOut = map[fanOutIn]bool{}
	}
	l.fannedOut[key] = true
	l.find(Finding{KindFanOut, Warning, namespace, model.DirectionUnknown, -1,
		fmt.Sprintf("%s tried %d connections in vain, to %s on %s: a scan, or a client whose servers are gone", l.g.Peers[out.Client].ID,
			len(out.Edges), several(out.Peers, "peer"), several(out.Ports, "port")),
		"none of them is in a policy"})
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// fanOutIn is a fan-out as a namespace sees it.
type fanOutIn struct {
	fanOut    int
	namespace string
}
