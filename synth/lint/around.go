package lint

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// samePriority looks for ClusterNetworkPolicies of one tier and priority that may say different things of one
// connection: the API leaves open which of them is asked first.
func (l *linter) samePriority() {
	l.each(func(p *policy.Policy) {
		if !p.Around() {
			return
		}
		at := slices.IndexFunc(l.Set.Policies, func(q policy.Policy) bool {
			return q.Around() && q.Tier == p.Tier && placeOf(&q) == placeOf(p) && (q.Name != p.Name || q.Kind != p.Kind) &&
				!apart(p.SubjectNamespaces, q.SubjectNamespaces) && !apart(p.Subject, q.Subject) && contradict(p, &q)
		})
		if at >= 0 {
			l.found(p, []string{"priority"}, "give one of them another priority",
				"has priority %g like %s in the same tier, and they may decide differently", placeOf(p),
				nameOf(&l.Set.Policies[at]))
		}
	})
}

// contradict reports whether two policies may do different things with one connection.
func contradict(p, q *policy.Policy) bool {
	for i := range p.Rules {
		for j := range q.Rules {
			r, s := &p.Rules[i], &q.Rules[j]
			if r.Direction == s.Direction && r.Action != s.Action && meetPorts(r, s) && meetPeers(r, s) {
				return true
			}
		}
	}
	return false
}

func meetPorts(r, s *policy.Rule) bool {
	return r.AnyPort || s.AnyPort || slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
		return slices.ContainsFunc(s.Ports, func(q policy.Port) bool {
			return p.Name != "" || q.Name != "" || p.Proto == q.Proto && p.First <= q.Last && q.First <= p.Last
		})
	})
}

func meetPeers(r, s *policy.Rule) bool {
	return r.AnyPeer || s.AnyPeer || slices.ContainsFunc(r.Peers, func(p policy.Peer) bool {
		return slices.ContainsFunc(s.Peers, func(q policy.Peer) bool {
			switch {
			case p.Kind == policy.PeerCIDR && q.Kind == policy.PeerCIDR:
				return p.CIDR.Overlaps(q.CIDR)
			case p.Kind == policy.PeerPods && q.Kind == policy.PeerPods:
				return !apart(p.Namespaces, q.Namespaces) && !apart(p.Pods, q.Pods)
			}
			return true
		})
	})
}

// apart reports whether nothing can have the labels that both selectors ask for.
func apart(s, t policy.Selector) bool {
	return slices.ContainsFunc(s, func(a policy.Requirement) bool {
		return slices.ContainsFunc(t, func(b policy.Requirement) bool { return excludes(a, b) || excludes(b, a) })
	})
}

func excludes(a, b policy.Requirement) bool {
	if a.Key != b.Key || a.Op != policy.In {
		return false
	}
	return b.Op == policy.DoesNotExist || !slices.ContainsFunc(a.Values, func(v string) bool {
		return policy.Selector{b}.Matches(model.Labels{a.Key + "=" + v})
	})
}
