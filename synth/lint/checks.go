package lint

import (
	"cmp"
	"slices"

	"sluice/synth/eval"
)

// Page explains a check in a few sentences, "" for an id that there is none of.
func Page(id string) string {
	if i := slices.IndexFunc(checks, func(c check) bool { return c.id == id }); i >= 0 {
		return checks[i].page
	}
	return ""
}

// IDs lists the checks.
func IDs() []string {
	var out []string
	for i := range checks {
		out = append(out, checks[i].id)
	}
	return out
}

// Check looks for every trap. The findings are sorted by place.
func Check(in Input) []Finding {
	l := &linter{Input: in, ev: eval.New(in.Set, in.Semantics)}
	l.pods()
	l.objects()
	for i := range checks {
		l.check = &checks[i]
		checks[i].find(l)
	}
	slices.SortFunc(l.out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line),
			cmp.Compare(a.At.Column, b.At.Column), cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Text, b.Text))
	})
	return slices.CompactFunc(l.out, func(a, b Finding) bool {
		return a.ID == b.ID && a.At == b.At && a.Policy == b.Policy && a.Text == b.Text
	})
}

// checks are the traps that broke real clusters, in the order of their ids. The page says what happens, why, and what
// to write instead.
var checks = []check{
	{
		"api-server-port",
		Warning,
		"The API server's service listens on 443, the server itself mostly on 6443. Cilium translates before " +
			"policy is asked, so that a rule with the entity kube-apiserver and port 443 allows nothing where the " +
			"server listens elsewhere. Write the port that the flows show.",
		(*linter).apiServerPort,
	},
	{
		"assumed",
		Info,
		"The text leaves something open, and was read as most clusters would: an empty item is a rule for " +
			"everything, a network with host bits means the network, a field narrows what no log shows. The " +
			"finding says how it was read.",
		(*linter).told,
	},
	{
		"bare-selector",
		Error,
		"Labels stand directly in a selector, where the API knows matchLabels and matchExpressions only. The " +
			"API server refuses the policy or, asked leniently, drops the labels: then the selector is empty and " +
			"selects every pod. Put the labels under matchLabels.",
		(*linter).told,
	},
	{
		"behind-proxy",
		Warning,
		"Behind Cilium's Ingress and Gateway the pods see the proxy, not the client: its identity is the " +
			"entity ingress, whoever called. A policy that isolates these pods and names clients, networks or " +
			"world alone cuts everything that comes through the proxy, and the loss shows as 403 and not as a " +
			"drop. Allow the entity ingress to the port of the pods.",
		(*linter).behindProxy,
	},
	{
		"cidr-of-pods",
		Warning,
		"Cilium compares addresses with ends outside the cluster only: a pod or a node is known by its " +
			"identity, and no CIDR finds it, unless policy-cidr-match-mode says so. The connection is denied " +
			"although its address is in the network. Select pods by labels and nodes by the entities host and " +
			"remote-node.",
		(*linter).cidrOfPods,
	},
	{
		"cilium-tiers",
		Warning,
		"Cilium 1.20 decides ClusterNetworkPolicies otherwise than their API says, and sluice decides as it does " +
			"where Cilium runs. The default deny of a NetworkPolicy stands after the tier Baseline: what Baseline " +
			"accepts is let through though a NetworkPolicy isolates the pod and has no rule for it. A peer of " +
			"namespaces that only NotIn or DoesNotExist choose finds everything: it needs a label that a namespace " +
			"has, or a podSelector. A subject chosen so takes in the proxy of Ingress and Gateway. Policies of one " +
			"priority are asked rule by rule beside each other, Deny before Accept before Pass. A policy with nodes " +
			"is refused unless enable-node-selector-labels is set. And who is let out to domain names can ask " +
			"kube-dns for these names only, where no rule before it lets the pod ask for all.",
		(*linter).ciliumTiers,
	},
	{
		"cilium-version",
		Info,
		"Cilium before 1.20 reads the policy otherwise than 1.20, by which sluice decides. A rule for egress that " +
			"names its port had one number for the whole cluster: where pods give the name two, it allowed " +
			"nothing, and a pod that does not name the port was reached by the number of others " +
			"(cilium/cilium#30003). 1.19 before June 2026 read an ipBlock below from as if an empty podSelector " +
			"stood beside it, and let in every pod of the policy's namespace too (cilium/cilium#46305). Compare " +
			"the cluster's version.",
		(*linter).ciliumVersion,
	},
	{
		"closes-probe",
		Error,
		"The kubelet asks a pod for its readiness and liveness from the host of the node that the pod runs on. " +
			"Network plugins let this host in to its own pods whatever policies allow, but a rule that denies it is " +
			"stronger in Cilium: ingressDeny of the entities host, cluster or all. The pod then is never ready, or is " +
			"started again and again. Leave the host out of what is denied.",
		(*linter).closesProbe,
	},
	{
		"default-deny-without-rules",
		Warning,
		"enableDefaultDeny only says of a direction that has rules whether they isolate. Without a rule for " +
			"the direction it does nothing, whatever it says: the pods stay open. Add the empty rule for a " +
			"default deny: ingress: [{}] denies all ingress to Cilium.",
		(*linter).told,
	},
	{
		"deny-alone",
		Warning,
		"A policy of Cilium with ingressDeny or egressDeny isolates its pods in that direction like any " +
			"other. Where nothing else allows, everything is denied, not only what the policy names. A " +
			"cluster-wide one does it to every pod. Say enableDefaultDeny: false for the direction, or write the " +
			"allow rules.",
		(*linter).denyAlone,
	},
	{
		"deprecated-kind",
		Warning,
		"AdminNetworkPolicy and BaselineAdminNetworkPolicy ended as alpha, and AWS has a ClusterNetworkPolicy of " +
			"its own: ClusterNetworkPolicy of policy.networking.k8s.io with the tiers Admin and Baseline took " +
			"their place, and network plugins drop the old kinds without a word. It is read all the same: write " +
			"it as the kind that the finding names.",
		(*linter).told,
	},
	{
		"dns-by-label",
		Warning,
		"A rule for port 53 of a cluster-wide policy finds the resolver by a label and names no namespace. " +
			"Whoever may create pods in any namespace gives one that label, and every pod then may send it data " +
			"as questions. Name the resolver's namespace beside the label.",
		(*linter).dnsByLabel,
	},
	{
		"egress-without-dns",
		Warning,
		"Pods whose egress is isolated ask a resolver before they connect to a name. Without a rule for port " +
			"53 every look-up times out, and the outage looks like one of the application. A port without " +
			"protocol is TCP: look-ups need UDP 53, and TCP 53 for long answers.",
		(*linter).withoutDNS,
	},
	{
		"empty-egress",
		Warning,
		"egress: [] isolates nothing where policyTypes is absent: egress is then isolated only if there are " +
			"rules for it. The policy denies ingress and leaves egress open, contrary to what it seems to say. " +
			"Write policyTypes: [Ingress, Egress].",
		(*linter).emptyEgress,
	},
	{
		"everything-isolated",
		Info,
		"A direction with an empty list of rules is denied whole: ingress: [] allows nothing, while ingress: " +
			"[{}], one empty rule, allows everything, and a direction that is absent from policyTypes is left " +
			"alone. To Cilium [] is no rule at all and [{}] denies. Make sure that it is the one that was meant; " +
			"a default deny reads better without the list.",
		(*linter).deniesAll,
	},
	{
		"felix-drops",
		Error,
		"Calico's API server checks selectors and ports; without it (Calico installed by manifest, or with " +
			"native CRDs) the cluster takes the policy as it stands, and Felix drops it whole: nothing is " +
			"isolated, and nothing tells. A selector compares with == and a value in quotes, ports need a " +
			"protocol.",
		(*linter).told,
	},
	{
		"host-endpoints",
		Warning,
		"A GlobalNetworkPolicy of Calico without namespaceSelector also selects host endpoints: a default " +
			"deny then cuts the nodes off, the API server and SSH first. namespaceSelector: " +
			"has(projectcalico.org/name) keeps it to pods. One that selects host endpoints by their labels decides " +
			"there, too: no replay of flows tells what, since ports of Calico's own list stay open, and what pods " +
			"send to their own host is configured apart.",
		(*linter).hostEndpoints,
	},
	{
		"isolates-proxy",
		Warning,
		"A cluster-wide policy of Cilium that asks for no label of a pod also selects the proxy of Ingress " +
			"and Gateway (reserved:ingress). Isolated without rules of its own, the proxy answers 403 to " +
			"everything. Leave it out by the expression reserved:ingress DoesNotExist, or allow it to reach its " +
			"backends and clients to reach it.",
		(*linter).isolatesProxy,
	},
	{
		"matches-everything",
		Info,
		"The policy asks for labels, and every pod of the namespace that was seen has them: it selects all. A " +
			"label that all have narrows nothing, and an expression of NotIn or DoesNotExist matches every pod " +
			"without the key.",
		(*linter).matchesEverything,
	},
	{
		"matches-nothing",
		Warning,
		"No pod that was seen has the labels that the policy selects: it protects nothing, and what it allows " +
			"nobody gets. A label was mistyped, belongs to the Deployment and not to its pods, or the pods were " +
			"not there while the flows were recorded.",
		(*linter).matchesNothing,
	},
	{
		"misplaced-field",
		Error,
		"The field exists, but not there: ports stand beside from and to, not inside a peer; podSelector of a " +
			"peer stands in an item of from or to; selectors and rules stand under spec. The API server refuses " +
			"the policy or drops the field, and then the rule is wider than it reads: a peer without its ports is " +
			"allowed on all of them.",
		(*linter).told,
	},
	{
		"names-unseen",
		Warning,
		"Cilium learns which addresses a name has from the answers that its DNS proxy sees. Without a rule " +
			"for port 53 with rules.dns for the same pods no answer goes through the proxy, toFQDNs matches no " +
			"address, and the connection is denied. Add rules: {dns: [{matchPattern: \"*\"}]} to the rule for the " +
			"resolver.",
		(*linter).namesUnseen,
	},
	{
		"no-rules",
		Error,
		"To Cilium a policy without any rule is invalid: the agent leaves it out and nothing is isolated, " +
			"although the object is there. ingress: [] is no rule. One empty rule, ingress: [{}], denies all " +
			"ingress.",
		(*linter).told,
	},
	{
		"not-enforced",
		Warning,
		"The network plugin of the cluster never reads policies of this kind: the API server keeps the object, and " +
			"it neither allows nor denies anything. Cilium reads no AdminNetworkPolicy, Calico no " +
			"CiliumNetworkPolicy, and neither reads the other's kinds. Such a policy is left from another plugin, " +
			"or was written for another cluster. sluice names it where the flows or --cni say which plugin there is.",
		(*linter).notEnforced,
	},
	{
		"opens-everything",
		Warning,
		"A rule without peers and without ports allows every connection of its direction, and so does one to " +
			"all addresses (0.0.0.0/0) on every port for all that has an address. Policies only add to each " +
			"other: while this one stands no other can deny.",
		(*linter).opensEverything,
	},
	{
		"or-instead-of-and",
		Warning,
		"Two selectors in one item of from or to must both match; as two items, each with its own dash, " +
			"either is enough. Here the pods that the one item names are only found in the namespaces of the " +
			"other, so that the whole of these namespaces is let in, and nobody by the label. Write both " +
			"selectors in one item.",
		(*linter).orForAnd,
	},
	{
		"peer-matches-nothing",
		Warning,
		"A peer of the rule selects no pod that was seen. The rule may be left over, or its labels mistyped; " +
			"a peer without namespaceSelector means the policy's own namespace.",
		(*linter).peerMatchesNothing,
	},
	{
		"rollout-label",
		Warning,
		"A controller gives this label another value with each rollout or run (pod-template-hash, " +
			"controller-revision-hash, job-name and their like). The selector finds the pods of one rollout: after the " +
			"next it finds none, without a word, and what the rule allowed is denied. Select by the labels of the " +
			"workload's template that do not change.",
		(*linter).rolloutLabel,
	},
	{
		"rules-without-type",
		Warning,
		"policyTypes (types in Calico) leaves out a direction that has rules: they have no effect, and the " +
			"direction is not isolated. Cilium enforces them all the same, so that one text means two things. " +
			"Name the direction, or remove its rules.",
		(*linter).told,
	},
	{
		"same-priority",
		Warning,
		"Two ClusterNetworkPolicies of one tier have the same priority, select the same pods and may decide " +
			"differently. The API leaves open which of them is asked first: network plugins go by the name, by " +
			"the stronger action or by chance, and another version may go by something else. Give every policy " +
			"of a tier a priority of its own.",
		(*linter).samePriority,
	},
	{
		"service-port",
		Error,
		"Policies see the port of the pod, not that of the service: kube-proxy and Cilium translate before " +
			"policy is asked. A rule for the service's port allows nothing where the target port is another. " +
			"Write the target port.",
		(*linter).servicePort,
	},
	{
		"shadowed",
		Warning,
		"Calico takes the first rule that matches, tier by tier and in a tier by order. A rule behind one " +
			"that matches everything it does never decides anything: one before it in the same policy, in a " +
			"policy of a lower order that selects the same pods (without order it comes last, a NetworkPolicy of " +
			"Kubernetes has 1000), or in an earlier tier. Pass leaves a tier and skips the rest of it. A tier " +
			"whose policies select a pod denies at its end what none of them allowed or passed.",
		(*linter).shadowed,
	},
	{
		"system-namespaces",
		Warning,
		"A cluster-wide policy that isolates pods of kube-system cuts the resolver and the network plugin's " +
			"own pods, and with them everything else. Leave system namespaces out by name.",
		(*linter).systemNamespaces,
	},
	{
		"to-services",
		Warning,
		"toServices stands for the pods behind a service, by their own ports: toPorts beside it means the " +
			"target port. Before Cilium 1.17 it finds services without selector only, and a service that is not " +
			"there selects nothing. Which pods are meant only the Service object says: give it beside the " +
			"policies, or select the pods by labels.",
		(*linter).toServices,
	},
	{
		"typographic-quotes",
		Error,
		"Word processors and web pages turn \" and ' into curly quotes. YAML takes these as part of the text: " +
			"the label, name or field is then another one, refused by the API server or matching nothing. Type " +
			"the quotes again.",
		(*linter).told,
	},
	{
		"unknown-field",
		Error,
		"No such field: it belongs to another API (types is Calico's policyTypes), to the other direction (to " +
			"in ingress), or is written in another case (podselector). kubectl apply refuses it; older clients " +
			"and many operators drop it without a word, and the policy then means what is left: without " +
			"policyTypes no egress is isolated, without from everybody is let in.",
		(*linter).told,
	},
	{
		"unread",
		Error,
		"The document was not taken over as it stands: the API server refuses it, drops the field without a " +
			"word, or reads it as something else than its author.",
		(*linter).told,
	},
	{
		"wrong-value",
		Error,
		"The value has the wrong form for the API: it compares case (Ingress, TCP, Allow), wants a port as a " +
			"number in a NetworkPolicy and as text in one of Cilium, a network with its length, and text that " +
			"looks like a boolean or number in quotes. The policy is refused.",
		(*linter).told,
	},
}
