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
func suspicions(s *scope) map[graph.EdgeID]string {
	x := suspecting{scope: s, clients: map[graph.PeerID]*client{}, vain: map[graph.PeerID]int{},
		pairs: map[pair]*pairPorts{}}
	for _, f := range s.g.FanOuts {
		x.vain[f.Client] = len(f.Edges)
	}
	for _, e := range s.g.AllEdges() {
		if e.State.Worked() {
			x.count(e)
		}
	}
	out := map[graph.EdgeID]string{}
	for i, e := range s.g.AllEdges() {
		if e.State.Worked() && s.decided.on(i) == nil {
			if why := x.why(e); why != "" {
				out[i] = why
			}
		}
	}
	return out
}

// suspecting knows of each client what is usual for it.
type suspecting struct {
	*scope
	clients map[graph.PeerID]*client
	vain    map[graph.PeerID]int // connections tried in vain, by clients that tried many
	pairs   map[pair]*pairPorts
}

// pair is a client and a server.
type pair struct{ src, dst graph.PeerID }

// pairPorts counts the ports that a client used of a server, and those of them that it hardly used.
type pairPorts struct{ all, single int }

// client is what was seen of a client.
type client struct {
	records uint64
	names   bool // it asked for the name of some address
}

func (x *suspecting) count(e *graph.Edge) {
	c := x.clients[e.Src]
	if c == nil {
		c = &client{}
		x.clients[e.Src] = c
	}
	c.records += e.Records()
	c.names = c.names || len(e.Names) > 0
	p := x.pairs[pair{e.Src, e.Dst}]
	if p == nil {
		p = &pairPorts{}
		x.pairs[pair{e.Src, e.Dst}] = p
	}
	p.all++
	if e.Records() <= fewRecords {
		p.single++
	}
}

// What is odd is so beside what is usual: so many ports of one server, so few records of a client that has many.
const (
	sweepPorts  = 8
	fewRecords  = 3
	manyRecords = 100
	longEnough  = 24 * 3600e6 // microseconds that a log spans before a single connection is odd
)

func (x *suspecting) why(e *graph.Edge) string {
	src, dst := &x.g.Peers[e.Src], &x.g.Peers[e.Dst]
	rare := e.Records() <= fewRecords && len(e.Windows) <= 1
	c := x.clients[e.Src]
	switch {
	case x.vain[e.Src] > 0:
		return fmt.Sprintf("its client tried %d connections in vain: a scan finds open ports too", x.vain[e.Src])
	case rare && x.pairs[pair{e.Src, e.Dst}].sweep():
		return fmt.Sprintf("its client tried %d ports of this server, each hardly more than once",
			x.pairs[pair{e.Src, e.Dst}].all)
	case x.byHand(src):
		return "its client is a pod that nothing runs but a person: kubectl run, or a test"
	case environment(src.Namespace) != "" && environment(dst.Namespace) != "" &&
		environment(src.Namespace) != environment(dst.Namespace):
		return fmt.Sprintf("it goes from %s to %s", environment(src.Namespace), environment(dst.Namespace))
	case dst.Kind == model.KindAddress && len(e.Names) == 0 && c.names && rare:
		return "no name that its client asked for explains the address, as names do for its others"
	case rare && c.records >= manyRecords && x.g.Last-x.g.First >= longEnough:
		return fmt.Sprintf("it was seen once, and its client %d times", c.records)
	}
	return ""
}

// sweep reports whether most ports of a pair are single connections to many.
func (p *pairPorts) sweep() bool { return p.single >= sweepPorts && 2*p.single > p.all }

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

// remarkSuspicion notes the suspicions, each with the decision that would follow from it.
func remarkSuspicion(s *scope, n *notes) {
	const decide = "; if it should not be, decide: {source: %q, destination: %q, port: %s, verdict: reject, reason: ...}"
	consequence := "it is allowed" + decide
	if s.cfg.HoldSuspect {
		consequence = "no rule is learned of it, and its workload is held open until you decide: accept" + decide
	}
	var list []graph.EdgeID
	for i := range s.g.AllEdges() {
		if s.suspect[i] != "" {
			list = append(list, i)
		}
	}
	for _, row := range s.g.Rows(list, func(i graph.EdgeID) graph.Alike {
		return graph.Alike{Ports: s.suspect[i], Addresses: s.suspect[i]}
	}) {
		i, last := row.Edges[0], ""
		text, source, destination, port := s.rowText(&row)
		for _, en := range s.ends(&s.g.Edges[i]) {
			if en.namespace == last {
				continue
			}
			last = en.namespace
			n.find(KindSuspect.at(i, en.namespace, en.dir, text+": "+s.suspect[i],
				fmt.Sprintf(consequence, source, destination, port)))
		}
	}
}

// rowText is the text of some edges, and how a decision names them.
func (s *scope) rowText(row *graph.Row) (text, source, destination, port string) {
	e := &s.g.Edges[row.Edges[0]]
	source, destination, port = row.Source, row.Destination, row.Port
	if len(row.Edges) == 1 {
		return s.edgeText(e), source, destination, port
	}
	const longest = 60
	ports := port
	if len(ports) > longest {
		ports = several(len(row.Edges), "port")
	}
	text = fmt.Sprintf("%s -> %s %s (%d edges)", source, destination, ports, len(row.Edges))
	if source != s.g.Peers[e.Src].ID {
		source = "world:*"
	}
	if destination != s.g.Peers[e.Dst].ID {
		destination = "world:*"
	}
	if strings.ContainsAny(port, ", ") {
		port = `"*"`
	}
	return text, source, destination, port
}
