package eval

import (
	"cmp"
	"math"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// Calico decides in tiers, by their order. In a tier the first rule that matches decides, over all its policies by
// order and name; if none does and a policy of the tier selects the pod, the tier's end decides: it denies or passes.
// What every tier passes, the namespace's profile allows. Policies of other dialects stand in the default tier.

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

func (o *outlook) part() Part {
	switch {
	case o.canAllow && o.canDeny:
		return Part{Outcome: Unknown, Reason: Lacking, Policy: -1, Rule: -1, Needs: string(o.lacks)}
	case o.canAllow:
		return o.allow
	}
	return o.deny
}

// tiered decides one direction as Calico does.
func (e *Evaluator) tiered(d model.Direction, subject, peer, server *End, proto model.Proto, port uint16) Part {
	var o outlook
	list := subject.selection(d).policies
	passed := false
	for len(list) > 0 {
		tier := e.tiers.of[list[0].policy]
		n := slices.IndexFunc(list, func(s selected) bool { return e.tiers.of[s.policy] != tier })
		if n < 0 {
			n = len(list)
		}
		if tier < 0 {
			name := e.set.Policies[list[0].policy].Tier
			return Part{
				Outcome: Unknown,
				Reason:  Lacking,
				Policy:  list[0].policy,
				Rule:    -1,
				Needs:   needTier + name + ", which is not among the policies",
			}
		}
		if !e.tier(&o, e.tiers.list[tier].Pass, list[:n], asked{d, subject, peer, server, proto, port}) {
			return o.part()
		}
		list, passed = list[n:], true
	}
	end := Part{Outcome: Allowed, Reason: NotIsolated, Policy: -1, Rule: -1}
	if passed {
		end.Reason = Passed
	}
	o.add(end)
	return o.part()
}

// asked is the connection in question and the direction of it.
type asked struct {
	dir                   model.Direction
	subject, peer, server *End
	proto                 model.Proto
	port                  uint16
}

// tier goes through the policies of one tier and says whether the connection can reach the next.
func (e *Evaluator) tier(o *outlook, pass bool, list []selected, a asked) (next bool) {
	sure := Part{Outcome: Denied, Reason: NoRule, Policy: -1, Rule: -1}
	for _, s := range list {
		if s.sure && sure.Policy < 0 {
			sure.Policy = s.policy
		}
		p := &e.set.Policies[s.policy]
		lanes := e.rules[s.policy][a.dir]
		for k := range lanes {
			if lanes[k].misses(a.proto, a.port) {
				continue
			}
			j := lanes[k].rule
			var lacks need
			action, m := p.Rules[j].Action, model.Yes
			if closed(p, &p.Rules[j]) {
				action = policy.Deny
			} else {
				m = e.calicoRule(p, &p.Rules[j], e.peers[s.policy][j], &a, &lacks)
			}
			if m == model.Yes && !s.sure {
				m = lacks.unknown(a.subject.lacks)
			}
			if m == model.No {
				continue
			}
			if m == model.Unknown {
				o.lacks.unknown(lacks)
			}
			switch action {
			case policy.Allow:
				o.add(Part{Outcome: Allowed, Reason: ByRule, Policy: s.policy, Rule: j})
			case policy.Deny:
				o.add(Part{Outcome: Denied, Reason: ByRule, Policy: s.policy, Rule: j})
			default:
				next = true
			}
			if m == model.Yes {
				return next
			}
		}
	}
	switch {
	case pass:
		return true
	case sure.Policy < 0: // whether any policy of the tier selects the pod is not known
		o.lacks.unknown(a.subject.lacks)
		next, sure.Policy = true, list[0].policy
	}
	o.add(sure)
	return next
}
