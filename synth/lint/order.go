package lint

import (
	"cmp"
	"slices"

	"sluice/synth/policy"
)

func tierOf(p *policy.Policy) string { return cmp.Or(p.Tier, policy.DefaultTier) }

// before reports whether Calico asks q before p, as far as the set says the order of their tiers.
func (l *linter) before(q, p *policy.Policy) bool {
	if tierOf(q) == tierOf(p) {
		return placeOf(q) < placeOf(p) ||
			placeOf(q) == placeOf(p) && q.Tier != "" && p.Tier != "" && !p.Around() && q.Name < p.Name
	}
	a, known := l.tierOrder(tierOf(q))
	b, also := l.tierOrder(tierOf(p))
	return known && also && a < b
}

// tierOrder is the order of a tier, false for one that the set does not have.
func (l *linter) tierOrder(name string) (float64, bool) {
	switch name {
	case policy.AdminTier:
		return 1e3, true
	case policy.DefaultTier:
		return 1e6, true
	case policy.BaselineTier:
		return 1e7, true
	}
	i := slices.IndexFunc(l.Set.Tiers, func(t policy.Tier) bool { return t.Name == name })
	if i < 0 {
		return 0, false
	}
	return orderOf(l.Set.Tiers[i].Order), true
}

// last stands for no order, which comes last.
const last = 1e300

func orderOf(order *float64) float64 {
	if order == nil {
		return last
	}
	return *order
}

// placeOf is the order of a policy in its tier: a NetworkPolicy of Kubernetes has 1000.
func placeOf(p *policy.Policy) float64 {
	if p.Tier == "" {
		return 1000
	}
	return orderOf(p.Order)
}
