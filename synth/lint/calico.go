package lint

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// shadowed looks for rules that never decide: behind another rule of their policy, or behind another policy.
func (l *linter) shadowed() {
	calico := slices.ContainsFunc(l.Set.Policies, func(p policy.Policy) bool { return p.Tier != "" })
	l.each(func(p *policy.Policy) {
		if p.Tier != "" && p.Sequential() {
			l.shadowedInside(p)
		}
		if calico && !OfCilium(p) {
			l.shadowedByOthers(p)
		}
	})
}

func (l *linter) shadowedInside(p *policy.Policy) {
	for i := range p.Rules {
		r := &p.Rules[i]
		before := slices.IndexFunc(p.Rules[:i], func(s policy.Rule) bool { return s.Action != r.Action && takes(&s, r) })
		if before >= 0 {
			l.foundRule(p, i, "put it before", "a rule that would %s %s is behind one that %s all of it",
				r.Action, portsText(r), verbs[p.Rules[before].Action])
		}
	}
}

func (l *linter) shadowedByOthers(p *policy.Policy) {
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Action != policy.Allow {
			continue
		}
		for j := range l.Set.Policies {
			q := &l.Set.Policies[j]
			if q == p || q.Staged || q.Tier == "" || !l.before(q, p) || !l.selectsAllOf(q, p) {
				continue
			}
			if part, why := l.stopped(q, r, tierOf(q) != tierOf(p)); why != "" {
				l.foundRule(p, i, "give it a lower order or an earlier tier, or narrow "+nameOf(q),
					"rule %s allows %s, and %s comes before it and %s", p.RuleID(i), portsText(&part), nameOf(q), why)
				break
			}
		}
	}
}

// stopped returns the first part of a rule, of one peer and one port, that a policy before it stops, and how: a rule
// may have been several when it was written.
func (l *linter) stopped(q *policy.Policy, r *policy.Rule, otherTier bool) (part policy.Rule, why string) {
	peers, ports := len(r.Peers), len(r.Ports)
	for i := range max(peers, 1) {
		for j := range max(ports, 1) {
			part = *r
			if peers > 0 {
				part.Peers = r.Peers[i : i+1]
			}
			if ports > 0 {
				part.Ports = r.Ports[j : j+1]
			}
			if why = l.stops(q, &part, otherTier); why != "" {
				return part, why
			}
		}
	}
	return part, ""
}

// stops says how a policy keeps what a rule behind it would allow from ever getting there, "" where it does not.
func (l *linter) stops(q *policy.Policy, r *policy.Rule, otherTier bool) string {
	rules := rulesOf(q, r.Direction)
	goesOn := false
	for i := range rules {
		s := &rules[i]
		switch {
		case s.Action == policy.Pass && otherTier:
			goesOn = true
		case takes(s, r) && s.Action == policy.Allow:
			return ""
		case takes(s, r) && !goesOn:
			return verbs[s.Action] + " all of it"
		}
	}
	tier := slices.IndexFunc(l.Set.Tiers, func(t policy.Tier) bool { return t.Name == tierOf(q) })
	if otherTier && tier >= 0 && !l.Set.Tiers[tier].Pass && !goesOn && q.Isolates(r.Direction) && !l.letsOn(q, r) {
		return "its tier " + tierOf(q) + " denies at its end what nothing passed"
	}
	return ""
}

// letsOn reports whether some rule in the tier of a policy may allow or pass part of what a rule allows.
func (l *linter) letsOn(q *policy.Policy, r *policy.Rule) bool {
	return slices.ContainsFunc(l.Set.Policies, func(t policy.Policy) bool {
		return !t.Staged && tierOf(&t) == tierOf(q) && slices.ContainsFunc(t.Rules, func(s policy.Rule) bool {
			return s.Direction == r.Direction && s.Action != policy.Deny && meetPorts(&s, r) && meetPods(&s, r)
		})
	})
}

// meetPods is meetPeers for a rule whose peers are pods, of which no network set has any.
func meetPods(s, r *policy.Rule) bool {
	pods := *s
	if len(r.Peers) > 0 && r.Peers[0].Kind == policy.PeerPods {
		network := func(q policy.Peer) bool { return q.Kind == policy.PeerNetwork }
		pods.Peers = slices.DeleteFunc(slices.Clone(s.Peers), network)
	}
	return meetPeers(&pods, r)
}

// selectsAllOf reports whether q selects every pod that p does: by the same selector, by none, or as far as the pods
// show that were seen.
func (l *linter) selectsAllOf(q, p *policy.Policy) bool {
	switch {
	case q.Namespace != "" && q.Namespace != p.Namespace:
		return false
	case q.Namespace == "" && p.Namespace != "" && !q.SubjectNamespaces.Matches(namesOf(p.Namespace)):
		return false
	case q.Namespace == "" && p.Namespace == "" && len(q.SubjectNamespaces) > 0 &&
		q.SubjectNamespaces.Compare(p.SubjectNamespaces) != 0:
		return false
	case len(q.Subject) == 0 || q.Subject.Compare(p.Subject.Canonical()) == 0:
		return true
	}
	pods := 0
	for _, k := range l.known {
		if l.selects(p, k.end) {
			if pods++; !l.selects(q, k.end) {
				return false
			}
		}
	}
	return pods > 0
}

// namesOf are the labels that Calico and Kubernetes give a namespace.
func namesOf(namespace string) model.Labels {
	return model.MakeLabels([]string{policy.NamespaceName + "=" + namespace, "projectcalico.org/name=" + namespace})
}

// takes reports whether a rule matches everything that another does.
func takes(s, r *policy.Rule) bool {
	peers := s.AnyPeer || !r.AnyPeer && policy.PeersKey(s.Peers) == policy.PeersKey(r.Peers)
	return s.Direction == r.Direction && peers && len(s.Self) == 0 && len(s.NotPorts) == 0 && takesPorts(s, r)
}

func takesPorts(s, r *policy.Rule) bool {
	if s.AnyPort || r.AnyPort {
		return s.AnyPort
	}
	return !slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
		return !slices.ContainsFunc(s.Ports, func(q policy.Port) bool {
			return q == p || q.Proto == p.Proto && q.Name == "" && p.Name == "" && q.Code == 0 && q.First <= p.First &&
				p.Last <= q.Last || q.Proto == p.Proto && q.Whole()
		})
	})
}

func portsText(r *policy.Rule) string {
	if r.AnyPort {
		return "everything"
	}
	var out []string
	for _, p := range r.Ports {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}

var verbs = map[policy.Action]string{policy.Allow: "allows", policy.Deny: "denies", policy.Pass: "passes"}

// dnsByLabel looks at rules for port 53 of cluster-wide policies: in one of a namespace a selector alone means that
// namespace.
func (l *linter) dnsByLabel() {
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			r := &p.Rules[i]
			if p.Tier == "" || p.Namespace != "" || r.Direction != model.Egress || r.Action != policy.Allow || r.AnyPort ||
				!namesPort(r, model.UDP, 53) {
				continue
			}
			for _, q := range r.Peers {
				if q.Kind == policy.PeerPods && len(q.Namespaces) == 0 && len(q.Pods) > 0 {
					remedy := "add namespaceSelector: projectcalico.org/name == 'kube-system'"
					if p.Around() {
						remedy = "add namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}"
					}
					l.foundRule(p, i, remedy,
						"rule %s lets pods of every namespace be asked that have the label %s", p.RuleID(i), q.Pods)
				}
			}
		}
	})
}
