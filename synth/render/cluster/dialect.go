package cluster

import (
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

var (
	_ render.Dialect   = Dialect{}
	_ render.Versioned = Dialect{}
)

// Name is "cluster".
func (Dialect) Name() string { return "cluster" }

// Kinds are ClusterNetworkPolicies, the kinds before them, those of AWS, and what the kubernetes dialect reads.
func (Dialect) Kinds() render.Kinds { return kinds() }

// Project returns the part of a set that NetworkPolicies and ClusterNetworkPolicies can say.
func (Dialect) Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) { return project(set) }

// Says reports whether NetworkPolicies can write a rule as it stands: what a namespace allows stands in them.
func (Dialect) Says(r policy.Rule) bool { return kubernetes.Dialect{}.Says(r) }

// Render writes one file for each policy.
func (d Dialect) Render(set policy.PolicySet, labels ...string) ([]render.File, []render.Loss, error) {
	return d.render(set, labels)
}

// Rollout has both kinds. NetworkPolicies isolate what they select; the floor below them denies what they leave.
func (d Dialect) Rollout() render.Rollout {
	r := kubernetes.Dialect{}.Rollout()
	r.Floor = true
	r.Kinds = append(r.Kinds, d.version()+"/"+kind)
	r.Resources = append(r.Resources, "clusternetworkpolicies."+group)
	r.Needs = []render.Need{{
		Text: "ClusterNetworkPolicy " + d.version() + ", and the network plugin has to enforce it:\n" +
			"else what stands below the namespaces denies nothing.",
		Command: "kubectl explain clusternetworkpolicies --api-version=" + d.version(),
	}}
	return r
}

// Versions are those of policy.networking.k8s.io that have ClusterNetworkPolicies.
func (Dialect) Versions() []string { return []string{beta, alpha} }

// InVersion is the dialect in one of Versions: what they say does not differ.
func (d Dialect) InVersion(version string) render.Dialect {
	d.Alpha = version == alpha
	return d
}

// kinds are the objects that the dialect reads: its own, and what it writes for a namespace.
func kinds() render.Kinds {
	k := kubernetes.Dialect{}.Kinds()
	k[render.Kind{APIVersion: beta, Kind: kind}] = current.parse
	k[render.Kind{APIVersion: alpha, Kind: kind}] = current.parse
	k[render.Kind{APIVersion: oldVersion, Kind: admin.kind}] = admin.parse
	k[render.Kind{APIVersion: oldVersion, Kind: baseline.kind}] = baseline.parse
	k[render.Kind{APIVersion: aws, Kind: kind}] = amazon.parse
	k[render.Kind{APIVersion: aws, Kind: "ApplicationNetworkPolicy"}] = parseApplication
	return k
}
