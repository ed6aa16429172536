package synth

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render/kubernetes"
)

// Result is what was learned.
type Result struct {
	Policies policy.PolicySet // the allow policies, canonical
	// RuleEdges gives for the id of every rule the edges that ask for it: indices into Graph.Edges, sorted.
	RuleEdges map[string][]int
	Subjects  []Subject // sorted by workload
	Findings  []Finding // the gravest first
	Losses    []Loss    // sorted by edge
	Widenings []Widening
	// Enforce says for each namespace that has subjects which directions may get a default deny.
	Enforce map[string]Enforce
	Stats   Stats
}

// Subject is a workload that policies were learned for.
type Subject struct {
	Workload int      // index into Graph.Workloads
	Rules    []string // ids of the rules that apply to it, sorted
}

// Widening is what was opened beside what was seen.
type Widening struct {
	Kind    string // "dns-tcp"
	Text    string
	Price   int      // the number of Triples
	Triples []Triple // sorted
}

// Triple is a connection between peers of the graph.
type Triple struct {
	Src, Dst int // indices into Graph.Peers
	Proto    model.Proto
	Port     uint16
}

func compareTriples(a, b Triple) int {
	return cmp.Or(cmp.Compare(a.Src, b.Src), cmp.Compare(a.Dst, b.Dst), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
}

// Enforce says which directions of a namespace may be denied by default.
type Enforce struct {
	Ingress, Egress bool
	Why             []Obstacle // what keeps the others from it, sorted
}

// Allows says whether a direction may be denied by default.
func (e Enforce) Allows(d model.Direction) bool {
	return d == model.Ingress && e.Ingress || d == model.Egress && e.Egress
}

// Obstacle keeps a direction of a namespace from being enforced.
type Obstacle struct {
	Direction model.Direction
	Text      string
}

// Stats are the sizes of the set.
type Stats struct {
	Subjects, Policies, Rules, Peers, Ports, SelectorTerms int
}

func measure(subjects int, set policy.PolicySet) Stats {
	s := Stats{Subjects: subjects, Policies: len(set.Policies)}
	for i := range set.Policies {
		p := &set.Policies[i]
		s.SelectorTerms += len(p.Subject)
		s.Rules += len(p.Rules)
		for j := range p.Rules {
			s.Peers += len(p.Rules[j].Peers)
			s.Ports += len(p.Rules[j].Ports)
			for k := range p.Rules[j].Peers {
				s.SelectorTerms += len(p.Rules[j].Peers[k].Namespaces) + len(p.Rules[j].Peers[k].Pods)
			}
		}
	}
	return s
}

// Inexpressible is the set of edges that worked and that the dialect cannot say at one of their ends.
func (r *Result) Inexpressible() map[int]bool {
	out := map[int]bool{}
	for _, l := range r.Losses {
		out[l.Edge] = true
	}
	return out
}

// Accepted is the set of edges that the policies are meant to allow, whatever the log says of them.
func (r *Result) Accepted() map[int]bool {
	out := map[int]bool{}
	for _, edges := range r.RuleEdges {
		for _, e := range edges {
			out[e] = true
		}
	}
	return out
}

// Widened says whether a connection between two peers was opened by a widening.
func (r *Result) Widened(src, dst int, proto model.Proto, port uint16) bool {
	return slices.ContainsFunc(r.Widenings, func(w Widening) bool {
		_, ok := slices.BinarySearchFunc(w.Triples, Triple{src, dst, proto, port}, compareTriples)
		return ok
	})
}

// Namespaces lists the namespaces that have subjects, sorted.
func (r *Result) Namespaces() []string {
	out := make([]string, 0, len(r.Enforce))
	for ns := range r.Enforce {
		out = append(out, ns)
	}
	slices.Sort(out)
	return out
}

// DefaultDeny gives the policy that closes a namespace in the directions that Enforce allows, false if it allows none.
func (r *Result) DefaultDeny(namespace string) (policy.Policy, bool) {
	e := r.Enforce[namespace]
	return kubernetes.DefaultDeny(namespace, e.Ingress, e.Egress), e.Ingress || e.Egress
}

// Remainder gives the policy that the enforced form of a namespace keeps beside its default deny, false if it needs
// none: a direction that may not be enforced stays open, though the allow policies isolate pods in it.
func (r *Result) Remainder(namespace string) (policy.Policy, bool) {
	e := r.Enforce[namespace]
	return kubernetes.Open(namespace, nil, !e.Ingress, !e.Egress), !e.Ingress || !e.Egress
}

// Enforced gives the set as it is once all is enforced that may be: the allow policies, a default deny for every
// namespace and direction that allows it, the rest kept open.
func (r *Result) Enforced() policy.PolicySet {
	set := r.Policies
	for _, ns := range r.Namespaces() {
		if p, ok := r.DefaultDeny(ns); ok {
			set = set.Add(p)
		}
		if p, ok := r.Remainder(ns); ok {
			set = set.Add(p)
		}
	}
	return set.Canonical()
}
