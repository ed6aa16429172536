package cilium

import (
	"io"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// Dialect is cilium.io/v2.
type Dialect struct{}

var (
	_ render.Dialect = Dialect{}
	_ render.Divided = Dialect{}
	_ render.Global  = Dialect{}
)

// Name is "cilium".
func (Dialect) Name() string { return "cilium" }

// Kinds are the policies of Cilium and its CIDR groups.
func (Dialect) Kinds() render.Kinds {
	return render.Kinds{{APIVersion: apiVersion, Kind: kindNamespaced}: parseNamespaced,
		{APIVersion: apiVersion, Kind: kindClusterWide}: parseClusterWide,
		{APIVersion: apiVersion, Kind: kindGroup}:       parseGroup,
		{APIVersion: alphaVersion, Kind: kindGroup}:     parseGroup}
}

// Project gives the part of a set that Cilium's policies can say.
func (Dialect) Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) { return Project(set) }

// Render writes one file for each policy and each named network.
func (Dialect) Render(set policy.PolicySet) ([]render.File, []render.Loss, error) { return Render(set) }

// Class numbers the kinds of peers, for ports and for ICMP.
func (Dialect) Class(p policy.Peer, q policy.Port) int {
	if isICMP(q.Proto) {
		return 2*groupOf(p.Kind) + 1
	}
	return 2 * groupOf(p.Kind)
}

// Stage applies the allow policies in a form that isolates nothing (enableDefaultDeny): Cilium reports which of them
// decide each connection, and nothing is denied until enforcing applies them as they are. Cilium before 1.16 does not
// know the field and would enforce.
func (Dialect) Stage(_ string, allow []policy.Policy, _ policy.Policy) ([]policy.Policy, bool) {
	list := make([]policy.Policy, len(allow))
	for i, p := range allow {
		p.Ingress, p.Egress = false, false
		list[i] = p
	}
	return list, false
}

// Parse reads the policies of one file; see render.Parse.
func Parse(in io.Reader, name string) (policy.PolicySet, []render.Problem) {
	return render.Parse(in, name, Dialect{}.Kinds())
}

// GlobalDeny is a CiliumClusterwideNetworkPolicy. It selects pods only: neither nodes nor the agents' health endpoints.
func (Dialect) GlobalDeny(system []string, ingress, egress bool) policy.Policy {
	p := policy.DefaultDeny("", ingress, egress)
	if len(system) > 0 {
		p.SubjectNamespaces = policy.Selector{{Key: policy.NamespaceName, Op: policy.NotIn, Values: system}}
	}
	return p
}
