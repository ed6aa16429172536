package verify

import (
	"slices"

	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Defect is a known fault of a network plugin by which what it says of policies that it only watches is wrong.
type Defect struct {
	Source   string // the issue or pull request that tells of it
	Versions string
	Text     string
}

// defects are by plugin; the versions are those of its makers.
var defects = map[eval.Semantics][]Defect{
	eval.Cilium: {
		{"cilium/cilium#14692", "before 1.10", "Hubble says FORWARDED of what is audited: nothing is heard"},
		{"rwlove/home-ops#11464", "1.19, seen in one cluster",
			"policyAuditMode of the whole agent left endpoints without any policy: neither enforced nor audited"},
		{"cilium/cilium#45373", "before April 2026", "an audited flow names no policy"},
	},
	eval.Calico: {
		{"projectcalico/calico#13174", "up to 3.32.1",
			"a rule with a named port matches nothing among staged policies: what it allows is said to be denied"},
		{"projectcalico/calico#13410", "up to 3.32.2",
			"a staged policy is told as the enforced verdict, with wrong counts, where policies change within a flow"},
		{"projectcalico/calico#13185", "up to August 2026",
			"a denied flow without packets is repeated for ever after a change of policies allowed it"},
	},
}

// namedPort reports whether a rule of a decision that allows a connection names its ports: Calico takes these for none
// among staged policies.
func (v *verifier) namedPort(d *eval.Decision) bool {
	by := func(p eval.Part) bool {
		if p.Policy < 0 || p.Rule < 0 {
			return false
		}
		return slices.ContainsFunc(v.ev.Policies().Policies[p.Policy].Rules[p.Rule].Ports, func(q policy.Port) bool {
			return q.Name != ""
		})
	}
	return v.cfg.Semantics == eval.Calico && (by(d.Egress) || by(d.Ingress))
}
