package synth

import (
	"fmt"
	"net/netip"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// mostAddresses is how many CIDRs, or names, one port of a workload may need. A longer list is no policy that a person
// can read, and the clients of a public service, or names made for each request, are others tomorrow: the workload is
// held open at that port, and a person chooses.
const mostAddresses = 500

// crowdAt is a port of a workload, in one direction, with all that lies outside as its peers.
type crowdAt struct {
	self  graph.PeerID
	dir   model.Direction
	proto model.Proto
	port  uint16
	named bool // that rules know by names
}

// crowd are too many outside addresses at one place, or names of such.
type crowd struct {
	edges     int
	addresses []netip.Addr // sorted
	names     []string     // sorted
	told      bool
}

// text says what they are.
func (c *crowd) text() string {
	if len(c.names) > 0 {
		return fmt.Sprintf("%d names of outside addresses, %s to %s", len(c.names), c.names[0], c.names[len(c.names)-1])
	}
	return fmt.Sprintf("%d outside addresses, %s to %s", len(c.addresses), c.addresses[0], c.addresses[len(c.addresses)-1])
}

// crowds notes the edges of crowds.
type crowds struct {
	*leaver
	addresses *addresses
	at        map[crowdAt]*crowd
}

// findCrowds returns the places that more outside addresses talk to, or are talked to from, than are listed.
func findCrowds(s *scope, x *addresses, sp *speech) map[crowdAt]*crowd {
	all, wide := map[crowdAt]*crowd{}, domainsAsked(s)
	for i, e := range s.g.AllEdges() {
		if !s.accepted(i) {
			continue
		}
		for en := range s.ends(e) {
			named := x.byName(e, en, sp)
			if !named && !x.listed(e, en, sp) {
				continue
			}
			at := crowdAt{en.self, en.dir, e.Proto, e.Port, named}
			if all[at] == nil {
				all[at] = &crowd{}
			}
			c := all[at]
			c.edges++
			if !named {
				c.addresses = append(c.addresses, prefix(s.g.Peers[en.peer].Address).Addr())
				continue
			}
			for _, name := range e.Names {
				c.names = append(c.names, wide.widened(s.g.Peers[en.self].Workload, name))
			}
		}
	}
	for at, c := range all {
		slices.SortFunc(c.addresses, netip.Addr.Compare)
		c.addresses = slices.Compact(c.addresses)
		slices.Sort(c.names)
		c.names = slices.Compact(c.names)
		if len(c.names) > mostAddresses {
			continue
		}
		if len(c.addresses) <= mostAddresses || len(x.fewest(c.addresses, x.waste())) <= mostAddresses {
			delete(all, at)
		}
	}
	return all
}

// beyond reports whether the peer of an edge is an address outside, of which not all are allowed.
func (x *addresses) beyond(en edgeEnd) bool {
	p := &x.g.Peers[en.peer]
	return p.Kind == model.KindAddress && !x.cfg.widens(WidenAnywhere) && !p.Masked()
}

// byName reports whether the peer of an edge is allowed by the names that were asked for.
func (x *addresses) byName(e *graph.Edge, en edgeEnd, sp *speech) bool {
	return x.beyond(en) && en.dir == model.Egress && len(e.Names) > 0 &&
		sp.says(policy.Rule{Direction: en.dir, Peers: namePeers(e.Names[:1]), AnyPort: true})
}

// listed reports whether the peer of an edge would be one of a list of addresses: no network of the configuration has
// it, and it has no name that the dialect can say.
func (x *addresses) listed(e *graph.Edge, en edgeEnd, sp *speech) bool {
	if !x.beyond(en) || x.byName(e, en, sp) {
		return false
	}
	a := prefix(x.g.Peers[en.peer].Address).Addr()
	return !slices.ContainsFunc(x.cfg.Networks, func(n Network) bool { return within(a, n.CIDRs) })
}

// crowded notes an edge that is one of a crowd, and reports whether it is: it gets no rule. The crowd is one finding.
func (x *crowds) crowded(i graph.EdgeID, e *graph.Edge, en edgeEnd) bool {
	named := x.addresses.byName(e, en, x.speech)
	c := x.at[crowdAt{en.self, en.dir, e.Proto, e.Port, named}]
	if c == nil || !named && !x.addresses.listed(e, en, x.speech) {
		return false
	}
	self := &x.g.Peers[en.self]
	why, wider := "one of more outside addresses than a policy should list", WidenCIDR
	if named {
		why, wider = "of more names than a policy should list", WidenSuffixes
	}
	x.losses = append(x.losses, Loss{i, en.namespace, en.dir, why, "the port is held open at its workload"})
	if c.told {
		return true
	}
	c.told = true
	from := "from"
	if en.dir == model.Egress {
		from = "to"
	}
	text := fmt.Sprintf("%s: %s %s %s: more than a policy should list", self.ID, e.PortString(), from, c.text())
	x.find(KindCrowd.of(en.namespace, en.dir, text,
		"no rule is written for them, and the port is held open at the workload: name their networks in the configuration, or "+
			"choose --widen "+WidenAnywhere+" (or "+wider+")"))
	x.blockPort(en.namespace, en.dir, x.holdable(en.self), i, text)
	return true
}
