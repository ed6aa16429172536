package synth

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// Blind is something that a log cannot show, since it was filtered: that nothing else connects follows from it for no
// pod of any namespace but Shown.
type Blind struct {
	policy.ByDirection[bool]
	Brief  string   // in a few words, what the log has alone: "drops"
	Text   string   // what its records have in common
	Means  string   // what follows from it
	Remedy string   // how to take the next log
	Shown  []string // namespaces that it shows whole, none for a filter that is not by namespace
}

// blindFor returns what a log cannot show of a namespace.
func blindFor(list []Blind, ns string) []Blind {
	var out []Blind
	for _, b := range list {
		if !slices.Contains(b.Shown, ns) {
			out = append(out, b)
		}
	}
	return out
}

// see notes what the log cannot show of a namespace.
func (e *Enforce) see(b *Blind) {
	if len(b.Shown) > 0 {
		e.Watched.With = strings.Join(b.Shown, ", ")
		return
	}
	for _, d := range policy.Directions() {
		if at := e.Lacks.At(d); *at == "" && *b.At(d) {
			*at = b.Brief
		}
	}
}

// remark notes what the log cannot show of a namespace, and the way out.
func (b *Blind) remark(s *scope, n *notes, ns string) {
	if len(b.Shown) > 0 {
		only := strings.Join(b.Shown, " and ")
		n.find(KindOneNamespace.of(ns, model.DirectionUnknown, "the pods of "+ns+" were watched only where they talk to "+only,
			notDenied(s, "both directions are", "neither direction is",
				"learn for "+only+" only (-n "+strings.Join(b.Shown, ",")+"), or record without a filter by namespace")))
		return
	}
	d, is, isNot := model.DirectionUnknown, "both directions are", "neither direction is"
	switch {
	case !b.Egress:
		d, is, isNot = model.Ingress, "ingress is", "ingress is not"
	case !b.Ingress:
		d, is, isNot = model.Egress, "egress is", "egress is not"
	}
	n.find(KindFiltered.of(ns, d, "the log shows a part alone: "+b.Text,
		b.Means+"; "+notDenied(s, is, isNot, b.Remedy)))
}

// notDenied says what becomes of directions of which too little is known.
func notDenied(s *scope, are, areNot, remedy string) string {
	if s.cfg.EnforceAnyway {
		return are + " denied all the same, because that was asked for"
	}
	return areNot + " denied yet: " + remedy
}
