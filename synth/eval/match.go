package eval

import (
	"sluice/model"
	"sluice/synth/policy"
)

// and is No if either is, else Unknown if either is.
func and(a, b model.Tri) model.Tri {
	if a == model.No || b == model.No {
		return model.No
	}
	return min(a, b)
}

func tri(b bool) model.Tri {
	if b {
		return model.Yes
	}
	return model.No
}

// need collects what an unsure match lacks; the first is told.
type need string

func (n *need) unknown(what need) model.Tri {
	if *n == "" {
		*n = what
	}
	return model.Unknown
}

// What a decision can lack.
const (
	needNamespace need = "the labels of the namespace"
	needPort      need = "the named ports of the destination"
	needAddress   need = "the address"
	needNames     need = "the DNS names of the address"
	needNetworks  need = "the addresses of the named network"
	needLabels    need = "the labels of the pod"
	needNode      need = "whether the node is the pod's own"
	needOrder     need = "the order of tiers, which this evaluator does not know"
)

// hasLabels says whether the selector finds the pod's labels.
func (e *End) hasLabels(s policy.Selector, n *need) model.Tri {
	if e.LabelsUnknown && len(s) > 0 {
		return n.unknown(needLabels)
	}
	return tri(s.Matches(e.Labels))
}

// aNode says whether the end is a node of which it is not known whether it is the other end's own.
func (e *End) aNode() bool {
	return (e.Node || e.HostNetwork) && e.Entities&(model.Host|model.RemoteNode) == 0
}

// inNamespaces says whether the selector finds the pod's namespace.
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

// elsewhere says whether both are known to be of different clusters.
func elsewhere(a, b *End) bool { return a.Cluster != "" && b.Cluster != "" && a.Cluster != b.Cluster }

// matchPeer says whether p, in a policy of subject, names e, as read by sem.
func (e *End) matchPeer(p *policy.Peer, subject *End, sem Semantics, n *need) model.Tri {
	switch p.Kind {
	case policy.PeerPods:
		if !e.IsPod || elsewhere(e, subject) {
			return model.No
		}
		return and(e.hasLabels(p.Pods, n), e.inNamespaces(p.Namespaces, n))
	case policy.PeerCIDR:
		return e.matchCIDR(p, sem, n)
	case policy.PeerEntities:
		return tri(e.Entities&p.Entities != 0)
	case policy.PeerFQDN:
		if e.IsPod {
			return model.No
		}
		return n.unknown(needNames)
	default:
		return n.unknown(needNetworks)
	}
}

// inCluster are the identities that Cilium never finds by address.
const inCluster = model.Host | model.RemoteNode | model.HealthEndpoint | model.IngressEntity | model.Unmanaged | model.Init

func (e *End) matchCIDR(p *policy.Peer, sem Semantics, n *need) model.Tri {
	if sem == Cilium && (e.IsPod || e.HostNetwork || e.Node || e.Entities&inCluster != 0) {
		return model.No
	}
	if !e.Address.IsValid() {
		return n.unknown(needAddress)
	}
	if !p.CIDR.Contains(e.Address) {
		return model.No
	}
	for _, x := range p.Except {
		if x.Contains(e.Address) {
			return model.No
		}
	}
	return model.Yes
}

// matchPort says whether p names port of e, which is the server.
func (e *End) matchPort(p *policy.Port, proto model.Proto, port uint16, n *need) model.Tri {
	if p.Proto != proto && (p.Proto != 0 || !proto.HasPorts()) {
		return model.No
	}
	if p.Name == "" {
		return tri(p.First <= port && port <= p.Last)
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

// matchRule says whether r, in a policy of subject, names a connection with peer to port of server. Ports come first:
// they are cheap and tell most.
func matchRule(r *policy.Rule, subject, peer, server *End, proto model.Proto, port uint16, sem Semantics, n *need) model.Tri {
	ports := tri(r.AnyPort)
	var lacks need
	for i := 0; i < len(r.Ports) && ports != model.Yes; i++ {
		ports = either(ports, server.matchPort(&r.Ports[i], proto, port, &lacks))
	}
	if ports == model.No {
		return model.No
	}
	peers := tri(r.AnyPeer)
	for i := 0; i < len(r.Peers) && peers != model.Yes; i++ {
		peers = either(peers, peer.matchPeer(&r.Peers[i], subject, sem, &lacks))
	}
	m := and(ports, peers)
	if m == model.Unknown {
		n.unknown(lacks)
	}
	return m
}

// either is Yes if either is, else Unknown if either is.
func either(a, b model.Tri) model.Tri {
	if a == model.Yes || b == model.Yes {
		return model.Yes
	}
	return min(a, b)
}
