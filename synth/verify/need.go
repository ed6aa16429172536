package verify

import (
	"strings"

	"sluice/model"
	"sluice/synth/eval"
)

// Need is a rule that would allow what nothing but the lack of a rule denies.
type Need struct {
	Direction   model.Direction
	Self, Other string
	Port        string
}

// String is "egress of shop/web to shop/db 5432/tcp".
func (n Need) String() string {
	word := "to"
	if n.Direction == model.Ingress {
		word = "from"
	}
	return strings.Join([]string{n.Direction.String(), "of", n.Self, word, n.Other, n.Port}, " ")
}

// needs lists the rules that would allow a connection: one for each end that nothing but the lack of one closes.
func needs(src, dst, port string, d *eval.Decision) []Need {
	var out []Need
	if d.Egress.Outcome == eval.Denied && d.Egress.Reason == eval.NoRule {
		out = append(out, Need{model.Egress, src, dst, port})
	}
	if d.Ingress.Outcome == eval.Denied && d.Ingress.Reason == eval.NoRule {
		out = append(out, Need{model.Ingress, dst, src, port})
	}
	return out
}
