package lint

import (
	"slices"

	"sluice/model"
	"sluice/model/workload"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// matchesNothing needs pods of the policy's namespaces: where none was seen nothing follows.
func (l *linter) matchesNothing() {
	if l.Graph == nil && !l.Declared {
		return
	}
	l.each(func(p *policy.Policy) {
		if p.EntitiesOnly || len(p.Subject) == 0 || l.host(p) != "" {
			return
		}
		near := 0
		for _, k := range l.known {
			if p.Namespace != "" && k.end.Namespace != p.Namespace {
				continue
			}
			near++
			if l.selects(p, k.end) {
				return
			}
		}
		if near > 0 {
			l.found(
				p,
				subjectFields,
				"compare with the labels of the pods: sluice show workloads",
				"selects %s: none of the pods %s there has these labels",
				p.Subject,
				l.knownHow(),
			)
		}
	})
}

// knownHow says how pods are known.
func (l *linter) knownHow() string {
	if l.Graph == nil {
		return "declared"
	}
	return "seen"
}

func (l *linter) selects(p *policy.Policy, end *eval.End) bool {
	for _, d := range directions {
		for _, i := range end.Policies(d) {
			if &l.Set.Policies[i] == p {
				return true
			}
		}
	}
	return false
}

func (l *linter) peerMatchesNothing() {
	if l.Graph == nil && !l.Declared {
		return
	}
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			for _, q := range p.Rules[i].Peers {
				if q.Kind == policy.PeerPods && len(q.Pods) > 0 && q.Pods.Plain() && l.seen(q) == 0 &&
					l.namespaceSeen(q) {
					l.foundRule(p, i, "compare with the labels of the pods: sluice show workloads",
						"rule %s: no pod that was %s is %s", p.RuleID(i), l.knownHow(), q)
				}
			}
		}
	})
}

// rolloutLabel asks no log: that a value does not last is known of the key.
func (l *linter) rolloutLabel() {
	const remedy = "select by labels of the workload's template: sluice show workloads"
	l.each(func(p *policy.Policy) {
		if r := ofRollout(p.Subject); r != nil {
			l.found(p, subjectFields, remedy, "selects %s, which lasts for one rollout or run", r)
		}
		for i := range p.Rules {
			for _, q := range p.Rules[i].Peers {
				if r := peerOfRollout(&q); r != nil {
					l.foundRule(p, i, remedy, "rule %s names %s, which lasts for one rollout or run", p.RuleID(i), r)
				}
			}
		}
	})
}

func peerOfRollout(q *policy.Peer) *policy.Requirement {
	if r := ofRollout(q.Pods); r != nil {
		return r
	}
	for i := range q.All {
		if r := peerOfRollout(&q.All[i]); r != nil {
			return r
		}
	}
	return nil
}

// ofRollout returns the requirement for a value of one rollout, nil for none. That such a label is there, or is none of
// some, lasts.
func ofRollout(s policy.Selector) *policy.Requirement {
	for i := range s {
		if r := &s[i]; r.Op == policy.In && workload.OfRollout(r.Key) {
			return r
		}
	}
	return nil
}

// seen counts the known pods that a peer selects by labels and the name of the namespace.
func (l *linter) seen(q policy.Peer) int {
	n := 0
	for _, k := range l.known {
		space := model.Labels{policy.NamespaceName + "=" + k.end.Namespace}
		if k.end.MayHave(q.Pods) && q.Namespaces.Matches(space) {
			n++
		}
	}
	return n
}

// namespaceSeen reports whether pods of a namespace that the peer names were seen, and that it asks for names alone.
func (l *linter) namespaceSeen(q policy.Peer) bool {
	for _, r := range q.Namespaces {
		if r.Key != policy.NamespaceName {
			return false
		}
	}
	return slices.ContainsFunc(l.known, func(k pod) bool {
		return q.Namespaces.Matches(model.Labels{policy.NamespaceName + "=" + k.end.Namespace})
	})
}

// overlap reports whether two policies may select one pod: where pods are known, whether they do.
func (l *linter) overlap(p, q *policy.Policy) bool {
	if len(q.Subject) == 0 ||
		slices.EqualFunc(p.Subject, q.Subject, func(a, b policy.Requirement) bool { return a.String() == b.String() }) {
		return true
	}
	if len(l.known) == 0 {
		return true
	}
	return slices.ContainsFunc(l.known, func(k pod) bool { return l.selects(p, k.end) && l.selects(q, k.end) })
}

// matchesEverything needs pods of two workloads at least: that one is selected says nothing.
func (l *linter) matchesEverything() {
	l.each(func(p *policy.Policy) {
		if p.EntitiesOnly || len(p.Subject) == 0 || p.Namespace == "" {
			return
		}
		workloads := map[string]bool{}
		for _, k := range l.known {
			if k.end.Namespace != p.Namespace {
				continue
			}
			if !l.selects(p, k.end) {
				return
			}
			workloads[k.workload] = true
		}
		if len(workloads) > 1 {
			l.found(p, subjectFields, "name a label that only the pods meant have, or select all by an empty selector",
				"selects %s: all %d workloads seen in namespace %s", p.Subject, len(workloads), p.Namespace)
		}
	})
}

// orForAnd looks for a rule with pods of the own namespace, where nobody is found by their labels, beside whole other
// namespaces, where somebody is.
func (l *linter) orForAnd() {
	l.each(func(p *policy.Policy) {
		if p.Namespace == "" {
			return
		}
		own := policy.Namespace(p.Namespace)
		for i := range p.Rules {
			if p.Rules[i].Action == policy.Allow {
				l.splitPeers(p, i, own)
			}
		}
	})
}

// splitPeers parts the peers first: addresses are neither, and a rule may have thousands.
func (l *linter) splitPeers(p *policy.Policy, i int, own policy.Selector) {
	var pods, spaces []policy.Selector
	for _, q := range p.Rules[i].Peers {
		switch here := q.Namespaces.Compare(own) == 0; {
		case q.Kind != policy.PeerPods:
		case here && len(q.Pods) > 0 && l.seen(q) == 0:
			pods = append(pods, q.Pods)
		case !here && len(q.Pods) == 0:
			spaces = append(spaces, q.Namespaces)
		}
	}
	for _, of := range pods {
		for _, in := range spaces {
			if l.seen(policy.Peer{Kind: policy.PeerPods, Namespaces: in, Pods: of}) > 0 {
				l.foundRule(p, i, "write both selectors in one item", "rule %s names namespaces %s and pods %s as two items: "+
					"either is enough, and such pods were seen in these namespaces only", p.RuleID(i), in, of)
			}
		}
	}
}
