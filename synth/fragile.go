package synth

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
)

// remarkFragile notes the edges whose rules name an address. Those of the clients of a public service are one finding.
func remarkFragile(v *solver, needs []need, n *notes) {
	bySubject := map[graph.WorkloadID][]need{}
	for _, x := range needs {
		if x.edge >= 0 && v.g.Peers[x.peer].Kind == model.KindAddress {
			bySubject[x.subject] = append(bySubject[x.subject], x)
		}
	}
	names := map[graph.WorkloadID]map[graph.PeerID][]string{}
	for subject, list := range bySubject {
		names[subject] = v.namesOf(list)
	}
	var fragile []need
	for _, x := range needs {
		p := &v.g.Peers[x.peer]
		byName := x.dir == model.Egress && len(names[x.subject][x.peer]) > 0
		if x.edge < 0 || x.widened || p.Kind != model.KindAddress || byName || p.Masked() || v.addresses.named(p) ||
			v.cfg.widens(WidenAnywhere) || model.FixedAddress(p.Address) {
			continue
		}
		fragile = append(fragile, x)
	}
	public := publicClients(v, fragile)
	for _, x := range fragile {
		e := &v.g.Edges[x.edge]
		if c := public[listenerOf(v, x)]; c != nil && internet(v.g.Peers[x.peer].Address) {
			if c.edges[0] == x.edge {
				n.find(KindClients.at(x.edge, x.namespace, x.dir, c.text(v, e), "clients that nobody saw are denied"))
			}
			continue
		}
		text := v.edgeText(e) + " has an outside peer that is known by its address"
		if len(e.Names) > 0 {
			text += " (asked for as " + strings.Join(e.Names, ", ") + ")"
		}
		n.find(KindFragile.at(x.edge, x.namespace, x.dir, text, "the rule breaks when the address changes"))
	}
}

// listener is a port of a workload that something talks to.
type listener struct {
	server graph.PeerID
	proto  model.Proto
	port   uint16
}

// listenerOf is where the peer of a need talks to; the zero value where it is talked to.
func listenerOf(v *solver, x need) listener {
	if x.dir != model.Ingress {
		return listener{}
	}
	e := &v.g.Edges[x.edge]
	return listener{e.Dst, e.Proto, e.Port}
}

// internet reports whether an address is one of the public internet.
func internet(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !carriers.Contains(a)
}

// carriers are the addresses that providers share between customers and clouds use for nodes and pods (RFC 6598).
var carriers = netip.MustParsePrefix("100.64.0.0/10")

// visitors are the clients of a listener at public addresses.
type visitors struct {
	edges []graph.EdgeID // ascending
	once  int            // of those, that came within one hour alone, or in a small part of the time
}

// shortStay is how long somebody who came once may stay: one in so many of the time between the first and the last
// client of a listener.
const shortStay = 8

// fewClients are so few that they may be partners and probes, whose addresses somebody knows.
const fewClients = 10

// publicClients returns the listeners of which many clients at public addresses were seen, most of them once: as many
// again come that nobody saw.
func publicClients(v *solver, needs []need) map[listener]*visitors {
	all := map[listener]*visitors{}
	for _, x := range needs {
		l := listenerOf(v, x)
		if l == (listener{}) || !internet(v.g.Peers[x.peer].Address) {
			continue
		}
		c := all[l]
		if c == nil {
			c = &visitors{}
			all[l] = c
		}
		c.edges = append(c.edges, x.edge)
	}
	for l, c := range all {
		slices.Sort(c.edges)
		first, last := v.g.Edges[c.edges[0]].First, v.g.Edges[c.edges[0]].Last
		for _, i := range c.edges {
			first, last = min(first, v.g.Edges[i].First), max(last, v.g.Edges[i].Last)
		}
		for _, i := range c.edges {
			if e := &v.g.Edges[i]; len(e.Windows) <= 1 || e.Last-e.First <= (last-first)/shortStay {
				c.once++
			}
		}
		if len(c.edges) < fewClients || 2*c.once <= len(c.edges) {
			delete(all, l)
		}
	}
	return all
}

func (c *visitors) text(v *solver, e *graph.Edge) string {
	return fmt.Sprintf("%s: %s from %d public addresses, %d of which came once",
		v.g.Peers[e.Dst].ID, e.PortString(), len(c.edges), c.once)
}
