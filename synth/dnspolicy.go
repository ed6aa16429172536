package synth

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// dnsGroup is a set of workloads of one namespace that ask the same resolvers on the same ports.
type dnsGroup struct {
	users []int // sorted
	needs []need
}

// writeDNS writes the shared DNS policies: per namespace one for each group, most often a single one.
func (l *learner) writeDNS(needs []need) {
	byNamespace := map[string][]need{}
	for _, n := range needs {
		byNamespace[l.namespace(n)] = append(byNamespace[l.namespace(n)], n)
	}
	for _, ns := range slices.Sorted(maps.Keys(byNamespace)) {
		for i, g := range dnsGroups(byNamespace[ns]) {
			l.writeGroup(ns, i, g)
		}
	}
}

// writeGroup writes one policy for a group where one selector selects exactly its users, else as few as possible.
func (l *learner) writeGroup(ns string, i int, g dnsGroup) {
	parts := l.partition(ns, g.users)
	slices.SortStableFunc(parts, func(a, b selected) int { return len(b.users) - len(a.users) })
	for k, part := range parts {
		name := NameDNS
		switch {
		case len(parts) > 1 && len(part.users) == 1:
			name += "-" + l.g.Workloads[part.users[0]].Name
		case i > 0 && k > 0:
			name += "-" + l.resolverName(g) + "-" + l.g.Workloads[part.users[0]].Name
		case i > 0:
			name += "-" + l.resolverName(g)
		case k > 0:
			name += "-" + l.g.Workloads[part.users[0]].Name
		}
		own := slices.DeleteFunc(slices.Clone(g.needs), func(n need) bool { return !slices.Contains(part.users, n.subject) })
		p := policy.Policy{Name: l.claim(ns, name, part.sel), Namespace: ns, Subject: part.sel}
		rules, _ := l.rules(model.Egress, own)
		l.add(p, part.users, rules)
	}
}

func (l *learner) resolverName(g dnsGroup) string {
	p := &l.g.Peers[g.needs[0].peer]
	if p.Workload >= 0 {
		return l.g.Workloads[p.Workload].Name
	}
	return "address"
}

// dnsGroups sorts the queries of a namespace into groups, the largest first. The policy of a group allows all its
// users all its resolvers, so a resolver is in a group only if all users ask it on the same ports.
func dnsGroups(needs []need) []dnsGroup {
	ports := map[query][]policy.Port{}
	for _, n := range needs {
		q := query{n.subject, n.peer}
		ports[q] = append(ports[q], policy.OnePort(n.proto, n.port))
	}
	type column struct {
		resolver int
		ports    string
	}
	users := map[column][]int{}
	for q, p := range ports {
		c := column{q.resolver, fmt.Sprint(policy.Rule{Ports: p}.Canonical().Ports)}
		users[c] = append(users[c], q.subject)
	}
	groups := map[string]*dnsGroup{}
	groupOf := map[query]*dnsGroup{}
	for c, u := range users {
		slices.Sort(u)
		key := fmt.Sprint(u)
		if groups[key] == nil {
			groups[key] = &dnsGroup{users: u}
		}
		for _, s := range u {
			groupOf[query{s, c.resolver}] = groups[key]
		}
	}
	for _, n := range needs {
		g := groupOf[query{n.subject, n.peer}]
		g.needs = append(g.needs, n)
	}
	var out []dnsGroup
	for _, g := range groups {
		slices.SortFunc(g.needs, func(a, b need) int { return cmp.Or(cmp.Compare(a.peer, b.peer), cmp.Compare(a.edge, b.edge)) })
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b dnsGroup) int {
		return cmp.Or(cmp.Compare(len(b.users), len(a.users)), slices.Compare(a.users, b.users))
	})
	return out
}

// NameDNSAll is the name of the policy that allows the resolver to all pods of a namespace.
const NameDNSAll = "dns-all-pods"

// widenNames gives the namespaces whose egress is to be denied a policy that allows all their pods the resolvers seen
// there, if that was asked for. It isolates pods that nobody knows, so it is no allow policy: it comes with the default
// deny, which isolates them anyway.
func (l *learner) widenNames(queries []need) {
	if !l.cfg.widens(WidenDNS) {
		return
	}
	byNamespace := map[string][]need{}
	for _, n := range queries {
		byNamespace[l.namespace(n)] = append(byNamespace[l.namespace(n)], n)
	}
	known := false
	for _, ns := range slices.Sorted(maps.Keys(l.enforce)) {
		needs := byNamespace[ns]
		e := l.enforce[ns]
		switch {
		case len(needs) == 0 && len(l.resolver.Pods) == 0:
			l.find(Finding{KindIdle, Warning, ns, model.Egress, -1, "no pod of " + ns + " was seen asking a resolver",
				"the widening " + WidenDNS + " opens nothing there: name the resolver in the configuration"})
			continue
		case !e.Allows(model.Egress):
			known = true
			l.find(Finding{KindIdle, Info, ns, model.Egress, -1, "the egress of " + ns + " is not denied yet",
				"the widening " + WidenDNS + " comes with the default deny"})
			continue
		}
		known = true
		l.widenNamesOf(ns, needs)
	}
	if !known {
		l.failed = fmt.Errorf("the widening %s cannot be made: no pod of the chosen namespaces was seen asking a resolver "+
			"(was the capture filtered?): name it in the configuration, as resolver", WidenDNS)
	}
}

// widenNamesOf writes the policy of one namespace, for the resolvers seen there or else the one of the configuration.
func (l *learner) widenNamesOf(ns string, needs []need) {
	rules := []learned{{Rule: l.resolverRule()}}
	price := 2 * len(l.in[ns])
	if len(needs) > 0 {
		rules, _ = l.rules(model.Egress, needs)
		asked := map[Triple]bool{}
		opened := map[Triple]bool{}
		for _, n := range needs {
			opened[Triple{0, n.peer, n.proto, n.port, n.port}] = true
			asked[Triple{n.subject, n.peer, n.proto, n.port, n.port}] = true
		}
		price = len(opened)*len(l.in[ns]) - len(asked)
	}
	p := policy.Policy{Name: l.claim(ns, NameDNSAll, nil), Namespace: ns, Egress: true}
	for _, r := range rules {
		p.Rules = append(p.Rules, r.Rule)
	}
	for i, r := range rules {
		id := p.RuleID(i)
		l.ruleEdges[id] = append(l.ruleEdges[id], r.edges...)
		l.widenRule(WidenDNS, "the resolver for all pods of a namespace whose egress is denied, those to come among them", id, price)
		price = 0
	}
	l.beside[ns] = p.Canonical()
}
