package lint

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"sluice/model"
	"sluice/synth/policy"
)

// withoutDNS asks of each pod that some policy isolates for egress whether any rule lets it reach a port 53.
func (l *linter) withoutDNS() {
	l.each(func(p *policy.Policy) {
		if !p.Isolates(model.Egress) || p.EntitiesOnly {
			return
		}
		connects := slices.ContainsFunc(
			rulesOf(p, model.Egress),
			func(r policy.Rule) bool { return r.Action == policy.Allow },
		)
		if connects && !l.resolves(p) {
			l.found(p, directionFields[model.Egress], "allow UDP and TCP 53 to the resolver for the same pods",
				"isolates egress, and no policy allows port 53 to these pods")
		}
	})
}

// resolves reports whether some policy that may select the same pods allows port 53 out.
func (l *linter) resolves(p *policy.Policy) bool {
	for i := range l.Set.Policies {
		q := &l.Set.Policies[i]
		if q.Staged || q.Namespace != p.Namespace && q.Namespace != "" || !l.overlap(p, q) {
			continue
		}
		for _, r := range rulesOf(q, model.Egress) {
			if r.Action == policy.Allow && namesPort(&r, model.UDP, 53) && !(r.AnyPort && near(&r, q.Namespace)) {
				return true
			}
		}
	}
	return false
}

// near reports whether all peers of a rule are some pods of one namespace, which is not the system's: on whatever port
// they are reached, no resolver is meant.
func near(r *policy.Rule, namespace string) bool {
	return namespace != "" && namespace != systemNamespace && len(r.Peers) > 0 &&
		!slices.ContainsFunc(r.Peers, func(q policy.Peer) bool {
			return q.Kind != policy.PeerPods || len(q.Pods) == 0 || !q.Within(namespace)
		})
}

// systemNamespace is where the resolver of the cluster usually runs.
const systemNamespace = "kube-system"

func namesPort(r *policy.Rule, proto model.Proto, port uint16) bool {
	return r.AnyPort || slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
		return (p.Proto == proto || p.Proto == 0) && (p.Name != "" || p.First <= port && port <= p.Last)
	})
}

// servicePort looks for rules that name a service's port where the pods behind it listen on another.
func (l *linter) servicePort() {
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			r := &p.Rules[i]
			if r.Action != policy.Allow || r.AnyPort {
				continue
			}
			for _, s := range l.Set.Manifests.Services {
				if l.behind(p, r, s) {
					l.servicePorts(p, i, s)
				}
			}
		}
	})
}

// behind reports whether a rule means the pods behind a service: as the peers of egress or as the subject of ingress.
func (l *linter) behind(p *policy.Policy, r *policy.Rule, s policy.Service) bool {
	labels := labelsOf(s.Selector)
	if len(labels) == 0 {
		return false
	}
	if r.Direction == model.Ingress {
		return p.Namespace == s.Namespace && len(p.Subject) > 0 && p.Subject.Matches(labels)
	}
	space := model.Labels{policy.NamespaceName + "=" + s.Namespace}
	return slices.ContainsFunc(r.Peers, func(q policy.Peer) bool {
		switch q.Kind {
		case policy.PeerPods:
			return len(q.Pods) > 0 && q.Pods.Matches(labels) && q.Namespaces.Matches(space)
		case policy.PeerService:
			return q.Name == s.Name && q.Namespace == s.Namespace && p.Tier == ""
		default:
			return false
		}
	})
}

func (l *linter) servicePorts(p *policy.Policy, i int, s policy.Service) {
	r := &p.Rules[i]
	for j, listens := range s.Listens {
		target := s.Ports[j]
		if listens == target.First || target.Name != "" || !namesPort(r, target.Proto, listens) {
			continue
		}
		if namesPort(r, target.Proto, target.First) || targets(&s, listens) {
			continue
		}
		at := p.Source
		if r.Source.Line > 0 {
			at = r.Source
		}
		edits := l.renumbered(p, r, strconv.Itoa(int(listens)), strconv.Itoa(int(target.First)))
		l.add(p, at, edits, "write "+target.String()+", the port of the pods", fmt.Sprintf(
			"rule %s names port %d, which is that of service %s/%s: its pods listen on %d",
			p.RuleID(i), listens, s.Namespace, s.Name, target.First,
		))
	}
}

// targets reports whether some port of the service goes to a number.
func targets(s *policy.Service, number uint16) bool {
	return slices.ContainsFunc(
		s.Ports,
		func(p policy.Port) bool { return p.First <= number && number <= p.Last && p.Name == "" },
	)
}

func labelsOf(s policy.Selector) model.Labels {
	var kv []string
	for _, r := range s {
		if r.Op == policy.In && len(r.Values) == 1 {
			kv = append(kv, r.Key+"="+r.Values[0])
		}
	}
	return model.MakeLabels(kv)
}

// apiServerPort needs flows to the API server: where it listens, no policy says.
func (l *linter) apiServerPort() {
	if l.Graph == nil {
		return
	}
	listens := map[uint16]bool{}
	for i := range l.Graph.Edges {
		e := &l.Graph.Edges[i]
		if l.Graph.Peers[e.Dst].Entities&model.KubeAPIServer != 0 && e.Proto == model.TCP && e.State.Worked() {
			listens[e.Port] = true
		}
	}
	if len(listens) == 0 || listens[servicePortOfAPI] {
		return
	}
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			r := &p.Rules[i]
			toServer := slices.ContainsFunc(r.Peers, func(q policy.Peer) bool { return q.Entities&model.KubeAPIServer != 0 })
			if r.Direction != model.Egress || !toServer || r.AnyPort || !namesPort(r, model.TCP, servicePortOfAPI) {
				continue
			}
			at := slices.Sorted(maps.Keys(listens))
			if !slices.ContainsFunc(at, func(n uint16) bool { return namesPort(r, model.TCP, n) }) {
				l.foundRule(p, i, fmt.Sprintf("write %d", at[0]),
					"rule %s names port 443 of the API server: it was seen on %d", p.RuleID(i), at[0])
			}
		}
	})
}

const servicePortOfAPI = 443
