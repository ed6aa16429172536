package eval

import (
	"fmt"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// Outcome is the answer of one direction.
type Outcome uint8

// The outcomes. Unknown: it depends on a fact that was not given.
const (
	Denied Outcome = iota
	Allowed
	Unknown
)

// String is the lower-case name.
func (o Outcome) String() string { return [...]string{"denied", "allowed", "unknown"}[o] }

// Reason says what an Outcome rests on.
type Reason uint8

// The reasons.
const (
	NoRule      Reason = iota // isolated, and no rule allows it
	ByRule                    // a rule allows or denies it
	NotIsolated               // nothing isolates the end in this direction
	OwnNode                   // a node's own host and its pods
	Lacking                   // Part.Needs is not known
	Passed                    // no tier of Calico decides
)

// Part is the answer of one direction.
type Part struct {
	Outcome Outcome
	Reason  Reason
	Policy  int    // index of the policy that decided or isolates, -1 for none
	Rule    int    // index of its rule that decided, -1 for none
	Needs   string // with Lacking: the fact
}

// Decision is the answer for one connection: both directions must allow it. A denial by either end is certain whatever
// the other lacks.
type Decision struct {
	Allowed bool
	Unknown bool // neither allowed nor denied for sure
	Egress  Part // at the source
	Ingress Part // at the destination
}

// Why returns the reason of a decision of e on one line, both directions where they matter.
func (e *Evaluator) Why(d Decision) string {
	eg, in := "at the source "+e.WhyPart(d.Egress), "at the destination "+e.WhyPart(d.Ingress)
	switch {
	case d.Allowed:
		return "allowed: " + eg + "; " + in
	case d.Unknown && d.Egress.Outcome != Unknown:
		return "unknown: " + in
	case d.Unknown && d.Ingress.Outcome != Unknown:
		return "unknown: " + eg
	case d.Unknown:
		return "unknown: " + eg + "; " + in
	case d.Egress.Outcome != Denied:
		return "denied: " + in
	case d.Ingress.Outcome != Denied:
		return "denied: " + eg
	}
	return "denied: " + eg + "; " + in
}

// WhyPart returns the reason of the answer of one direction.
func (e *Evaluator) WhyPart(p Part) string {
	switch p.Reason {
	case NotIsolated:
		return "nothing isolates this end"
	case Passed:
		return "every tier passes it on"
	case OwnNode:
		return "a node and its own pods may always talk"
	case Lacking:
		return "it depends on " + need(p.Needs).String()
	case NoRule:
		return fmt.Sprintf("policy %s isolates the pod and no rule allows this", e.name(p.Policy))
	default:
	}
	pol := &e.set.Policies[p.Policy]
	verb := "allows"
	if pol.Rules[p.Rule].Action == policy.Deny {
		verb = "denies"
	}
	return fmt.Sprintf("rule %s of policy %s %s it", e.RuleID(p.Policy, p.Rule), e.name(p.Policy), verb)
}

// RuleID is the id of a rule by indices in the set: it is worked out once, which takes as long as the rule has peers.
func (e *Evaluator) RuleID(of, rule int) string {
	at := &e.ids[of][rule]
	if id := at.Load(); id != nil {
		return *id
	}
	id := e.set.Policies[of].RuleID(rule)
	at.Store(&id)
	return id
}

func (e *Evaluator) name(i int) string {
	if p := &e.set.Policies[i]; p.Namespace != "" {
		return p.Namespace + "/" + p.Name
	}
	return e.set.Policies[i].Name
}

// LacksPolicyFact reports whether a decision is unknown for want of a fact about the policies or the cluster, which
// somebody can give, and not of one that only the log could have told.
func (d *Decision) LacksPolicyFact() bool {
	return d.Unknown && (d.Egress.lacksPolicyFact() || d.Ingress.lacksPolicyFact())
}

func (p *Part) lacksPolicyFact() bool {
	switch need(p.Needs) {
	case needNamespace, needPort, needAccount, needLabelled, needServices, needNetworks, needPeer, needOrder,
		needHost, needSet, needPriority, needNodeLabels, needService, needEndpoints,
		needHostPolicy:
		return true
	default:
	}
	return strings.HasPrefix(p.Needs, needTier)
}

// asked is the connection in question and the direction of it.
type asked struct {
	dir                   model.Direction
	subject, peer, server *End
	proto                 model.Proto
	port                  uint16
}

// applies is what the match of a rule is worth where it is not sure that the policy selects the subject.
func (s selected) applies(m model.Tri, a *asked, n *need) model.Tri {
	if m == model.Yes && !s.sure {
		return n.unknown(a.subject.lacks)
	}
	return m
}
