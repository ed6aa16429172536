package cluster

import (
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

var (
	_ render.Dialect   = Dialect{}
	_ render.Versioned = Dialect{}
	_ render.Tiered    = Dialect{}
	_ render.Inward    = Dialect{}
)

// Name is "cluster".
func (Dialect) Name() string { return "cluster" }

// Kinds are ClusterNetworkPolicies, the kinds before them, those of AWS, and what the kubernetes dialect reads.
func (Dialect) Kinds() render.Kinds { return kinds() }

// Project returns the part of a set that NetworkPolicies and ClusterNetworkPolicies can say.
func (d Dialect) Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) {
	return d.project(set)
}

// Says reports whether a rule of a namespace can be written as it stands.
func (d Dialect) Says(r policy.Rule) bool {
	if !d.Baseline {
		return kubernetes.Dialect{}.Says(r)
	}
	set := policy.PolicySet{Policies: []policy.Policy{*render.Asking(r)}}
	_, lost := d.project(set)
	return len(lost) == 0
}

// Render writes one file for each policy.
func (d Dialect) Render(set policy.PolicySet, labels ...string) ([]render.File, []render.Loss, error) {
	return d.render(set, labels)
}

// Rollout has both kinds. NetworkPolicies isolate what they select; the floor below them denies what they leave.
func (d Dialect) Rollout() render.Rollout {
	r := kubernetes.Dialect{}.Rollout()
	if d.Baseline {
		r = render.Rollout{Additive: true}
	}
	r.Floor = true
	r.Resources = append(r.Resources,
		render.Resource{Name: "clusternetworkpolicies." + group, Kind: d.version() + "/" + kind, Clusterwide: true})
	r.Needs = append(render.InCilium(), []render.Need{{
		Text: "ClusterNetworkPolicy " + d.version() + ", and the network plugin has to enforce it:\n" +
			"else what stands below the namespaces denies nothing.",
		Command: "kubectl explain clusternetworkpolicies --api-version=" + d.version(),
	}, {
		Text:    "ClusterNetworkPolicy in Cilium (1.20 or later, enable-k8s-cluster-network-policy must be true). Else it is not enforced.",
		Command: "kubectl get configmap cilium-config -n kube-system -o jsonpath='{.data.enable-k8s-cluster-network-policy}'",
		Plugin:  "cilium", Since: "1.20", Option: "enable-k8s-cluster-network-policy", Value: "true", Unset: "false", Rare: true,
	}, {
		Text:    "ClusterNetworkPolicy in Calico (3.32 or later). Else it is not enforced.",
		Command: "kubectl get clusterinformation default -o jsonpath='{.spec.calicoVersion}'",
		Plugin:  "calico", Since: "3.32", Rare: true,
	}}...)
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

// InBaseline is the dialect that writes no NetworkPolicy.
func (d Dialect) InBaseline() render.Dialect {
	d.Baseline = true
	return d
}

// PodsOnly reports whether it writes no NetworkPolicy: no ClusterNetworkPolicy decides what comes in from outside.
func (d Dialect) PodsOnly() bool { return d.Baseline }
