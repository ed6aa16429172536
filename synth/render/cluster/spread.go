package cluster

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// spread gives policies with more rules than the API takes a policy more for each part, right behind them: in a tier
// the first rule that matches decides, in whichever policy it stands. Every part takes a priority of its own; those of
// later policies move up where they are in the way. Where a tier has not as many numbers as it needs, its policy is
// left out whole, and that is a loss.
func (l *losses) spread(set policy.PolicySet) policy.PolicySet {
	if !slices.ContainsFunc(set.Policies, func(p policy.Policy) bool { return p.Around() && parts(&p) > 1 }) {
		return set
	}
	out := policy.PolicySet{Networks: set.Networks, Tiers: set.Tiers}
	inTier := map[string][]policy.Policy{}
	for _, p := range set.Policies {
		if p.Around() {
			inTier[p.Tier] = append(inTier[p.Tier], p)
		} else {
			out = out.Add(p)
		}
	}
	for _, tier := range []string{policy.AdminTier, policy.BaselineTier} {
		list := inTier[tier]
		slices.SortStableFunc(list, func(a, b policy.Policy) int { return cmp.Compare(*a.Order, *b.Order) })
		out = out.Add(l.spreadTier(list)...)
	}
	return out
}

// spreadTier numbers the policies of a tier anew where it has to, from both ends: none moves that need not.
func (l *losses) spreadTier(list []policy.Policy) []policy.Policy {
	type level struct{ old, first, parts int } // policies of one priority, and the numbers that they need
	var levels []level
	for i := range list {
		old, n := int(*list[i].Order), parts(&list[i])
		if len(levels) > 0 && levels[len(levels)-1].old == old {
			levels[len(levels)-1].parts = max(levels[len(levels)-1].parts, n)
		} else {
			levels = append(levels, level{old, old, n})
		}
	}
	next := 0
	for i := range levels {
		levels[i].first = max(levels[i].first, next)
		next = levels[i].first + levels[i].parts
	}
	limit := policy.LastPriority + 1
	for i := len(levels) - 1; i >= 0; i-- {
		levels[i].first = min(levels[i].first, limit-levels[i].parts)
		limit = levels[i].first
	}
	if limit < 0 {
		l.tooMany(list, next)
		return nil
	}
	var out []policy.Policy
	for i := range list {
		at := slices.IndexFunc(levels, func(x level) bool { return x.old == int(*list[i].Order) })
		out = append(out, cut(&list[i], levels[at].first)...)
	}
	return out
}

// tooMany tells that the policies of a tier do not fit into its priorities.
func (l *losses) tooMany(list []policy.Policy, needed int) {
	for i := range list {
		l.Whole(list[i].Namespace, list[i].Name)
		l.Add(list[i].Ingress || list[i].Egress, fmt.Sprintf("a tier that needs %d priorities", needed),
			fmt.Sprintf("it has %d: nothing of its policies is in force", policy.LastPriority+1))
	}
}

// parts counts the policies that one has to be cut into.
func parts(p *policy.Policy) int {
	most := max(1, count(p, model.Ingress), count(p, model.Egress))
	return (most + current.most - 1) / current.most
}

func count(p *policy.Policy, d model.Direction) int {
	n := 0
	for i := range p.Rules {
		if p.Rules[i].Direction == d {
			n++
		}
	}
	return n
}

// cut gives every part of a policy its rules, its name and its priority.
func cut(p *policy.Policy, first int) []policy.Policy {
	n := parts(p)
	out := make([]policy.Policy, n)
	for i := range out {
		order := float64(first + i)
		out[i] = *p
		out[i].Order, out[i].Rules = &order, nil
		if i > 0 {
			out[i].Name = fmt.Sprintf("%s-%d", p.Name, i+1)
		}
		for _, d := range policy.Directions() {
			seen := 0
			for _, r := range p.Rules {
				if r.Direction != d {
					continue
				}
				if seen/current.most == i {
					out[i].Rules = append(out[i].Rules, r)
				}
				seen++
			}
		}
		out[i].Ingress, out[i].Egress = out[i].Floor(model.Ingress), out[i].Floor(model.Egress)
	}
	return out
}
