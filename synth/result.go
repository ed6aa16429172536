package synth

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/decision"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Result is what was learned.
type Result struct {
	Dialect  render.Dialect
	Cluster  string           // that the policies are for, "" where the log has but one
	Policies policy.PolicySet // the allow policies, canonical
	// RuleEdges gives for the id of every rule the edges that ask for it, sorted.
	RuleEdges map[string][]graph.EdgeID
	Subjects  []Subject // sorted by workload
	Findings  []Finding // the gravest first
	Losses    []Loss    // sorted by edge
	Widenings []Widening
	// Enforce says for each namespace that has subjects, or edges that stand in the way, which directions may get a
	// default deny.
	Enforce map[string]Enforce
	// Decided are the edges that people decided to reject, or to ignore.
	Decided map[graph.EdgeID]decision.Verdict
	Stats   Stats
	beside  map[string]policy.Policy
	whole   map[string][]policy.Policy // by namespace, for each subject what the allow policies say of it
	prefix  string                     // of the names of policies
	// isolated are the namespaces that policies deny something in today.
	isolated map[string]bool
	global   policy.Policy
}

// Subject is a workload that policies were learned for.
type Subject struct {
	Workload graph.WorkloadID
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

// Proven reports whether fewer rules are impossible.
func (p Proof) Proven() bool { return p.Rules == p.Bound }

// Large reports whether the matrix leaves something to search for.
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
	Src, Dst   graph.PeerID
	Proto      model.Proto
	Port, Last uint16 // the first and last of a range of ports, inclusive
}

func compareTriples(a, b Triple) int {
	return cmp.Or(
		cmp.Compare(a.Src, b.Src),
		cmp.Compare(a.Dst, b.Dst),
		cmp.Compare(a.Proto, b.Proto),
		cmp.Compare(a.Port, b.Port),
	)
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

// Forget drops the policies, once they are written and told of: in a large cluster they are most of what is in memory.
func (r *Result) Forget() {
	r.Policies, r.RuleEdges = policy.PolicySet{}, nil
	r.beside, r.whole, r.global = nil, nil, policy.Policy{}
}

// Inexpressible is the set of edges that worked and that the dialect cannot say at one of their ends.
func (r *Result) Inexpressible() map[graph.EdgeID]bool {
	out := map[graph.EdgeID]bool{}
	for _, l := range r.Losses {
		out[l.Edge] = true
	}
	return out
}

// Accepted is the set of edges that the policies are meant to allow, whatever the log says of them.
func (r *Result) Accepted() map[graph.EdgeID]bool {
	out := map[graph.EdgeID]bool{}
	for _, edges := range r.RuleEdges {
		for _, e := range edges {
			out[e] = true
		}
	}
	return out
}

// DecidedAs is the set of edges that people decided so.
func (r *Result) DecidedAs(v decision.Verdict) map[graph.EdgeID]bool {
	out := map[graph.EdgeID]bool{}
	for e, verdict := range r.Decided {
		out[e] = verdict == v
	}
	return out
}

// Widened reports whether a connection between two peers was opened by a widening.
func (r *Result) Widened(src, dst graph.PeerID, proto model.Proto, port uint16) bool {
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

// Withdraw takes the default deny of a direction back, because the policies as they were written would block what
// worked. Where it is forced it stays, and the reason with it.
func (r *Result) Withdraw(namespace string, d model.Direction, edge graph.EdgeID, why string) {
	e := r.Enforce[namespace]
	o := Obstacle{d, why, anyPod, noEdge, false}
	if !slices.Contains(e.Why, o) {
		e.Why = append(e.Why, o)
		sortObstacles(e.Why)
		r.Findings = append(r.Findings, KindLost.at(edge, namespace, d, why,
			"the direction stays open: no rule of these policies allows it"))
		sortFindings(r.Findings)
	}
	if s := *e.At(d); s.Enforced() && s != Forced {
		*e.At(d) = Losing
	}
	r.Enforce[namespace] = e
}

// Edited notes that policies which people changed or added block what worked in a direction that is denied.
func (r *Result) Edited(namespace string, d model.Direction) {
	if e := r.Enforce[namespace]; e.Allows(d) {
		*e.At(d) = Edited
		r.Enforce[namespace] = e
	}
}

// Taken is an object that a cluster has already under a name that is written here.
type Taken struct {
	Namespace, What string
	Decided         bool // the log alone shows it, by what it decided
}

// Taken notes what applying the policies would write over.
func (r *Result) Taken(list []Taken) {
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Kind == KindTaken })
	for _, t := range list {
		text := t.What + " is in the cluster already and is not of this bundle"
		if t.Decided {
			text = t.What + " decides connections in the log, and nothing shows that it is of this bundle"
		}
		r.Findings = append(r.Findings, KindTaken.of(t.Namespace, model.DirectionUnknown, text,
			"applying would replace it: what it allows or denies is gone then, and no undo brings it back"))
	}
	sortFindings(r.Findings)
}

// Reopens notes the policies that decide in namespaces that are opened for a while, by namespace. Nothing denied there
// was seen, which does not say that they deny nothing.
func (r *Result) Reopens(list map[string][]string) {
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Kind == KindReopens })
	for ns, names := range list {
		text := fmt.Sprintf("policies decide connections in %s today, and no denial was seen: %s", ns, names[0])
		if more := len(names) - 1; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		r.Findings = append(r.Findings, KindReopens.of(ns, model.DirectionUnknown, text,
			"the phase open allows what they deny, until it is removed: apply all phases at once"))
	}
	sortFindings(r.Findings)
}

// Lack is something that the policies need and the cluster does not have.
type Lack struct{ Text, Consequence string }

// Lacks notes what the cluster does not have.
func (r *Result) Lacks(list []Lack) {
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Kind == KindLacks })
	for _, l := range list {
		r.Findings = append(r.Findings, KindLacks.of("", model.DirectionUnknown, l.Text, l.Consequence))
	}
	sortFindings(r.Findings)
}

// Selects is a rule for pods that finds a NetworkSet, too.
type Selects struct {
	Namespace         string
	Direction         model.Direction
	Rule, Policy, Set string
}

// Selects notes rules for pods that allow the addresses of a NetworkSet as well.
func (r *Result) Selects(list []Selects) {
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Kind == KindNetworkSet })
	for _, s := range list {
		r.Findings = append(r.Findings, KindNetworkSet.of(s.Namespace, s.Direction,
			"rule "+s.Rule+" of policy "+s.Policy+" is for pods, and its selector finds the NetworkSet "+s.Set+" by its labels as well",
			"what has an address of the set is allowed, too"))
	}
	sortFindings(r.Findings)
}
