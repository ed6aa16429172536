package synth

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Network is a named part of the address space. What lies in it is allowed whole where any of it is needed; "pub" and
// "pvt" stand for what Calico's aggregated flows call so.
type Network struct {
	Name  string
	CIDRs []netip.Prefix
}

// NodesNetwork is the name of the network that stands for the nodes of the cluster, where the log calls them by name only
// (Calico's HostEndpoints). No rule ever has the address of one node.
const NodesNetwork = "nodes"

var (
	everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	private    = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7")}
)

// configured gives a network of the configuration by its name, nil if there is none.
func (l *learner) configured(name string) *Network {
	for i := range l.cfg.Networks {
		if l.cfg.Networks[i].Name == name {
			return &l.cfg.Networks[i]
		}
	}
	return nil
}

// network gives the peers in policies of namespace ns for a network of the log: what the configuration says, or, where
// anywhere is asked for, all public or all private addresses. nil: nobody said.
func (l *learner) network(ns, name string) []policy.Peer {
	if n := l.configured(name); n != nil {
		return l.whole(ns, n, nil)
	}
	if !l.cfg.widens(WidenAnywhere) {
		return nil
	}
	switch name {
	case "pub":
		list := l.blocks(everywhere, nil)
		for i := range list {
			for _, p := range private {
				if p.Addr().Is4() == list[i].CIDR.Addr().Is4() {
					list[i].Except = append(list[i].Except, p)
				}
			}
		}
		return list
	case "pvt":
		return l.blocks(private, nil)
	}
	return nil
}

// outside gives the peers of addresses: the networks that the configuration names for them, everything where that was
// asked for, else the fewest CIDRs that take in no address that is known and not among them, and of those that were
// never seen no more each than is allowed: none, unless asked for.
func (l *learner) outside(ns string, list []netip.Addr) []policy.Peer {
	var out []policy.Peer
	var left []netip.Addr
	taken := map[int]bool{}
	for _, a := range list {
		i := slices.IndexFunc(l.cfg.Networks, func(n Network) bool { return within(a, n.CIDRs) })
		if i < 0 {
			left = append(left, a)
		} else if !taken[i] {
			taken[i] = true
			out = append(out, l.whole(ns, &l.cfg.Networks[i], list)...)
		}
	}
	if l.cfg.widens(WidenAnywhere) {
		for _, c := range everywhere {
			if slices.ContainsFunc(left, c.Contains) {
				out = append(out, l.blocks([]netip.Prefix{c}, list)...)
			}
		}
		return out
	}
	waste := 0
	if l.cfg.widens(WidenCIDR) {
		waste = l.cfg.AllowWaste
	}
	for _, c := range l.fewest(left, waste) {
		out = append(out, policy.Peer{Kind: policy.PeerCIDR, CIDR: c})
	}
	return out
}

func within(a netip.Addr, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(c netip.Prefix) bool { return c.Contains(a) })
}

// whole gives the peers of a whole network of the configuration: its name, where the dialect has named networks and
// nothing in it stays denied, else its CIDRs.
func (l *learner) whole(ns string, n *Network, needed []netip.Addr) []policy.Peer {
	blocks := l.blocks(n.CIDRs, needed)
	named := policy.Peer{Kind: policy.PeerNetwork, Name: setName(ns, n)}
	if !render.ValidNamespace(n.Name) || len(named.Name) > maxLabel || slices.ContainsFunc(blocks, func(p policy.Peer) bool { return len(p.Except) > 0 }) ||
		!l.says(policy.Rule{Direction: model.Egress, Peers: []policy.Peer{named}, AnyPort: true}) {
		return blocks
	}
	return []policy.Peer{named}
}

// maxLabel is the length that a label's value may have: Calico finds a named network by one.
const maxLabel = 63

// setName is the name of the object that holds a network for the policies of a namespace. Each namespace has its own,
// though the kind is cluster-wide: so the files of a namespace are whole by themselves, and no set of the cluster's own
// is overwritten.
func setName(ns string, n *Network) string { return ns + "." + n.Name }

// setOf gives the network that an object of setName holds, nil if it is none of them.
func (l *learner) setOf(name string) *Network {
	_, name, _ = strings.Cut(name, ".")
	return l.configured(name)
}

// sets gives the named networks that policies name.
func (l *learner) sets() []policy.Network {
	var out []policy.Network
	for _, p := range l.policies {
		for _, r := range p.Rules {
			for _, q := range r.Peers {
				if q.Kind == policy.PeerNetwork {
					out = append(out, policy.Network{Name: q.Name, CIDRs: l.setOf(q.Name).CIDRs})
				}
			}
		}
	}
	return out
}

// blocks are whole CIDRs less the addresses that policy denied, save those that are needed.
func (l *learner) blocks(list []netip.Prefix, needed []netip.Addr) []policy.Peer {
	var out []policy.Peer
	for _, c := range list {
		p := policy.Peer{Kind: policy.PeerCIDR, CIDR: c.Masked()}
		for _, a := range l.deniedAddresses() {
			if c.Contains(a) && !slices.Contains(needed, a) {
				p.Except = append(p.Except, prefix(a))
			}
		}
		out = append(out, p)
	}
	return out
}

// deniedAddresses are outside addresses that a denied edge has which stays denied, sorted.
func (l *learner) deniedAddresses() []netip.Addr {
	if l.denied == nil {
		l.denied = []netip.Addr{}
		for i := range l.g.Edges {
			e := &l.g.Edges[i]
			if e.State != graph.Denied || l.accepted(e) {
				continue
			}
			for _, p := range []int{e.Src, e.Dst} {
				if a := l.g.Peers[p].Address; a.IsValid() {
					l.denied = append(l.denied, prefix(a).Addr())
				}
			}
		}
		slices.SortFunc(l.denied, netip.Addr.Compare)
		l.denied = slices.Compact(l.denied)
	}
	return l.denied
}

// fewest covers addresses with the fewest CIDRs that each take in at most so many others, none of them known. A block
// that takes in too much lies only in blocks that do, so the largest one that does not is the best for each address.
func (l *learner) fewest(list []netip.Addr, waste int) []netip.Prefix {
	if len(list) == 0 {
		return nil
	}
	wanted := map[netip.Addr]bool{}
	for _, a := range list {
		wanted[a] = true
	}
	var known []netip.Addr
	for i := range l.g.Peers {
		if a := l.g.Peers[i].Address; a.IsValid() && !wanted[prefix(a).Addr()] {
			known = append(known, prefix(a).Addr())
		}
	}
	blocks := map[netip.Prefix]bool{}
	for a := range wanted {
		best := prefix(a)
		for host := 1; host < min(31, a.BitLen()); host++ {
			c := netip.PrefixFrom(a, a.BitLen()-host).Masked()
			if 1<<host > waste+len(wanted) || 1<<host > waste+count(wanted, c) || slices.ContainsFunc(known, c.Contains) {
				break
			}
			best = c
		}
		blocks[best] = true
	}
	return slices.SortedFunc(maps.Keys(blocks), netip.Prefix.Compare)
}

func count(addresses map[netip.Addr]bool, c netip.Prefix) (n int) {
	for a := range addresses {
		if c.Contains(a) {
			n++
		}
	}
	return n
}

// priceOutside notes what a rule with CIDRs allows beside the addresses that were seen: its addresses never seen times
// its ports and the workloads it is for.
func (l *learner) priceOutside(id string, r *learned, subjects int) {
	seen := map[netip.Addr]bool{}
	for _, i := range r.edges {
		for _, p := range []int{l.g.Edges[i].Src, l.g.Edges[i].Dst} {
			if a := l.g.Peers[p].Address; a.IsValid() {
				seen[prefix(a).Addr()] = true
			}
		}
	}
	unseen := new(big.Int)
	for _, p := range r.Peers {
		for _, c := range l.cidrsOf(&p) {
			unseen.Add(unseen, size(c))
			for a := range seen {
				if c.Contains(a) {
					unseen.Sub(unseen, big.NewInt(1))
				}
			}
		}
		for _, e := range p.Except {
			unseen.Sub(unseen, size(e))
		}
	}
	if unseen.Sign() <= 0 {
		return
	}
	ports := 0
	for _, p := range r.Ports {
		ports += int(p.Last-p.First) + 1
	}
	unseen.Mul(unseen, big.NewInt(int64(ports*subjects)))
	price := math.MaxInt
	if unseen.IsInt64() {
		price = int(unseen.Int64())
	}
	kind, text := WidenCIDR, "outside addresses that were never seen, next to some that were"
	switch {
	case l.cfg.widens(WidenAnywhere) && slices.ContainsFunc(r.Peers, func(p policy.Peer) bool { return p.Kind == policy.PeerCIDR && !l.isNetwork(p) }):
		kind, text = WidenAnywhere, "every outside address"
	case !l.cfg.widens(WidenCIDR) || slices.ContainsFunc(r.Peers, l.isNetwork):
		kind, text = "networks", "the whole of networks that the configuration names"
	}
	l.widenRule(kind, text, id, price)
}

// cidrsOf gives the CIDRs of a peer outside the cluster.
func (l *learner) cidrsOf(p *policy.Peer) []netip.Prefix {
	switch p.Kind {
	case policy.PeerCIDR:
		return []netip.Prefix{p.CIDR}
	case policy.PeerNetwork:
		return l.setOf(p.Name).CIDRs
	}
	return nil
}

// isNetwork says whether a peer is what the configuration names, or a CIDR of it.
func (l *learner) isNetwork(p policy.Peer) bool {
	return p.Kind == policy.PeerNetwork || p.Kind == policy.PeerCIDR && slices.ContainsFunc(l.cfg.Networks, func(n Network) bool {
		return slices.ContainsFunc(n.CIDRs, func(c netip.Prefix) bool { return c.Masked() == p.CIDR })
	})
}

func size(c netip.Prefix) *big.Int {
	return new(big.Int).Lsh(big.NewInt(1), uint(c.Addr().BitLen()-c.Bits()))
}

// widenRule notes that a rule allows more than was seen. Prices add up and stop at the largest number.
func (l *learner) widenRule(kind, text, id string, price int) {
	i := slices.IndexFunc(l.widenings, func(w Widening) bool { return w.Kind == kind })
	if i < 0 {
		i = len(l.widenings)
		l.widenings = append(l.widenings, Widening{Kind: kind, Text: text})
	}
	w := &l.widenings[i]
	if slices.Contains(w.Rules, id) {
		return
	}
	w.Rules = append(w.Rules, id)
	if w.Price += price; w.Price < price {
		w.Price = math.MaxInt
	}
}

// finishWidenings sorts the widenings and makes a finding of those that are rules.
func (l *learner) finishWidenings() {
	slices.SortFunc(l.widenings, func(a, b Widening) int { return cmp.Compare(a.Kind, b.Kind) })
	for i := range l.widenings {
		w := &l.widenings[i]
		slices.Sort(w.Rules)
		if len(w.Rules) > 0 {
			l.find(Finding{KindWidened, Warning, "", model.DirectionUnknown, -1,
				fmt.Sprintf("%s: %s, by %d of the rules", w.Text, w.Cost(), len(w.Rules)), "they are allowed because that was asked for"})
		}
	}
}
