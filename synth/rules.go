package synth

import (
	"cmp"
	"net/netip"
	"slices"

	"sluice/model"
	"sluice/synth/cover"
	"sluice/synth/policy"
)

// learned is a rule with the edges that ask for it.
type learned struct {
	policy.Rule
	edges []int
}

// service is a protocol and some consecutive ports of it.
type service struct {
	proto      model.Proto
	port, last uint16 // inclusive
}

func compareServices(a, b service) int {
	return cmp.Or(cmp.Compare(a.proto, b.proto), cmp.Compare(a.port, b.port))
}

// rules makes the fewest rules of one subject and direction that allow exactly its needs. Where the dialect divides
// them, each class has rules of its own.
func (l *learner) rules(dir model.Direction, needs []need) ([]learned, Proof) {
	var out []learned
	var sum Proof
	for _, part := range l.classes(needs) {
		rules, p := l.rectangles(dir, part)
		out = append(out, rules...)
		sum.Rules, sum.Bound = sum.Rules+p.Rules, sum.Bound+p.Bound
		if p.Peers*p.Ports > sum.Peers*sum.Ports {
			sum.Peers, sum.Ports = p.Peers, p.Ports
		}
	}
	return out, sum
}

// rectangles makes the fewest rules for needs that can stand in one: they are the ones of a matrix of peers and ports,
// and a rule is a rectangle of it.
func (l *learner) rectangles(dir model.Direction, needs []need) ([]learned, Proof) {
	m := newMatrix(needs)
	m.names = l.namesOf(needs)
	c := cover.Cover(m.rows, cover.Options{Base: l.former(dir, needs, m)})
	proof := Proof{Rules: len(c.Rects), Bound: c.Bound, Peers: c.Rows, Ports: c.Cols}
	var out []learned
	for _, rect := range c.Rects {
		r := learned{Rule: policy.Rule{Direction: dir, Ports: m.portsOf(rect.Cols)}}
		var peers []int
		for _, i := range rect.Rows {
			peers = append(peers, m.peers[i])
			for _, k := range rect.Cols {
				r.edges = append(r.edges, m.edges[[2]int{i, k}]...)
			}
		}
		r.Peers = l.peersOf(l.namespace(needs[0]), peers, m.names)
		out = append(out, r)
	}
	return out, proof
}

// matrix has the needs of one subject and direction.
type matrix struct {
	peers    []int // sorted: rows
	services []service
	rows     [][]int
	edges    map[[2]int][]int
	names    map[int][]string // by peer: what stands for its address
}

// newMatrix cuts the ports of the needs so that each need has or has not the whole of a column: a range of thousands of
// ports is one column unless another need begins or ends in it.
func newMatrix(needs []need) *matrix {
	m := &matrix{edges: map[[2]int][]int{}}
	cuts := map[model.Proto][]int{}
	for _, n := range needs {
		m.peers = append(m.peers, n.peer)
		cuts[n.proto] = append(cuts[n.proto], int(n.port), int(n.last)+1)
	}
	slices.Sort(m.peers)
	m.peers = slices.Compact(m.peers)
	for p, list := range cuts {
		slices.Sort(list)
		cuts[p] = slices.Compact(list)
	}
	for _, n := range needs {
		m.services = append(m.services, n.pieces(cuts[n.proto])...)
	}
	slices.SortFunc(m.services, compareServices)
	m.services = slices.Compact(m.services)
	m.rows = make([][]int, len(m.peers))
	for _, n := range needs {
		i, _ := slices.BinarySearch(m.peers, n.peer)
		for _, s := range n.pieces(cuts[n.proto]) {
			k, _ := slices.BinarySearchFunc(m.services, s, compareServices)
			at := [2]int{i, k}
			if m.edges[at] == nil {
				m.rows[i] = append(m.rows[i], k)
			}
			m.edges[at] = append(m.edges[at], n.edge)
		}
	}
	return m
}

// pieces are the ports of a need between the cuts, which are sorted and have both of its ends.
func (n *need) pieces(cuts []int) []service {
	var out []service
	i, _ := slices.BinarySearch(cuts, int(n.port))
	for ; cuts[i] <= int(n.last); i++ {
		out = append(out, service{n.proto, uint16(cuts[i]), uint16(cuts[i+1] - 1)})
	}
	return out
}

// minRange is the number of consecutive ports that are written as a range.
const minRange = 3

// portsOf gives the ports of some columns. Ports that follow each other without a gap become a range.
func (m *matrix) portsOf(cols []int) []policy.Port {
	var out []policy.Port
	for i := 0; i < len(cols); {
		first, n := m.services[cols[i]], 1
		last := first.last
		for ; i+n < len(cols); n++ {
			next := m.services[cols[i+n]]
			if next.proto != first.proto || last == policy.LastPort || next.port != last+1 {
				break
			}
			last = next.last
		}
		if int(last)-int(first.port)+1 < minRange || !first.proto.HasPorts() {
			n, last = 1, first.last
		}
		if n == 1 && int(last)-int(first.port)+1 < minRange {
			for p := int(first.port); p <= int(last); p++ {
				out = append(out, policy.OnePort(first.proto, uint16(p)))
			}
		} else {
			out = append(out, policy.Port{Proto: first.proto, First: first.port, Last: last})
		}
		i += n
	}
	return out
}

// peersOf gives the peers in policies of namespace ns for peers of the graph that inexpressible let through.
func (l *learner) peersOf(ns string, peers []int, names map[int][]string) []policy.Peer {
	var out []policy.Peer
	var workloads []int
	var addresses []netip.Addr
	for _, i := range peers {
		switch p := &l.g.Peers[i]; {
		case p.Kind == model.KindPod:
			workloads = append(workloads, p.Workload)
		case len(names[i]) > 0:
			out = append(out, namePeers(names[i])...)
		case p.Kind == model.KindAddress:
			addresses = append(addresses, prefix(p.Address).Addr())
		case p.Kind == model.KindHost:
			out = append(out, l.network(ns, NodesNetwork)...)
		case p.Kind == model.KindNetwork || p.Kind == model.KindNetworkSet:
			out = append(out, l.network(ns, p.Name)...)
		default:
			out = append(out, l.peer(ns, i))
		}
	}
	out = append(out, l.outside(ns, addresses)...)
	for _, p := range l.products(workloads) {
		out = append(out, policy.Peer{Kind: policy.PeerPods, Namespaces: policy.Namespace(p.namespaces...), Pods: p.sel})
	}
	return out
}

// peer gives the peer in policies of namespace ns for one peer of the graph.
func (l *learner) peer(ns string, i int) policy.Peer {
	p := &l.g.Peers[i]
	switch p.Kind {
	case model.KindAddress:
		return policy.Peer{Kind: policy.PeerCIDR, CIDR: prefix(p.Address)}
	case model.KindEntity:
		return policy.Peer{Kind: policy.PeerEntities, Entities: narrowest(p.Entities)}
	case model.KindHost:
		return l.network(ns, NodesNetwork)[0]
	case model.KindNetwork, model.KindNetworkSet:
		return l.network(ns, p.Name)[0]
	}
	w := &l.g.Workloads[p.Workload]
	return policy.PodsIn(w.Namespace, policy.MatchLabels(w.Selector))
}

// former gives the rules of the former bundle as rectangles of the matrix, as far as they still are some.
func (l *learner) former(dir model.Direction, needs []need, m *matrix) []cover.Rect {
	if len(l.cfg.Base.Policies) == 0 || len(needs) == 0 {
		return nil
	}
	w := &l.g.Workloads[needs[0].subject]
	var out []cover.Rect
	for _, p := range l.cfg.Base.Policies {
		if p.Namespace != w.Namespace || !p.Subject.Matches(w.Common) {
			continue
		}
		for _, r := range p.Rules {
			if r.Direction != dir || r.AnyPeer || r.AnyPort {
				continue
			}
			if rect := l.rectangle(w.Namespace, &r, m); len(rect.Rows) > 0 && len(rect.Cols) > 0 {
				out = append(out, rect)
			}
		}
	}
	return out
}

// rectangle gives the peers and ports of a matrix that a rule names.
func (l *learner) rectangle(ns string, r *policy.Rule, m *matrix) cover.Rect {
	var rect cover.Rect
	for i, peer := range m.peers {
		if slices.ContainsFunc(r.Peers, func(p policy.Peer) bool {
			return p.Kind == policy.PeerFQDN && slices.Contains(m.names[peer], p.Name) || l.means(ns, &p, peer)
		}) {
			rect.Rows = append(rect.Rows, i)
		}
	}
	for k, s := range m.services {
		if slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
			return p.Proto == s.proto && p.Name == "" && p.First <= s.port && s.last <= p.Last
		}) {
			rect.Cols = append(rect.Cols, k)
		}
	}
	return rect
}

// means says whether a peer in policies of namespace ns means a peer of the graph.
func (l *learner) means(ns string, p *policy.Peer, peer int) bool {
	if n := l.setOf(p.Name); p.Kind == policy.PeerNetwork && n != nil {
		q := &l.g.Peers[peer]
		return (q.Kind == model.KindNetwork || q.Kind == model.KindNetworkSet) && q.Name == n.Name || q.Kind == model.KindHost && n.Name == NodesNetwork || q.Kind == model.KindAddress && within(prefix(q.Address).Addr(), n.CIDRs)
	}
	is := l.peer(ns, peer)
	if p.Kind != is.Kind {
		return false
	}
	if p.Kind != policy.PeerPods {
		return (p.CIDR == is.CIDR || is.CIDR.IsValid() && p.CIDR.Contains(is.CIDR.Addr())) && p.Entities == is.Entities && p.Name == is.Name
	}
	w := &l.g.Workloads[l.g.Peers[peer].Workload]
	return p.Pods.Matches(w.Common) && p.Namespaces.Matches(model.Labels{policy.NamespaceName + "=" + w.Namespace})
}
