// Package verify judges a set of policies by what was seen: it replays every connection of a graph through the
// reference evaluator, on the labels of the log and not on names of workloads, and measures what the set allows that
// nobody needed. It proposes nothing and reads no files.
package verify

import (
	"cmp"
	"context"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Config says how to judge.
type Config struct {
	Semantics eval.Semantics // of the network plugin that the flows came from
	// Namespaces are those that the set is for; nil: those it has policies in. What was denied between others stays
	// denied, whatever the set lacks.
	Namespaces []string
	// Inexpressible are edges that worked and that the dialect cannot say: their connections count apart.
	Inexpressible map[int]bool
	// Accepted are edges that the set is meant to allow although the log says denied.
	Accepted map[int]bool
	// Widened says whether a connection between peers of the graph is allowed on purpose without having been seen;
	// nil: none is.
	Widened func(src, dst int, proto model.Proto, port uint16) bool
}

// Verdict is what became of a connection. Each has exactly one.
type Verdict uint8

// The verdicts.
const (
	Permitted     Verdict = iota // worked, and is allowed
	Lost                         // worked, and would be denied
	Rejected                     // denied in the log, and stays denied
	Escaped                      // denied in the log, and would be allowed
	Inexpressible                // worked, and the dialect cannot say it
	Unproven                     // refused, undecided, or lacking a fact
	numVerdicts
)

// String is the lower-case name.
func (v Verdict) String() string {
	return [...]string{"permitted", "lost", "rejected", "escaped", "inexpressible", "unproven"}[v]
}

// Counts are the connections or records of each verdict.
type Counts [numVerdicts]uint64

// Total is the sum.
func (c Counts) Total() (n uint64) {
	for _, x := range c {
		n += x
	}
	return n
}

// Case is a connection with a verdict that someone should look at.
type Case struct {
	Verdict  Verdict
	Edge     int    // index into Graph.Edges
	Src, Dst string // ids of the peers
	SrcPod   string // pods of the edge's earliest record, where known
	DstPod   string
	Port     string // "8080/tcp"
	Records  uint64
	Why      string
}

// Report is the judgement.
type Report struct {
	Semantics   eval.Semantics
	Connections Counts
	Records     Counts
	Cases       []Case // lost and escaped ones, then those of edges that were not refused and stay unproven
	Unused      []Rule // rules that no connection needs
	Open        []Opening
	Over        Over
}

// Rule names a rule of the set.
type Rule struct{ ID, Policy, Text string }

// Verify replays all connections of g through the set and measures what it allows beyond them.
func Verify(ctx context.Context, g *graph.Graph, set policy.PolicySet, cfg Config) (Report, error) {
	v := &verifier{g: g, cfg: cfg, ev: eval.New(openersLast(set), cfg.Semantics), ends: map[model.EndpointID]*eval.End{}, used: map[[2]int]bool{}}
	v.scope()
	v.report.Semantics = cfg.Semantics
	for i := range g.Connections {
		if i%4096 == 0 && ctx.Err() != nil {
			return Report{}, ctx.Err()
		}
		v.replay(&g.Connections[i])
	}
	v.unused()
	v.report.Open = openings(set)
	over, err := measure(ctx, g, v.ev, cfg)
	v.report.Over = over
	slices.SortStableFunc(v.report.Cases, func(a, b Case) int { return cmp.Compare(a.Verdict, b.Verdict) })
	return v.report, err
}

type verifier struct {
	g      *graph.Graph
	cfg    Config
	ev     *eval.Evaluator
	ends   map[model.EndpointID]*eval.End
	in     map[string]bool // namespaces in scope
	wide   bool            // a cluster-wide policy: all namespaces are
	used   map[[2]int]bool // policy, rule
	report Report
}

func (v *verifier) scope() {
	v.in = map[string]bool{}
	for _, ns := range v.cfg.Namespaces {
		v.in[ns] = true
	}
	if v.cfg.Namespaces != nil {
		return
	}
	for _, p := range v.ev.Policies().Policies {
		v.in[p.Namespace] = true
		v.wide = v.wide || p.Namespace == ""
	}
}

func (v *verifier) end(id model.EndpointID) *eval.End {
	e := v.ends[id]
	if e == nil {
		e = v.ev.End(eval.FactsOf(v.g.Tables.Endpoints.Get(id)))
		v.ends[id] = e
	}
	return e
}

func (v *verifier) replay(c *graph.Connection) {
	verdict, d := v.judge(c)
	v.report.Connections[verdict]++
	v.report.Records[verdict] += c.Records
	if verdict == Lost || verdict == Escaped || verdict == Unproven && v.g.Edges[c.Edge].State != graph.Refused {
		e := &v.g.Edges[c.Edge]
		v.report.Cases = append(v.report.Cases, Case{verdict, c.Edge, v.g.Peers[e.Src].ID, v.g.Peers[e.Dst].ID,
			e.SrcPod, e.DstPod, e.PortString(), c.Records, v.why(c, d)})
	}
}

// why explains a case: by the decision, or by the labels without which there is none.
func (v *verifier) why(c *graph.Connection, d *eval.Decision) string {
	if d != nil {
		return v.ev.Why(*d)
	}
	ep := v.unlabelled(c)
	return "the log gives no labels for pod " + ep.Namespace + "/" + cmp.Or(ep.Name, ep.Owner.Name)
}

// unlabelled gives an end of a connection that is a pod whose labels the log leaves out, nil if there is none.
func (v *verifier) unlabelled(c *graph.Connection) *model.Endpoint {
	for _, id := range []model.EndpointID{c.Src, c.Dst} {
		if ep := v.g.Tables.Endpoints.Get(id); ep.Kind == model.KindPod && len(ep.Labels) == 0 {
			return ep
		}
	}
	return nil
}

// judge gives the verdict, and the decision where one was needed.
func (v *verifier) judge(c *graph.Connection) (Verdict, *eval.Decision) {
	e := &v.g.Edges[c.Edge]
	worked := e.State.Worked() || v.cfg.Accepted[c.Edge]
	switch {
	case e.State == graph.Refused:
		return Unproven, nil
	case v.cfg.Inexpressible[c.Edge]:
		return Inexpressible, nil
	case !v.concerns(c) && !worked:
		return Rejected, nil
	case !v.concerns(c):
		return Permitted, nil
	case v.unlabelled(c) != nil:
		return Unproven, nil
	}
	d := v.ev.Decide(v.end(c.Src), v.end(c.Dst), c.Proto, c.Port)
	v.use(d.Egress)
	v.use(d.Ingress)
	return verdictOf(worked, d), &d
}

func verdictOf(worked bool, d eval.Decision) Verdict {
	switch {
	case d.Unknown:
		return Unproven
	case worked && d.Allowed:
		return Permitted
	case worked:
		return Lost
	case d.Allowed:
		return Escaped
	}
	return Rejected
}

// concerns says whether an end of a connection is a pod that the set is for.
func (v *verifier) concerns(c *graph.Connection) bool {
	for _, id := range []model.EndpointID{c.Src, c.Dst} {
		if ep := v.g.Tables.Endpoints.Get(id); ep.Kind == model.KindPod && (v.wide || v.in[ep.Namespace]) {
			return true
		}
	}
	return false
}

func (v *verifier) use(p eval.Part) {
	if p.Reason == eval.ByRule {
		v.used[[2]int{p.Policy, p.Rule}] = true
	}
}

func (v *verifier) unused() {
	for i := range v.ev.Policies().Policies {
		p := &v.ev.Policies().Policies[i]
		for j := range p.Rules {
			if !v.used[[2]int{i, j}] && !opens(&p.Rules[j]) {
				v.report.Unused = append(v.report.Unused, Rule{p.RuleID(j), p.Namespace + "/" + p.Name, p.Rules[j].String()})
			}
		}
	}
}
