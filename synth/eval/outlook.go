package eval

import "sluice/synth/policy"

// outlook is what an evaluation can still come to: what lacks is known only when it has come to an end.
type outlook struct {
	allow, deny Part // what decided first, where Policy or Reason say so
	canAllow    bool
	canDeny     bool
	lacks       need
}

func (o *outlook) add(p Part) {
	switch {
	case p.Outcome == Allowed && !o.canAllow:
		o.canAllow, o.allow = true, p
	case p.Outcome == Denied && !o.canDeny:
		o.canDeny, o.deny = true, p
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
