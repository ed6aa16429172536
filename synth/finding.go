package synth

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// Finding is something a reviewer should know. Where it speaks of an edge, Edge is that, else -1.
type Finding struct {
	Kind        Kind
	Severity    Severity
	Namespace   string
	Direction   model.Direction
	Edge        graph.EdgeID
	Text        string // what was seen
	Detail      string // how often and how long, which more of the same traffic changes
	Consequence string // what follows from it
	Rank        int    // among those of its kind: the least is told first, as what may do the most harm
}

// of makes a finding of a namespace, "" for none, in a direction or in no certain one.
func (k Kind) of(namespace string, d model.Direction, text, consequence string) Finding {
	return Finding{k, k.Severity(), namespace, d, -1, text, "", consequence, 0}
}

// at makes a finding of an edge, seen from a chosen namespace.
func (k Kind) at(edge graph.EdgeID, namespace string, d model.Direction, text, consequence string) Finding {
	f := k.of(namespace, d, text, consequence)
	f.Edge = edge
	return f
}

// detailed is the finding with how often or how long something was seen.
func (f Finding) detailed(format string, a ...any) Finding {
	f.Detail = fmt.Sprintf(format, a...)
	return f
}

// as is the finding with less severity than its kind may have.
func (f Finding) as(s Severity) Finding {
	f.Severity = s
	return f
}

func sortFindings(f []Finding) {
	slices.SortFunc(f, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Rank, b.Rank),
			cmp.Compare(a.Direction, b.Direction),
			cmp.Compare(a.Edge, b.Edge),
			cmp.Compare(a.Text, b.Text),
		)
	})
}

// Loss is an edge that worked and that the dialect cannot say at one of its ends.
type Loss struct {
	Edge        graph.EdgeID
	Namespace   string // of the end that is isolated
	Direction   model.Direction
	Text        string
	Consequence string
}

// notes are what a run has to say beside its policies: findings, losses, and what stands against a default deny.
type notes struct {
	findings []Finding
	losses   []Loss
	why      map[string][]Obstacle // by namespace; each that has subjects, or obstacles, is in it
}

// newNotes returns notes on namespaces that have subjects.
func newNotes(namespaces []string) *notes {
	n := &notes{why: map[string][]Obstacle{}}
	for _, ns := range namespaces {
		n.why[ns] = nil
	}
	return n
}

func (n *notes) find(f Finding) { n.findings = append(n.findings, f) }

// block notes what stands against the default deny of a direction: of one workload, or, with -1, of its namespace, and
// of one edge or of none. A namespace without subjects is blocked whole.
func (n *notes) block(namespace string, d model.Direction, workload graph.WorkloadID, edge graph.EdgeID, why string) {
	if _, ok := n.why[namespace]; !ok {
		for _, d := range policy.Directions() {
			n.why[namespace] = append(n.why[namespace],
				Obstacle{d, "no pod of " + namespace + " can be selected: nothing is learned for it", unnamed, noEdge, false})
		}
	}
	n.why[namespace] = append(n.why[namespace], Obstacle{d, why, workload, edge, false})
}

// blockPort notes what stands against the default deny of a direction of a workload as block does: not the one edge,
// but whatever comes or goes at its port.
func (n *notes) blockPort(namespace string, d model.Direction, workload graph.WorkloadID, edge graph.EdgeID, why string,
) {
	n.block(namespace, d, workload, edge, why)
	n.why[namespace][len(n.why[namespace])-1].AnyPeer = true
}

// lose notes an accepted edge that no rule can be written for, at an end that is a workload, -1 for none.
func (n *notes) lose(l Loss, workload graph.WorkloadID) {
	n.losses = append(n.losses, l)
	n.find(KindInexpressible.at(l.Edge, l.Namespace, l.Direction, l.Text, l.Consequence))
	n.block(l.Namespace, l.Direction, workload, l.Edge, l.Text)
}
