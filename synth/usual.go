package synth

import (
	"sluice/model"
	"sluice/model/graph"
)

// What is odd is so beside what is usual: so many ports of one server, so few records of a client that has many.
const (
	sweepPorts  = 8
	fewRecords  = 3
	manyRecords = 100
	longEnough  = 24 * 3600e6 // microseconds that a log spans before a single connection is odd
)

// suspecting knows of each client what is usual for it.
type suspecting struct {
	g       *graph.Graph
	clients map[graph.PeerID]*client
	vain    map[graph.PeerID]vain // those tried in vain, by clients that tried many
	pairs   map[pair]*pairPorts   // those with several edges
	users   map[door]int          // clients of a port
	stages  map[string]string     // environment of each namespace
}

// vain is how many edges a client tried in vain, and the hour of the first.
type vain struct {
	edges int
	since uint32
}

// knownHours is how many hours before a scan show that it did not find a port.
const knownHours = 3

// found reports whether a scan may have found a port: what was in use for hours before it began, it did not.
func (v vain) found(e *graph.Edge) bool {
	return v.edges > 0 && (len(e.Windows) < knownHours || e.Windows[knownHours-1] >= v.since)
}

// pair is a client and a server.
type pair struct{ src, dst graph.PeerID }

// pairPorts counts the ports that a client used of a server, those of them that it hardly used, and those to which it
// sent datagrams that nobody answered.
type pairPorts struct{ all, single, unheard int }

// client is what was seen of a client.
type client struct {
	records uint64
	names   bool // it asked for the name of some address
	spoke   bool // the log has what it sent, of some connection
	// namespaces counts the edges to each other namespace.
	namespaces map[string]int
}

func (x *suspecting) count(e *graph.Edge) {
	c := x.clients[e.Src]
	if c == nil {
		c = &client{namespaces: map[string]int{}}
		x.clients[e.Src] = c
	}
	c.records += e.Records()
	c.spoke = c.spoke || e.Used > 0
	c.names = c.names || len(e.Names) > 0
	c.namespaces[x.g.Peers[e.Dst].Namespace]++
	x.users[doorOf(e)]++
}

// countPairs counts the ports of pairs. Edges of a pair follow each other, and mostly there is one.
func (x *suspecting) countPairs() {
	var p pairPorts
	var at pair
	end := func() {
		if p.all > 1 {
			x.pairs[at] = &pairPorts{p.all, p.single, p.unheard}
		}
	}
	for _, e := range x.g.AllEdges() {
		if !e.State.Worked() {
			continue
		}
		if of := (pair{e.Src, e.Dst}); of != at || p.all == 0 {
			end()
			at, p = of, pairPorts{}
		}
		p.all++
		if e.Records() <= fewRecords {
			p.single++
		}
		if unheard(e) {
			p.unheard++
		}
	}
	end()
}

// unheard reports whether an edge is of datagrams that nobody answered.
func unheard(e *graph.Edge) bool {
	return e.Grade == graph.OneWay || e.Grade == graph.GradeUnknown && e.Doubt == graph.DoubtDatagrams
}

// sweep reports whether most ports of a pair are single connections to many.
func (p *pairPorts) sweep() bool { return p != nil && p.single >= sweepPorts && 2*p.single > p.all }

// deaf reports whether a client sent datagrams to many ports of a server, and most of its ports never answered.
func (p *pairPorts) deaf() bool { return p != nil && p.unheard >= sweepPorts && 2*p.unheard > p.all }

// door is a port of a server.
type door struct {
	dst   graph.PeerID
	proto model.Proto
	port  uint16
}

func doorOf(e *graph.Edge) door { return door{e.Dst, e.Proto, e.Port} }
