package verify

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Over is what a set allows at an end that it isolates and that was neither seen nor widened by name.
type Over struct {
	Count    int      // connections of the universe
	Universe int      // all connections of the universe with an isolated end
	Examples []Excess // the first of them
}

// Excess is one connection too many.
type Excess struct {
	Src    string `json:"source"`
	Dst    string `json:"destination"`
	Port   string `json:"port"`   // "80/tcp"
	Policy string `json:"policy"` // that allows it
	Rule   string `json:"rule"`   // its id
}

const maxExamples = 20

// measure tries what each rule could allow. The evaluator decides every time; what no rule names is not asked, since
// an isolated end allows nothing without a rule.
func measure(
	ctx context.Context, u *universe, ev *eval.Evaluator, id func(policy, rule int) string, cfg Config,
) (Over, error) {
	m := &measurer{u: u, ev: ev, id: id, cfg: cfg, counted: map[nameTriple]bool{}, matches: map[string][]int{},
		open: map[Opening]bool{}, having: map[string][]int{}, inside: map[string][]int{}}
	m.index()
	for _, o := range openings(ev.Policies()) {
		m.open[Opening{Namespace: o.Namespace, Direction: o.Direction}] = true
	}
	for i := range m.u.members {
		if err := ctx.Err(); err != nil {
			return Over{}, err
		}
		m.subject(i)
	}
	m.over.Universe = m.size()
	return m.over, nil
}

type nameTriple struct {
	src, dst string
	port
}

type measurer struct {
	u       *universe
	ev      *eval.Evaluator
	id      func(policy, rule int) string
	cfg     Config
	open    map[Opening]bool
	counted map[nameTriple]bool
	matches map[string][]int // members that a peer of a rule may name
	// Members by label, "key=value", by namespace, and those with an address in its order.
	having, inside map[string][]int
	addressed      []int
	// networks: the set has networks with a namespace, which selectors of pods find too.
	networks bool
	over     Over
	// isolated are the names of members that some policy isolates.
	isolated [3]map[string]bool
}

// index sorts members by what most of them are looked up by: a cluster has tens of thousands.
func (m *measurer) index() {
	for i := range m.u.members {
		end := m.u.members[i].end
		for _, kv := range end.Labels {
			m.having[kv] = append(m.having[kv], i)
		}
		m.inside[end.Namespace] = append(m.inside[end.Namespace], i)
		if end.Address.IsValid() {
			m.addressed = append(m.addressed, i)
		}
	}
	slices.SortStableFunc(m.addressed, func(a, b int) int {
		return m.u.members[a].end.Address.Compare(m.u.members[b].end.Address)
	})
	m.networks = slices.ContainsFunc(m.ev.Policies().Networks, func(n policy.Network) bool { return n.Namespace != "" })
}

func (m *measurer) subject(i int) {
	s := m.u.members[i].end
	set := m.ev.Policies().Policies
	for _, d := range []model.Direction{model.Ingress, model.Egress} {
		if m.isOpen(s.Namespace, d) || m.holds(s, d) {
			continue
		}
		if s.Isolated(d) == model.Yes {
			m.isolate(d, m.u.members[i].name)
		}
		for _, j := range s.Policies(d) {
			if set[j].Around() && s.Isolated(d) != model.Yes {
				continue // what nothing isolates is open without it
			}
			for k := range set[j].Rules {
				if r := &set[j].Rules[k]; r.Action == policy.Allow && r.Direction == d {
					m.rule(i, r)
				}
			}
		}
	}
}

// holds reports whether an end is held open in a direction.
func (m *measurer) holds(s *eval.End, d model.Direction) bool {
	set := m.ev.Policies().Policies
	return len(m.cfg.Held) > 0 && slices.ContainsFunc(s.Policies(d), func(j int) bool {
		for k := range set[j].Rules {
			if r := &set[j].Rules[k]; r.Direction == d && opens(r) && holds(&set[j], k, m.id(j, k), m.cfg.Held) {
				return true
			}
		}
		return false
	})
}

func (m *measurer) isOpen(ns string, d model.Direction) bool {
	return m.open[Opening{Namespace: ns, Direction: d}] || m.open[Opening{Direction: d}]
}

func (m *measurer) isolate(d model.Direction, name string) {
	if m.isolated[d] == nil {
		m.isolated[d] = map[string]bool{}
	}
	m.isolated[d][name] = true
}

// rule tries the peers and ports of one rule at one subject.
func (m *measurer) rule(subject int, r *policy.Rule) {
	peers := m.peers(r)
	for _, pt := range m.u.ports {
		if !namesPort(r, pt) {
			continue
		}
		for _, other := range peers {
			src, dst := subject, other
			if r.Direction == model.Ingress {
				src, dst = other, subject
			}
			m.try(src, dst, pt)
		}
	}
}

func (m *measurer) try(src, dst int, pt port) {
	a, b := &m.u.members[src], &m.u.members[dst]
	key := nameTriple{a.name, b.name, pt}
	if m.counted[key] {
		return
	}
	if a.peer >= 0 && b.peer >= 0 &&
		(m.u.seen[triple{a.peer, b.peer, pt}] || m.cfg.Widened != nil && m.cfg.Widened(a.peer, b.peer, pt.proto, pt.port)) {
		return
	}
	d := m.ev.Decide(a.end, b.end, pt.proto, pt.port)
	for _, at := range []struct {
		eval.Part
		dir         model.Direction
		self, other *member
	}{{d.Egress, model.Egress, a, b}, {d.Ingress, model.Ingress, b, a}} {
		if at.Outcome != eval.Allowed || at.Reason != eval.ByRule || m.isOpen(at.self.end.Namespace, at.dir) {
			continue
		}
		p := &m.ev.Policies().Policies[at.Policy]
		id := m.id(at.Policy, at.Rule)
		if holds(p, at.Rule, id, m.cfg.Held) {
			continue
		}
		if (!at.other.end.IsPod || len(p.Subject) == 0) && m.cfg.WidenedRules[id] {
			continue
		}
		m.counted[key] = true
		m.over.Count++
		if len(m.over.Examples) < maxExamples {
			e := graph.Edge{Proto: pt.proto, Port: pt.port}
			m.over.Examples = append(
				m.over.Examples,
				Excess{a.name, b.name, e.PortString(), p.Namespace + "/" + p.Name, id},
			)
		}
		return
	}
}

// peers returns the members that a rule may name, sorted.
func (m *measurer) peers(r *policy.Rule) []int {
	if r.AnyPeer {
		return m.matching(nil)
	}
	var out []int
	for i := range r.Peers {
		out = append(out, m.matching(&r.Peers[i])...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// matching returns the members that a peer may name, sorted; nil names all. It may give too many, never too few: the
// evaluator decides.
func (m *measurer) matching(p *policy.Peer) []int {
	key := ""
	if p != nil {
		key = policy.PeersKey([]policy.Peer{*p})
	}
	if out, ok := m.matches[key]; ok {
		return out
	}
	out := []int{}
	for i := range m.candidates(p) {
		if p == nil || m.mayName(p, m.u.members[i].end) {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	m.matches[key] = out
	return out
}

// candidates gives the members among which those are that a peer names: by the shortest index that finds them all.
func (m *measurer) candidates(p *policy.Peer) iter.Seq[int] {
	all := func(yield func(int) bool) {
		for i := range m.u.members {
			if !yield(i) {
				return
			}
		}
	}
	switch {
	case p != nil && p.Kind == policy.PeerCIDR:
		return m.within(p.CIDR)
	case p != nil && p.Kind == policy.PeerFQDN:
		return func(func(int) bool) {} // see mayName
	case p == nil || p.Kind != policy.PeerPods || m.networks:
		return all
	}
	best, found := [][]int(nil), len(m.u.members)
	offer := func(index map[string][]int, prefix string, values []string) {
		var lists [][]int
		n := 0
		for _, v := range values {
			list := index[prefix+v]
			lists, n = append(lists, list), n+len(list)
		}
		if n < found {
			best, found = lists, n
		}
	}
	for i := range p.Pods {
		if r := &p.Pods[i]; r.Op == policy.In && !given(r.Key) {
			offer(m.having, r.Key+"=", r.Values)
		}
	}
	for i := range p.Namespaces {
		if r := &p.Namespaces[i]; r.Op == policy.In && namesNamespace(r.Key) {
			offer(m.inside, "", r.Values)
		}
	}
	if found == len(m.u.members) {
		return all
	}
	return func(yield func(int) bool) {
		for _, list := range best {
			for _, i := range list {
				if !yield(i) {
					return
				}
			}
		}
	}
}

// within gives the members with an address in a range.
func (m *measurer) within(r netip.Prefix) iter.Seq[int] {
	first, _ := slices.BinarySearchFunc(m.addressed, r.Masked().Addr(), func(i int, a netip.Addr) int {
		return m.u.members[i].end.Address.Compare(a)
	})
	return func(yield func(int) bool) {
		for _, i := range m.addressed[first:] {
			if !r.Contains(m.u.members[i].end.Address) || !yield(i) {
				return
			}
		}
	}
}

// namesNamespace reports whether a label is the name of a namespace, which every namespace has.
func namesNamespace(key string) bool {
	return key == policy.NamespaceName || key == "projectcalico.org/name"
}

// mayName leaves labels of the namespace, what is excepted and what a network holds to the evaluator. What is not
// surely named is not surely allowed: an end without address, and peers by name, which need facts that no member has.
func (m *measurer) mayName(p *policy.Peer, end *eval.End) bool {
	switch p.Kind {
	case policy.PeerPods:
		if !end.IsPod {
			return m.networks
		}
		return mayHave(p.Pods, end.Labels) && mayBeIn(p.Namespaces, end.Namespace)
	case policy.PeerCIDR:
		return end.Address.IsValid() && p.CIDR.Contains(end.Address)
	case policy.PeerEntities:
		return end.Entities&p.Entities != 0
	case policy.PeerNetwork, policy.PeerNodes:
		return !end.IsPod
	case policy.PeerAll:
		return !slices.ContainsFunc(p.All, func(x policy.Peer) bool { return !m.mayName(&x, end) })
	default:
		return false
	}
}

// mayHave leaves labels that the log does not list to the evaluator.
func mayHave(s policy.Selector, labels model.Labels) bool {
	return !slices.ContainsFunc(s, func(r policy.Requirement) bool {
		if r.Op == policy.Either {
			return !slices.ContainsFunc(r.Any, func(s policy.Selector) bool { return mayHave(s, labels) })
		}
		return !given(r.Key) && !r.Matches(labels)
	})
}

// mayBeIn reports whether a namespace has the name that is asked for.
func mayBeIn(s policy.Selector, namespace string) bool {
	return !slices.ContainsFunc(s, func(r policy.Requirement) bool {
		return r.Op == policy.In && namesNamespace(r.Key) && !slices.Contains(r.Values, namespace)
	})
}

// given reports whether pods have a label from the network plugin: for their namespace or service account.
func given(key string) bool {
	return slices.ContainsFunc(
		[]string{"projectcalico.org/", "pcns.", "pcsa.", "io.cilium.k8s."},
		func(p string) bool { return strings.HasPrefix(key, p) },
	)
}

func namesPort(r *policy.Rule, pt port) bool {
	return r.AnyPort || slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
		return (p.Proto == pt.proto || p.Proto == 0) && (p.Name != "" || p.First <= pt.port && pt.port <= p.Last)
	})
}

// size counts the connections of the universe that have an isolated end.
func (m *measurer) size() int {
	names := map[string]bool{}
	for i := range m.u.members {
		names[m.u.members[i].name] = true
	}
	eg, in := len(m.isolated[model.Egress]), len(m.isolated[model.Ingress])
	return ((eg+in)*len(names) - eg*in) * len(m.u.ports)
}
