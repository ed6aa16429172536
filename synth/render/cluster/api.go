package cluster

import "sluice/synth/policy"

// The API's names for what this dialect writes, and for what it reads beside.
const (
	group      = "policy.networking.k8s.io"
	kind       = "ClusterNetworkPolicy"
	beta       = group + "/v1beta1"
	alpha      = group + "/v1alpha2"
	oldVersion = group + "/v1alpha1"
	aws        = "networking.k8s.aws/v1alpha1"
)

// api is one of the kinds: they differ in names and bounds and mean the same.
type api struct {
	kind    string
	tier    string // for a kind that stands in one tier only
	actions map[string]policy.Action
	most    int  // rules, peers and ports of a list
	older   bool // ports as {portNumber, portRange, namedPort}, networks with host bits
	// first: it has no priority, there is one only. It comes last in its tier.
	first bool
	nodes bool // peers by the labels of nodes
	names bool // peers by domain names
	// passNames: a rule that passes may have domain names too.
	passNames bool
	// instead is what to write today, "" for a kind that is today's.
	instead string
}

var (
	current = api{kind: kind, actions: actions("Accept"), most: 25, nodes: true, names: true}
	admin   = api{
		kind: "AdminNetworkPolicy", tier: policy.AdminTier, actions: actions("Allow"), most: 100, older: true, nodes: true,
		names: true, instead: kind + " with tier Admin of " + beta,
	}
	baseline = api{
		kind: "BaselineAdminNetworkPolicy", tier: policy.BaselineTier, actions: withoutPass(actions("Allow")), most: 100,
		older: true, first: true, nodes: true, instead: kind + " with tier Baseline of " + beta,
	}
	amazon = api{
		kind: kind, actions: actions("Accept"), most: 100, older: true, names: true, passNames: true,
		instead: kind + " of " + beta + " where the cluster has it",
	}
)

// actions are those of a kind that calls the first of them so.
func actions(allow string) map[string]policy.Action {
	return map[string]policy.Action{allow: policy.Allow, "Deny": policy.Deny, "Pass": policy.Pass}
}

func withoutPass(m map[string]policy.Action) map[string]policy.Action {
	delete(m, "Pass")
	return m
}

// Dialect is policy.networking.k8s.io, v1beta1 unless Alpha says v1alpha2. With Baseline all stands in the tier of that
// name, and what namespaces say in NetworkPolicies of their own comes before it; without, NetworkPolicies are written.
type Dialect struct {
	Alpha    bool
	Baseline bool
}

func (d Dialect) version() string {
	if d.Alpha {
		return alpha
	}
	return beta
}
