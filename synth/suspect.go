package synth

import (
	"fmt"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
)

// suspicions gives for each edge that worked, and that nobody decided about, why a person should look at it. Nothing is
// left out for it: a log does not tell what somebody meant to do.
func suspicions(g *graph.Graph, d *decided) map[graph.EdgeID]string {
	x := suspecting{g: g, clients: map[graph.PeerID]*client{}, vain: map[graph.PeerID]vain{},
		pairs: map[pair]*pairPorts{}, users: map[door]int{}, stages: map[string]string{}}
	for _, f := range g.FanOuts {
		v := vain{edges: len(f.Edges)}
		for i, e := range f.Edges {
			if w := g.Edges[e].Windows; len(w) > 0 && (i == 0 || w[0] < v.since) {
				v.since = w[0]
			}
		}
		x.vain[f.Client] = v
	}
	for _, e := range g.AllEdges() {
		if e.State.Worked() {
			x.count(e)
		}
	}
	x.countPairs()
	out := map[graph.EdgeID]string{}
	for i, e := range g.AllEdges() {
		if e.State.Worked() && d.on(i) == nil {
			if why := x.why(e); why != "" {
				out[i] = why
			}
		}
	}
	return out
}

func (x *suspecting) why(e *graph.Edge) string {
	src, dst := &x.g.Peers[e.Src], &x.g.Peers[e.Dst]
	rare := e.Records() <= fewRecords && len(e.Windows) <= 1
	c := x.clients[e.Src]
	switch {
	case x.vain[e.Src].found(e):
		return fmt.Sprintf("its client tried %d connections in vain: a scan finds open ports too", x.vain[e.Src].edges)
	case rare && x.pairs[pair{e.Src, e.Dst}].sweep():
		return fmt.Sprintf("its client tried %d ports of this server, each hardly more than once",
			x.pairs[pair{e.Src, e.Dst}].all)
	case e.Used == 0 && e.Proto.NeedsAnswer() && c.spoke:
		return "the log has answers alone, and no packet of its client, as of its others: an answer that nobody asked for can be forged"
	case unheard(e) && x.pairs[pair{e.Src, e.Dst}].deaf():
		return fmt.Sprintf("its client sent datagrams to %d ports of this server, and none of them answered",
			x.pairs[pair{e.Src, e.Dst}].unheard)
	case unheard(e) && foreign(src, dst) && !slices.Contains(oneWayPorts, e.Port):
		return "its client is of another namespace and sent datagrams that nobody ever answered: whoever sends them chooses the port"
	case x.byHand(src):
		return "its client is a pod that nothing runs but a person: kubectl run, or a test"
	case x.stage(src) != "" && x.stage(dst) != "" && x.stage(src) != x.stage(dst):
		return fmt.Sprintf("it goes from %s to %s", x.stage(src), x.stage(dst))
	case dst.Kind == model.KindAddress && len(e.Names) == 0 && c.names && rare:
		return "no name that its client asked for explains the address, as names do for its others"
	case rare && c.records >= manyRecords && x.g.End-x.g.Begin >= longEnough:
		return fmt.Sprintf("it was seen once, and its client %d times", c.records)
	}
	return x.step(e, c)
}

// oneWayPorts are those of protocols whose servers never answer, as installed: SNMP traps, syslog, GELF, NetFlow,
// IPFIX, sFlow, StatsD with its exporters, and the agents of Jaeger and Datadog.
var oneWayPorts = []uint16{162, 514, 2055, 4739, 5775, 6343, 6831, 6832, 8125, 8126, 9125, 9995, 9996, 12201}

// foreign reports whether a pod is asked by one of another namespace.
func foreign(src, dst *graph.Peer) bool {
	return src.Workload >= 0 && dst.Workload >= 0 && src.Namespace != dst.Namespace
}

// byHand reports whether a peer is a pod with the one label that kubectl run gives, and no owner.
func (x *suspecting) byHand(p *graph.Peer) bool {
	if p.Workload < 0 {
		return false
	}
	w := &x.g.Workloads[p.Workload]
	return (w.Kind == "" || w.Kind == "Pod") && len(w.LabelSets) > 0 &&
		!slices.ContainsFunc(w.LabelSets, func(l model.Labels) bool {
			return len(l) != 1 || !strings.HasPrefix(l[0], "run=")
		})
}

// environments are the words in names of namespaces that tell stages apart, by what they mean.
var environments = map[string]string{"dev": "development", "development": "development", "test": "test", "testing": "test",
	"qa": "test", "uat": "test", "stage": "staging", "staging": "staging", "preprod": "staging", "prod": "production",
	"production": "production", "live": "production"}

// environment is the stage that a namespace is of by its name, "" where that does not say.
func environment(namespace string) string {
	for _, word := range strings.FieldsFunc(namespace, func(c rune) bool { return c == '-' || c == '.' }) {
		if e := environments[word]; e != "" {
			return e
		}
	}
	return ""
}

// stage is the environment of a peer's namespace.
func (x *suspecting) stage(p *graph.Peer) string {
	s, ok := x.stages[p.Namespace]
	if !ok {
		s = environment(p.Namespace)
		x.stages[p.Namespace] = s
	}
	return s
}
