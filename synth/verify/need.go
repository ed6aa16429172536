package verify

import (
	"strings"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Need is a rule that would allow what nothing but the lack of a rule denies, or a rule below those of namespaces.
type Need struct {
	Direction   model.Direction
	Self, Other string
	Port        string
	Below       bool // a rule below the policies of namespaces denies it: they win over that
}

// String is "egress of shop/web to shop/db 5432/tcp".
func (n Need) String() string {
	word := "to"
	if n.Direction == model.Ingress {
		word = "from"
	}
	return strings.Join([]string{n.Direction.String(), "of", n.Self, word, n.Other, n.Port}, " ")
}

// needs lists the rules that would allow a connection: one for each end that nothing but the lack of one closes, or a
// denial below the policies of namespaces, which win over it.
func needs(ev *eval.Evaluator, src, dst, port string, d *eval.Decision) []Need {
	var out []Need
	if lacks(ev, &d.Egress) {
		out = append(out, Need{model.Egress, src, dst, port, d.Egress.Reason == eval.ByRule})
	}
	if lacks(ev, &d.Ingress) {
		out = append(out, Need{model.Ingress, dst, src, port, d.Ingress.Reason == eval.ByRule})
	}
	return out
}

// lacks reports whether a rule that allows it is all that a direction lacks.
func lacks(ev *eval.Evaluator, p *eval.Part) bool {
	return p.Outcome == eval.Denied && (p.Reason == eval.NoRule || below(ev, p))
}

// below reports whether a rule decides that stands below the policies of namespaces.
func below(ev *eval.Evaluator, p *eval.Part) bool {
	return p.Reason == eval.ByRule && ev.Policies().Policies[p.Policy].Tier == policy.BaselineTier
}
