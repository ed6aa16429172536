package synth

import (
	"fmt"

	"sluice/model"
	"sluice/model/graph"
)

// leavePending notes an edge that nothing shows to have worked, and reports whether it needs no other finding: it is
// in no policy and holds nothing back. The failures of a fan-out are one finding, whatever became of each.
func (x *gatherer) leavePending(i int, e *graph.Edge, en end) bool {
	if n, ok := x.fanOut[i]; ok {
		x.remarkFanOut(n, en.namespace)
		return true
	}
	if e.State != graph.Pending {
		return false
	}
	kind, what := KindAttempted, "was tried and nobody answered"
	if e.Grade == graph.Reset {
		kind, what = KindReset, "was tried and only ever reset"
	}
	x.find(kind.at(i, en.namespace, en.dir, x.edgeText(e)+" "+what,
		"nothing shows that it ever worked: it is in no policy and holds nothing back"))
	return true
}

// remarkFanOut notes a fan-out, once for each namespace that it touches.
func (x *gatherer) remarkFanOut(n int, namespace string) {
	out := &x.g.FanOuts[n]
	key := fanOutIn{n, namespace}
	if x.fannedOut[key] {
		return
	}
	x.fannedOut[key] = true
	x.find(KindFanOut.of(namespace, model.DirectionUnknown,
		fmt.Sprintf("%s tried %d connections in vain, to %s on %s: a scan, or a client whose servers are gone",
			x.g.Peers[out.Client].ID, len(out.Edges), several(out.Peers, "peer"), several(out.Ports, "port")),
		"none of them is in a policy"))
}

// fanOuts returns the fan-out that each edge belongs to.
func fanOuts(g *graph.Graph) map[int]int {
	out := map[int]int{}
	for n := range g.FanOuts {
		for _, edge := range g.FanOuts[n].Edges {
			out[edge] = n
		}
	}
	return out
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
