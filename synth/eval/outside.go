package eval

import (
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// inCluster reports whether Cilium knows the end by another identity than its address, and so never finds it by
// address or by name.
func (e *End) inCluster() bool {
	const identities = model.Host | model.RemoteNode | model.HealthEndpoint | model.IngressEntity | model.Unmanaged |
		model.Init
	return e.IsPod || e.HostNetwork || e.Node || e.Entities&identities != 0
}

// matchEntities reports whether the end is one of the entities. An address that nothing else is known of may be a
// node's.
func (e *End) matchEntities(wanted model.Entities, n *need) model.Tri {
	switch {
	case e.Entities&wanted != 0:
		return model.Yes
	case e.IsPod || e.Entities != 0:
		return model.No
	case e.Node || e.HostNetwork:
		if wanted&(model.Host|model.RemoteNode) == model.Host|model.RemoteNode {
			return model.Yes
		}
		if wanted&(model.Host|model.RemoteNode|model.KubeAPIServer) == 0 {
			return model.No
		}
		return n.unknown(needNode)
	}
	return n.unknown(needEntity)
}

// matchNetwork reports whether the end is in the network that p names.
func (e *Evaluator) matchNetwork(p *policy.Peer, end *End, n *need) model.Tri {
	if e.semantics == Cilium && (end.inCluster() || end.Masked) {
		return model.No
	}
	networks := e.networks[p.Name]
	if p.Name == "" || len(networks) == 0 {
		return n.unknown(needNetworks)
	}
	found := model.No
	for _, w := range networks {
		found = either(found, end.within(w.CIDRs, n))
	}
	return found
}

// matchNames reports whether one of the names that the end was asked for by fits. Only ends outside the cluster are
// found by name.
func (e *End) matchNames(n *need, fits func(name string) bool) model.Tri {
	if e.inCluster() || e.Masked {
		return model.No
	}
	if e.Names == nil {
		return n.unknown(needNames)
	}
	return tri(slices.ContainsFunc(e.Names, fits))
}

// plainName is a DNS name in the form in which equal ones are equal: case and a final dot mean nothing.
func plainName(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// matchesName reports whether a DNS name fits a pattern of Cilium: a star stands for any characters of one label, a
// leading "**." for one label or more, a pattern of stars alone for every name.
func matchesName(pattern, name string) bool {
	pattern, name = plainName(pattern), plainName(name)
	if pattern == "" || name == "" {
		return pattern == name
	}
	if strings.Trim(pattern, "*") == "" {
		return true
	}
	want, have := strings.Split(pattern, "."), strings.Split(name, ".")
	if first := want[0]; len(first) > 1 && strings.Trim(first, "*") == "" {
		want = want[1:]
		if len(have) <= len(want) {
			return false
		}
		have = have[len(have)-len(want):]
	}
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if !matchesLabel(want[i], have[i]) {
			return false
		}
	}
	return true
}

// matchesLabel matches one label of a name, in which a star stands for any characters.
func matchesLabel(pattern, label string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == label
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(label) < len(first)+len(last) || !strings.HasPrefix(label, first) || !strings.HasSuffix(label, last) {
		return false
	}
	rest := label[len(first) : len(label)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return true
}

func (e *End) matchCIDR(p *policy.Peer, sem Semantics, n *need) model.Tri {
	switch {
	case sem != Cilium:
	case e.inCluster() || e.Masked && p.CIDR.Bits() > 0:
		return model.No
	case e.Masked: // what a rule leaves out does not find it either
		return e.within([]netip.Prefix{p.CIDR}, n)
	}
	m := e.within([]netip.Prefix{p.CIDR}, n)
	if m == model.No {
		return m // what it leaves out lacks nothing then
	}
	return and(m, not(e.within(p.Except, n)))
}

// within reports whether the end's address is in one of the networks: where it is known by its block only, whether
// all of the block is.
func (e *End) within(list []netip.Prefix, n *need) model.Tri {
	switch {
	case e.Address.IsValid():
		return tri(slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(e.Address) }))
	case !e.Block.IsValid():
		return n.unknown(needAddress)
	case slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Overlaps(e.Block) && p.Bits() <= e.Block.Bits() }):
		return model.Yes
	case slices.ContainsFunc(list, e.Block.Overlaps):
		return n.unknown(needAddress)
	}
	return model.No
}

// matchNodes reports whether the end is a node whose labels a selector finds.
func (e *Evaluator) matchNodes(s policy.Selector, end *End, n *need) model.Tri {
	if end.IsPod {
		return model.No
	}
	if end.Address.IsValid() {
		for i := range e.set.Manifests.Nodes {
			if node := &e.set.Manifests.Nodes[i]; slices.Contains(node.Addresses, end.Address) {
				return tri(s.Matches(node.Labels))
			}
		}
	}
	switch m := end.matchEntities(model.Host|model.RemoteNode, n); {
	case m == model.Yes && len(s) > 0:
		return n.unknown(needNodeLabels)
	default:
		return m
	}
}
