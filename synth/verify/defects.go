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
	from     policy.Release // the first that has it, the zero value: nobody knows of one without
	fixed    policy.Release // from which on no version has it, the zero value: none is known
}

// namedPorts is where the fault of Calico's with named ports is told.
const namedPorts = "projectcalico/calico#13174"

// defects are by plugin; the versions are those of its makers.
var defects = map[eval.Semantics][]Defect{
	eval.Cilium: {
		{"cilium/cilium#14692", "before 1.10", "Hubble says FORWARDED of what is audited: nothing is heard",
			policy.Release{}, policy.Release{1, 10}},
		{"rwlove/home-ops#11464", "1.19, seen in one cluster",
			"policyAuditMode of the whole agent left endpoints without any policy: neither enforced nor audited",
			policy.Release{1, 19}, policy.Release{1, 20}},
		{"cilium/cilium#45373", "before 1.20", "an audited flow names no policy", policy.Release{}, policy.Release{1, 20}},
		{"cilium/cilium#46305", "1.19 before June 2026",
			"an ipBlock below from of a NetworkPolicy lets in the pods of the policy's namespace as well",
			policy.Release{1, 19}, policy.Release{1, 20}},
		{"cilium/cilium#30003", "before 1.20",
			"a rule for egress that names its port allows nothing where pods of the cluster give the name two numbers",
			policy.Release{}, policy.Release{1, 20}},
	},
	eval.Calico: {
		{namedPorts, "up to 3.32.1",
			"a rule with a named port matches nothing among staged policies: what it allows is said to be denied",
			policy.Release{}, policy.Release{3, 32, 2}},
		{"projectcalico/calico#13410", "up to 3.32.2",
			"a staged policy is told as the enforced verdict, with wrong counts, where policies change within a flow",
			policy.Release{}, policy.Release{3, 33}},
		{"projectcalico/calico#13185", "up to August 2026",
			"a denied flow without packets is repeated for ever after a change of policies allowed it",
			policy.Release{}, policy.Release{3, 33}},
	},
}

// defectsOf are those that some of the versions have that the plugin was said to be of, all of them where no version is
// known or one cannot be read.
func defectsOf(plugin eval.Semantics, versions []string) []Defect {
	var known []policy.Release
	for _, text := range versions {
		r, ok := policy.ParseRelease(text)
		if !ok {
			return defects[plugin]
		}
		known = append(known, r)
	}
	if len(known) == 0 {
		return defects[plugin]
	}
	var out []Defect
	for _, d := range defects[plugin] {
		if slices.ContainsFunc(known, func(r policy.Release) bool {
			return r.Compare(d.from) >= 0 && (d.fixed == policy.Release{} || r.Compare(d.fixed) < 0)
		}) {
			out = append(out, d)
		}
	}
	return out
}

// hasDefect reports whether the plugin may have a fault.
func hasDefect(cfg Config, source string) bool {
	return slices.ContainsFunc(defectsOf(cfg.Semantics, cfg.Versions), func(d Defect) bool { return d.Source == source })
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
	return v.cfg.Semantics == eval.Calico && hasDefect(v.cfg, namedPorts) && (by(d.Egress) || by(d.Ingress))
}
