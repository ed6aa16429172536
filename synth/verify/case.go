package verify

import (
	"cmp"
	"slices"

	"sluice/model/graph"
	"sluice/synth/eval"
)

// Case is an edge with a verdict that someone should look at.
type Case struct {
	Verdict     Verdict
	Edge        int    // index into Graph.Edges
	Src, Dst    string // ids of the peers
	SrcPod      string // pods of the edge's earliest record, where known
	DstPod      string
	Port        string // "8080/tcp"
	Connections int    // pairs of ends that have this verdict
	Records     uint64
	// Egress and Ingress say at which of its ends the set denies it.
	Egress, Ingress bool
	Why             string // of most records, where the connections have several reasons
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
	edge    int
}

type gathered struct {
	Case
	records map[string]uint64 // by reason
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
		b.made = append(b.made, &gathered{Case: c, records: map[string]uint64{}})
		b.made[i].Connections, b.made[i].Records, b.made[i].Missing = 0, 0, nil
	}
	g := b.made[i]
	g.Connections++
	g.Records += c.Records
	g.Egress, g.Ingress = g.Egress || c.Egress, g.Ingress || c.Ingress
	g.records[c.Why] += max(c.Records, 1)
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
		most := ""
		for why, n := range g.records {
			if most == "" || n > g.records[most] || n == g.records[most] && why < most {
				most = why
			}
		}
		g.Why = most
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
	}
	if verdict == Lost && d != nil {
		for _, n := range needs(out.Src, out.Dst, out.Port, d) {
			out.Missing = append(out.Missing, n.String())
		}
	}
	return out
}
