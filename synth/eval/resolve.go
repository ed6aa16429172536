package eval

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// resolved is a peer of pods by the numbers of its conditions.
type resolved struct {
	ok               bool // otherwise the peer has to be read
	wide             bool // it asks for labels of namespaces alone, and finds what is no pod (ofNamespaces)
	each             bool // it is asked of each end by itself
	named            bool // of a namespace its name is enough
	pods, namespaces []int
}

// peerSet are the peers of a rule.
type peerSet struct {
	// pairs are the numbers of their selectors, sorted, where labels of pods and names of namespaces tell of each peer
	// whom it finds; nil where one asks for more.
	pairs []int32
	list  []resolved // then: each by itself
	// names are the DNS names without a star among them, and blocks the networks, none where these are few; read are the
	// places of what is asked of every end then: the first of the names, which stands for all, and every other peer.
	names  map[string]bool
	blocks blocks
	read   []int
	all    bool // they are everywhere
}

// blocks find networks, of less than all addresses and with nothing left out, by what is in them.
type blocks struct {
	at    map[netip.Prefix][]int // places of the peers of a network
	bits  []int                  // lengths of prefixes that there are
	list  []block                // sorted by their addresses once all are there
	first int                    // place
}

type block struct {
	netip.Prefix
	place int
}

// pairs numbers the pairs of selectors, of pods and of their namespaces, that peers of rules have: thousands of rules
// name the same pods.
type pairs struct {
	list    []resolved
	numbers map[string]int32
	placed  map[[2]place]int32 // by where the selectors lie in memory, while the set is prepared: most are shared
	// Numbers by one condition that each has: on pods, else on namespaces, else on nothing.
	byPod, byNamespace map[int][]int32
	others             []int32
}

func newPairs() pairs {
	return pairs{numbers: map[string]int32{}, placed: map[[2]place]int32{}, byPod: map[int][]int32{},
		byNamespace: map[int][]int32{}}
}

// place is where a selector lies.
type place struct {
	first *policy.Requirement
	n     int
}

func placeOf(s policy.Selector) place {
	if len(s) == 0 {
		return place{}
	}
	return place{&s[0], len(s)}
}

// resolve numbers the peers of a rule of a policy.
func (e *Evaluator) resolve(of *policy.Policy, list []policy.Peer) peerSet {
	s, known := peerSet{pairs: make([]int32, len(list))}, true
	each := func(i int) (r resolved, number int32) {
		p := &list[i]
		switch {
		case p.Kind != policy.PeerPods:
			return r, -1
		case e.semantics == Cilium && of.Around() && len(p.Pods) == 0 && !p.Inside:
			return resolved{wide: true}, -1
		}
		if number = e.pair(p); number >= 0 {
			r = e.pairs.list[number]
		}
		return r, number
	}
	for i := range list {
		r, number := each(i)
		s.pairs[i], known = number, known && r.ok && r.named
	}
	if known {
		slices.Sort(s.pairs)
		s.pairs = slices.Compact(s.pairs)
		return s
	}
	s.pairs, s.list = nil, make([]resolved, len(list))
	for i := range list {
		s.list[i], _ = each(i)
	}
	s.index(list)
	return s
}

// fewPeers are as many names or networks as are looked at one by one.
const fewPeers = 8

// index notes the names and the networks among peers, where they are many: a rule may have thousands.
func (s *peerSet) index(list []policy.Peer) {
	s.all = everywhere(list)
	names, b := map[string]bool{}, blocks{at: map[netip.Prefix][]int{}}
	var named []int
	read := []int{}
	for i := range list {
		switch p := &list[i]; {
		case isName(p):
			names[plainName(p.Name)] = true
			named = append(named, i)
		case p.Kind == policy.PeerCIDR && p.CIDR.Bits() > 0 && len(p.Except) == 0:
			b.add(p.CIDR, i)
		default:
			read = append(read, i)
		}
	}
	if len(names) > fewPeers {
		s.names, named = names, named[:1]
	}
	others := b.places()
	if len(others) > fewPeers {
		b.first, others = others[0], nil
		slices.SortFunc(b.list, func(x, y block) int { return x.Addr().Compare(y.Addr()) })
		s.blocks = b
	}
	if s.names != nil || s.blocks.at != nil {
		s.read = append(append(read, named...), others...)
		slices.Sort(s.read)
	}
}

func (b *blocks) add(p netip.Prefix, place int) {
	p = p.Masked()
	if b.list = append(b.list, block{p, place}); !slices.Contains(b.bits, p.Bits()) {
		b.bits = append(b.bits, p.Bits())
	}
	b.at[p] = append(b.at[p], place)
}

// places are those of all of them.
func (b *blocks) places() (places []int) {
	for i := range b.list {
		places = append(places, b.list[i].place)
	}
	return places
}

// ofEnd returns the places of the networks that may find an end. Of one of which no address is known each says alike,
// and the first says it; so do those that lie in the block of which any address may be meant.
func (b *blocks) ofEnd(end *End) (places []int) {
	switch {
	case end.Address.IsValid():
		return b.around(netip.PrefixFrom(end.Address, end.Address.BitLen()))
	case end.Block.IsValid():
		places = b.around(end.Block)
		from, _ := slices.BinarySearchFunc(b.list, end.Block.Masked().Addr(),
			func(in block, a netip.Addr) int { return in.Addr().Compare(a) })
		first := -1
		for _, in := range b.list[from:] {
			if !end.Block.Contains(in.Addr()) {
				break
			}
			if in.Bits() > end.Block.Bits() && (first < 0 || in.place < first) {
				first = in.place
			}
		}
		if first >= 0 {
			places = append(places, first)
		}
		return places
	default:
		return []int{b.first}
	}
}

// around returns the places of the networks that hold a block whole.
func (b *blocks) around(in netip.Prefix) (places []int) {
	for _, bits := range b.bits {
		if p, err := in.Addr().Prefix(bits); err == nil && bits <= in.Bits() {
			places = append(places, b.at[p]...)
		}
	}
	return places
}

// isName reports whether a peer is one DNS name.
func isName(p *policy.Peer) bool { return p.Kind == policy.PeerFQDN && !strings.Contains(p.Name, "*") }

// any reports whether one of the peers finds an end, as of tells of each; those that cannot are not asked.
func (s *peerSet) any(list []policy.Peer, end *End, of func(place int) model.Tri) model.Tri {
	m := model.No
	if s == nil || s.read == nil {
		for i := 0; i < len(list) && m != model.Yes; i++ {
			m = either(m, of(i))
		}
		return m
	}
	places := s.read
	if s.blocks.at != nil {
		places = slices.Concat(places, s.blocks.ofEnd(end))
		slices.Sort(places) // the first that lacks a fact says which
	}
	for k := 0; k < len(places) && m != model.Yes; k++ {
		m = either(m, of(places[k]))
	}
	return m
}

// everywhere reports whether peers are all addresses of both families: that of an end is one of them, known or not.
func everywhere(list []policy.Peer) bool {
	for _, all := range policy.Everywhere() {
		if !slices.ContainsFunc(list, func(p policy.Peer) bool {
			return p.Kind == policy.PeerCIDR && p.CIDR == all.CIDR && len(p.Except) == 0
		}) {
			return false
		}
	}
	return true
}

// everywhere is the function of that name for the peers of the set.
func (s *peerSet) everywhere(list []policy.Peer) bool {
	if s == nil {
		return everywhere(list)
	}
	return s.all
}

// pair is the number of the selectors of a peer of pods, -1 where a condition is about more than labels.
func (e *Evaluator) pair(p *policy.Peer) int32 {
	at := [2]place{placeOf(p.Pods), placeOf(p.Namespaces)}
	n, ok := e.pairs.placed[at]
	if !ok {
		n = -1
		if !slices.ContainsFunc(p.Pods, odd) && !slices.ContainsFunc(p.Namespaces, odd) {
			n = e.newPair(p)
		}
		e.pairs.placed[at] = n
	}
	return n
}

func (e *Evaluator) newPair(p *policy.Peer) int32 {
	r := resolved{ok: true, named: true}
	var key []byte
	for i := range p.Pods {
		r.pods = append(r.pods, e.ofPods.number(&p.Pods[i]))
		key = binary.AppendUvarint(key, 1+uint64(r.pods[i]))
	}
	key = append(key, 0)
	for i := range p.Namespaces {
		name := p.Namespaces[i].Key
		r.named = r.named && (name == policy.NamespaceName || e.semantics == Calico && name == calicoNamespaceName)
		r.namespaces = append(r.namespaces, e.ofNamespaces.number(&p.Namespaces[i]))
		key = binary.AppendUvarint(key, 1+uint64(r.namespaces[i]))
	}
	x := &e.pairs
	n, ok := x.numbers[string(key)]
	if ok {
		return n
	}
	n = int32(len(x.list))
	x.numbers[string(key)], x.list = n, append(x.list, r)
	switch {
	case len(r.pods) > 0:
		x.byPod[r.pods[0]] = append(x.byPod[r.pods[0]], n)
	case len(r.namespaces) > 0:
		x.byNamespace[r.namespaces[0]] = append(x.byNamespace[r.namespaces[0]], n)
	default:
		x.others = append(x.others, n)
	}
	return n
}

// meet notes which conditions an end meets, and by which selectors of peers it is found.
func (e *Evaluator) meet(end *End) {
	pod, namespace := end.Labels, end.namespace
	if e.semantics == Calico {
		pod, namespace = end.labels.labels, end.ofNamespace.labels
	}
	pods, namespaces := e.ofPods.listOf(pod), e.ofNamespaces.listOf(namespace)
	end.pods, end.namespaces = metOf(pods, len(e.ofPods.numbers)), metOf(namespaces, len(e.ofNamespaces.numbers))
	found := slices.Clone(e.pairs.others)
	find := func(candidates []int32) {
		for _, n := range candidates {
			if r := &e.pairs.list[n]; end.namespaces.all(r.namespaces) && end.pods.all(r.pods) {
				found = append(found, n)
			}
		}
	}
	for _, n := range pods {
		find(e.pairs.byPod[int(n)])
	}
	for _, n := range namespaces {
		find(e.pairs.byNamespace[int(n)])
	}
	end.pairs = metOf(found, len(e.pairs.list))
}

// finds reports whether one of the peers names a pod of the subject's cluster; ok is false where they have to be looked
// at one by one.
func (s *peerSet) finds(subject, end *End) (m model.Tri, ok bool) {
	switch {
	case s == nil || s.pairs == nil || end.LabelsUnknown:
		return model.No, false
	case !end.IsPod || elsewhere(end, subject):
		return model.No, true
	}
	return tri(end.pairs.any(s.pairs)), true
}

// at is the peer at a place, nil where it has to be read.
func (s *peerSet) at(i int) *resolved {
	if s == nil || i >= len(s.list) {
		return nil
	}
	return &s.list[i]
}

// finds reports whether the peer names a pod of the subject's cluster; ok is false where it has to be read.
func (r *resolved) finds(subject, end *End) (m model.Tri, ok bool) {
	switch {
	case r == nil || !r.ok || end.LabelsUnknown || !r.named && !end.namespaceKnown:
		return model.No, false
	case !end.IsPod || elsewhere(end, subject):
		return model.No, true
	}
	return tri(end.namespaces.all(r.namespaces) && end.pods.all(r.pods)), true
}

// each returns peers that are asked of each end by itself.
func (s *peerSet) each() *peerSet {
	if !slices.ContainsFunc(s.list, func(r resolved) bool { return r.wide }) {
		return s
	}
	out := *s
	out.list = slices.Clone(s.list)
	for i := range out.list {
		out.list[i].each = true
	}
	return &out
}
