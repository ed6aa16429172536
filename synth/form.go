package synth

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// inForm gives a policy and its rules in the form that the dialect reads back: where a rule of its API has one peer and
// one protocol, how the rules were divided is not to be seen in it. Each rule keeps the edges that are in it.
func (l *learner) inForm(p policy.Policy, rules []learned) (policy.Policy, []learned) {
	set, lost := l.dialect.Project(policy.PolicySet{Policies: []policy.Policy{p}})
	if len(lost) > 0 || len(set.Policies) != 1 || set.Equal(policy.PolicySet{Policies: []policy.Policy{p}}) {
		return p, rules
	}
	var all []int
	for _, r := range rules {
		all = append(all, r.edges...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	p = set.Policies[0]
	out := make([]learned, len(p.Rules))
	for i, r := range p.Rules {
		out[i].Rule = r
		for _, e := range all {
			if l.holds(p.Namespace, &r, e) {
				out[i].edges = append(out[i].edges, e)
			}
		}
	}
	return p, out
}

// holds says whether a rule allows an edge, as far as peers and ports go.
func (l *learner) holds(ns string, r *policy.Rule, edge int) bool {
	e := &l.g.Edges[edge]
	peer := e.Src
	if r.Direction == model.Egress {
		peer = e.Dst
	}
	return (r.AnyPeer || slices.ContainsFunc(r.Peers, func(p policy.Peer) bool { return l.means(ns, &p, peer) })) &&
		(r.AnyPort || slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
			return p.Proto == e.Proto && p.Name == "" && p.First <= e.Port && e.Port <= p.Last
		}))
}
