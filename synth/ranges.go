package synth

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

const (
	firstHigh = 1024  // ports below are never picked at random
	minPorts  = 5     // of one pair, where something says what they are for
	minMany   = 10    // of one pair, where nothing does
	maxSpan   = 16384 // the range that RTP has by default; what is wider is no range but chance
	ephemeral = 32768 // from here on systems pick the ports of who asks for any
)

// pairProto is a client, a server and a protocol.
type pairProto struct {
	src, dst graph.PeerID
	proto    model.Proto
}

// portPair has the edges of the ports of a pair.
type portPair struct {
	pairProto
	edges map[uint16]graph.EdgeID
}

// portSpan is a range of ports that a pair seems to pick from.
type portSpan struct {
	portPair
	what        string
	first, last uint16
	missing     []uint16 // not seen and not denied; nil where random
	random      bool     // there is no range: it is wider than maxSpan
}

// ranging looks among the needs for pairs with many ports.
type ranging struct {
	*scope
	*notes
	needs []need
}

// widenRanges looks for pairs with many ports. Their range is opened where that was asked for, else proposed with its
// price: what is picked at random today is another port tomorrow.
func widenRanges(s *scope, needs []need, n *notes, b *ledger) []need {
	x := &ranging{s, n, needs}
	w := Widening{
		Kind: WidenRanges,
		Text: "ports between the lowest and the highest of those that a pair was seen picking",
	}
	for _, s := range x.spans() {
		text := fmt.Sprintf(
			"%s -> %s: %s, %d ports seen in %s",
			x.g.Peers[s.src].ID,
			x.g.Peers[s.dst].ID,
			s.what,
			len(s.edges),
			policy.Port{Proto: s.proto, First: s.first, Last: s.last},
		)
		switch {
		case s.random:
			x.find(KindRandom.at(s.edges[s.first], x.home(s.portPair), model.Egress, text+"; no range would be its own",
				"the next connection picks another port, and is denied: give the application a fixed port or a range"))
			continue
		case !x.cfg.widens(WidenRanges):
			x.find(KindProposed.at(s.edges[s.first], x.home(s.portPair), model.Egress,
				fmt.Sprintf("%s; the range costs %d ports never seen", text, len(s.missing)),
				"another port of the range is denied; open it with --widen "+WidenRanges))
			continue
		}
		x.find(KindWidened.at(
			s.edges[s.first],
			x.home(s.portPair),
			model.Egress,
			fmt.Sprintf(
				"%s: %d ports never seen are opened",
				text,
				len(s.missing),
			),
			"the pair may use every port of the range",
		).as(Info))
		for _, t := range s.triples() {
			w.Triples = append(w.Triples, t)
			w.Price += int(t.Last-t.Port) + 1
		}
		x.openSpan(s)
	}
	if len(w.Triples) > 0 {
		slices.SortFunc(w.Triples, compareTriples)
		b.add(w)
	}
	return x.needs
}

// home is the chosen namespace that a pair concerns, the client's where both are.
func (x *ranging) home(p portPair) string {
	if c := &x.g.Peers[p.src]; c.Kind == model.KindPod && x.chosen[c.Namespace] {
		return c.Namespace
	}
	return x.g.Peers[p.dst].Namespace
}

// openSpan adds what is missing at every end that already needs a port of the span.
func (x *ranging) openSpan(s portSpan) {
	type end struct {
		subject graph.WorkloadID
		dir     model.Direction
	}
	at := map[end]need{}
	for _, n := range x.needs {
		if e := &x.g.Edges[n.edge]; e.Src == s.src && e.Dst == s.dst && n.proto == s.proto &&
			s.edges[n.port] == n.edge &&
			s.first <= n.port &&
			n.port <= s.last {
			k := end{n.subject, n.dir}
			if have, ok := at[k]; !ok || n.port < have.port {
				at[k] = n
			}
		}
	}
	for _, d := range []model.Direction{model.Egress, model.Ingress} {
		for _, self := range []graph.PeerID{s.src, s.dst} {
			n, ok := at[end{x.g.Peers[self].Workload, d}]
			if !ok || (self == s.src) != (d == model.Egress) {
				continue
			}
			for _, t := range s.triples() {
				n.port, n.last, n.widened = t.Port, t.Last, true
				x.needs = append(x.needs, n)
			}
		}
	}
}

// triples are the missing ports as ranges.
func (s *portSpan) triples() []Triple {
	var out []Triple
	for _, p := range s.missing {
		if n := len(out); n > 0 && out[n-1].Last+1 == p {
			out[n-1].Last = p
			continue
		}
		out = append(out, Triple{s.src, s.dst, s.proto, p, p})
	}
	return out
}

// many are the clients and servers with so many ports that they may pick them. Mostly there are few such, or none.
func (x *ranging) many() map[[2]graph.PeerID]bool {
	ports, out, last := map[pairProto]int{}, map[[2]graph.PeerID]bool{}, graph.EdgeID(-1)
	for i := range x.needs {
		n := &x.needs[i]
		if n.widened || n.edge == last { // both ends need it
			continue
		}
		last = n.edge
		e := &x.g.Edges[n.edge]
		k := pairProto{e.Src, e.Dst, e.Proto}
		if ports[k]++; ports[k] == minPorts {
			out[[2]graph.PeerID{e.Src, e.Dst}] = true
		}
	}
	return out
}

// spans finds the pairs that pick ports, sorted.
func (x *ranging) spans() []portSpan {
	many := x.many()
	if len(many) == 0 {
		return nil
	}
	pairs := map[pairProto]*portPair{}
	denied := map[Triple]bool{}
	clients := map[Triple]map[graph.PeerID]bool{} // of a server's port
	servers := map[service]map[graph.PeerID]bool{}
	for _, n := range x.needs {
		e := &x.g.Edges[n.edge]
		if n.widened || !e.Proto.HasPorts() {
			continue
		}
		if k := (pairProto{e.Src, e.Dst, e.Proto}); many[[2]graph.PeerID{e.Src, e.Dst}] {
			if pairs[k] == nil {
				pairs[k] = &portPair{k, map[uint16]graph.EdgeID{}}
			}
			pairs[k].edges[e.Port] = n.edge
		}
		addTo(clients, Triple{0, e.Dst, e.Proto, e.Port, e.Port}, e.Src)
		addTo(servers, service{e.Proto, e.Port, e.Port}, e.Dst)
	}
	for i, e := range x.g.AllEdges() {
		if e.State == graph.Denied && !x.accepted(i) {
			denied[Triple{e.Src, e.Dst, e.Proto, e.Port, e.Port}] = true
		}
	}
	var out []portSpan
	for _, p := range pairs {
		// A port that many ask for, or that many servers have, is one of those that are agreed upon.
		picked := func(port uint16) bool {
			return port >= firstHigh && len(clients[Triple{0, p.dst, p.proto, port, port}]) < 3 &&
				len(servers[service{p.proto, port, port}]) < 3 &&
				!slices.Contains(agreed, port)
		}
		asks := func(proto model.Proto, port uint16) bool {
			q := pairs[pairProto{p.src, p.dst, proto}]
			return q != nil && q.has(port)
		}
		if s, ok := newSpan(*p, picked, asks); ok {
			for port := int(s.first); port <= int(s.last) && !s.random; port++ {
				t := Triple{s.src, s.dst, s.proto, uint16(port), uint16(port)}
				if _, seen := p.edges[uint16(port)]; !seen && !denied[t] {
					s.missing = append(s.missing, uint16(port))
				}
			}
			if len(s.missing) > 0 || s.random {
				out = append(out, s)
			}
		}
	}
	slices.SortFunc(out, func(a, b portSpan) int {
		return cmp.Or(cmp.Compare(a.src, b.src), cmp.Compare(a.dst, b.dst), cmp.Compare(a.proto, b.proto))
	})
	return out
}

func addTo[K comparable](m map[K]map[graph.PeerID]bool, k K, v graph.PeerID) {
	if m[k] == nil {
		m[k] = map[graph.PeerID]bool{}
	}
	m[k][v] = true
}

func (p *portPair) has(port uint16) bool { _, ok := p.edges[port]; return ok }

// agreed are high ports that announce the ones picked beside them and are none of them.
var agreed = []uint16{1099, 4369, 5060, 5061, 7077, 7337}

// newSpan looks at one pair: which of its ports are picked, and what for. asks reports whether the pair has a port.
func newSpan(p portPair, picked func(uint16) bool, asks func(model.Proto, uint16) bool) (portSpan, bool) {
	s := p.span(picked)
	if s.random { // by chance: those that are meant for it
		s = p.span(func(port uint16) bool { return port >= ephemeral && picked(port) })
	}
	n, even := len(s.edges), 0
	for port := range s.edges {
		if port%2 == 0 {
			even++
		}
	}
	switch {
	case n < minPorts:
		return s, false
	case p.proto == model.TCP && asks(model.TCP, 21):
		s.what = "passive FTP"
	case p.proto == model.TCP && asks(model.TCP, 4369):
		s.what = "Erlang distribution"
	case p.proto == model.TCP && (asks(model.TCP, 7077) || asks(model.TCP, 7337)):
		s.what = "Spark"
	case asks(model.TCP, 111) || asks(model.UDP, 111) || p.proto == model.TCP && asks(model.TCP, 135):
		s.what = "RPC"
	case p.proto == model.TCP && asks(model.TCP, 1099):
		s.what = "RMI"
	case p.proto == model.UDP && (2*even >= n || asks(model.UDP, 5060) || asks(model.TCP, 5060)):
		s.what = "RTP"
	case n >= minMany:
		s.what = "many ports"
	default:
		return s, false
	}
	return s, true
}

// span has the ports of a pair that were picked.
func (p *portPair) span(picked func(uint16) bool) portSpan {
	s := portSpan{portPair: portPair{p.pairProto, map[uint16]graph.EdgeID{}}, first: policy.LastPort}
	for port, e := range p.edges {
		if picked(port) {
			s.edges[port] = e
			s.first, s.last = min(s.first, port), max(s.last, port)
		}
	}
	s.random = int(s.last)-int(s.first) >= maxSpan
	return s
}
