package calico

import (
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Dialect is projectcalico.org/v3.
type Dialect struct{}

var _ render.Dialect = Dialect{}

// Name is "calico".
func (Dialect) Name() string { return "calico" }

// Kinds are the policies, their staged forms, tiers and network sets, in both versions of the API.
func (Dialect) Kinds() render.Kinds {
	k := render.Kinds{}
	for _, version := range []string{apiVersion, crdVersion} {
		for _, kind := range []string{kindPolicy, kindGlobalPolicy, staged + kindPolicy, staged + kindGlobalPolicy} {
			k[render.Kind{APIVersion: version, Kind: kind}] = parsePolicy(kind)
		}
		k[render.Kind{APIVersion: version, Kind: kindStagedKubernetes}] = parseStagedKubernetes
		k[render.Kind{APIVersion: version, Kind: kindTier}] = parseTier
		k[render.Kind{APIVersion: version, Kind: "IPPool"}] = parsePool
		k[render.Kind{APIVersion: version, Kind: "ClusterInformation"}] = parseInformation
		k[render.Kind{APIVersion: version, Kind: "FelixConfiguration"}] = parseFelix
		k[render.Kind{APIVersion: version, Kind: kindNetworkSet}] = parseNetworkSet(true)
		k[render.Kind{APIVersion: version, Kind: kindGlobalNetworkSet}] = parseNetworkSet(false)
	}
	return k
}

// Project returns the part of a set that Calico's policies can say.
func (Dialect) Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) { return Project(set) }

// Says reports whether Calico's policies can write a rule as it stands.
func (Dialect) Says(r policy.Rule) bool {
	var l losses
	r, ok := l.ruleOf(render.Asking(r), r.Canonical())
	return ok && len(l.conditions(r)) > 0 && len(l.List) == 0
}

// Render writes one file for each policy, tier and network set.
func (Dialect) Render(set policy.PolicySet, labels ...string) ([]render.File, []render.Loss, error) {
	return Render(set, labels...)
}

// Rollout has staged kinds, which Calico knows since 3.30: it reports what they would decide with every flow, as
// pending policies, and enforces none of them.
func (Dialect) Rollout() render.Rollout {
	const group = ".projectcalico.org"
	return render.Rollout{Staged: true,
		Needs: []render.Need{{Text: "staged policies (Calico 3.30 or later). Without them leave out stage.",
			Command: "kubectl explain stagednetworkpolicies" + group, Plugin: plugin, Since: "3.30"},
			{Text: "pending policies in its flows (flowLogsPolicyEvaluationMode must be Continuous). With None it reports nothing of\n" +
				"what is staged.",
				Command: "kubectl get felixconfiguration default -o jsonpath='{.spec.flowLogsPolicyEvaluationMode}'",
				Plugin:  plugin, Option: evaluationMode, Value: "Continuous", Unset: "Continuous", Rare: true}},
		Resources: []render.Resource{
			{Name: "networkpolicies" + group, Kind: apiVersion + "/" + kindPolicy},
			{Name: "globalnetworkpolicies" + group, Kind: apiVersion + "/" + kindGlobalPolicy, Clusterwide: true},
			{Name: "globalnetworksets" + group, Kind: apiVersion + "/" + kindGlobalNetworkSet, Clusterwide: true},
		},
		StagedResources: []render.Resource{
			{Name: "stagednetworkpolicies" + group},
			{Name: "stagedglobalnetworkpolicies" + group, Clusterwide: true},
		}}
}

// namespaceName is the label that Calico gives every namespace its name in.
const namespaceName = "projectcalico.org/name"

// systemPrefix begins the names of namespaces that Calico's operator makes.
const systemPrefix = "tigera-"

// GlobalDeny is a GlobalNetworkPolicy, which spares the namespaces of Calico's operator as well. It selects no host
// endpoint, as those have no namespace, and has no rule, so that its order does not matter.
func (Dialect) GlobalDeny(system []string, ingress, egress bool) policy.Policy {
	p := policy.DefaultDeny("", ingress, egress)
	p.Tier = policy.DefaultTier
	p.SubjectNamespaces = policy.Selector{{Key: namespaceName, Op: policy.Exists},
		{Key: namespaceName, Op: policy.NotStartsWith, Values: []string{systemPrefix}}}
	if len(system) > 0 {
		p.SubjectNamespaces = append(
			p.SubjectNamespaces,
			policy.Requirement{Key: namespaceName, Op: policy.NotIn, Values: system},
		)
	}
	return p.Canonical()
}
