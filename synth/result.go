package synth

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Result is what was learned.
type Result struct {
	Dialect  render.Dialect
	Cluster  string           // that the policies are for, "" where the log has but one
	Policies policy.PolicySet // the allow policies, canonical
	// RuleEdges gives for the id of every rule the edges that ask for it: indices into Graph.Edges, sorted.
	RuleEdges map[string][]int
	Subjects  []Subject // sorted by workload
	Findings  []Finding // the gravest first
	Losses    []Loss    // sorted by edge
	Widenings []Widening
	// Enforce says for each namespace that has subjects, or edges that stand in the way, which directions may get a default
	// deny.
	Enforce map[string]Enforce
	Stats   Stats
	beside  map[string]policy.Policy
	global  policy.Policy
}

// Subject is a workload that policies were learned for.
type Subject struct {
	Workload int      // index into Graph.Workloads
	Rules    []string // ids of the rules that apply to it, sorted
	// Ingress and Egress say how few its rules are, those for DNS aside.
	Ingress, Egress Proof
}

// Proof says of one subject and direction how many rules it has and how many it cannot do without. Subjects that share
// a policy share its rules.
type Proof struct {
	Rules int
	Bound int // proven: no fewer rules allow exactly what is needed
	// Peers and Ports are the size of the matrix once peers with the same ports, and ports of the same peers, are one.
	Peers, Ports int
}

// Proven says whether fewer rules are impossible.
func (p Proof) Proven() bool { return p.Rules == p.Bound }

// Large says whether the matrix leaves something to search for.
func (p Proof) Large() bool { return p.Peers >= 3 && p.Ports >= 3 }

// Widening is what was opened beside what was seen.
type Widening struct {
	Kind    string // "dns-tcp", "networks" or one that was asked for
	Text    string
	Price   int      // connections never seen; math.MaxInt where they are more than it
	Triples []Triple // the connections, sorted, where they can be listed
	Rules   []string // else ids of the rules that allow them, sorted
}

// Cost is the price in words.
func (w *Widening) Cost() string {
	switch w.Price {
	case math.MaxInt:
		return "more connections than can be counted"
	case 1:
		return "1 connection never seen"
	}
	return fmt.Sprintf("%d connections never seen", w.Price)
}

// Triple is a connection between peers of the graph on each of some ports.
type Triple struct {
	Src, Dst   int // indices into Graph.Peers
	Proto      model.Proto
	Port, Last uint16 // the first and last of a range of ports, inclusive
}

func compareTriples(a, b Triple) int {
	return cmp.Or(cmp.Compare(a.Src, b.Src), cmp.Compare(a.Dst, b.Dst), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
}

// Stats are the sizes of the set.
type Stats struct {
	Subjects, Policies, Rules, Peers, Ports, SelectorTerms int
	// Matrices counts subjects and directions with rules, Proven those whose rules are proven to be the fewest; the
	// large ones are counted apart as well.
	Matrices, Proven, Large, LargeProven int
}

func measure(subjects []Subject, set policy.PolicySet) Stats {
	s := Stats{Subjects: len(subjects), Policies: len(set.Policies)}
	for i := range subjects {
		s.prove(subjects[i].Ingress)
		s.prove(subjects[i].Egress)
	}
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

func (s *Stats) prove(p Proof) {
	if p.Rules == 0 {
		return
	}
	s.Matrices++
	if p.Proven() {
		s.Proven++
	}
	if !p.Large() {
		return
	}
	s.Large++
	if p.Proven() {
		s.LargeProven++
	}
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
		i, ok := slices.BinarySearchFunc(w.Triples, Triple{src, dst, proto, port, port}, compareTriples)
		if ok || i == 0 {
			return ok
		}
		t := w.Triples[i-1] // the ranges of a pair do not overlap
		return t.Src == src && t.Dst == dst && t.Proto == proto && port <= t.Last
	})
}

// WidenedRules are the ids of rules that allow on purpose what was never seen.
func (r *Result) WidenedRules() map[string]bool {
	out := map[string]bool{}
	for _, w := range r.Widenings {
		for _, id := range w.Rules {
			out[id] = true
		}
	}
	return out
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
	return policy.DefaultDeny(namespace, e.Ingress.Enforced(), e.Egress.Enforced()), e.Ingress.Enforced() || e.Egress.Enforced()
}

// GlobalDeny gives the policy that closes all namespaces but the system's, those to come among them, in the directions
// in which every namespace may be denied; false if it was not asked for or closes none.
func (r *Result) GlobalDeny() (policy.Policy, bool) {
	return r.global, r.global.Ingress || r.global.Egress
}

// Beside gives the policy that comes with the default deny of a namespace and with nothing else, false if there is none:
// it selects all pods, and those that nobody knows are isolated only then.
func (r *Result) Beside(namespace string) (policy.Policy, bool) {
	p, ok := r.beside[namespace]
	return p, ok && r.Enforce[namespace].Egress.Enforced()
}

// Remainder gives the policy that the enforced form of a namespace keeps beside its default deny, false if it needs
// none: a direction that may not be enforced stays open, though the allow policies isolate pods in it.
func (r *Result) Remainder(namespace string) (policy.Policy, bool) {
	e := r.Enforce[namespace]
	ingress, egress := !e.Ingress.Enforced(), !e.Egress.Enforced()
	return policy.Open(namespace, ingress, egress), ingress || egress
}

// Allow gives the allow policies of a namespace.
func (r *Result) Allow(namespace string) []policy.Policy {
	var list []policy.Policy
	for _, p := range r.Policies.Policies {
		if p.Namespace == namespace {
			list = append(list, p)
		}
	}
	return list
}

// Set gives a set of some of the result's policies, with the networks that they name.
func (r *Result) Set(list ...policy.Policy) policy.PolicySet {
	named := map[string]bool{}
	for i := range list {
		for j := range list[i].Rules {
			for k := range list[i].Rules[j].Peers {
				if q := &list[i].Rules[j].Peers[k]; q.Kind == policy.PeerNetwork {
					named[q.Name] = true
				}
			}
		}
	}
	set := policy.PolicySet{Policies: list}
	for _, n := range r.Policies.Networks {
		if named[n.Name] {
			set.Networks = append(set.Networks, n)
		}
	}
	return set
}

// Staged gives what applying the staging form of a namespace applies: policies of its own, and whether the allow
// policies come with them.
func (r *Result) Staged(namespace string) (list []policy.Policy, withAllow bool) {
	deny, _ := r.DefaultDeny(namespace)
	return r.Dialect.Stage(namespace, r.Allow(namespace), deny)
}

// Enforced gives the set as it is once all is enforced that may be: the allow policies, a default deny for every
// namespace and direction that allows it, the rest kept open. A namespace that may not be denied at all stays staged.
func (r *Result) Enforced() policy.PolicySet {
	var list []policy.Policy
	for _, ns := range r.Namespaces() {
		deny, ok := r.DefaultDeny(ns)
		if !ok {
			staged, withAllow := r.Staged(ns)
			if list = append(list, staged...); withAllow {
				list = append(list, r.Allow(ns)...)
			}
			continue
		}
		list = append(append(list, r.Allow(ns)...), deny)
		if p, ok := r.Beside(ns); ok {
			list = append(list, p)
		}
		if p, ok := r.Remainder(ns); ok {
			list = append(list, p)
		}
	}
	if p, ok := r.GlobalDeny(); ok {
		list = append(list, p)
	}
	set, _ := r.Dialect.Project(r.Set(list...))
	return set
}
