package synth

import (
	"fmt"
	"net/netip"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// mostAddresses is how many CIDRs one port of a workload may need. A longer list is no policy that a person can read,
// and the clients of a public service are others tomorrow: the workload is held open, and a person chooses.
const mostAddresses = 500

// crowdAt is a port of a workload, in one direction, with all that lies outside as its peers.
type crowdAt struct {
	self  graph.PeerID
	dir   model.Direction
	proto model.Proto
	port  uint16
}

// crowd are too many outside addresses at one place.
type crowd struct {
	edges     int
	addresses []netip.Addr // sorted
	told      bool
}

// crowds notes the edges of crowds.
type crowds struct {
	*leaver
	addresses *addresses
	at        map[crowdAt]*crowd
}

// findCrowds returns the places that more outside addresses talk to, or are talked to from, than are listed.
func findCrowds(s *scope, x *addresses, sp *speech) map[crowdAt]*crowd {
	all := map[crowdAt]*crowd{}
	for i, e := range s.g.AllEdges() {
		if !s.accepted(i) {
			continue
		}
		for en := range s.ends(e) {
			if !x.listed(e, en, sp) {
				continue
			}
			at := crowdAt{en.self, en.dir, e.Proto, e.Port}
			if all[at] == nil {
				all[at] = &crowd{}
			}
			all[at].edges++
			all[at].addresses = append(all[at].addresses, prefix(s.g.Peers[en.peer].Address).Addr())
		}
	}
	for at, c := range all {
		slices.SortFunc(c.addresses, netip.Addr.Compare)
		c.addresses = slices.Compact(c.addresses)
		if len(c.addresses) <= mostAddresses || len(x.fewest(c.addresses, x.waste())) <= mostAddresses {
			delete(all, at)
		}
	}
	return all
}

// listed reports whether the peer of an edge would be one of a list of addresses: no network of the configuration has
// it, and it has no name that the dialect can say.
func (x *addresses) listed(e *graph.Edge, en edgeEnd, sp *speech) bool {
	p := &x.g.Peers[en.peer]
	if p.Kind != model.KindAddress || x.cfg.widens(WidenAnywhere) || p.Masked() {
		return false
	}
	if en.dir == model.Egress && len(e.Names) > 0 &&
		sp.says(policy.Rule{Direction: en.dir, Peers: namePeers(e.Names[:1]), AnyPort: true}) {
		return false
	}
	a := prefix(p.Address).Addr()
	return !slices.ContainsFunc(x.cfg.Networks, func(n Network) bool { return within(a, n.CIDRs) })
}

// crowded notes an edge that is one of a crowd, and reports whether it is: it gets no rule. The crowd is one finding.
func (x *crowds) crowded(i graph.EdgeID, e *graph.Edge, en edgeEnd) bool {
	c := x.at[crowdAt{en.self, en.dir, e.Proto, e.Port}]
	if c == nil || !x.addresses.listed(e, en, x.speech) {
		return false
	}
	self := &x.g.Peers[en.self]
	const why = "one of more outside addresses than a policy should list"
	x.losses = append(x.losses, Loss{i, en.namespace, en.dir, why, "its workload is held open"})
	if c.told {
		return true
	}
	c.told = true
	from := "from"
	if en.dir == model.Egress {
		from = "to"
	}
	text := fmt.Sprintf("%s: %s %s %d outside addresses, %s to %s: more than a policy should list",
		self.ID, e.PortString(), from, len(c.addresses), c.addresses[0], c.addresses[len(c.addresses)-1])
	x.find(KindCrowd.of(en.namespace, en.dir, text,
		"no rule is written for them, and the workload is held open: name their networks in the configuration, or "+
			"choose --widen "+WidenAnywhere+" (or "+WidenCIDR+")"))
	x.block(en.namespace, en.dir, x.holdable(en.self), noEdge, text)
	return true
}
