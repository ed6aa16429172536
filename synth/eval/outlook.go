package eval

import "sluice/synth/policy"

// outlook is what an evaluation can still come to: what lacks is known only when it has come to an end.
type outlook struct {
	// allow and deny are what decided last, where Policy or Reason say so: what came before may not apply, and where all
	// comes to the same it is the last that is sure.
	allow, deny Part
	canAllow    bool
	canDeny     bool
	lacks       need
}

func (o *outlook) add(p Part) {
	switch p.Outcome {
	case Allowed:
		o.canAllow, o.allow = true, p
	case Denied:
		o.canDeny, o.deny = true, p
	default:
	}
}

// either adds both outcomes: which of them it is depends on what is lacking.
func (o *outlook) either(lacks need, p Part) {
	o.lacks.unknown(lacks)
	p.Outcome, p.Reason = Allowed, Lacking
	o.add(p)
	p.Outcome = Denied
	o.add(p)
}

func (o *outlook) part() Part {
	switch {
	case o.canAllow && o.canDeny:
		return Part{Outcome: Unknown, Reason: Lacking, Policy: -1, Rule: -1, Needs: string(o.lacks)}
	case o.canAllow:
		return o.allow
	}
	return o.deny
}

// partOf is what a rule decides that does not pass.
func partOf(action policy.Action, of, rule int) Part {
	p := Part{Outcome: Allowed, Reason: ByRule, Policy: of, Rule: rule}
	if action == policy.Deny {
		p.Outcome = Denied
	}
	return p
}
