package verify

import (
	"cmp"
	"slices"

	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Case is an edge with a verdict that someone should look at.
type Case struct {
	Verdict     Verdict
	Edge        graph.EdgeID
	Src, Dst    string // ids of the peers
	SrcPod      string // pods of the edge's earliest record, where known
	DstPod      string
	Port        string // "8080/tcp"
	Connections int    // pairs of ends that have this verdict
	Records     uint64
	// Egress and Ingress say at which of its ends the set denies it.
	Egress, Ingress bool
	Why             string // of most records, where the connections have several reasons
	// Policy is the one that decides it so or isolates the end, "" for none, and At where it stands.
	Policy string
	At     policy.Position
	// Lacking says of an unproven one that a fact about the policies is missing, which somebody can give.
	Lacking bool
	// Missing is what rules would have to say for a lost one: "egress of shop/web to shop/db 5432/tcp", egress first.
	Missing []string
}

// caseBook gathers the connections of one edge that have one verdict.
type caseBook struct {
	at   map[caseKey]int
	made []*gathered
}

type caseKey struct {
	verdict Verdict
	edge    graph.EdgeID
}

type gathered struct {
	Case
	reasons map[string]*reason
}

// reason is why connections of an edge have their verdict.
type reason struct {
	records uint64
	policy  string
	at      policy.Position
	lacking bool
}

func (b *caseBook) add(c Case) {
	k := caseKey{c.Verdict, c.Edge}
	i, ok := b.at[k]
	if !ok {
		if b.at == nil {
			b.at = map[caseKey]int{}
		}
		i = len(b.made)
		b.at[k] = i
		b.made = append(b.made, &gathered{Case: c, reasons: map[string]*reason{}})
		b.made[i].Connections, b.made[i].Records, b.made[i].Missing = 0, 0, nil
	}
	g := b.made[i]
	g.Connections++
	g.Records += c.Records
	g.Egress, g.Ingress = g.Egress || c.Egress, g.Ingress || c.Ingress
	if g.reasons[c.Why] == nil {
		g.reasons[c.Why] = &reason{policy: c.Policy, at: c.At, lacking: c.Lacking}
	}
	g.reasons[c.Why].records += max(c.Records, 1)
	for _, m := range c.Missing {
		if !slices.Contains(g.Missing, m) {
			g.Missing = append(g.Missing, m)
		}
	}
}

// list returns the cases: the gravest verdicts first, and of those the edges in their order.
func (b *caseBook) list() []Case {
	var out []Case
	for _, g := range b.made {
		most := &reason{}
		for why, r := range g.reasons {
			if r.records > most.records || r.records == most.records && why < g.Why {
				most, g.Why = r, why
			}
		}
		g.Policy, g.At, g.Lacking = most.policy, most.at, most.lacking
		slices.Sort(g.Missing)
		out = append(out, g.Case)
	}
	slices.SortFunc(
		out,
		func(a, b Case) int { return cmp.Or(cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(a.Edge, b.Edge)) },
	)
	return out
}

// caseOf tells of one connection.
func (v *verifier) caseOf(c *graph.Connection, verdict Verdict, d *eval.Decision) Case {
	e := &v.g.Edges[c.Edge]
	out := Case{Verdict: verdict, Edge: c.Edge, Src: v.g.Peers[e.Src].ID, Dst: v.g.Peers[e.Dst].ID, SrcPod: e.SrcPod,
		DstPod: e.DstPod, Port: e.PortString(), Records: c.Records, Why: v.why(c, d)}
	if d != nil {
		out.Egress, out.Ingress = d.Egress.Outcome == eval.Denied, d.Ingress.Outcome == eval.Denied
		out.Lacking = verdict == Unproven && d.LacksPolicyFact()
		if i := decides(d); i >= 0 {
			p := &v.ev.Policies().Policies[i]
			out.Policy, out.At = policyName(p), p.Source
		}
	}
	if verdict == Lost && d != nil {
		for _, n := range needs(out.Src, out.Dst, out.Port, d) {
			out.Missing = append(out.Missing, n.String())
		}
	}
	return out
}

// decides returns the index of the policy to look at for a decision, -1 for none: where the connection is denied or
// not known, that of the end which makes it so, else the one that lets it in.
func decides(d *eval.Decision) int {
	in, eg := &d.Ingress, &d.Egress
	switch {
	case d.Allowed && in.Policy >= 0, eg.Outcome == eval.Allowed:
		return in.Policy
	case d.Allowed, in.Outcome == eval.Allowed, eg.Outcome == eval.Denied && in.Outcome != eval.Denied:
		return eg.Policy
	}
	return in.Policy
}
