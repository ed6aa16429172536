package eval

import (
	"encoding/binary"
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
	// names are the DNS names without a star among them, nil where these are few; read are the places of what is looked
	// at then: the first of those, which stands for all, and every other peer.
	names map[string]bool
	read  []int
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
	s.name(list)
	return s
}

// fewNames are as many names as are compared one by one.
const fewNames = 8

// name notes the names among peers, where they are many: a rule may have thousands.
func (s *peerSet) name(list []policy.Peer) {
	names := map[string]bool{}
	for i := range list {
		if isName(&list[i]) {
			names[plainName(list[i].Name)] = true
			if len(names) > 1 {
				continue
			}
		}
		s.read = append(s.read, i)
	}
	if s.names = names; len(names) <= fewNames {
		s.names, s.read = nil, nil
	}
}

// isName reports whether a peer is one DNS name.
func isName(p *policy.Peer) bool { return p.Kind == policy.PeerFQDN && !strings.Contains(p.Name, "*") }

// places is how many of so many peers are looked at, and place is where the one of a number stands.
func (s *peerSet) places(n int) int {
	if s == nil || s.names == nil {
		return n
	}
	return len(s.read)
}

func (s *peerSet) place(i int) int {
	if s == nil || s.names == nil {
		return i
	}
	return s.read[i]
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
	out := peerSet{list: slices.Clone(s.list), names: s.names, read: s.read}
	for i := range out.list {
		out.list[i].each = true
	}
	return &out
}
