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

// policyName is "namespace/name", of a cluster-wide policy its name alone.
func policyName(p *policy.Policy) string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}
