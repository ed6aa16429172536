package eval

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// hasLabels reports whether the selector finds the pod's labels.
func (e *End) hasLabels(s policy.Selector, n *need) model.Tri {
	m := model.Yes
	for i := range s {
		switch {
		case s[i].Key == ciliumAccount && e.ServiceAccount == "":
			m = and(m, n.unknown(needAccount))
		case s[i].Key == ciliumAccount:
			m = and(m, tri(s[i].Matches(model.Labels{ciliumAccount + "=" + e.ServiceAccount})))
		case s[i].Key == policy.ClusterName && e.Cluster == "" && s[i].Op != policy.Exists && s[i].Op != policy.DoesNotExist:
			m = and(m, n.unknown(needCluster))
		case s[i].Key == policy.ClusterName:
			m = and(m, tri(s[i].Matches(model.Labels{policy.ClusterName + "=" + e.Cluster})))
		case e.LabelsUnknown:
			m = and(m, n.unknown(needLabels))
		case !s[i].Matches(e.Labels):
			return model.No
		}
	}
	return m
}

// MayHave reports whether the selector may find the pod's labels: it does, or a fact is missing.
func (e *End) MayHave(s policy.Selector) bool {
	var n need
	return e.hasLabels(s, &n) != model.No
}

// inNamespaces reports whether the selector finds the pod's namespace.
func (e *End) inNamespaces(s policy.Selector, n *need) model.Tri {
	sure := model.Yes
	for i := range s {
		if s[i].Key != policy.NamespaceName && !e.namespaceKnown {
			sure = n.unknown(needNamespace)
		} else if !s[i].Matches(e.namespace) {
			return model.No
		}
	}
	return sure
}

// matchPeer reports whether p, in a policy of subject, names end.
func (e *Evaluator) matchPeer(p *policy.Peer, subject, end *End, n *need) model.Tri {
	switch p.Kind {
	case policy.PeerPods:
		if !end.IsPod || elsewhere(end, subject) && !namesCluster(p.Pods) {
			return model.No
		}
		return and(end.hasLabels(p.Pods, n), end.inNamespaces(p.Namespaces, n))
	case policy.PeerCIDR:
		return end.matchCIDR(p, e.semantics, n)
	case policy.PeerEntities:
		return end.matchEntities(p.Entities, n)
	case policy.PeerFQDN:
		return end.matchNames(n, func(name string) bool { return matchesName(p.Name, name) })
	case policy.PeerNetwork:
		return e.matchNetwork(p, end, n)
	case policy.PeerService:
		return e.behindService(p, end, n)
	case policy.PeerNodes:
		return e.matchNodes(p.Pods, end, n)
	default:
		return n.unknown(needPeer)
	}
}

// namesCluster reports whether a selector asks for the cluster: without it Cilium means the policy's own.
func namesCluster(s policy.Selector) bool {
	return slices.ContainsFunc(s, func(r policy.Requirement) bool { return r.Key == policy.ClusterName })
}

// behindService reports whether the end is one of the pods that a service stands for by its selector. Ports are the
// rule's own affair.
func (e *Evaluator) behindService(p *policy.Peer, end *End, n *need) model.Tri {
	m, found := model.No, false
	for i := range e.set.Manifests.Services {
		s := &e.set.Manifests.Services[i]
		if s.Namespace != p.Namespace && p.Namespace != "" {
			continue
		}
		if p.Name != "" && s.Name != p.Name || p.Name == "" && !p.Pods.Matches(s.Labels) {
			continue
		}
		found = true
		m = either(m, e.behind(s, end, n))
	}
	if !found && p.Name != "" {
		return n.unknown(needService)
	}
	return m
}

// behind reports whether a service's selector finds the end, or where it has none its endpoints list its address, which
// is none of pods and nodes to Cilium. That of an external name finds pods for Cilium alone: Kubernetes makes no
// endpoints of it.
func (e *Evaluator) behind(s *policy.Service, end *End, n *need) model.Tri {
	if len(s.Selector) > 0 && (!s.External || e.semantics == Cilium) {
		if !end.IsPod || end.Namespace != s.Namespace {
			return model.No
		}
		return end.hasLabels(s.Selector, n)
	}
	list, ok := e.set.Manifests.Endpoints[policy.ServiceName{Namespace: s.Namespace, Name: s.Name}]
	switch {
	case !ok && s.External:
		return model.No
	case !ok:
		return n.unknown(needEndpoints)
	case e.semantics == Cilium && (end.inCluster() || end.Masked):
		return model.No
	}
	return end.within(list, n)
}

// matchPort reports whether p names port of e, which is the server.
func (e *End) matchPort(p *policy.Port, proto model.Proto, port uint16, n *need) model.Tri {
	if p.Proto != proto && (p.Proto != 0 || !proto.HasPorts()) {
		return model.No
	}
	if p.Name == "" {
		m := tri(p.First <= port && port <= p.Last)
		if m == model.Yes && p.Code > 0 {
			return n.unknown(needCode)
		}
		return m
	}
	if !e.IsPod {
		return model.No
	}
	if e.NamedPorts == nil {
		return n.unknown(needPort)
	}
	for _, np := range e.NamedPorts {
		if np.Name == p.Name && np.Proto == proto && np.Port == port {
			return model.Yes
		}
	}
	return model.No
}

// matchRule reports whether r, in a policy of the subject, names the connection. Ports come first: they are cheap and
// tell most.
func (e *Evaluator) matchRule(r *policy.Rule, peers *peerSet, a *asked, n *need) model.Tri {
	ports := tri(r.AnyPort)
	var lacks need
	for i := 0; i < len(r.Ports) && ports != model.Yes; i++ {
		ports = either(ports, a.server.matchPort(&r.Ports[i], a.proto, a.port, &lacks))
	}
	for i := 0; i < len(r.NotPorts) && ports != model.No; i++ {
		ports = and(ports, not(a.server.matchPort(&r.NotPorts[i], a.proto, a.port, &lacks)))
	}
	if ports == model.No {
		return model.No
	}
	m := ports
	if !r.AnyPeer {
		if len(peers.list) > 0 && a.dir == model.Egress && !r.AnyPort && !a.numbered(r) {
			peers = peers.each()
		}
		m = and(m, e.matchAny(r.Peers, peers, a.subject, a.peer, &lacks))
	}
	if len(r.Self) > 0 {
		m = and(m, e.matchAny(r.Self, nil, a.subject, a.subject, &lacks))
	}
	if m == model.Unknown {
		n.unknown(lacks)
	}
	return m
}

// matchAny reports whether one of the peers, in a policy of subject, names end. Those that are resolved need not be
// read.
func (e *Evaluator) matchAny(list []policy.Peer, known *peerSet, subject, end *End, n *need) model.Tri {
	if found, ok := known.finds(subject, end); ok {
		return found
	}
	m := known.any(list, end, func(i int) model.Tri {
		r := known.at(i)
		if r != nil && r.wide {
			return end.ofNamespaces(list[i].Namespaces, r.each, n)
		}
		if found, ok := r.finds(subject, end); ok {
			return found
		}
		return e.matchRead(&list[i], known, subject, end, n)
	})
	if m == model.Unknown && e.semantics != Cilium && known.everywhere(list) {
		return model.Yes
	}
	return m
}

// matchRead is matchPeer, of a name that may stand for all those of the rule.
func (e *Evaluator) matchRead(p *policy.Peer, known *peerSet, subject, end *End, n *need) model.Tri {
	if known == nil || known.names == nil || !isName(p) {
		return e.matchPeer(p, subject, end, n)
	}
	return end.matchNames(n, func(name string) bool { return known.names[plainName(name)] })
}

// numbered reports whether a rule names the port of a connection by its number.
func (a *asked) numbered(r *policy.Rule) bool {
	var lacks need
	return slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
		return p.Name == "" && a.server.matchPort(&p, a.proto, a.port, &lacks) == model.Yes
	})
}

// ofNamespaces reports whether labels of a namespace find the end, whatever it is, or with it everybody.
func (e *End) ofNamespaces(s policy.Selector, each bool, n *need) model.Tri {
	if all := len(s) > 0 && s.Matches(nil); all && !each || !e.IsPod {
		return tri(all)
	}
	return e.inNamespaces(s, n)
}
