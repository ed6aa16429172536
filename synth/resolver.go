package synth

import (
	"fmt"
	"maps"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// Resolver is what the pods ask for names that were not seen asking for any.
type Resolver struct {
	None      bool   // they ask nobody: that is known, and no obstacle
	Namespace string // of its pods
	Workload  string // the name of its workload, which must have been seen; or
	Labels    map[string]string
}

// The name and the widening of the policies that Config.Resolver asks for.
const (
	NameResolver  = "dns-resolver"
	WidenResolver = "resolver"
)

// knowResolver finds the labels of the resolver that the configuration names.
func (l *learner) knowResolver() error {
	r := l.cfg.Resolver
	if r == nil || r.None {
		return nil
	}
	if r.Workload != "" {
		for _, i := range l.in[r.Namespace] {
			if w := &l.g.Workloads[i]; w.Name == r.Workload && len(w.Selector) > 0 {
				l.resolver = policy.PodsIn(w.Namespace, policy.MatchLabels(w.Selector))
				return nil
			}
		}
		return fmt.Errorf("no workload %s/%s was seen to be the resolver: give its namespace and labels",
			r.Namespace, r.Workload)
	}
	if r.Namespace == "" || len(r.Labels) == 0 {
		return fmt.Errorf("the resolver has no namespace or no labels")
	}
	l.resolver = policy.PodsIn(r.Namespace, policy.MatchLabels(r.Labels))
	if !l.says(l.resolverRule()) {
		return fmt.Errorf("the dialect %s has no rule for the resolver", l.dialect.Name())
	}
	return nil
}

func (l *learner) resolverRule() policy.Rule {
	return policy.Rule{Direction: model.Egress, Peers: []policy.Peer{l.resolver},
		Ports: []policy.Port{policy.OnePort(model.TCP, dnsPort), policy.OnePort(model.UDP, dnsPort)}}
}

// remarkNames looks for subjects that connect out and were never seen asking for a name. A default deny would take
// their names away, unless they need none: that the log cannot tell.
func (l *learner) remarkNames() {
	if l.cfg.Resolver != nil && l.cfg.Resolver.None {
		return
	}
	recorded := false
	asked := map[int]bool{}
	for i := range l.g.Edges {
		if e := &l.g.Edges[i]; e.Port == dnsPort && (e.Proto == model.UDP || e.Proto == model.TCP) {
			recorded = true
			asked[l.g.Peers[e.Src].Workload] = true
		}
	}
	silent := map[int]bool{}
	for _, n := range l.needs {
		if n.dir == model.Egress && !asked[n.subject] {
			silent[n.subject] = true
		}
	}
	told := map[string]bool{}
	for _, s := range slices.Sorted(maps.Keys(silent)) {
		w := &l.g.Workloads[s]
		text := w.ID + " connects out and was never seen asking a resolver"
		switch {
		case len(l.resolver.Pods) > 0:
			l.silent = append(l.silent, s)
			continue
		case !recorded && told[w.Namespace]:
			continue
		case !recorded:
			told[w.Namespace] = true
			text = "no record of port 53 in this capture: was it filtered?"
		}
		l.find(Finding{KindNoDNS, Blocks, w.Namespace, model.Egress, -1, text,
			"a default deny would take its names away: name the resolver in the configuration " +
				"(resolver: NAMESPACE/WORKLOAD, or none where no names are asked for)"})
		l.block(w.Namespace, model.Egress, text)
	}
}

// writeResolver allows the resolver of the configuration to the subjects that were not seen asking.
func (l *learner) writeResolver() {
	byNamespace := map[string][]int{}
	for _, s := range l.silent {
		byNamespace[l.g.Workloads[s].Namespace] = append(byNamespace[l.g.Workloads[s].Namespace], s)
	}
	for _, ns := range slices.Sorted(maps.Keys(byNamespace)) {
		for k, part := range l.partition(ns, byNamespace[ns]) {
			name := NameResolver
			if k > 0 {
				name += "-" + l.g.Workloads[part.users[0]].Name
			}
			p := policy.Policy{Name: l.claim(ns, name, part.sel), Namespace: ns, Subject: part.sel}
			l.add(p, part.users, []learned{{Rule: l.resolverRule()}})
			p = l.policies[len(l.policies)-1]
			for i := range p.Rules {
				l.widenResolver(p.RuleID(i), part.users, p.Rules[i].Ports)
			}
		}
	}
}

// widenResolver prices what a rule for the resolver opens: its pods that were seen, one where none was.
func (l *learner) widenResolver(id string, users []int, ports []policy.Port) {
	var triples []Triple
	for i := range l.g.Peers {
		p := &l.g.Peers[i]
		if p.Workload < 0 ||
			!l.resolver.Namespaces.Matches(model.Labels{policy.NamespaceName + "=" + p.Namespace}) ||
			!slices.ContainsFunc(l.g.Workloads[p.Workload].LabelSets, l.resolver.Pods.Matches) {
			continue
		}
		for j := range l.g.Peers {
			if !slices.Contains(users, l.g.Peers[j].Workload) {
				continue
			}
			for _, q := range ports {
				triples = append(triples, Triple{j, i, q.Proto, q.First, q.Last})
			}
		}
	}
	l.widenRule(WidenResolver, "the resolver that the configuration names, for workloads that were not seen asking one",
		id, max(len(triples), len(users)*len(ports)))
	for i := range l.widenings {
		if w := &l.widenings[i]; w.Kind == WidenResolver {
			w.Triples = append(w.Triples, triples...)
			slices.SortFunc(w.Triples, compareTriples)
		}
	}
}
