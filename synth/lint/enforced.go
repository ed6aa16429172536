package lint

import (
	"sluice/model"
	"sluice/synth/policy"
)

// notEnforced finds policies of kinds that the cluster's plugin does not read, where it is known which one that is.
func (l *linter) notEnforced() {
	if !l.Plugin {
		return
	}
	l.each(func(p *policy.Policy) {
		unless := ""
		switch {
		case l.Semantics.Foreign(p):
			unless = ", unless its own plugin runs beside"
		case l.Semantics.Enforced(p, &l.Set.Manifests) != model.No:
			return
		}
		l.found(p, []string{"kind"}, "write it as a kind that the plugin reads, or give --cni if another one decides",
			"is of a kind that %s does not read: it decides nothing%s", l.Semantics, unless)
	})
}
