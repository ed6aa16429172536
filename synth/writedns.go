package synth

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// dnsGroup is a set of workloads of one namespace that ask the same resolvers on the same ports.
type dnsGroup struct {
	users []graph.WorkloadID // sorted
	needs []need
}

// writeDNS writes the shared DNS policies: per namespace one for each group, most often a single one.
func (w *writer) writeDNS(needs []need) {
	byNamespace := map[string][]need{}
	for _, n := range needs {
		byNamespace[n.namespace] = append(byNamespace[n.namespace], n)
	}
	for _, ns := range slices.Sorted(maps.Keys(byNamespace)) {
		for i, g := range dnsGroups(byNamespace[ns]) {
			w.writeGroup(ns, i, g)
		}
	}
}

// writeGroup writes one policy for a group where one selector selects exactly its users, else as few as possible.
func (w *writer) writeGroup(ns string, i int, g dnsGroup) {
	parts := w.partition(ns, g.users)
	slices.SortStableFunc(parts, func(a, b selection) int { return len(b.users) - len(a.users) })
	for k, part := range parts {
		name := NameDNS
		switch {
		case len(parts) > 1 && len(part.users) == 1:
			name += "-" + w.g.Workloads[part.users[0]].Name
		case i > 0 && k > 0:
			name = w.together(ns, name+"-"+w.resolverName(g)+"-", part)
		case i > 0:
			name += "-" + w.resolverName(g)
		case k > 0:
			name = w.together(ns, name+"-", part)
		}
		own := slices.DeleteFunc(
			slices.Clone(g.needs),
			func(n need) bool { return !slices.Contains(part.users, n.subject) },
		)
		p := policy.Policy{Name: w.claim(ns, name, part.sel), Namespace: ns, Subject: part.sel}
		rules, _ := w.solver.rules(model.Egress, own)
		w.add(p, part.users, rules)
	}
}

func (w *writer) resolverName(g dnsGroup) string {
	p := &w.g.Peers[g.needs[0].peer]
	if p.Workload >= 0 {
		return w.g.Workloads[p.Workload].Name
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
		resolver graph.PeerID
		ports    string
	}
	users := map[column][]graph.WorkloadID{}
	for q, p := range ports {
		c := column{q.resolver, policy.PortsKey(policy.Rule{Ports: p}.Canonical().Ports)}
		users[c] = append(users[c], q.subject)
	}
	groups := map[string]*dnsGroup{}
	groupOf := map[query]*dnsGroup{}
	for c, u := range users {
		slices.Sort(u)
		key := usersKey(u)
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
		slices.SortFunc(
			g.needs,
			func(a, b need) int { return cmp.Or(cmp.Compare(a.peer, b.peer), cmp.Compare(a.edge, b.edge)) },
		)
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b dnsGroup) int {
		return cmp.Or(cmp.Compare(len(b.users), len(a.users)), slices.Compare(a.users, b.users))
	})
	return out
}

// usersKey tells sorted lists of workloads apart.
func usersKey(users []graph.WorkloadID) string {
	var k []byte
	for _, u := range users {
		k = binary.AppendUvarint(k, uint64(u))
	}
	return string(k)
}

// widenNames returns the namespaces whose egress is to be denied a policy that allows all their pods the resolvers seen
// there, if that was asked for. It isolates pods that nobody knows, so it is no allow policy: it comes with the default
// deny, which isolates them anyway.
func (w *writer) widenNames(queries []need, enforce map[string]Enforce) error {
	if !w.cfg.widens(WidenDNS) {
		return nil
	}
	byNamespace := map[string][]need{}
	for _, n := range queries {
		byNamespace[n.namespace] = append(byNamespace[n.namespace], n)
	}
	known := false
	for _, ns := range slices.Sorted(maps.Keys(enforce)) {
		needs := byNamespace[ns]
		e := enforce[ns]
		switch {
		case len(needs) == 0 && len(w.resolvers.named.Pods) == 0:
			w.find(KindIdle.of(ns, model.Egress, "no pod of "+ns+" was seen asking a resolver",
				"the widening "+WidenDNS+" opens nothing there: name the resolver in the configuration"))
			continue
		case !e.Whole(model.Egress):
			known = true
			w.find(KindIdle.of(ns, model.Egress, "the egress of "+ns+" is not denied yet",
				"the widening "+WidenDNS+" comes with the default deny").as(Info))
			continue
		}
		known = true
		w.widenNamesOf(ns, needs)
	}
	if !known {
		return fmt.Errorf("the widening %s cannot be made: no pod of the chosen namespaces was seen asking a resolver "+
			"(was the capture filtered?): name it in the configuration, as resolver", WidenDNS)
	}
	return nil
}

// widenNamesOf writes the policy of one namespace, for the resolvers seen there or else the one of the configuration.
func (w *writer) widenNamesOf(ns string, needs []need) {
	rules := []learnedRule{{Rule: resolverRule(w.resolvers.named)}}
	price := 2 * len(w.selecting.in[ns])
	if len(needs) > 0 {
		rules, _ = w.solver.rules(model.Egress, needs)
		type offer struct {
			resolver graph.PeerID
			service
		}
		type question struct {
			subject graph.WorkloadID
			offer
		}
		opened := map[offer]bool{}
		asked := map[question]bool{}
		for _, n := range needs {
			o := offer{n.peer, service{n.proto, n.port, n.port}}
			opened[o] = true
			asked[question{n.subject, o}] = true
		}
		price = len(opened)*len(w.selecting.in[ns]) - len(asked)
	}
	p := policy.Policy{Name: w.claim(ns, NameDNSAll, nil), Namespace: ns, Egress: true}
	for _, r := range rules {
		p.Rules = append(p.Rules, r.Rule)
	}
	for i, r := range rules {
		id := p.RuleID(i)
		w.ruleEdges[id] = append(w.ruleEdges[id], r.edges...)
		w.ledger.rule(
			WidenDNS,
			"the resolver for all pods of a namespace whose egress is denied, those to come among them",
			id,
			price,
		)
		price = 0
	}
	w.beside[ns] = p.Canonical()
}

// writeResolver allows the resolver of the configuration to the subjects that were not seen asking.
func (w *writer) writeResolver() {
	byNamespace := map[string][]graph.WorkloadID{}
	for _, s := range w.resolvers.silent {
		byNamespace[w.g.Workloads[s].Namespace] = append(byNamespace[w.g.Workloads[s].Namespace], s)
	}
	for _, ns := range slices.Sorted(maps.Keys(byNamespace)) {
		for k, part := range w.partition(ns, byNamespace[ns]) {
			name := NameResolver
			if k > 0 {
				name += "-" + w.g.Workloads[part.users[0]].Name
			}
			p := policy.Policy{Name: w.claim(ns, name, part.sel), Namespace: ns, Subject: part.sel}
			w.add(p, part.users, []learnedRule{{Rule: resolverRule(w.resolvers.named)}})
			p = w.policies[len(w.policies)-1]
			for i := range p.Rules {
				w.widenResolver(p.RuleID(i), part.users, p.Rules[i].Ports)
			}
		}
	}
}

// widenResolver prices what a rule for the resolver opens: its pods that were seen, one where none was.
func (w *writer) widenResolver(id string, users []graph.WorkloadID, ports []policy.Port) {
	var triples []Triple
	for i, p := range w.g.AllPeers() {
		if p.Workload < 0 ||
			!w.resolvers.named.Namespaces.Matches(model.Labels{policy.NamespaceName + "=" + p.Namespace}) ||
			!slices.ContainsFunc(w.g.Workloads[p.Workload].LabelSets, w.resolvers.named.Pods.Matches) {
			continue
		}
		for j, client := range w.g.AllPeers() {
			if !slices.Contains(users, client.Workload) {
				continue
			}
			for _, q := range ports {
				triples = append(triples, Triple{j, i, q.Proto, q.First, q.Last})
			}
		}
	}
	w.ledger.rule(
		WidenResolver,
		"the resolver that the configuration names, for workloads that were not seen asking one",
		id,
		max(len(triples), len(users)*len(ports)),
	)
	w.ledger.pairs(WidenResolver, triples)
}
