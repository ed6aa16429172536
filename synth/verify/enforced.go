package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Heard is what the data plane itself did with a connection since policies are in force: records of the log, not what
// an evaluator makes of them.
type Heard struct {
	Passed, Opened uint64 // records that passed, and connections that were opened; 0 where the log shows no openings
	Dropped        uint64 // records that policy dropped
	WouldDeny      uint64 // of Passed: those that a policy in audit mode or a staged one would deny
}

// add takes in what another connection of the edge did.
func (h *Heard) add(o Heard) {
	h.Passed += o.Passed
	h.Opened += o.Opened
	h.Dropped += o.Dropped
	h.WouldDeny += o.WouldDeny
}

// Enforcement reports whether policies that are in force do what they say.
type Enforcement struct {
	Records uint64   // that passed or were dropped since
	Drops   []Drop   // wanted edges that policy dropped
	News    []Drop   // edges that policy dropped, of which nothing says whether they are wanted
	Passes  []Pass   // edges that the policies deny and that passed
	Denied  int      // edges that policy dropped and that are meant to be: see Meaning
	Ends    []Judged // isolated workloads that were seen
	// Unjudged are edges that were left out: a fact is missing to say what the policies decide.
	Unjudged int
	Outside  []string // pods of isolated namespaces that no policy holds: on their node's network, or not managed
	// NoOpenings says that the log does not show when connections are opened: whether one is older than the policies
	// cannot be told.
	NoOpenings bool
}

// Meaning is what is known of an edge before policy drops it.
type Meaning uint8

// The meanings. That an edge never worked, or was never tried, says nothing: its need may be new.
const (
	Unheard  Meaning = iota // no record of it worked, and nobody decided
	Wanted                  // it worked, or people want it
	Unwanted                // people decided against it, or policy denied it before these policies were there
)

// Drop is an edge that policy dropped.
type Drop struct {
	Edge           graph.EdgeID
	Outside        bool // its client is no pod and no node: anybody
	Src, Dst, Port string
	Records        uint64
	Missing        []string // what rules would have to say; none where the policies allow it
	Why            string
	Policy         string // to look at, "" for none
	At             policy.Position
}

// Pass is an edge that the policies deny and that passed.
type Pass struct {
	Edge           graph.EdgeID
	Src, Dst, Port string
	Records        uint64
	Why            string // what denies it
	Cause          Cause
}

// Cause says why what policies deny may pass.
type Cause uint8

// The causes.
const (
	Established Cause = iota // no opening was seen since: connections are not judged again, but by Cilium
	Ignored                  // nothing at all was dropped in the namespace: the plugin may ignore the policies
	NotApplied               // other connections are dropped there
)

// String is the cause in words.
func (c Cause) String() string {
	return [...]string{
		"not opened since, and what is open is not judged again: restart the pods or end the connections",
		"policy dropped nothing in the namespace since: does the network plugin enforce these policies?",
		"policy drops other connections there: these policies are not all applied, or others beside them allow it",
	}[c]
}

// Judged is a direction of a workload that the policies isolate, and whether a connection was judged by them since.
type Judged struct {
	Workload  string
	Direction model.Direction
	Confirmed bool // a connection was opened or dropped; to Cilium, which judges packets, one went on
}

// Failed counts what keeps an enforcement from being done, a line for each. What anybody outside tries is told, and
// keeps nothing.
func (e *Enforcement) Failed() []string {
	var out []string
	unsure, news := 0, 0
	for _, d := range e.News {
		if !d.Outside {
			news++
		}
	}
	for _, j := range e.Ends {
		if !j.Confirmed {
			unsure++
		}
	}
	for _, f := range []struct {
		n    int
		what string
	}{{len(e.Drops), "dropped though wanted"}, {news, "dropped and never seen to work"},
		{len(e.Passes), "passing though denied"}, {unsure, "not confirmed"}} {
		if f.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", f.n, f.what))
		}
	}
	if len(e.Ends) == 0 {
		out = append(out, "no pod that was seen is isolated by these policies")
	}
	return out
}

// Enforced compares a set that is in force with what the data plane did: heard has a Heard for each of g.Connections,
// and meant what is known of each edge; what a rule of the set allows is wanted too.
func Enforced(
	ctx context.Context, g *graph.Graph, set policy.PolicySet, cfg Config, heard []Heard, meant map[graph.EdgeID]Meaning,
) (Enforcement, error) {
	x := &enforcing{verifier: newVerifier(g, set, cfg), meant: meant, drops: map[graph.EdgeID]*Drop{},
		news: map[graph.EdgeID]*Drop{}, passes: map[graph.EdgeID]*Pass{}, of: map[graph.EdgeID]Heard{},
		denied: map[string]bool{}, unwanted: map[graph.EdgeID]bool{},
		unjudged: map[graph.EdgeID]bool{}, seen: map[seenEnd]bool{}}
	opened, records := false, uint64(0)
	for i := range g.Connections {
		e := &g.Edges[g.Connections[i].Edge]
		h := &heard[i]
		opened = opened || h.Opened > 0
		records += h.Passed + h.Dropped
		if h.Dropped > 0 {
			x.denied[g.Peers[e.Src].Namespace], x.denied[g.Peers[e.Dst].Namespace] = true, true
		}
		all := x.of[g.Connections[i].Edge]
		all.add(*h)
		x.of[g.Connections[i].Edge] = all
	}
	for i := range g.Connections {
		if i%4096 == 0 && ctx.Err() != nil {
			return Enforcement{}, ctx.Err()
		}
		x.look(&g.Connections[i], &heard[i])
	}
	return x.result(records, !opened && !x.perPacket()), nil
}

type enforcing struct {
	*verifier
	meant    map[graph.EdgeID]Meaning
	of       map[graph.EdgeID]Heard
	denied   map[string]bool // namespaces in which policy dropped something
	drops    map[graph.EdgeID]*Drop
	news     map[graph.EdgeID]*Drop
	passes   map[graph.EdgeID]*Pass
	unwanted map[graph.EdgeID]bool
	unjudged map[graph.EdgeID]bool
	seen     map[seenEnd]bool // whether a connection was judged
}

type seenEnd struct {
	peer graph.PeerID
	d    model.Direction
}

func (x *enforcing) look(c *graph.Connection, h *Heard) {
	if h.Passed+h.Dropped == 0 || !x.concerns(c) {
		return
	}
	_, d := x.decide(c, true)
	x.note(c, h)
	if undecided(d) {
		x.unjudged[c.Edge] = true
	}
	if h.Dropped > 0 {
		x.drop(c, h, d)
	}
	if h.Passed > 0 && d != nil && outcome(*d) == eval.Denied && !x.cfg.Inexpressible[c.Edge] {
		x.pass(c, h, d)
	}
}

// undecided reports whether nothing says what the policies decide.
func undecided(d *eval.Decision) bool { return d == nil || d.Unknown }

// perPacket reports whether the plugin judges every packet towards the server: Cilium asks its policy again for what
// its connection tracking calls established (bpf/bpf_lxc.c), where others let it pass.
func (x *enforcing) perPacket() bool { return x.cfg.Semantics == eval.Cilium }

// judged reports whether the policies judged a connection.
func (x *enforcing) judged(h *Heard) bool {
	return h.Opened+h.Dropped > 0 || x.perPacket() && h.Passed > 0
}

// note remembers at which isolated ends a connection was judged.
func (x *enforcing) note(c *graph.Connection, h *Heard) {
	e := &x.g.Edges[c.Edge]
	for _, end := range []struct {
		peer graph.PeerID
		id   model.EndpointID
		d    model.Direction
	}{{e.Src, c.Src, model.Egress}, {e.Dst, c.Dst, model.Ingress}} {
		if slices.ContainsFunc(x.may(end.id), func(m *eval.End) bool { return m.Isolated(end.d) == model.Yes }) {
			k := seenEnd{end.peer, end.d}
			x.seen[k] = x.seen[k] || x.judged(h)
		}
	}
}

func (x *enforcing) drop(c *graph.Connection, h *Heard, d *eval.Decision) {
	list := x.news
	switch {
	case x.cfg.Rejected[c.Edge] || x.cfg.Ignored[c.Edge]:
		x.unwanted[c.Edge] = true
		return
	case x.meant[c.Edge] == Wanted || named(d):
		list = x.drops
	case x.meant[c.Edge] == Unwanted:
		x.unwanted[c.Edge] = true
		return
	}
	of := x.caseOf(c, Lost, d)
	out := list[c.Edge]
	if out == nil {
		out = &Drop{Edge: c.Edge, Src: of.Src, Dst: of.Dst, Port: of.Port, Why: of.Why, Policy: of.Policy, At: of.At,
			Missing: of.Missing, Outside: x.outside(c)}
		if d != nil && d.Allowed {
			out.Why = "these policies allow it: others deny it, or these were not applied yet"
		}
		list[c.Edge] = out
	}
	out.Records += h.Dropped
}

// outside reports whether the client of a connection is no pod and no node.
func (x *enforcing) outside(c *graph.Connection) bool {
	p := &x.g.Peers[x.g.Edges[c.Edge].Src]
	return p.Kind == model.KindAddress || p.Kind == model.KindNetwork || p.Kind == model.KindNetworkSet ||
		p.Kind == model.KindEntity && p.Entities == model.World
}

// byClient puts what pods of the namespaces in scope lack before what others tried: nobody else makes those lines.
func (x *enforcing) byClient(a, b Drop) int {
	other := func(d *Drop) int {
		if x.in[x.g.Peers[x.g.Edges[d.Edge].Src].Namespace] {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(other(&a), other(&b)), cmp.Compare(a.Edge, b.Edge))
}

// named reports whether a rule of the set allows a connection, rather than that nothing isolates its ends.
func named(d *eval.Decision) bool {
	return d != nil && d.Allowed && (d.Egress.Reason == eval.ByRule || d.Ingress.Reason == eval.ByRule)
}

func (x *enforcing) pass(c *graph.Connection, h *Heard, d *eval.Decision) {
	out := x.passes[c.Edge]
	if out == nil {
		of := x.caseOf(c, Lost, d)
		out = &Pass{Edge: c.Edge, Src: of.Src, Dst: of.Dst, Port: of.Port, Why: of.Why, Cause: NotApplied}
		e := &x.g.Edges[c.Edge]
		ns := x.g.Peers[e.Src].Namespace
		if d.Ingress.Outcome == eval.Denied {
			ns = x.g.Peers[e.Dst].Namespace
		}
		switch {
		case x.of[c.Edge].Opened == 0 && !x.perPacket():
			out.Cause = Established
		case !x.denied[ns]:
			out.Cause = Ignored
		}
		x.passes[c.Edge] = out
	}
	out.Records += h.Passed
}

func (x *enforcing) result(records uint64, noOpenings bool) Enforcement {
	out := Enforcement{Records: records, Denied: len(x.unwanted), Unjudged: len(x.unjudged), NoOpenings: noOpenings}
	for _, d := range x.drops {
		out.Drops = append(out.Drops, *d)
	}
	for _, d := range x.news {
		out.News = append(out.News, *d)
	}
	slices.SortFunc(out.News, x.byClient)
	for _, p := range x.passes {
		if noOpenings && p.Cause == Established {
			p.Cause = NotApplied
			if e := &x.g.Edges[p.Edge]; !x.denied[x.g.Peers[e.Dst].Namespace] && !x.denied[x.g.Peers[e.Src].Namespace] {
				p.Cause = Ignored
			}
		}
		out.Passes = append(out.Passes, *p)
	}
	for end, confirmed := range x.seen {
		out.Ends = append(out.Ends, Judged{x.g.Peers[end.peer].ID, end.d, confirmed})
	}
	for id, ep := range x.g.Tables.Endpoints.Snapshot() {
		p := x.g.PeerOf[id]
		if p >= 0 && ep.Marks&(model.MarkHostNetwork|model.MarkUnmanaged) != 0 && x.in[ep.Namespace] {
			out.Outside = append(out.Outside, x.g.Peers[p].ID)
		}
	}
	slices.Sort(out.Outside)
	out.Outside = slices.Compact(out.Outside)
	slices.SortFunc(out.Drops, func(a, b Drop) int { return cmp.Compare(a.Edge, b.Edge) })
	slices.SortFunc(out.Passes, func(a, b Pass) int { return cmp.Compare(a.Edge, b.Edge) })
	slices.SortFunc(out.Ends, func(a, b Judged) int {
		return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Direction, b.Direction))
	})
	return out
}

// Staging compares a set that the cluster evaluates and does not enforce with what the data plane said of it.
type Staging struct {
	Heard    int        // edges that the data plane would deny
	Unjudged int        // edges that were left out: a fact is missing to say what the policies decide
	Silent   []Disputed // edges that the policies deny and of which the data plane said nothing
	Disputed []Disputed // edges that the data plane would deny and the policies allow
	// Doubtful are edges that the data plane would deny in some records only, and the policies allow: it said so before
	// it knew all policies or labels, or not of all pods; and those where a known defect says so.
	Doubtful []Disputed
	// Defects are faults of the plugin by which what it said may be wrong, told where it and the policies differ.
	Defects []Defect
	// Versions are those that Defects were chosen by, nil: all are told.
	Versions []string
}

// Disputed is an edge that the policies and the data plane decide differently.
type Disputed struct {
	Edge            graph.EdgeID
	Src, Dst, Port  string
	Records, Denied uint64 // that passed, and of these those that would be denied
	Why             string // what decides it among the policies
}

// Nothing reports whether the audit audits nothing: the policies deny what passed, and the data plane said so of no
// connection at all.
func (s *Staging) Nothing() bool { return s.Heard == 0 && len(s.Silent) > 0 }

// Failed counts what an audit asks to look at, a line for each.
func (s *Staging) Failed() []string {
	var out []string
	switch n := len(s.Silent); {
	case s.Nothing():
		out = append(out, "the audit audits nothing")
	case n > 0:
		out = append(out, fmt.Sprintf("%d not audited", n))
	}
	if n := len(s.Disputed); n > 0 {
		out = append(out, fmt.Sprintf("%d would be denied though these policies allow it", n))
	}
	return out
}

// Staged compares the verdicts of a set with those that the data plane gave while it only watched.
func Staged(
	ctx context.Context, g *graph.Graph, set policy.PolicySet, cfg Config, heard []Heard,
) (Staging, error) {
	v := newVerifier(g, set, cfg)
	type at struct {
		Heard
		d *eval.Decision
		c *graph.Connection
	}
	edges := map[graph.EdgeID]*at{}
	for i := range g.Connections {
		c := &g.Connections[i]
		if i%4096 == 0 && ctx.Err() != nil {
			return Staging{}, ctx.Err()
		}
		if heard[i].Passed == 0 || !v.concerns(c) {
			continue
		}
		_, d := v.decide(c, true)
		a := edges[c.Edge]
		if a == nil {
			a = &at{d: d, c: c}
			edges[c.Edge] = a
		}
		if d != nil && outcome(*d) == eval.Denied {
			a.d, a.c = d, c
		}
		a.add(heard[i])
	}
	var out Staging
	for i, a := range edges {
		if a.WouldDeny > 0 {
			out.Heard++
		}
		of := v.caseOf(a.c, Unproven, a.d)
		x := Disputed{i, of.Src, of.Dst, of.Port, a.Passed, a.WouldDeny, of.Why}
		switch {
		case undecided(a.d):
			out.Unjudged++
		case !a.d.Allowed && a.WouldDeny == 0:
			out.Silent = append(out.Silent, x)
		case a.d.Allowed && a.WouldDeny > 0 && v.namedPort(a.d):
			out.Doubtful = append(out.Doubtful, x)
		case a.d.Allowed && 2*a.WouldDeny > a.Passed:
			out.Disputed = append(out.Disputed, x)
		case a.d.Allowed && a.WouldDeny > 0:
			out.Doubtful = append(out.Doubtful, x)
		}
	}
	for _, list := range [][]Disputed{out.Silent, out.Disputed, out.Doubtful} {
		slices.SortFunc(list, func(a, b Disputed) int { return cmp.Compare(a.Edge, b.Edge) })
	}
	if len(out.Silent)+len(out.Disputed)+len(out.Doubtful) > 0 {
		out.Defects, out.Versions = defectsOf(cfg.Semantics, cfg.Versions), cfg.Versions
	}
	return out, nil
}
