package lint

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

func opens(r *policy.Rule) bool {
	return r.Action == policy.Allow && r.AnyPeer && r.AnyPort && len(r.Self) == 0 && len(r.NotPorts) == 0
}

// opensAddresses reports whether a rule allows every port of every address of a family.
func opensAddresses(r *policy.Rule) bool {
	return r.Action == policy.Allow && r.AnyPort && len(r.Self) == 0 && len(r.NotPorts) == 0 &&
		slices.ContainsFunc(r.Peers, everyAddress)
}

func everyAddress(q policy.Peer) bool {
	return q.Kind == policy.PeerCIDR && q.CIDR.Bits() == 0 && len(q.Except) == 0
}

func (l *linter) opensEverything() {
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			r := &p.Rules[i]
			switch {
			case p.Name == policy.OpenName:
			case opens(r):
				l.foundRule(p, i, "name the peers and ports that are needed: sluice learn finds them",
					"rule %s allows every %s connection", p.RuleID(i), r.Direction)
			case opensAddresses(r):
				l.foundRule(p, i, "name the networks and ports that are needed: sluice learn finds them",
					"rule %s allows %s of every address on every port", p.RuleID(i), r.Direction)
			}
		}
	})
}

// deniesAll is about lists that are written and have nothing in them: a direction without a list is how a default deny
// is written.
func (l *linter) deniesAll() {
	l.each(func(p *policy.Policy) {
		for _, d := range directions {
			written := l.emptyList(p, d.String()) || l.Texts == nil && len(p.Subject) > 0
			if p.Isolates(d) && len(rulesOf(p, d)) == 0 && written {
				l.found(
					p,
					directionFields[d],
					"write "+d.String()+": [{}] if all should be allowed, leave the list out if nothing",
					"denies all %s of %s",
					d,
					p.Subject,
				)
			}
		}
	})
}

func (l *linter) emptyEgress() {
	l.each(func(p *policy.Policy) {
		if _, spec := l.spec(p); p.Egress || p.Tier != "" || !l.emptyList(p, "egress") ||
			render.Path(spec, "policyTypes") != nil {
			return
		}
		l.found(p, []string{"egress"}, "add policyTypes: [Ingress, Egress]",
			"has egress: [] and no policyTypes: egress is not isolated")
	})
}

func (l *linter) denyAlone() {
	l.each(func(p *policy.Policy) {
		if p.Tier != "" {
			return
		}
		for _, d := range directions {
			rules := rulesOf(p, d)
			allows := slices.ContainsFunc(rules, func(r policy.Rule) bool { return r.Action == policy.Allow })
			if p.Isolates(d) && len(rules) > 0 && !allows {
				l.found(p, []string{d.String() + "Deny"}, "set enableDefaultDeny."+d.String()+": false, if only what is named should be denied",
					"has only rules that deny %s: everything else of it is denied too", d)
			}
		}
	})
}

func (l *linter) systemNamespaces() {
	l.each(func(p *policy.Policy) {
		if p.Namespace != "" || len(p.Subject) > 0 || p.EntitiesOnly || !p.Ingress && !p.Egress {
			return
		}
		system := model.Labels{policy.NamespaceName + "=kube-system", "projectcalico.org/name=kube-system"}
		if p.SubjectNamespaces.Matches(system) {
			l.found(
				p,
				subjectFields,
				"leave kube-system and the plugin's own namespaces out",
				"isolates the pods of kube-system as well",
			)
		}
	})
}

// hostEndpoints: only Calico's policies have a tier, and those around the policies of namespaces.
func (l *linter) hostEndpoints() {
	l.each(func(p *policy.Policy) {
		if !ofHosts(p) || !p.Ingress && !p.Egress {
			return
		}
		if p.Subject.Matches(nil) {
			l.found(p, subjectFields, "add namespaceSelector: has(projectcalico.org/name)", "selects host endpoints as well as pods")
		} else if host := l.host(p); host != "" {
			l.found(p, subjectFields, "add namespaceSelector: has(projectcalico.org/name), or try it on one node",
				"selects the host endpoint %s, and no replay tells what it decides there", host)
		}
	})
}

// ofHosts reports whether a policy may select host endpoints.
func ofHosts(p *policy.Policy) bool {
	return p.Tier != "" && !p.Around() && p.Namespace == "" && len(p.SubjectNamespaces) == 0
}

// host returns the first of the host endpoints that were seen which a policy selects by their labels, "" for none.
func (l *linter) host(p *policy.Policy) string {
	if l.Graph == nil || !ofHosts(p) {
		return ""
	}
	found := ""
	for _, ep := range l.Graph.AllEnds() {
		selected := ep.Kind == model.KindHost && len(ep.Labels) > 0 && p.Subject.Matches(ep.Labels)
		if selected && (found == "" || ep.Name < found) {
			found = ep.Name
		}
	}
	return found
}
