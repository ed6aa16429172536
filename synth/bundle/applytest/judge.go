package applytest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// connection is one that worked; from and to are indices into run.facts.
type connection struct {
	from, to int
	proto    model.Proto
	port     uint16
	vague    bool // the log does not say enough of it for the policies in the end to decide it
	text     string
}

// stranger is a connection that nobody saw, at a pod of one of the namespaces; src and dst are indices into run.facts.
type stranger struct {
	namespace string
	src, dst  int
	isolated  bool // policies isolate the namespace today, and the bundle opens nothing there
	text      string
}

// notOurs are the edges without a rule that the bundle says to cut all the same, or that policies which are in force
// let through to a workload that it leaves as it is: these policies stay, and are in no bundle.
func (r *run) notOurs() map[string]bool {
	left := map[string]bool{} // "ingress shop/db"
	for _, f := range r.m.Findings {
		var d, workload string
		if n, _ := fmt.Sscanf(f.Text, "policies deny %s of %s already, and ours may not yet", &d, &workload); n == 2 {
			left[d+" "+workload] = true
		}
	}
	local := func(id string) string { return strings.TrimPrefix(id, r.m.Cluster+"/") }
	out := map[string]bool{}
	for _, e := range r.m.Edges {
		stays := left["egress "+local(e.Source)] || left["ingress "+local(e.Destination)]
		if e.Inexpressible && (stays || r.m.Options.EnforceAnyway) {
			for name := range e.Each() {
				out[name] = true
			}
		}
	}
	return out
}

// see takes from a graph what worked.
func (r *run) see(g *graph.Graph, inTheEnd policy.PolicySet) {
	ev := eval.New(inTheEnd, r.sem)
	cut := r.notOurs()
	at := map[model.EndpointID]int{}
	end := func(id model.EndpointID) int {
		i, ok := at[id]
		if !ok {
			f := eval.FactsOf(g.Tables.Endpoints.Get(id))
			f.Foreign = r.m.Cluster != "" && f.Cluster != "" && f.Cluster != r.m.Cluster
			i = len(r.facts)
			at[id], r.facts = i, append(r.facts, f)
		}
		return i
	}
	for _, c := range g.Connections {
		e := &g.Edges[c.Edge]
		text := g.EdgeText(e)
		if e.State.Worked() && !cut[text] {
			from, to := end(c.Src), end(c.Dst)
			vague := ev.Decide(ev.End(r.facts[from]), ev.End(r.facts[to]), c.Proto, c.Port).Unknown
			r.connections = append(r.connections, connection{from, to, c.Proto, c.Port, vague, text})
		}
	}
	pods := map[string][]int{}
	for i, f := range r.facts {
		if f.IsPod && !f.LabelsUnknown && !f.Foreign {
			pods[f.Namespace] = append(pods[f.Namespace], i)
		}
	}
	more := func(f eval.Facts) int {
		r.facts = append(r.facts, f)
		return len(r.facts) - 1
	}
	const most = 4 // pods of a namespace
	outside := more(eval.Facts{Address: netip.MustParseAddr("198.18.0.1")})
	for _, n := range r.m.Namespaces {
		list := pods[n.Name]
		list = append(
			slices.Clip(list[:min(len(list), most)]),
			more(eval.Facts{IsPod: true, Namespace: n.Name, Labels: model.Labels{"app=never-seen"}}),
		)
		isolated := n.IsolatedToday && !r.how.Additive
		for _, p := range list {
			r.strangers = append(r.strangers,
				stranger{n.Name, p, outside, isolated, fmt.Sprintf("a stranger from %s %v", n.Name, r.facts[p].Labels)},
				stranger{n.Name, outside, p, isolated, fmt.Sprintf("a stranger to %s %v", n.Name, r.facts[p].Labels)})
		}
	}
}

// look says of each connection, and then of each stranger, whether it may be made. A stranger at a namespace that is
// isolated today may always: that it is denied is no news.
func (r *run) look(c Cluster) []bool {
	ev := eval.New(c.set(), r.sem)
	ends := make([]*eval.End, len(r.facts))
	for i := range r.facts {
		ends[i] = ev.End(r.facts[i])
	}
	var out []bool
	for _, c := range r.connections {
		d := ev.Decide(ends[c.from], ends[c.to], c.proto, c.port)
		out = append(out, d.Allowed || c.vague)
	}
	for _, s := range r.strangers {
		out = append(out, s.isolated || ev.Decide(ends[s.src], ends[s.dst], model.TCP, 7).Allowed)
	}
	return out
}

func (r *run) text(i int) string {
	if i < len(r.connections) {
		return r.connections[i].text
	}
	return r.strangers[i-len(r.connections)].text
}
