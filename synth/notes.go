package synth

import (
	"sluice/model"
	"sluice/synth/policy"
)

// notes are what a run has to say beside its policies: findings, losses, and what stands against a default deny.
type notes struct {
	findings []Finding
	losses   []Loss
	why      map[string][]Obstacle // by namespace; each that has subjects, or obstacles, is in it
}

func newNotes(s *scope) *notes {
	n := &notes{why: map[string][]Obstacle{}}
	for i := range s.g.Workloads {
		if s.subject(i) {
			n.why[s.g.Workloads[i].Namespace] = nil
		}
	}
	return n
}

func (n *notes) find(f Finding) { n.findings = append(n.findings, f) }

// block notes what stands against the default deny of a direction: of one workload, or, with -1, of its namespace. One
// without subjects is blocked whole.
func (n *notes) block(namespace string, d model.Direction, workload int, why string) {
	if _, ok := n.why[namespace]; !ok {
		for _, d := range policy.Directions() {
			n.why[namespace] = append(n.why[namespace],
				Obstacle{d, "no pod of " + namespace + " can be selected: nothing is learned for it", -1})
		}
	}
	n.why[namespace] = append(n.why[namespace], Obstacle{d, why, workload})
}

// lose notes an accepted edge that no rule can be written for.
func (n *notes) lose(edge int, en end, workload int, text, consequence string) {
	n.losses = append(n.losses, Loss{edge, en.namespace, en.dir, text, consequence})
	n.find(KindInexpressible.at(edge, en.namespace, en.dir, text, consequence))
	n.block(en.namespace, en.dir, workload, text)
}
