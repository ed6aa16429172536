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
	k := render.Kinds{{APIVersion: apiVersion, Kind: kind}: parse,
		{APIVersion: "v1", Kind: "Namespace"}:      parseNamespace,
		{APIVersion: "v1", Kind: "Node"}:           parseNode,
		{APIVersion: "v1", Kind: "Service"}:        parseService,
		{APIVersion: "v1", Kind: "ServiceAccount"}: parseAccount,
		{APIVersion: "v1", Kind: "Endpoints"}:      parseEndpoints("subsets", "addresses", "ip"),

		{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}: parseEndpoints("endpoints", "addresses", "")}
	for of, read := range routes {
		k[of] = read
	}
	for of, template := range workloads {
		k[of] = parseWorkload(of, template)
	}
	return k
}

// Project returns the part of a set that NetworkPolicies can say.
func (Dialect) Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) { return Project(set) }

// Says reports whether NetworkPolicies can write a rule as it stands.
func (Dialect) Says(r policy.Rule) bool {
	var l losses
	_, ok := l.ruleOf(render.Asking(r), r.Canonical())
	return ok && len(l.List) == 0
}

// Render writes one file for each policy.
func (Dialect) Render(set policy.PolicySet, labels ...string) ([]render.File, []render.Loss, error) {
	return Render(set, labels...)
}

// Rollout needs nothing of the cluster: a NetworkPolicy always isolates what it selects, and they only add to each
// other.
func (Dialect) Rollout() render.Rollout {
	return render.Rollout{
		Needs:     render.InCilium(),
		Resources: []render.Resource{{Name: "networkpolicies.networking.k8s.io", Kind: apiVersion + "/" + kind}},
	}
}
