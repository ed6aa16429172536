package synth

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// What is learned comes into force in phases, for each namespace: Open, Allow, Deny, and Open goes again. Within a
// phase every subset of its policies, applied in any order, denies nothing that worked. What is there in the end is
// Enforced. Who writes, reads or judges a form asks here what is in it.

// IsolatedToday reports whether policies deny something in a namespace already. Nothing may open it for a while: that
// would undo them.
func (r *Result) IsolatedToday(namespace string) bool {
	return r.isolated[namespace]
}

// Open returns what stands in a namespace before any of its policies, so that these close nothing, and goes last. Where
// they isolate nothing by themselves that is nothing. In a namespace that is isolated already it opens nothing: each
// workload gets all that its allow policies say in one piece, so that no half of them is ever in force alone.
func (r *Result) Open(namespace string) []policy.Policy {
	if r.Dialect.Rollout().Additive || namespace == "" {
		return nil
	}
	if !r.IsolatedToday(namespace) {
		return []policy.Policy{policy.Open(namespace, true, true)}
	}
	list := slices.Clone(r.whole[namespace])
	for i := range list {
		p := &list[i]
		for _, d := range []model.Direction{model.Ingress, model.Egress} {
			only, held := r.holdsWorkload(namespace, p.Subject, d)
			if !r.holds(namespace, d) && !held || !p.Isolates(d) || r.leaves(namespace, p.Subject, d) {
				continue
			}
			if len(only) > 0 && !r.holds(namespace, d) {
				p.Rules = append(slices.Clone(p.Rules), only...)
				continue
			}
			p.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(x policy.Rule) bool { return x.Direction == d })
			p.Rules = append(p.Rules, policy.Rule{Direction: d, AnyPeer: true, AnyPort: true})
		}
	}
	return list
}

// Allow returns the allow policies of a namespace as they are applied, and what is held open beside them.
func (r *Result) Allow(namespace string) []policy.Policy {
	list := r.learned(namespace)
	if !r.Dialect.Rollout().Additive {
		return append(r.Held(namespace), list...)
	}
	list = append(r.Held(namespace), list...)
	if p, ok := r.Beside(namespace); ok {
		list = append(list, p)
	}
	for i := range list {
		list[i].Ingress, list[i].Egress = false, false
	}
	return list
}

func (r *Result) learned(namespace string) []policy.Policy {
	all := r.Policies.Policies
	i, _ := slices.BinarySearchFunc(all, namespace, func(p policy.Policy, ns string) int {
		return strings.Compare(p.Namespace, ns)
	})
	n := i
	for n < len(all) && all[n].Namespace == namespace {
		n++
	}
	return slices.Clone(all[i:n])
}

// Held returns what keeps a direction of a namespace open that may not be denied, though the allow policies isolate
// pods in it, and a direction of a workload that something stands in the way of.
func (r *Result) Held(namespace string) []policy.Policy {
	var list []policy.Policy
	for _, d := range []model.Direction{model.Ingress, model.Egress} {
		if e := r.Enforce[namespace]; r.holds(namespace, d) && !e.leaves(d) {
			list = append(list, policy.Held(namespace, d))
		}
	}
	for _, h := range r.Enforce[namespace].Held {
		if r.Enforce[namespace].Allows(h.Direction) || r.isolates(namespace, h.Selector, h.Direction) {
			list = append(list, policy.HeldWorkload(namespace, h.Name, h.Selector, h.Direction, h.Only))
		}
	}
	return list
}

// leaves reports whether what a selector names is left as policies isolate it today.
func (r *Result) leaves(namespace string, sel policy.Selector, d model.Direction) bool {
	return slices.ContainsFunc(r.Enforce[namespace].Left, func(h Holding) bool {
		return h.Direction == d && h.Selector.Compare(sel) == 0
	})
}

// isolates reports whether the allow policies of a namespace that is isolated today isolate what a selector names.
func (r *Result) isolates(namespace string, sel policy.Selector, d model.Direction) bool {
	return slices.ContainsFunc(r.whole[namespace], func(p policy.Policy) bool {
		return p.Isolates(d) && p.Subject.Compare(sel) == 0
	})
}

// holdsWorkload reports whether a direction is held open for what a selector names, and for which rules, none for
// everything.
func (r *Result) holdsWorkload(namespace string, sel policy.Selector, d model.Direction) ([]policy.Rule, bool) {
	e := r.Enforce[namespace]
	i := slices.IndexFunc(e.Held, func(h Holding) bool { return h.Direction == d && h.Selector.Compare(sel) == 0 })
	if i < 0 || !e.Allows(d) {
		return nil, false
	}
	return e.Held[i].Only, true
}

func (r *Result) holds(namespace string, d model.Direction) bool {
	if r.Dialect.Rollout().Additive || r.Enforce[namespace].Allows(d) {
		return false
	}
	return slices.ContainsFunc(r.learned(namespace), func(p policy.Policy) bool { return p.Isolates(d) })
}

// Deny returns what isolates a namespace in the directions that Enforce allows, and what comes with that. That of "" is
// for all namespaces.
func (r *Result) Deny(namespace string) []policy.Policy {
	if namespace == "" {
		if p, ok := r.GlobalDeny(); ok {
			return []policy.Policy{p}
		}
		return nil
	}
	var list []policy.Policy
	if p, ok := r.Beside(namespace); ok && !r.Dialect.Rollout().Additive {
		list = append(list, p)
	}
	if p, ok := r.DefaultDeny(namespace); ok {
		list = append(list, p)
	}
	return append(list, r.denyWorkloads(namespace)...)
}

// Staged returns the policies of a namespace in a form that the cluster reports on and does not enforce, if the dialect
// has one.
func (r *Result) Staged(namespace string) []policy.Policy {
	if !r.Dialect.Rollout().Staged {
		return nil
	}
	var list []policy.Policy
	if namespace != "" {
		list = r.Allow(namespace)
	}
	list = append(list, r.Deny(namespace)...)
	for i := range list {
		list[i].Staged = true
	}
	return list
}

// Enforced returns the set as it is once every phase is through.
func (r *Result) Enforced() policy.PolicySet {
	var list []policy.Policy
	for _, ns := range r.Namespaces() {
		list = append(append(list, r.Allow(ns)...), r.Deny(ns)...)
	}
	set, _ := r.Dialect.Project(r.Set(append(list, r.Deny("")...)...))
	return set
}

// DefaultDeny returns the policy that closes a namespace in the directions that Enforce allows, false if it allows
// none.
func (r *Result) DefaultDeny(namespace string) (policy.Policy, bool) {
	e := r.Enforce[namespace]
	p := policy.DefaultDeny(namespace, e.Whole(model.Ingress), e.Whole(model.Egress))
	p.Name = r.prefix + p.Name
	return p, p.Ingress || p.Egress
}

// denyWorkloads returns what isolates the workloads of a namespace one by one, in the directions that are Partial.
func (r *Result) denyWorkloads(namespace string) []policy.Policy {
	e := r.Enforce[namespace]
	of := map[graph.WorkloadID]*policy.Policy{}
	var order []graph.WorkloadID
	for _, h := range e.Denied {
		if *e.At(h.Direction) != Partial {
			continue
		}
		p := of[h.Workload]
		if p == nil {
			deny := policy.DenyWorkload(namespace, h.Name, h.Selector, false, false)
			deny.Name = r.prefix + deny.Name
			p, order = &deny, append(order, h.Workload)
			of[h.Workload] = p
		}
		p.Ingress = p.Ingress || h.Direction == model.Ingress
		p.Egress = p.Egress || h.Direction == model.Egress
	}
	var list []policy.Policy
	for _, w := range order {
		list = append(list, *of[w])
	}
	return list
}

// GlobalDeny returns the policy that closes all namespaces but the system's, those to come among them, in the
// directions in which every namespace may be denied; false if it was not asked for or closes none.
func (r *Result) GlobalDeny() (policy.Policy, bool) {
	return r.global, r.global.Ingress || r.global.Egress
}

// Beside returns the policy that comes with the default deny of a namespace and with nothing else, false if there is
// none: it selects all pods, and those that nobody knows are isolated only then.
func (r *Result) Beside(namespace string) (policy.Policy, bool) {
	p, ok := r.beside[namespace]
	return p, ok && r.Enforce[namespace].Whole(model.Egress)
}

// Set returns a set of some of the result's policies, with the networks that they name.
func (r *Result) Set(list ...policy.Policy) policy.PolicySet {
	named := map[string]bool{}
	for i := range list {
		for j := range list[i].Rules {
			for k := range list[i].Rules[j].Peers {
				if q := &list[i].Rules[j].Peers[k]; q.Kind == policy.PeerNetwork {
					named[q.Name] = true
				}
			}
		}
	}
	set := policy.PolicySet{Policies: list}
	for _, n := range r.Policies.Networks {
		if named[n.Name] {
			set.Networks = append(set.Networks, n)
		}
	}
	return set
}
