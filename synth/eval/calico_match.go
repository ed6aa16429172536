package eval

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// calicoRule reports whether r matches the connection.
func (e *Evaluator) calicoRule(p *policy.Policy, r *policy.Rule, peers *peerSet, a *asked, n *need) model.Tri {
	var lacks need
	m := tri(r.AnyPort || nameless(p, r))
	for i := 0; i < len(r.Ports) && m != model.Yes; i++ {
		m = either(m, a.port1(r, &r.Ports[i], &lacks))
	}
	for i := 0; i < len(r.NotPorts) && m != model.No; i++ {
		m = and(m, not(a.port1(r, &r.NotPorts[i], &lacks)))
	}
	if m == model.No {
		return m
	}
	if !r.AnyPeer {
		m = and(m, e.anyOf(p, r.Peers, peers, a.peer, a, &lacks))
	}
	if len(r.Self) > 0 && m != model.No {
		m = and(m, e.anyOf(p, r.Self, nil, a.subject, a, &lacks))
	}
	if m == model.Unknown {
		n.unknown(lacks)
	}
	return m
}

// port1 reports whether a port of a rule is that of the connection. A name is looked up only among the pods that the
// rule's selector of the destination finds by their labels: not in those whose address is in a network that it finds.
func (a *asked) port1(r *policy.Rule, p *policy.Port, n *need) model.Tri {
	m := a.server.matchPort(p, a.proto, a.port, n)
	if p.Name != "" && m != model.No {
		list := r.Self
		if a.dir == model.Egress {
			list = r.Peers
		}
		found := tri(len(list) == 0)
		for i := 0; i < len(list) && found != model.Yes; i++ {
			found = either(found, a.server.selectedBy(&list[i], n))
		}
		m = and(m, found)
	}
	return m
}

// selectedBy reports whether a pod has the labels that q asks for, if it asks for any.
func (e *End) selectedBy(q *policy.Peer, n *need) model.Tri {
	switch q.Kind {
	case policy.PeerPods:
		if !e.IsPod {
			return model.No
		}
		return and(e.labels.matches(q.Pods, n), e.ofNamespace.matches(q.Namespaces, n))
	case policy.PeerNetwork:
		return model.No
	case policy.PeerAll:
		m := model.Yes
		for i := range q.All {
			m = and(m, e.selectedBy(&q.All[i], n))
		}
		return m
	default:
	}
	return model.Yes
}

// anyOf reports whether one of the peers, in policy p, names end. Those that are resolved need not be read.
func (e *Evaluator) anyOf(
	p *policy.Policy, list []policy.Peer, known *peerSet, end *End, a *asked, n *need,
) model.Tri {
	if p.Tier != "" && (len(e.set.Networks) > 0 || end.NetworkSet != "") {
		known = nil // a selector of pods may find networks, too
	}
	if found, ok := known.finds(a.subject, end); ok {
		return found
	}
	m := known.any(list, end, func(i int) model.Tri {
		if found, ok := known.at(i).finds(a.subject, end); ok {
			return found
		}
		if isName(&list[i]) {
			return e.matchRead(&list[i], known, a.subject, end, n)
		}
		return e.calicoPeer(p, &list[i], end, a, n)
	})
	if m == model.Unknown && known.everywhere(list) {
		return model.Yes
	}
	return m
}

// calicoPeer reports whether q, in policy p, names end.
func (e *Evaluator) calicoPeer(p *policy.Policy, q *policy.Peer, end *End, a *asked, n *need) model.Tri {
	switch q.Kind {
	case policy.PeerPods:
		m := model.No
		if end.IsPod && !elsewhere(end, a.subject) {
			m = and(end.labels.matches(q.Pods, n), end.ofNamespace.matches(q.Namespaces, n))
		}
		// Kubernetes finds no networks, nor does a selector of pods in a policy around those of namespaces.
		if p.Tier != "" && m != model.Yes && !(p.Around() && len(q.Pods) > 0) {
			m = either(m, e.inNetworks(q, end, true, n))
		}
		return m
	case policy.PeerNetwork:
		if q.Name != "" {
			return e.matchNetwork(q, end, n)
		}
		return either(e.inNetworks(q, end, false, n), end.hostWith(q.Pods, n))
	case policy.PeerService:
		return e.inService(q, end, a.dir == model.Egress, a, n) // the peer is the server
	case policy.PeerAll:
		m := model.Yes
		for i := 0; i < len(q.All) && m != model.No; i++ {
			m = and(m, e.calicoPeer(p, &q.All[i], end, a, n))
		}
		for i := 0; i < len(q.None) && m != model.No; i++ {
			m = and(m, not(e.calicoPeer(p, &q.None[i], end, a, n)))
		}
		return m
	default:
	}
	return e.matchPeer(q, a.subject, end, n)
}

// hostWith reports whether the end is a node whose host endpoint has the labels: like networks without a namespace it
// is found by selectors that name none, and by global().
func (e *End) hostWith(s policy.Selector, n *need) model.Tri {
	if !e.Node {
		return model.No
	}
	labels := view{e.Labels, known}
	if e.LabelsUnknown {
		labels.lacks = func(string) need { return needHost }
	}
	return labels.matches(s, n)
}

// inNetworks reports whether the end's address is in one of the networks that q selects by their labels, those with a
// namespace or those without. Of an end that the log has as one of a network set, that is known.
func (e *Evaluator) inNetworks(q *policy.Peer, end *End, namespaced bool, n *need) model.Tri {
	m := model.No
	if end.NetworkSet != "" && (end.Namespace != "") == namespaced {
		m = e.setWith(q, end, n)
	}
	for i := range e.set.Networks {
		w := &e.set.Networks[i]
		if (w.Namespace != "") != namespaced {
			continue
		}
		if found := selectsNetwork(q, w, n); found != model.No {
			m = either(m, and(found, end.within(w.CIDRs, n)))
		}
	}
	return m
}

// selectsNetwork reports whether q selects a network by its labels.
func selectsNetwork(q *policy.Peer, w *policy.Network, n *need) model.Tri {
	labels, found := view{w.Labels, known}, model.Yes
	if w.Namespace != "" {
		var of view
		labels, of = networkViews(w)
		found = of.matches(q.Namespaces, n)
	}
	return and(found, labels.matches(q.Pods, n))
}

// setWith reports whether q selects the network set that the end is in. Labels that the log does not have are those of
// the set among the policies; where it is not among them its namespace alone is known.
func (e *Evaluator) setWith(q *policy.Peer, end *End, n *need) model.Tri {
	w := policy.Network{Name: end.NetworkSet, Namespace: end.Namespace, Labels: end.Labels}
	if end.LabelsUnknown {
		i := slices.IndexFunc(e.set.Networks, func(o policy.Network) bool {
			return o.Name == w.Name && o.Namespace == w.Namespace
		})
		if i < 0 {
			return and(selectsNetwork(&policy.Peer{Namespaces: q.Namespaces}, &w, n), n.unknown(needSet))
		}
		w.Labels = e.set.Networks[i].Labels
	}
	return selectsNetwork(q, &w, n)
}

// inService reports whether the end is one of the service's endpoints, and where it is the server that they are reached
// on the service's ports. Calico 3.31 finds no service for a name without namespace, whatever its documentation says.
func (e *Evaluator) inService(q *policy.Peer, end *End, server bool, a *asked, n *need) model.Tri {
	switch {
	case q.Namespace == "":
		return model.No
	case end.Services == nil:
		return e.inManifest(q, end, server, a, n)
	}
	return tri(slices.ContainsFunc(end.Services, func(s ServicePort) bool {
		return s.Namespace == q.Namespace && s.Name == q.Name && (!server || s.Proto == a.proto && s.Port == a.port)
	}))
}

// inManifest is inService by the service's own object.
func (e *Evaluator) inManifest(q *policy.Peer, end *End, server bool, a *asked, n *need) model.Tri {
	list := e.set.Manifests.Services
	i := slices.IndexFunc(list, func(s policy.Service) bool { return s.Namespace == q.Namespace && s.Name == q.Name })
	if i < 0 {
		return n.unknown(needServices)
	}
	m := e.behind(&list[i], end, n)
	if !server || m == model.No {
		return m
	}
	ports := model.No
	for j := range list[i].Ports {
		ports = either(ports, end.matchPort(&list[i].Ports[j], a.proto, a.port, n))
	}
	return and(m, ports)
}
