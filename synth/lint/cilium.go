package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// cidrOfPods finds networks in policies of Cilium that some address of the cluster is meant by: private ones that
// nothing outside was seen in, and those of the pods and nodes that manifests name.
func (l *linter) cidrOfPods() {
	cilium := ofCiliumOr(l.Semantics)
	l.each(func(p *policy.Policy) {
		if !cilium(*p) {
			return
		}
		for i := range p.Rules {
			id := "" // of a rule with thousands of addresses it is looked for once
			for _, q := range p.Rules[i].Peers {
				why := ""
				switch {
				case q.Kind != policy.PeerCIDR:
				case l.ofCluster(q.CIDR):
					why = "and the manifests say that it is of this cluster"
				case l.Semantics == eval.Cilium && l.Graph != nil && q.CIDR.Addr().IsPrivate() && !l.outsideSeen(q.CIDR):
					why = "and nothing outside was seen there"
				}
				if why != "" {
					if id == "" {
						id = p.RuleID(i)
					}
					l.foundRule(p, i, "select pods by labels, nodes by the entities host and remote-node",
						"rule %s names %s: Cilium finds no pod and no node by it, %s", id, q.CIDR, why)
				}
			}
		}
	})
}

// ofCluster reports whether a network is of the pods that manifests know, or holds a node of theirs; one for every
// address is meant for those outside.
func (l *linter) ofCluster(c netip.Prefix) bool {
	if c.Bits() == 0 {
		return false
	}
	m := &l.Set.Manifests
	block := m.Block()
	return block.IsValid() && block.Overlaps(c) || slices.ContainsFunc(m.Nodes, func(n policy.Node) bool {
		return slices.ContainsFunc(n.Addresses, c.Contains)
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

// OfCilium reports whether only Cilium takes a policy.
func OfCilium(p *policy.Policy) bool { return strings.HasPrefix(p.Kind, "cilium.io/") }

// toServices wants the Service beside the policy: without it nobody can tell what the rule selects.
func (l *linter) toServices() {
	l.each(func(p *policy.Policy) {
		if !OfCilium(p) {
			return
		}
		for i := range p.Rules {
			for _, q := range p.Rules[i].Peers {
				known := slices.ContainsFunc(l.Set.Manifests.Services, func(s policy.Service) bool {
					return (q.Namespace == "" || s.Namespace == q.Namespace) && (s.Name == q.Name ||
						q.Name == "" && q.Pods.Matches(s.Labels))
				})
				if q.Kind == policy.PeerService && !known {
					l.foundRule(p, i, "give the Service's manifest too, or select the pods by labels",
						"rule %s allows the pods behind %s: no Service of these files says which, and its port is the target port",
						p.RuleID(i), q)
				}
			}
		}
	})
}

// namesUnseen asks for rules.dns in the text of some policy of the same pods.
func (l *linter) namesUnseen() {
	l.each(func(p *policy.Policy) {
		for i := range p.Rules {
			named := slices.ContainsFunc(p.Rules[i].Peers, func(q policy.Peer) bool { return q.Kind == policy.PeerFQDN })
			if named && OfCilium(p) && l.Texts != nil && !l.watchesDNS(p) {
				l.foundRule(p, i, `add rules: {dns: [{matchPattern: "*"}]} to the ports of the rule for the resolver`,
					"rule %s names DNS names, and no answer to these pods goes through the DNS proxy", p.RuleID(i))
				return
			}
		}
	})
}

func (l *linter) watchesDNS(p *policy.Policy) bool {
	for i := range l.Set.Policies {
		q := &l.Set.Policies[i]
		near := q.Namespace == p.Namespace || q.Namespace == ""
		if o := l.byPos[q.Source]; near && OfCilium(q) && o != nil && l.overlap(p, q) && dnsRules(o.Root) {
			return true
		}
	}
	return false
}

// dnsRules reports whether a text has rules for the questions of DNS.
func dnsRules(n *yaml.Node) bool {
	if rules := render.Path(n, "rules", "dns"); rules != nil && len(rules.Content) > 0 {
		return true
	}
	return slices.ContainsFunc(n.Content, dnsRules)
}

// behindProxy decides a connection of the proxy to every backend that is known: from flows, or from the Ingress and
// route objects of the files.
func (l *linter) behindProxy() {
	if !slices.ContainsFunc(l.Set.Policies, ofCiliumOr(l.Semantics)) {
		return
	}
	proxy := l.ev.End(eval.Facts{Entities: model.IngressEntity})
	told := map[string]bool{}
	check := func(name string, pod *eval.End, proto model.Proto, port uint16) {
		d := l.ev.Decide(proxy, pod, proto, port)
		if d.Ingress.Outcome != eval.Denied || d.Ingress.Policy < 0 || told[name] {
			return
		}
		told[name] = true
		l.found(&l.Set.Policies[d.Ingress.Policy], directionFields[model.Ingress],
			fmt.Sprintf("allow the entity ingress to %d/%s", port, proto),
			"isolates %s, which serves through Ingress or Gateway, and no rule lets their proxy in", name)
	}
	for _, b := range l.backends() {
		check(b.name, l.ev.End(eval.Facts{IsPod: true, Namespace: b.namespace, Labels: b.labels}), model.TCP, b.port)
	}
	if l.Graph == nil {
		return
	}
	for i := range l.Graph.Edges {
		e := &l.Graph.Edges[i]
		w := l.Graph.Peers[e.Dst].Workload
		if l.Graph.Peers[e.Src].Entities&model.IngressEntity == 0 || w < 0 || !e.State.Worked() {
			continue
		}
		for _, k := range l.known {
			if k.workload == l.Graph.Workloads[w].ID {
				check(k.workload, k.end, e.Proto, e.Port)
			}
		}
	}
}

func ofCiliumOr(sem eval.Semantics) func(policy.Policy) bool {
	return func(p policy.Policy) bool { return sem == eval.Cilium || OfCilium(&p) }
}

// backend are the pods behind a service that the proxy serves.
type backend struct {
	namespace, name string
	labels          model.Labels
	port            uint16
}

// backends are those of Ingress objects of Cilium's class and of routes. Their services have to be in the files.
func (l *linter) backends() []backend {
	var out []backend
	for i := range l.texts {
		o := &l.texts[i]
		switch o.Kind {
		case "Ingress":
			if class := render.Path(o.Root, "spec", "ingressClassName"); class == nil || class.Value != "cilium" {
				continue
			}
		case "HTTPRoute", "GRPCRoute", "TLSRoute":
		default:
			continue
		}
		namespace := render.DefaultNamespace
		if n := render.Path(o.Root, "metadata", "namespace"); n != nil {
			namespace = n.Value
		}
		out = append(out, l.served(o.Root, namespace)...)
	}
	return out
}

// served finds the services that an object names: "service" of an Ingress, items of "backendRefs" of a route.
func (l *linter) served(n *yaml.Node, namespace string) []backend {
	var out []backend
	for i, c := range n.Content {
		refs := []*yaml.Node{}
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			switch n.Content[i-1].Value {
			case "service":
				refs = append(refs, c)
			case "backendRefs":
				refs = append(refs, c.Content...)
			}
		}
		for _, ref := range refs {
			if name := render.Path(ref, "name"); name != nil {
				out = append(out, l.podsOf(name.Value, namespace)...)
			}
		}
		out = append(out, l.served(c, namespace)...)
	}
	return out
}

func (l *linter) podsOf(service, namespace string) []backend {
	var out []backend
	for _, s := range l.Set.Manifests.Services {
		if labels := labelsOf(s.Selector); s.Name == service && s.Namespace == namespace && len(labels) > 0 {
			for _, p := range s.Ports {
				out = append(out, backend{namespace, namespace + "/" + service, labels, p.First})
			}
		}
	}
	return out
}

// isolatesProxy is about the two directions of the proxy: its egress has to reach backends, which a rule for the
// resolver alone does not; its ingress has to let clients in, those outside among them.
func (l *linter) isolatesProxy() {
	serves := len(l.backends()) > 0 || l.Graph != nil && slices.ContainsFunc(l.Graph.Peers, func(p graph.Peer) bool {
		return p.Entities&model.IngressEntity != 0
	})
	l.each(func(p *policy.Policy) {
		if p.Namespace != "" || p.SubjectEntities&model.IngressEntity == 0 || p.EntitiesOnly {
			return
		}
		for _, d := range directions {
			if !p.Isolates(d) || l.proxyPasses(d) || d == model.Ingress && !serves {
				continue
			}
			l.found(p, subjectFields, "add the expression {key: reserved:ingress, operator: DoesNotExist}",
				"isolates %s of the proxy of Ingress and Gateway too, and no policy gives it rules", d)
		}
	})
}

// proxyPasses reports whether some policy lets the proxy do its work in a direction.
func (l *linter) proxyPasses(d model.Direction) bool {
	for i := range l.Set.Policies {
		q := &l.Set.Policies[i]
		if q.SubjectEntities&model.IngressEntity == 0 {
			continue
		}
		for _, r := range rulesOf(q, d) {
			work := r.AnyPort || slices.ContainsFunc(r.Ports, func(p policy.Port) bool { return p.First != 53 || p.Last != 53 })
			open := r.AnyPeer || slices.ContainsFunc(r.Peers, func(q policy.Peer) bool {
				return d == model.Egress && q.Kind == policy.PeerPods || q.Entities&model.World != 0 ||
					q.Kind == policy.PeerCIDR
			})
			if r.Action == policy.Allow && work && open {
				return true
			}
		}
	}
	return false
}
