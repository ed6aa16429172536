package graph

import "sluice/model"

// Denials say at which ends policies denied an edge, and whether because none of them allows it, as where they isolate
// the end, or because a rule of theirs denies it. The zero value says that nothing was denied.
type Denials uint8

const (
	atEgress Denials = 1 << iota // at the source
	atIngress
	somewhere // at one of both: rows of stores from before it was noted, and logs that do not tell
	// the same in doubt: by a rule that denies, or before it worked
	doubted = 3 // so many bits further
)

func (d *Denials) add(it *item) {
	at := somewhere
	switch {
	case it.k.reason == model.AtEgress, it.k.observer == model.AtSource:
		at = atEgress
	case it.k.reason == model.AtIngress, it.k.observer == model.AtDestination:
		at = atIngress
	}
	if it.t.marks&model.MarkDenyRule != 0 {
		at <<= doubted
	}
	*d |= at
}

// doubt is for an edge that worked after it was last denied: what isolated its end may be gone.
func (d *Denials) doubt() { *d = *d&^(1<<doubted-1) | *d<<doubted }

// At reports whether policies perhaps isolate an end, the source for egress, and whether they do for sure, where alone
// says that the other end is none that policies select. A rule that denies may stand in a policy that isolates nothing.
func (d Denials) At(end model.Direction, alone bool) (perhaps, sure bool) {
	here := atEgress
	if end == model.Ingress {
		here = atIngress
	}
	perhaps = d&(here|somewhere|(here|somewhere)<<doubted) != 0
	return perhaps, d&here != 0 || alone && d&somewhere != 0
}
