package synth

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/decision"
)

// leaver notes the edges that are not learned: as findings, and as obstacles where a default deny would cut one.
type leaver struct {
	*reach
	*notes
	// fanOut has for the edges that belong to one of Graph.FanOuts which, fannedOut those that were noted.
	fanOut    map[graph.EdgeID]int
	fannedOut map[fanOutIn]bool
	proxied   string // what is said of the proxy, where a service has no backend
}

// fanOutIn is a fan-out as a namespace sees it.
type fanOutIn struct {
	fanOut    int
	namespace string
}

func newLeaver(r *reach, n *notes) *leaver {
	return &leaver{r, n, fanOuts(r.g), map[fanOutIn]bool{}, behindProxy(r.g)}
}

// fanOuts returns the fan-out that each edge belongs to.
func fanOuts(g *graph.Graph) map[graph.EdgeID]int {
	out := map[graph.EdgeID]int{}
	for n := range g.FanOuts {
		for _, edge := range g.FanOuts[n].Edges {
			out[edge] = n
		}
	}
	return out
}

// leaveOut notes an edge that is not learned.
func (x *leaver) leaveOut(i graph.EdgeID, e *graph.Edge, en edgeEnd) {
	if x.leaveDecided(i, e, en) || x.leavePending(i, e, en) {
		return
	}
	if e.State == graph.Denied {
		f := KindDenied.at(i, en.namespace, en.dir, x.edgeText(e)+" was denied by policy", "it stays denied")
		f.Rank = x.strangeness(e.Src)
		x.find(f)
		return
	}
	if e.Reason == model.ServiceAddress && !e.NeverWorked {
		x.leaveService(i, e, en)
		return
	}
	text := fmt.Sprintf("%s: records refused: %s", x.edgeText(e), e.Reason)
	if why := cmp.Or(x.unreached(e.Src), x.unreached(e.Dst)); e.Reason == model.Unlabelled && why != "" {
		text += ": " + why
	}
	if e.NeverWorked {
		x.find(
			KindRefused.at(i, en.namespace, en.dir, text, "every record of it was a denial: nothing depends on it").
				as(Info).detailed("%s", several(int(e.RefusedRecords), "record")),
		)
		return
	}
	x.find(KindRefused.at(i, en.namespace, en.dir, text, "no rule is learned from it, and what it may be stays open until you decide").
		detailed("%s", several(int(e.RefusedRecords), "record")))
	x.block(en.namespace, en.dir, x.holdable(en.self), i, text)
	if e.Reason == model.UnknownDirection {
		// Which end is the server is open, so the other direction of this end may be the one that is cut.
		x.block(en.namespace, opposite(en.dir), x.holdable(en.self), i, text)
	}
}

// unreached says why no selector reaches a pod and what to do about it, "" where one does.
func (x *leaver) unreached(id graph.PeerID) string {
	p := &x.g.Peers[id]
	if p.Refusal == "" && p.Workload >= 0 {
		return x.g.Workloads[p.Workload].Refusal
	}
	return p.Refusal
}

// strangeness orders the clients of what was denied: what one of the subjects lacks may be needed, other pods and nodes
// come next, and outside are those who try every door.
func (x *leaver) strangeness(client graph.PeerID) int {
	switch p := &x.g.Peers[client]; {
	case p.Workload >= 0 && x.subject(p.Workload):
		return 0
	case p.Kind == model.KindPod:
		return 1
	case p.Kind == model.KindHost, p.Kind == model.KindEntity && narrowest(p.Entities) != model.World:
		return 2
	}
	return 3
}

// leaveService notes an edge to the address of a service of which nothing proves the backend.
func (x *leaver) leaveService(i graph.EdgeID, e *graph.Edge, en edgeEnd) {
	text := x.edgeText(e) + ": no record of the client shows which backend the service has"
	if len(e.Backends) > 0 {
		text += "; the manifests lead to " + strings.Join(e.Backends, ", ")
	} else {
		text += x.proxied
	}
	x.find(KindService.at(i, en.namespace, en.dir, text, "a default deny may cut it: give --manifests with the Service "+
		"and its routes, or decide to widen to the backend, and to ignore this connection"))
	x.block(en.namespace, en.dir, x.holdable(en.self), i, text)
}

// behindProxy says where a proxy of the log went, "" where none went anywhere.
func behindProxy(g *graph.Graph) string {
	for _, o := range g.AllEdges() {
		if g.Peers[o.Src].Entities&model.IngressEntity != 0 && o.State.Worked() {
			return "; the proxy reached " + g.Peers[o.Dst].ID + " " + o.PortString()
		}
	}
	return ""
}

func opposite(d model.Direction) model.Direction {
	if d == model.Egress {
		return model.Ingress
	}
	return model.Egress
}

// leaveDecided notes an edge that is not learned because of a decision, or of one that has expired, and reports whether
// it was that.
func (x *leaver) leaveDecided(i graph.EdgeID, e *graph.Edge, en edgeEnd) bool {
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
				"it is undecided again: nothing is learned of it, and it is held open",
			),
		)
		x.block(en.namespace, en.dir, x.holdable(en.self), i, text)
	case d.Verdict == decision.Reject:
		x.find(KindRejected.at(i, en.namespace, en.dir, text+otherNames(d, e), "it is denied on purpose once the direction is"))
	default:
		x.find(KindIgnored.at(i, en.namespace, en.dir, text, "nothing is learned of it, and it holds nothing open"))
	}
	return true
}

// otherNames says under which names an address is denied of which a decision gives one: it is one edge under all.
func otherNames(d *decision.Decision, e *graph.Edge) string {
	name, ok := strings.CutPrefix(d.Destination, "name:")
	others := slices.DeleteFunc(slices.Clone(e.Names), func(n string) bool { return strings.EqualFold(n, name) })
	if !ok || len(others) == 0 || len(others) == len(e.Names) {
		return ""
	}
	return "; its address is denied under its other names, too: " + strings.Join(others, ", ")
}

func orSomebody(by string) string {
	if by == "" {
		return "somebody"
	}
	return by
}

// leavePending notes an edge that nothing shows to have worked, and reports whether it needs no other finding: it is
// in no policy and holds nothing back. The failures of a fan-out are one finding, whatever became of each.
func (x *leaver) leavePending(i graph.EdgeID, e *graph.Edge, en edgeEnd) bool {
	if n, ok := x.fanOut[i]; ok {
		x.remarkFanOut(n, en.namespace)
		return true
	}
	if e.State != graph.Pending {
		return false
	}
	kind, what := KindAttempted, "was tried and nobody answered"
	switch {
	case e.Grade == graph.Reset:
		kind, what = KindReset, "was tried and only ever reset"
	case e.Reason == model.UnknownDirection:
		what = "came without a connection that it belongs to, and nobody answered"
	}
	x.find(kind.at(i, en.namespace, en.dir, x.edgeText(e)+" "+what,
		"nothing shows that it ever worked: it is in no policy and holds nothing back"))
	return true
}

// remarkFanOut notes a fan-out, once for each namespace that it touches.
func (x *leaver) remarkFanOut(n int, namespace string) {
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
