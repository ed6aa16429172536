package lint

import (
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// checks are the traps that broke real clusters, in the order of their ids.
var checks = []check{
	{
		"assumed",
		Info,
		"The text leaves something open, and was read as most clusters would: a policy without a namespace " +
			"goes where it is applied, a field narrows what no log shows. The finding says how it was read.",
		(*linter).assumed,
	},
	{
		"cidr-of-pods",
		Warning,
		"Cilium compares addresses with ends outside the cluster only: a pod or a node is known by " +
			"its identity, and no CIDR finds it, unless policy-cidr-match-mode says nodes. The connection is denied although its " +
			"address is in the network. Select pods by labels and nodes by the entities host and remote-node.",
		(*linter).cidrOfPods,
	},
	{
		"deny-alone",
		Warning,
		"A policy of Cilium with ingressDeny or egressDeny isolates its pods in that direction like any " +
			"other. Where nothing else allows, everything is denied, not only what the policy names. Say enableDefaultDeny: " +
			"false for the direction, or write the allow rules.",
		(*linter).denyAlone,
	},
	{
		"egress-without-dns",
		Warning,
		"Pods whose egress is isolated ask a resolver before they connect to a name. Without a " +
			"rule for port 53 every look-up times out, and the outage looks like one of the application.",
		(*linter).withoutDNS,
	},
	{
		"everything-isolated",
		Info,
		"A policy that isolates a direction and has no rule for it denies all of it. That is how a " +
			"default deny is written; it is also what `ingress: []` does where `ingress: [{}]` was meant, which allows all.",
		(*linter).deniesAll,
	},
	{
		"host-endpoints",
		Warning,
		"A GlobalNetworkPolicy of Calico without namespaceSelector also selects host endpoints: a " +
			"default deny then cuts the nodes off, the API server and SSH first. namespaceSelector: has(projectcalico.org/name) " +
			"keeps it to pods.",
		(*linter).hostEndpoints,
	},
	{
		"matches-nothing",
		Warning,
		"No pod that was seen has the labels that the policy selects: it protects nothing, and " +
			"what it allows nobody gets. A label was mistyped, belongs to the Deployment and not to its pods, or the pods were " +
			"not there while the flows were recorded.",
		(*linter).matchesNothing,
	},
	{
		"opens-everything",
		Warning,
		"A rule without peers and without ports allows every connection of its direction. Policies " +
			"only add to each other: while this one stands no other can deny.",
		(*linter).opensEverything,
	},
	{
		"peer-matches-nothing",
		Warning,
		"A peer of the rule selects no pod that was seen. The rule may be left over, or its " +
			"labels mistyped; a peer without namespaceSelector means the policy's own namespace.",
		(*linter).peerMatchesNothing,
	},
	{
		"service-port",
		Error,
		"Policies see the port of the pod, not that of the service: kube-proxy and Cilium translate " +
			"before policy is asked. A rule for the service's port allows nothing where the target port is another.",
		(*linter).servicePort,
	},
	{
		"shadowed",
		Warning,
		"Calico takes the first rule that matches, in the order of the policies. A rule behind one that " +
			"matches everything it does never decides anything.",
		(*linter).shadowed,
	},
	{
		"system-namespaces",
		Warning,
		"A cluster-wide policy that isolates pods of kube-system cuts the resolver and the network " +
			"plugin's own pods, and with them everything else. Leave system namespaces out by name.",
		(*linter).systemNamespaces,
	},
	{
		"unread",
		Error,
		"The document was not taken over as it stands: the API server refuses it, drops the field without a " +
			"word, or reads it as something else than its author.",
		(*linter).unread,
	},
}

func (l *linter) unread() {
	for _, p := range l.Problems {
		if p.Severity == render.Unsupported || p.Severity == render.Invalid {
			l.out = append(l.out, Finding{ID: l.check.id, Severity: l.check.severity, At: p.At, Text: p.Text})
		}
	}
}

func (l *linter) assumed() {
	for _, p := range l.Problems {
		if p.Severity == render.Note {
			l.out = append(l.out, Finding{ID: l.check.id, Severity: l.check.severity, At: p.At, Text: p.Text})
		}
	}
}

// matchesNothing needs pods of the policy's namespaces: where none was seen nothing follows.
func (l *linter) matchesNothing() {
	l.each(func(p *policy.Policy) {
		if p.EntitiesOnly || len(p.Subject) == 0 {
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
				"compare with the labels of the pods: sluice show workloads",
				"selects %s: none of the pods seen there has these labels",
				p.Subject,
			)
		}
	})
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
	if l.Graph == nil {
		return
	}
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			for _, q := range p.Rules[i].Peers {
				if q.Kind == policy.PeerPods && len(q.Pods) > 0 && q.Pods.Plain() && l.seen(q) == 0 &&
					l.namespaceSeen(q) {
					l.found(p, "compare with the labels of the pods: sluice show workloads",
						"rule %s: no pod that was seen is %s", p.RuleID(i), q)
				}
			}
		}
	})
}

// seen counts the known pods that a peer selects by labels and the name of the namespace.
func (l *linter) seen(q policy.Peer) int {
	n := 0
	for _, k := range l.known {
		space := model.Labels{policy.NamespaceName + "=" + k.end.Namespace}
		if q.Pods.Matches(k.end.Labels) && q.Namespaces.Matches(space) {
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

func opens(r *policy.Rule) bool {
	return r.Action == policy.Allow && r.AnyPeer && r.AnyPort && len(r.Self) == 0 && len(r.NotPorts) == 0
}

func (l *linter) opensEverything() {
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			if opens(&p.Rules[i]) && p.Name != policy.OpenName {
				l.found(p, "name the peers and ports that are needed: sluice learn finds them",
					"rule %s allows every %s connection", p.RuleID(i), p.Rules[i].Direction)
			}
		}
	})
}

func (l *linter) deniesAll() {
	l.each(func(p *policy.Policy) {
		for _, d := range directions {
			if p.Isolates(d) && len(rulesOf(p, d)) == 0 && len(p.Subject) > 0 {
				l.found(
					p,
					"write "+d.String()+": [{}] if all should be allowed, or leave the direction out of policyTypes",
					"denies all %s of %s",
					d,
					p.Subject,
				)
			}
		}
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
				l.found(p, "set enableDefaultDeny."+d.String()+": false, if only what is named should be denied",
					"has only rules that deny %s: everything else of it is denied too", d)
			}
		}
	})
}

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
			l.found(p, "allow UDP and TCP 53 to the resolver for the same pods",
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
			if r.Action == policy.Allow && namesPort(&r, model.UDP, 53) {
				return true
			}
		}
	}
	return false
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

func namesPort(r *policy.Rule, proto model.Proto, port uint16) bool {
	return r.AnyPort || slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
		return (p.Proto == proto || p.Proto == 0) && (p.Name != "" || p.First <= port && port <= p.Last)
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
				"leave kube-system and the plugin's own namespaces out",
				"isolates the pods of kube-system as well",
			)
		}
	})
}

// hostEndpoints: only Calico's policies have a tier.
func (l *linter) hostEndpoints() {
	l.each(func(p *policy.Policy) {
		if p.Tier != "" && p.Namespace == "" && len(p.SubjectNamespaces) == 0 && p.Subject.Matches(nil) &&
			(p.Ingress || p.Egress) {
			l.found(p, "add namespaceSelector: has(projectcalico.org/name)", "selects host endpoints as well as pods")
		}
	})
}

// servicePort looks for rules that name a service's port where the pods behind it listen on another.
func (l *linter) servicePort() {
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			r := &p.Rules[i]
			if r.Direction != model.Egress || r.Action != policy.Allow || r.AnyPort || r.AnyPeer {
				continue
			}
			for _, s := range l.Set.Manifests.Services {
				l.servicePorts(p, i, s)
			}
		}
	})
}

func (l *linter) servicePorts(p *policy.Policy, i int, s policy.Service) {
	labels := labelsOf(s.Selector)
	space := model.Labels{policy.NamespaceName + "=" + s.Namespace}
	named := slices.ContainsFunc(p.Rules[i].Peers, func(q policy.Peer) bool {
		return q.Kind == policy.PeerPods && len(q.Pods) > 0 && q.Pods.Matches(labels) && q.Namespaces.Matches(space)
	})
	if !named || len(labels) == 0 {
		return
	}
	for j, listens := range s.Listens {
		target := s.Ports[j]
		if listens == target.First || target.Name != "" || !namesPort(&p.Rules[i], target.Proto, listens) {
			continue
		}
		if namesPort(&p.Rules[i], target.Proto, target.First) || targets(&s, listens) {
			continue
		}
		l.found(
			p,
			"write "+target.String()+", the port of the pods",
			"rule %s names port %d, which is that of service %s/%s: its pods listen on %d",
			p.RuleID(i),
			listens,
			s.Namespace,
			s.Name,
			target.First,
		)
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

// cidrOfPods finds private networks in policies of Cilium that some address of the cluster is meant by: those that
// nothing outside was seen in.
func (l *linter) cidrOfPods() {
	if l.Semantics != eval.Cilium || l.Graph == nil {
		return
	}
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			for _, q := range p.Rules[i].Peers {
				if q.Kind == policy.PeerCIDR && q.CIDR.Addr().IsPrivate() && !l.outsideSeen(q.CIDR) {
					l.found(
						p,
						"select pods by labels, nodes by the entities host and remote-node",
						"rule %s names %s: Cilium finds no pod and no node by it, and nothing outside was seen there",
						p.RuleID(i),
						q.CIDR,
					)
				}
			}
		}
	})
}

func (l *linter) outsideSeen(c netip.Prefix) bool {
	for i := range l.Graph.Peers {
		if p := &l.Graph.Peers[i]; p.Kind == model.KindAddress && c.Contains(p.Address) {
			return true
		}
	}
	return false
}

// shadowed looks inside each policy of Calico, and at policies of one subject: a rule behind one that takes all.
func (l *linter) shadowed() {
	l.each(func(p *policy.Policy) {
		if p.Tier == "" {
			return
		}
		for _, d := range directions {
			rules := rulesOf(p, d)
			for i := range rules {
				before := slices.IndexFunc(rules[:i], func(r policy.Rule) bool {
					return r.AnyPeer && len(r.Self) == 0 && len(r.NotPorts) == 0 &&
						(r.AnyPort || samePorts(&r, &rules[i])) &&
						r.Action != rules[i].Action
				})
				if before >= 0 && p.Sequential() {
					l.found(
						p,
						"put it before",
						"a rule that would %s %s is behind one that %s all of it",
						rules[i].Action,
						portsText(&rules[i]),
						verbs[rules[before].Action],
					)
				}
			}
		}
	})
}

var verbs = map[policy.Action]string{policy.Allow: "allows", policy.Deny: "denies", policy.Pass: "passes"}

func samePorts(a, b *policy.Rule) bool {
	if a.AnyPort || b.AnyPort {
		return a.AnyPort
	}
	return slices.Equal(a.Ports, b.Ports)
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
