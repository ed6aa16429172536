package eval

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// answers is what a policy may say of a connection. An evaluation that is sure of everything has one of them.
type answers struct {
	allow, deny *Part
	pass, none  bool
}

func (x *answers) join(y *answers) {
	x.allow, x.deny, x.pass = cmp.Or(x.allow, y.allow), cmp.Or(x.deny, y.deny), x.pass || y.pass
	x.none = x.none && y.none
}

// several reports whether answers differ.
func (x *answers) several() bool {
	n := 0
	for _, b := range []bool{x.allow != nil, x.deny != nil, x.pass} {
		if b {
			n++
		}
	}
	return n > 1
}

// answer adds to x what a rule of a policy may say, and reports whether it surely decides.
func (e *Evaluator) answer(s selected, j int, a *asked, lacks *need, x *answers) bool {
	p := &e.set.Policies[s.policy]
	r := &p.Rules[j]
	var n need
	m := e.matchRule(r, &e.peers[s.policy][j], a, &n)
	if e.semantics == Cilium {
		m = either(m, e.asksNames(p, r, a, &n))
	}
	m = s.applies(m, a, &n)
	if m == model.No {
		return false
	}
	if m == model.Unknown {
		lacks.unknown(n)
	}
	part := partOf(r.Action, s.policy, j)
	switch r.Action {
	case policy.Allow:
		x.allow = cmp.Or(x.allow, &part)
	case policy.Deny:
		x.deny = cmp.Or(x.deny, &part)
	default:
		x.pass = true
	}
	x.none = m != model.Yes
	return !x.none
}

// asksNames reports whether a connection is one by which the subject asks for the names that a rule accepts.
func (e *Evaluator) asksNames(p *policy.Policy, r *policy.Rule, a *asked, n *need) model.Tri {
	if !asking(p, r) || !a.peer.IsPod {
		return model.No
	}
	m := a.peer.hasLabels(policy.MatchLabels(map[string]string{"k8s-app": "kube-dns"}), n)
	if m == model.No {
		return m
	}
	ports := model.No
	for _, name := range []string{"dns", "dns-tcp"} {
		ports = either(ports, a.peer.matchPort(&policy.Port{Name: name}, a.proto, a.port, n))
	}
	return and(m, ports)
}

// mayIsolate returns the first policy of a namespace that isolates the subject if it selects it.
func (e *Evaluator) mayIsolate(a *asked) int {
	list := a.subject.selection(a.dir).policies
	i := slices.IndexFunc(list, func(s selected) bool { return e.set.Policies[s.policy].Isolates(a.dir) })
	return list[i].policy
}
