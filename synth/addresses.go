package synth

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// addresses finds peers for what lies outside the pods of the cluster.
type addresses struct {
	*scope
	*speech
	denied   []netip.Addr // see deniedAddresses
	known    []netip.Addr // all addresses of peers, sorted
	entities bool         // the log has entities: Cilium wrote it, to which no CIDR is a pod or a node
}

func newAddresses(s *scope, sp *speech) *addresses {
	x := &addresses{scope: s, speech: sp, denied: deniedAddresses(s)}
	for i := range s.g.Peers {
		x.entities = x.entities || s.g.Peers[i].Entities != 0
		if a := s.g.Peers[i].Address; a.IsValid() {
			x.known = append(x.known, prefix(a).Addr())
		}
	}
	slices.SortFunc(x.known, netip.Addr.Compare)
	x.known = slices.Compact(x.known)
	return x
}

var (
	everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	private    = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7")}
)

// configured returns a network of the configuration by its name, nil if there is none.
func (x *addresses) configured(name string) *Network {
	for i := range x.cfg.Networks {
		if x.cfg.Networks[i].Name == name {
			return &x.cfg.Networks[i]
		}
	}
	return nil
}

// configuredFor returns the network of the configuration that is a peer of the log, nil if there is none: a network set
// of a namespace has its own, or the one of its name alone.
func (x *addresses) configuredFor(p *graph.Peer) *Network {
	if n := x.configured(p.NetworkName()); n != nil {
		return n
	}
	return x.configured(p.Name)
}

// nodePeers returns the peers in policies of namespace ns for the nodes of the cluster. nil: nobody said what they are.
func (x *addresses) nodePeers(ns string) []policy.Peer {
	if n := x.configured(NodesNetwork); n != nil {
		return x.whole(ns, n, nil)
	}
	return nil
}

// network returns the peers in policies of namespace ns for a network of the log: what the configuration says, or,
// where anywhere is asked for, all public or all private addresses. nil: nobody said.
func (x *addresses) network(ns string, p *graph.Peer) []policy.Peer {
	if n := x.configuredFor(p); n != nil {
		return x.whole(ns, n, nil)
	}
	if !x.cfg.widens(WidenAnywhere) {
		return nil
	}
	switch p.NetworkName() {
	case "pub":
		list := x.blocks(everywhere, nil)
		for i := range list {
			for _, p := range private {
				if p.Addr().Is4() == list[i].CIDR.Addr().Is4() {
					list[i].Except = append(list[i].Except, p)
				}
			}
		}
		return list
	case "pvt":
		return x.blocks(private, nil)
	}
	return nil
}

// outside returns the peers of addresses: the networks that the configuration names for them, everything where that was
// asked for, else the fewest CIDRs that take in no address that is known and not among them, and of those that were
// never seen no more each than is allowed: none, unless asked for.
func (x *addresses) outside(ns string, list []netip.Addr) []policy.Peer {
	var out []policy.Peer
	var left []netip.Addr
	taken := map[int]bool{}
	for _, a := range list {
		i := slices.IndexFunc(x.cfg.Networks, func(n Network) bool { return within(a, n.CIDRs) })
		if i < 0 {
			left = append(left, a)
		} else if !taken[i] {
			taken[i] = true
			out = append(out, x.whole(ns, &x.cfg.Networks[i], list)...)
		}
	}
	if x.cfg.widens(WidenAnywhere) {
		for _, c := range everywhere {
			if slices.ContainsFunc(left, c.Contains) {
				out = append(out, x.blocks([]netip.Prefix{c}, list)...)
			}
		}
		return out
	}
	for _, c := range x.fewest(left, x.waste()) {
		out = append(out, policy.Peer{Kind: policy.PeerCIDR, CIDR: c})
	}
	return out
}

// masked says why no rule for the address of a peer would find it: the log shows a node there in other records. To
// Cilium such an end is the world and nothing narrower, in Calico its address is the node's.
func (x *addresses) masked(p *graph.Peer, d model.Direction) string {
	const after = ", so that no rule for the address finds it (--widen " + WidenAnywhere + " allows everything outside)"
	at, placed := x.cfg.Places[prefix(p.Address).Addr()]
	switch {
	case x.cfg.widens(WidenAnywhere):
		return ""
	case p.AlsoPod != "":
		return "the address is that of pods of " + p.AlsoPod + " in other records, which do not tell whose it was in the same hours: " +
			"addresses of pods go from one to the next" + after
	case p.Also != 0:
		return "the address is that of " + p.Also.String() + " in other records, and seen as world here" + after
	case placed && at.Network == NodesNetwork && x.cfg.ByIdentity && d == model.Ingress:
		return "the address is that of " + at.What + ", and seen as world here: what a node masquerades" + after
	case x.named(p):
	case p.AlsoHost != "":
		return "the address is that of node " + p.AlsoHost + ", which changes (" + toAllow(NodesNetwork) + ")"
	case placed:
		return "the address is that of " + at.What + ", which changes (" + toAllow(at.Network) + ")"
	}
	return ""
}

// named reports whether a network of the configuration has the address of a peer.
func (x *addresses) named(p *graph.Peer) bool {
	return slices.ContainsFunc(x.cfg.Networks, func(n Network) bool { return within(prefix(p.Address).Addr(), n.CIDRs) })
}

func within(a netip.Addr, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(c netip.Prefix) bool { return c.Contains(a) })
}

// whole returns the peers of a whole network of the configuration: its name, where the dialect has named networks and
// nothing in it stays denied, else its CIDRs.
func (x *addresses) whole(ns string, n *Network, needed []netip.Addr) []policy.Peer {
	blocks := x.blocks(n.CIDRs, needed)
	named := policy.Peer{Kind: policy.PeerNetwork, Name: setName(ns, n)}
	_, label, _ := strings.Cut(named.Name, ".")
	if !render.ValidNamespace(label) || x.setOf(named.Name) != n || len(named.Name) > maxLabel ||
		slices.ContainsFunc(blocks, func(p policy.Peer) bool { return len(p.Except) > 0 }) ||
		!x.says(policy.Rule{Direction: model.Egress, Peers: []policy.Peer{named}, AnyPort: true}) {
		return blocks
	}
	return []policy.Peer{named}
}

// maxLabel is the length that a label's value may have: Calico finds a named network by one.
const maxLabel = 63

// setName is the name of the object that holds a network for the policies of a namespace. Each namespace has its own,
// though the kind is cluster-wide: so the files of a namespace are whole by themselves, and no set of the cluster's own
// is overwritten.
func setName(ns string, n *Network) string { return ns + "." + strings.Replace(n.Name, "/", "--", 1) }

// setOf returns the network that an object of setName holds, nil if it is none of them.
func (x *addresses) setOf(name string) *Network {
	ns, _, _ := strings.Cut(name, ".")
	for i := range x.cfg.Networks {
		if n := &x.cfg.Networks[i]; setName(ns, n) == name {
			return n
		}
	}
	return nil
}

// sets returns the named networks that policies name.
func (x *addresses) sets(policies []policy.Policy) []policy.Network {
	var out []policy.Network
	for _, p := range policies {
		for _, r := range p.Rules {
			for _, q := range r.Peers {
				if q.Kind == policy.PeerNetwork {
					out = append(out, policy.Network{Name: q.Name, CIDRs: x.setOf(q.Name).CIDRs})
				}
			}
		}
	}
	return out
}

// blocks are whole CIDRs less the addresses that policy denied, save those that are needed.
func (x *addresses) blocks(list []netip.Prefix, needed []netip.Addr) []policy.Peer {
	var out []policy.Peer
	for _, c := range list {
		p := policy.Peer{Kind: policy.PeerCIDR, CIDR: c.Masked()}
		for _, a := range x.denied {
			if c.Contains(a) && !slices.Contains(needed, a) {
				p.Except = append(p.Except, prefix(a))
			}
		}
		out = append(out, p)
	}
	return out
}

// deniedAddresses are outside addresses that a denied edge has which stays denied, sorted.
func deniedAddresses(s *scope) []netip.Addr {
	var out []netip.Addr
	for i, e := range s.g.AllEdges() {
		if e.State != graph.Denied || s.accepted(i) {
			continue
		}
		for _, p := range []graph.PeerID{e.Src, e.Dst} {
			if a := s.g.Peers[p].Address; a.IsValid() {
				out = append(out, prefix(a).Addr())
			}
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// fewest covers addresses with the fewest CIDRs that each take in at most so many others, none of them known. A block
// that takes in too much lies only in blocks that do, so the largest one that does not is the best for each address.
func (x *addresses) fewest(list []netip.Addr, waste int) []netip.Prefix {
	if len(list) == 0 {
		return nil
	}
	wanted := slices.SortedFunc(slices.Values(list), netip.Addr.Compare)
	wanted = slices.Compact(wanted)
	var blocks []netip.Prefix
	for _, a := range wanted {
		if n := len(blocks); n > 0 && blocks[n-1].Contains(a) {
			continue
		}
		best := prefix(a)
		for host := 1; host < min(31, a.BitLen()); host++ {
			c := netip.PrefixFrom(a, a.BitLen()-host).Masked()
			if 1<<host > waste+len(wanted) {
				break
			}
			if n := count(wanted, c); 1<<host > waste+n || count(x.known, c) > n {
				break
			}
			best = c
		}
		blocks = append(blocks, best)
	}
	return blocks
}

// waste is how many addresses never seen one CIDR may take in.
func (x *addresses) waste() int {
	if x.cfg.widens(WidenCIDR) {
		return x.cfg.AllowWaste
	}
	return 0
}

// count returns how many of the addresses, which are sorted, lie in a CIDR.
func count(sorted []netip.Addr, c netip.Prefix) int {
	from, _ := slices.BinarySearchFunc(sorted, c.Masked().Addr(), netip.Addr.Compare)
	n, _ := slices.BinarySearchFunc(sorted[from:], c, func(a netip.Addr, c netip.Prefix) int {
		if c.Contains(a) {
			return -1
		}
		return 1
	})
	return n
}

// cidrsOf returns the CIDRs of a peer outside the cluster.
func (x *addresses) cidrsOf(p *policy.Peer) []netip.Prefix {
	switch p.Kind {
	case policy.PeerCIDR:
		return []netip.Prefix{p.CIDR}
	case policy.PeerNetwork:
		return x.setOf(p.Name).CIDRs
	default:
	}
	return nil
}

// isOf reports whether a peer is a network of the configuration, or some of it.
func (x *addresses) isOf(network string, p policy.Peer) bool {
	n := x.configured(network)
	return n != nil && (p.Kind == policy.PeerNetwork && x.setOf(p.Name) == n ||
		p.Kind == policy.PeerCIDR && slices.Contains(n.CIDRs, p.CIDR))
}

// isNetwork reports whether a peer is what the configuration names, or a CIDR of it.
func (x *addresses) isNetwork(p policy.Peer) bool {
	return p.Kind == policy.PeerNetwork ||
		p.Kind == policy.PeerCIDR && slices.ContainsFunc(x.cfg.Networks, func(n Network) bool {
			return slices.ContainsFunc(n.CIDRs, func(c netip.Prefix) bool { return c.Masked() == p.CIDR })
		})
}

func size(c netip.Prefix) *big.Int {
	return new(big.Int).Lsh(big.NewInt(1), uint(c.Addr().BitLen()-c.Bits()))
}

// prefix is the network that holds one address only.
func prefix(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen())
}
