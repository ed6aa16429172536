package kubernetes

import (
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Dialect is networking.k8s.io/v1.
type Dialect struct{}

var _ render.Dialect = Dialect{}

// Name is "kubernetes".
func (Dialect) Name() string { return "kubernetes" }

// Kinds are NetworkPolicies, and the objects that tell what policies of every dialect leave to the cluster.
func (Dialect) Kinds() render.Kinds {
	return render.Kinds{{APIVersion: apiVersion, Kind: kind}: parse,
		{APIVersion: "v1", Kind: "Namespace"}: parseNamespace,
		{APIVersion: "v1", Kind: "Service"}:   parseService}
}

// Project gives the part of a set that NetworkPolicies can say.
func (Dialect) Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) { return Project(set) }

// Render writes one file for each policy.
func (Dialect) Render(set policy.PolicySet) ([]render.File, []render.Loss, error) { return Render(set) }

// Stage applies everything together with a policy that opens all: NetworkPolicies only add to each other, and enforcing
// is deleting that one object.
func (Dialect) Stage(namespace string, _ []policy.Policy, deny policy.Policy) ([]policy.Policy, bool) {
	list := []policy.Policy{policy.Open(namespace, true, true)}
	if deny.Ingress || deny.Egress {
		list = append(list, deny)
	}
	return list, true
}
