package synth

import (
	"strings"

	"sluice/model"
	"sluice/model/graph"
)

// remarkFragile notes the edges whose rules name an address.
func remarkFragile(v *solver, needs []need, n *notes) {
	bySubject := map[graph.WorkloadID][]need{}
	for _, x := range needs {
		if x.edge >= 0 && v.g.Peers[x.peer].Kind == model.KindAddress {
			bySubject[x.subject] = append(bySubject[x.subject], x)
		}
	}
	names := map[graph.WorkloadID]map[graph.PeerID][]string{}
	for subject, list := range bySubject {
		names[subject] = v.namesOf(list)
	}
	for _, x := range needs {
		p := &v.g.Peers[x.peer]
		byName := x.dir == model.Egress && len(names[x.subject][x.peer]) > 0
		if x.edge < 0 || x.widened || p.Kind != model.KindAddress || byName || p.Masked() || v.addresses.named(p) ||
			v.cfg.widens(WidenAnywhere) || model.FixedAddress(p.Address) {
			continue
		}
		e := &v.g.Edges[x.edge]
		text := v.edgeText(e) + " has an outside peer that is known by its address"
		if len(e.Names) > 0 {
			text += " (asked for as " + strings.Join(e.Names, ", ") + ")"
		}
		n.find(KindFragile.at(x.edge, x.namespace, x.dir, text, "the rule breaks when the address changes"))
	}
}
