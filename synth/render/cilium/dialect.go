package cilium

import (
	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Dialect is cilium.io/v2.
type Dialect struct {
	logs bool // each rule logs its id
}

var (
	_ render.Dialect = Dialect{}
	_ render.Divided = Dialect{}
	_ render.Global  = Dialect{}
	_ render.Logging = Dialect{}
)

// Name is "cilium".
func (Dialect) Name() string { return "cilium" }

// Kinds are the policies of Cilium and its CIDR groups.
func (Dialect) Kinds() render.Kinds {
	return render.Kinds{{APIVersion: apiVersion, Kind: kindNamespaced}: parseNamespaced,
		{APIVersion: apiVersion, Kind: kindClusterWide}: parseClusterWide,
		{APIVersion: apiVersion, Kind: kindGroup}:       parseGroup,
		{APIVersion: alphaVersion, Kind: kindGroup}:     parseGroup,
		{APIVersion: "v1", Kind: "ConfigMap"}:           parseConfigMap}
}

// Project returns the part of a set that Cilium's policies can say.
func (Dialect) Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) { return Project(set) }

// Says reports whether Cilium's policies can write a rule as it stands.
func (Dialect) Says(r policy.Rule) bool {
	var l losses
	return len(l.ruleOf(r.Canonical())) > 0 && len(l.List) == 0
}

// Render writes one file for each policy and each named network.
func (d Dialect) Render(set policy.PolicySet, labels ...string) ([]render.File, []render.Loss, error) {
	return write(set, d.logs, labels)
}

// LogRules writes a spec for each rule, whose id is its log value: Hubble has it in the policy_log of the verdicts that
// the rule allowed, and sluice reads it back.
func (Dialect) LogRules() render.Dialect { return Dialect{logs: true} }

// Class numbers the kinds of peers, for ports and for ICMP.
func (Dialect) Class(p policy.Peer, q policy.Port) int {
	if isICMP(q.Proto) {
		return 2*groupOf(p.Kind) + 1
	}
	return 2 * groupOf(p.Kind)
}

// OfCluster names the cluster: without that a selector means pods of the policy's own.
func (Dialect) OfCluster(p policy.Peer, cluster string) policy.Peer {
	p.Pods = append(policy.Selector{{Key: clusterLabel, Op: policy.In, Values: []string{cluster}}}, p.Pods...).Canonical()
	return p
}

// Rollout is additive by enableDefaultDeny, which Cilium knows since 1.16.
func (Dialect) Rollout() render.Rollout {
	return render.Rollout{Additive: true,
		Needs: append([]render.Need{
			{
				Text:    "enableDefaultDeny (Cilium 1.16 or later). An older one drops the field, and every allow policy would deny.",
				Command: "kubectl explain ciliumnetworkpolicy.spec.enableDefaultDeny",
				Plugin:  plugin, Since: "1.16",
			},
			{
				Text: "protocols without ports (enable-extended-ip-protocols must be true). Without it the agents drop IGMP and\n" +
					"VRRP, whatever policies say.",
				Command:   configured("enable-extended-ip-protocols"),
				Protocols: []string{model.IGMP.String(), model.VRRP.String()},
				Plugin:    plugin, Option: "enable-extended-ip-protocols", Value: "true", Unset: "false",
			},
			{
				Text:      "SCTP (enable-sctp must be true). Without it the agents drop it, whatever policies say.",
				Command:   configured("enable-sctp"),
				Protocols: []string{model.SCTP.String()},
				Plugin:    plugin, Option: "enable-sctp", Value: "true", Unset: "false",
			},
			{
				Text: "selectors that mean pods of the own cluster (policy-default-local-cluster, on since Cilium 1.19). Else a rule\n" +
					"for pods lets in those of every cluster of the mesh that have these labels.",
				Command: configured("policy-default-local-cluster"), Mesh: true,
				Plugin: plugin, Since: "1.19", Option: "policy-default-local-cluster", Value: "true", Unset: "true", Early: true,
			},
			{
				Text:    "the proxy of the agents (enable-l7-proxy must be true). Without it they refuse rules with DNS names.",
				Command: configured("enable-l7-proxy"), Names: true, Rare: true,
				Plugin: plugin, Option: "enable-l7-proxy", Value: "true", Unset: "true",
			},
		}, render.InCilium()...),
		Resources: []render.Resource{
			{Name: "ciliumnetworkpolicies.cilium.io", Kind: apiVersion + "/" + kindNamespaced},
			{Name: "ciliumclusterwidenetworkpolicies.cilium.io", Kind: apiVersion + "/" + kindClusterWide, Clusterwide: true},
			{Name: "ciliumcidrgroups.cilium.io", Kind: apiVersion + "/" + kindGroup, Clusterwide: true},
		}}
}

// configured is the command that prints an option of the agents.
func configured(option string) string {
	return "kubectl get configmap cilium-config -n kube-system -o jsonpath='{.data." + option + "}'"
}

// GlobalDeny is a CiliumClusterwideNetworkPolicy. It selects pods only: neither nodes nor the agents' health endpoints.
func (Dialect) GlobalDeny(system []string, ingress, egress bool) policy.Policy {
	p := policy.DefaultDeny("", ingress, egress)
	if len(system) > 0 {
		p.SubjectNamespaces = policy.Selector{{Key: policy.NamespaceName, Op: policy.NotIn, Values: system}}
	}
	return p
}
