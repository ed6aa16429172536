package eval

import (
	"cmp"
	"math"
	"slices"

	"sluice/synth/policy"
)

// kubernetesOrder is where a NetworkPolicy stands in the default tier.
const kubernetesOrder = 1000

// defaultTierOrder is the default tier's.
const defaultTierOrder = 1e6

// tiers are the stages of an evaluation in their order.
type tiers struct {
	list []policy.Tier
	// of and rank give for each policy the index of its tier, -1 for one that the set lacks, and its place in it.
	of, rank []int
}

// newTiers orders the tiers and policies of a set.
func newTiers(set policy.PolicySet) *tiers {
	order := float64(defaultTierOrder)
	t := &tiers{
		list: append(aroundTiers(), policy.Tier{Name: policy.DefaultTier, Order: &order}),
		of:   make([]int, len(set.Policies)),
		rank: make([]int, len(set.Policies)),
	}
	for _, tier := range set.Tiers {
		if !builtIn(tier.Name) {
			t.list = append(t.list, tier)
		}
	}
	slices.SortStableFunc(t.list, func(a, b policy.Tier) int {
		return cmp.Or(cmp.Compare(orderOf(a.Order), orderOf(b.Order)), cmp.Compare(a.Name, b.Name))
	})
	byOrder := map[int]bool{} // tiers in which the order decides
	for i := range set.Policies {
		p := &set.Policies[i]
		name := cmp.Or(p.Tier, policy.DefaultTier)
		t.of[i] = slices.IndexFunc(t.list, func(tier policy.Tier) bool { return tier.Name == name })
		byOrder[t.of[i]] = byOrder[t.of[i]] || p.Sequential()
	}
	sorted := make([]int, len(set.Policies))
	for i := range sorted {
		sorted[i] = i
	}
	slices.SortStableFunc(sorted, func(i, j int) int {
		if t.of[i] != t.of[j] || !byOrder[t.of[i]] {
			return cmp.Compare(t.of[i], t.of[j])
		}
		return comparePlaces(&set.Policies[i], &set.Policies[j])
	})
	for rank, i := range sorted {
		t.rank[i] = rank
	}
	return t
}

func orderOf(o *float64) float64 {
	if o == nil {
		return math.Inf(1)
	}
	return *o
}

// comparePlaces orders two policies of a tier by order, then by the names that Calico keeps them under.
func comparePlaces(a, b *policy.Policy) int {
	place := func(p *policy.Policy) (float64, string) {
		order, name := orderOf(p.Order), p.Name
		switch {
		case p.Tier == "":
			order, name = kubernetesOrder, "knp.default."+name
		case p.Tier == policy.DefaultTier:
			name = policy.DefaultTier + "." + name
		}
		if p.Namespace != "" {
			name = p.Namespace + "/" + name
		}
		return order, name
	}
	ao, an := place(a)
	bo, bn := place(b)
	return cmp.Or(cmp.Compare(ao, bo), cmp.Compare(an, bn))
}

// sort puts the policies of a selection in the order of their evaluation.
func (t *tiers) sort(s *selection) {
	slices.SortFunc(s.policies, func(a, b selected) int { return cmp.Compare(t.rank[a.policy], t.rank[b.policy]) })
}

// adminOrder and baselineOrder are where Calico has the tiers.
const (
	adminOrder    = 1e3
	baselineOrder = 1e7
)

// aroundTiers returns the tiers around those of namespaces as Calico has them.
func aroundTiers() []policy.Tier {
	admin, baseline := float64(adminOrder), float64(baselineOrder)
	return []policy.Tier{
		{Name: policy.AdminTier, Order: &admin, Pass: true},
		{Name: policy.BaselineTier, Order: &baseline, Pass: true},
	}
}

// builtIn reports whether a tier is always there, whatever a set says of it.
func builtIn(tier string) bool {
	return tier == policy.DefaultTier || tier == policy.AdminTier || tier == policy.BaselineTier
}

func (e *Evaluator) priority(s selected) float64 { return orderOf(e.set.Policies[s.policy].Order) }
