package eval

import (
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// Enforced reports whether a plugin reads policies of this kind at all, as far as the objects of the cluster tell of
// it. One that it does not read lies in the cluster and decides nothing: Cilium never read AdminNetworkPolicies, and
// reads ClusterNetworkPolicies from 1.20 where an option says so, which is off as installed; Calico reads the one up to
// 3.31 and the other from 3.32. The kinds of another plugin are left over, or of one that runs beside.
func (s Semantics) Enforced(p *policy.Policy, m *policy.Manifests) model.Tri {
	const option = "enable-k8s-cluster-network-policy"
	kind := p.Kind[strings.LastIndexAny(p.Kind, " /")+1:]
	old := strings.HasSuffix(kind, "AdminNetworkPolicy")
	switch {
	case s == Spec:
		return model.Yes
	case s.Foreign(p):
		return model.Unknown
	case !old && kind != "ClusterNetworkPolicy":
		return model.Yes
	case s == Cilium && old:
		return model.No
	case s == Cilium:
		c := m.Plugin("cilium")
		older, known := c.Before("1.20")
		switch {
		case known && older || c != nil && c.Options != nil && c.Options[option] != "true":
			return model.No
		case c == nil || c.Options == nil:
			return model.Unknown
		}
		return model.Yes
	}
	older, known := m.Plugin("calico").Before("3.32")
	switch {
	case !known:
		return model.Unknown
	case old == older:
		return model.Yes
	}
	return model.No
}

// Foreign reports whether policies of this kind are those of another plugin alone.
func (s Semantics) Foreign(p *policy.Policy) bool {
	group, _, _ := strings.Cut(p.Kind, "/")
	switch {
	case s == Spec:
		return false
	case strings.HasSuffix(group, "projectcalico.org"):
		return s != Calico
	case group == "cilium.io":
		return s != Cilium
	}
	return group == "networking.k8s.aws"
}

// neverRead reports whether no version of a plugin reads policies of this kind, whatever is said of it.
func neverRead(p *policy.Policy, s Semantics) bool {
	return s == Cilium && p.Around() && s.Enforced(p, &policy.Manifests{}) == model.No
}
