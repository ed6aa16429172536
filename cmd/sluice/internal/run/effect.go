package run

import (
	"context"
	"fmt"
	"slices"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/decision"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

// Effect is what decisions would change about the policies of a bundle. The flows of its evidence are replayed through
// the policies as they are, and through what the decisions leave of them.
type Effect struct {
	Named []int // how many edges each decision is the first to name
	Freed int   // how many edges a decision that is taken out was the first to name
	// Lost worked, is allowed, and would be denied; Beside is the part of it that no decision names.
	Lost, Beside []Touched
	Opened       []Touched // is denied, and would be allowed
	Stays        []Touched // is decided to be denied, and something else still allows it
	Gone         []string  // ids of rules that no edge asks for any more
	Narrowed     []string  // ids of rules that some edges still ask for
	Notes        []string  // what could not be tried, and why
}

// Touched is an edge that decisions change.
type Touched struct {
	Source, Destination, Port string
	Connections               int // pairs of ends
	Records                   uint64
	Why                       string // by what it is decided then
}

// Deciding tries decisions on the policies of a bundle.
type Deciding struct {
	log      *Log
	policies *Policies
	standing []decision.Decision // those of the configuration
	dialect  render.Dialect
	judge    verify.Config
	before   *verify.Replayed
	peers    map[string]graph.PeerID   // by id
	asks     map[string][]graph.EdgeID // edges by the rule that they ask for
	asking   map[graph.EdgeID]bool     // all of them
}

// Decide prepares to try decisions on the policies of a bundle by the flows of a log, those of its own evidence.
// standing are the decisions of the configuration.
func Decide(ctx context.Context, l *Log, p *Policies, standing []decision.Decision) (*Deciding, error) {
	d := &Deciding{log: l, policies: p, standing: standing, peers: map[string]graph.PeerID{},
		asks: map[string][]graph.EdgeID{}, asking: map[graph.EdgeID]bool{}}
	var err error
	if d.dialect, err = all.Named(p.Bundle.Dialect); err != nil {
		return nil, err
	}
	if d.dialect, err = l.Config.dialect(d.dialect); err != nil {
		return nil, err
	}
	if d.judge, err = l.judging(p, VerifyConfig{CNI: p.Bundle.Verification.Semantics}); err != nil {
		return nil, err
	}
	g, m := l.Graph, p.Bundle
	for i, p := range g.AllPeers() {
		d.peers[p.ID] = i
	}
	edges := map[string]graph.EdgeID{}
	for i, e := range g.AllEdges() {
		edges[g.EdgeText(e)] = i
	}
	for _, r := range m.Rules {
		for _, i := range r.Edges {
			for name := range m.Edges[i].Each() {
				if at, ok := edges[name]; ok {
					d.asks[r.ID] = append(d.asks[r.ID], at)
					d.asking[at] = true
				}
			}
		}
	}
	d.before, err = verify.Replay(ctx, g, p.Set, d.judge)
	return d, err
}

// Try says what would change if decisions stood before those of the configuration, and some of these were taken out, by
// their index. The first that names an edge counts, as in the configuration.
func (d *Deciding) Try(ctx context.Context, list []decision.Decision, without []int) (*Effect, error) {
	t := &trying{Deciding: d, list: list, of: map[graph.EdgeID]int{}, freed: map[graph.EdgeID]bool{},
		out: &Effect{Named: make([]int, len(list))}}
	if err := t.name(without); err != nil {
		return nil, err
	}
	set, err := t.decided()
	if err != nil {
		return nil, err
	}
	after, err := verify.Replay(ctx, d.log.Graph, set, d.judge)
	if err != nil {
		return nil, err
	}
	t.compare(after)
	return t.out, nil
}

// trying is one try.
type trying struct {
	*Deciding
	list  []decision.Decision
	of    map[graph.EdgeID]int  // into list
	freed map[graph.EdgeID]bool // who is no longer decided by what is taken out: is it allowed then?
	add   policy.PolicySet
	out   *Effect
}

// name finds the edges that decisions name, and what becomes of those that a decision named that is taken out: the next
// one of the configuration counts for it, else whether it worked.
func (t *trying) name(without []int) error {
	book, err := decision.New(t.list)
	if err != nil {
		return err
	}
	before, err := decision.New(t.standing)
	if err != nil {
		return err
	}
	var left []decision.Decision
	for i := range t.standing {
		if !slices.Contains(without, i) {
			left = append(left, t.standing[i])
		}
	}
	after, err := decision.New(left)
	if err != nil {
		return err
	}
	g := t.log.Graph
	for i, e := range g.AllEdges() {
		if n, ok := synth.DecisionOn(g, i, book); ok {
			t.of[i] = n
			t.out.Named[n]++
			continue
		}
		if n, ok := synth.DecisionOn(g, i, before); !ok || !slices.Contains(without, n) {
			continue
		}
		t.out.Freed++
		if n, ok := synth.DecisionOn(g, i, after); ok {
			t.freed[i] = !denying(left[n].Verdict)
		} else {
			t.freed[i] = e.State.Worked()
		}
	}
	for _, i := range without {
		if x := &t.standing[i]; x.Verdict == decision.Widen {
			t.note(x.String() + ": what it opens without having been seen is closed again, which cannot be tried")
		}
	}
	return nil
}

// denying reports whether a verdict denies.
func denying(v decision.Verdict) bool { return v == decision.Reject || v == decision.Ignore }

// denies reports whether an edge is decided to be denied.
func (t *trying) denies(edge graph.EdgeID) bool {
	if allowed, ok := t.freed[edge]; ok {
		return !allowed
	}
	n, ok := t.of[edge]
	return ok && denying(t.list[n].Verdict)
}

// decided is what the decisions leave of the policies, with what they add.
func (t *trying) decided() (policy.PolicySet, error) {
	set := t.policies.Set
	set.Policies = slices.Clone(set.Policies)
	for i := range set.Policies {
		t.cut(&set.Policies[i])
	}
	for edge, e := range t.log.Graph.AllEdges() {
		n, named := t.of[edge]
		if _, freed := t.freed[edge]; !named && !freed || t.denies(edge) || t.asking[edge] {
			continue
		}
		what := t.log.Graph.EdgeText(e)
		if named {
			what = t.list[n].String()
		}
		t.allow(what, e.Src, e.Dst, policy.OnePort(e.Proto, e.Port))
	}
	for n := range t.list {
		if x := &t.list[n]; x.Verdict == decision.Widen {
			if err := t.widen(x, t.out.Named[n]); err != nil {
				return set, err
			}
		}
	}
	if len(t.add.Policies) > 0 {
		_, more, not := written(t.dialect, t.add.Canonical())
		if not != "" {
			t.note("what is added cannot be tried: " + not)
		}
		joined := policy.PolicySet{}
		joined.Join(set)
		joined.Join(more)
		set = joined
	}
	slices.Sort(t.out.Gone)
	slices.Sort(t.out.Narrowed)
	return set, nil
}

// cut takes out of a policy the rules that edges denied by decisions ask for. What else asks for them gets rules of
// its own. A direction without rules is left to the default deny, as learning does.
func (t *trying) cut(p *policy.Policy) {
	var kept []policy.Rule
	touched := map[model.Direction]bool{}
	for j := range p.Rules {
		id, d := p.RuleID(j), p.Rules[j].Direction
		edges := t.asks[id]
		if !slices.ContainsFunc(edges, t.denies) {
			kept = append(kept, p.Rules[j])
			continue
		}
		touched[d] = true
		remaining := slices.DeleteFunc(slices.Clone(edges), t.denies)
		if len(remaining) == 0 {
			t.out.Gone = append(t.out.Gone, id)
			continue
		}
		t.out.Narrowed = append(t.out.Narrowed, id)
		for _, i := range remaining {
			e := &t.log.Graph.Edges[i]
			t.half(t.log.Graph.EdgeText(e), t.question(e.Src, e.Dst), policy.OnePort(e.Proto, e.Port), d)
		}
	}
	p.Rules = kept
	for d := range touched {
		if !slices.ContainsFunc(kept, func(r policy.Rule) bool { return r.Direction == d }) {
			if d == model.Ingress {
				p.Ingress = false
			} else {
				p.Egress = false
			}
		}
	}
}

func (t *trying) question(src, dst graph.PeerID) verify.Question {
	g := t.log.Graph
	return verify.Question{Src: verify.Asked{Name: g.Peers[src].ID, Peer: src},
		Dst: verify.Asked{Name: g.Peers[dst].ID, Peer: dst}}
}

// allow adds rules for connections at both their ends, where the bundle has policies.
func (t *trying) allow(what string, src, dst graph.PeerID, ports policy.Port) {
	g := t.log.Graph
	q := t.question(src, dst)
	for _, end := range []struct {
		peer      graph.PeerID
		direction model.Direction
	}{{src, model.Egress}, {dst, model.Ingress}} {
		p := &g.Peers[end.peer]
		if p.Kind == model.KindPod && slices.Contains(t.judge.Namespaces, p.Namespace) {
			t.half(what, q, ports, end.direction)
		}
	}
}

// half adds a rule for one direction of connections.
func (t *trying) half(what string, q verify.Question, ports policy.Port, d model.Direction) {
	q.Proto, q.Port = ports.Proto, ports.First
	p, why := wanted(t.log.Graph, q, d, !t.dialect.Rollout().Additive)
	if why != "" {
		t.note(what + ": " + why)
		return
	}
	p.Rules[0].Ports = []policy.Port{ports}
	p.Name = fmt.Sprintf("try-%d", len(t.add.Policies)) // several workloads of a pair may ask for one port
	t.add.Policies = append(t.add.Policies, p)
}

// widen adds rules for what was never seen: every port of a range, of which edges were seen at some.
func (t *trying) widen(x *decision.Decision, seen int) error {
	src, ok := t.peers[x.Source]
	dst, ok2 := t.peers[x.Destination]
	if !ok || !ok2 {
		if seen > 0 {
			return nil // the edges that it names are tried each by itself
		}
		t.note(x.String() + ": one of the ends was never seen, so that it cannot be tried")
		return nil
	}
	proto, first, last, err := decision.Ports(x.Port)
	if err != nil {
		return err
	}
	t.allow(x.String(), src, dst, policy.Port{Proto: proto, First: first, Last: last})
	if n := int(last-first) + 1 - seen; n > 0 {
		t.note(x.String() + " opens " + text.Plural(n, "connection that was never seen", "connections that were never seen"))
	}
	return nil
}

func (t *trying) note(s string) {
	if !slices.Contains(t.out.Notes, s) {
		t.out.Notes = append(t.out.Notes, s)
	}
}

// compare sorts the edges by what becomes of their connections.
func (t *trying) compare(after *verify.Replayed) {
	g := t.log.Graph
	lists := map[*[]Touched]map[graph.EdgeID]int{}
	add := func(list *[]Touched, connection int, why bool) {
		c := &g.Connections[connection]
		if lists[list] == nil {
			lists[list] = map[graph.EdgeID]int{}
		}
		at, ok := lists[list][c.Edge]
		if !ok {
			e := &g.Edges[c.Edge]
			at = len(*list)
			lists[list][c.Edge] = at
			x := Touched{Source: g.Peers[e.Src].ID, Destination: g.Peers[e.Dst].ID, Port: e.PortString()}
			if why {
				x.Why = after.Why(connection)
			}
			*list = append(*list, x)
		}
		(*list)[at].Connections++
		(*list)[at].Records += c.Records
	}
	for i := range g.Connections {
		was, now, edge := t.before.Verdicts[i], after.Verdicts[i], g.Connections[i].Edge
		_, named := t.of[edge]
		_, freed := t.freed[edge]
		switch {
		case was == verify.Permitted && now == verify.Lost:
			add(&t.out.Lost, i, true)
			if !named && !freed {
				add(&t.out.Beside, i, true)
			}
		case was != now && (now == verify.Escaped || now == verify.Permitted || g.Edges[edge].State == graph.Pending):
			add(&t.out.Opened, i, false)
		case t.denies(edge) && now != verify.Lost && now != verify.Rejected:
			add(&t.out.Stays, i, true)
		}
	}
}
