package eval_test

import (
	"net/netip"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// around is a ClusterNetworkPolicy for all namespaces: tier and priority, and its rules.
func around(name, tierAndPriority, rules string) string {
	tier, priority, _ := strings.Cut(tierAndPriority, " ")
	return "apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: " + name + "}\nspec:\n  tier: " + tier +
		"\n  priority: " + priority + "\n  subject: {namespaces: {}}\n  " + rules + "\n---\n"
}

// old is an AdminNetworkPolicy for all namespaces.
func old(rules string) string {
	return "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: a}\nspec:\n  priority: 1\n  subject: {namespaces: {}}\n  " +
		rules + "\n---\n"
}

// TestAround states what ClusterNetworkPolicies mean, beside NetworkPolicies and by themselves: one letter for each of
// spec, cilium and calico, + allowed, - denied, ? unknown.
func TestAround(t *testing.T) {
	at := func(f eval.Facts, address string) eval.Facts { f.Address = netip.MustParseAddr(address); return f }
	var (
		web    = at(in(pod("shop", "app=web"), "team=blue"), "10.1.0.1")
		cart   = at(in(pod("shop", "app=cart"), "team=blue"), "10.1.0.2")
		other  = at(in(pod("else", "app=web"), "team=red"), "10.1.0.3")
		hidden = in(pod("else", "app=web"), "team=red")
		blank  = eval.Facts{IsPod: true, Namespace: "shop", LabelsUnknown: true, NamespaceLabels: model.Labels{"team=blue"}}
		named  = func() eval.Facts {
			f := web
			f.NamedPorts = []eval.NamedPort{{Name: "web", Proto: model.TCP, Port: 80}}
			return f
		}()
		own      = eval.Facts{Node: true, Entities: model.Host, Address: netip.MustParseAddr("192.0.2.1")}
		remote   = eval.Facts{Node: true, Entities: model.RemoteNode, Address: netip.MustParseAddr("192.0.2.2")}
		hostNet  = eval.Facts{IsPod: true, HostNetwork: true, Namespace: "shop", Labels: model.Labels{"app=web"}, Entities: model.RemoteNode}
		far      = of(other, "west")
		near     = of(web, "east")
		proxy    = eval.Facts{Entities: model.IngressEntity}
		names    = around("a", "Admin 1", "egress: [{action: Accept, to: [{domainNames: [example.org]}]}]")
		resolver = func() eval.Facts {
			f := at(in(pod("kube-system", "k8s-app=kube-dns"), "team=red"), "10.1.0.9")
			f.NamedPorts = []eval.NamedPort{{Name: "dns", Proto: model.UDP, Port: 53}}
			return f
		}()
		site = func() eval.Facts { f := world; f.Names = []string{"a.www.example.org"}; return f }()
	)
	const (
		everyone = "[{namespaces: {}}]"
		acceptIn = "ingress: [{action: Accept, from: " + everyone + "}]"
		denyIn   = "ingress: [{action: Deny, from: " + everyone + "}]"
		passIn   = "ingress: [{action: Pass, from: " + everyone + "}]"
		denyOut  = "egress: [{action: Deny, to: [{namespaces: {}}, {networks: [0.0.0.0/0, \"::/0\"]}]}]"
		toNodes  = "egress: [{action: Deny, to: [{nodes: {}}]}]"
		plain    = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np, namespace: shop}\nspec:\n  podSelector: {matchLabels: {app: web}}\n  "
		denies   = plain + "policyTypes: [Ingress]\n---\n"
		allows   = plain + "policyTypes: [Ingress]\n  ingress: [{}]\n---\n"
		refuses  = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: d, namespace: shop}\nspec:\n  endpointSelector: {}\n  ingressDeny: [{fromEndpoints: [{}]}]\n---\n"
		later    = "ingress: [{action: Pass, from: " + everyone + ", protocols: [{tcp: {destinationPort: {number: 7}}}]}, {action: Deny, from: " + everyone + "}]"
		notShop  = "ingress: [{action: Deny, from: [{namespaces: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [shop]}"
		node     = "apiVersion: v1\nkind: Node\nmetadata: {name: edge-1, labels: {pool: edge}}\nstatus: {addresses: [{type: InternalIP, address: 192.0.2.2}]}\n---\n"
		cnp      = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: shop}\nspec:\n  endpointSelector: {}\n  enableDefaultDeny: {ingress: false}\n  ingress: [{fromEndpoints: [{}]}]\n---\n"
	)
	for _, c := range []struct {
		name, files string
		src, dst    eval.Facts
		proto       model.Proto
		port        uint16
		want        string
	}{
		{"nothing decides", around("a", "Admin 1", passIn), cart, web, model.TCP, 80, "+++"},
		{"Admin denies what a namespace allows", around("a", "Admin 1", denyIn) + allows, cart, web, model.TCP, 80, "---"},
		{"Admin accepts what a namespace denies", around("a", "Admin 1", acceptIn) + denies, cart, web, model.TCP, 80, "+++"},
		{"Admin passes on to the namespace", around("a", "Admin 1", passIn) + around("b", "Admin 2", acceptIn) + denies, cart, web, model.TCP, 80, "---"},
		{"Baseline is not asked where a namespace isolates, save by Cilium", around("a", "Baseline 1", acceptIn) + denies, cart, web, model.TCP, 80, "-+-"},
		{"nor is what it passes let in", around("a", "Baseline 1", passIn) + denies, cart, web, model.TCP, 80, "---"},
		{"a namespace's rule that denies is no default", around("a", "Baseline 1", acceptIn) + refuses, cart, web, model.TCP, 80, "---"},
		{"nor where it allows", around("a", "Baseline 1", denyIn) + allows, cart, web, model.TCP, 80, "+++"},
		{"Baseline denies what nothing isolates", around("a", "Baseline 1", denyIn) + denies, web, cart, model.TCP, 80, "---"},
		{"Admin passes, Baseline denies", around("a", "Admin 1", passIn) + around("b", "Baseline 1", denyIn), cart, web, model.TCP, 80, "---"},
		{"the lower number first", around("b", "Admin 1", acceptIn) + around("a", "Admin 2", denyIn), cart, web, model.TCP, 80, "+++"},
		{"one priority, save that Calico goes by names and to Cilium a denial is stronger", around("b", "Admin 1", acceptIn) + around("a", "Admin 1", denyIn), cart, web, model.TCP, 80, "?--"},
		{"or its rule comes first", around("b", "Admin 1", acceptIn) + around("a", "Admin 1", later), cart, web, model.TCP, 80, "?+-"},
		{"namespaces by what they lack: everybody to Cilium", around("a", "Admin 1", notShop+"]}}]}]"), cart, web, model.TCP, 80, "+-+"},
		{"what is outside too", around("a", "Admin 1", notShop+"]}}]}]"), world, web, model.TCP, 80, "+-+"},
		{"and the host with its probes", around("a", "Admin 1", notShop+"]}}]}]"), own, web, model.TCP, 80, "+-+"},
		{"not if pods are chosen", around("a", "Admin 1", strings.Replace(notShop, "namespaces:", "pods: {podSelector: {}, namespaceSelector:", 1)+"]}}}]}]"), cart, web, model.TCP, 80, "+++"},
		{"nor if a label has to be there", around("a", "Admin 1", notShop+", {key: team, operator: Exists}]}}]}]"), cart, web, model.TCP, 80, "+++"},
		{"of which other pods are", around("a", "Admin 1", notShop+", {key: team, operator: Exists}]}}]}]"), other, web, model.TCP, 80, "---"},
		{"pods of another cluster are in all namespaces to Cilium", around("a", "Admin 1", denyIn), far, near, model.TCP, 80, "+-+"},
		{"who may ask for names", names + around("b", "Admin 2", denyOut), web, resolver, model.UDP, 53, "-+-"},
		{"on no other port", names + around("b", "Admin 2", denyOut), web, resolver, model.UDP, 54, "---"},
		{"the proxy of Ingress is in no namespace", strings.Replace(around("a", "Admin 1", denyOut), "subject: {namespaces: {}}", "subject: {namespaces: {matchExpressions: [{key: team, operator: NotIn, values: [red]}]}}", 1), proxy, web, model.TCP, 80, "+-+"},
		{"one priority, one answer", around("b", "Admin 1", denyIn) + around("a", "Admin 1", denyIn), cart, web, model.TCP, 80, "---"},
		{"one priority, one of them says nothing", around("b", "Admin 1", denyIn) + around("a", "Admin 1", denyOut), cart, web, model.TCP, 80, "---"},
		{"the first rule of a policy", around("a", "Admin 1", "ingress: [{action: Accept, from: "+everyone+", protocols: [{tcp: {destinationPort: {number: 80}}}]}, {action: Deny, from: "+everyone+"}]"), cart, web, model.TCP, 80, "+++"},
		{"the second one", around("a", "Admin 1", "ingress: [{action: Accept, from: "+everyone+", protocols: [{tcp: {destinationPort: {number: 80}}}]}, {action: Deny, from: "+everyone+"}]"), cart, web, model.TCP, 81, "---"},
		{"ingress from outside is nobody's", around("a", "Baseline 1", denyIn), world, web, model.TCP, 80, "+++"},
		{"nor from nodes", around("a", "Admin 1", denyIn), remote, web, model.TCP, 80, "+++"},
		{"nor from pods of a node's network", around("a", "Admin 1", denyIn), hostNet, web, model.TCP, 80, "+++"},
		{"which are no subjects", around("a", "Admin 1", denyIn), cart, hostNet, model.TCP, 80, "+++"},
		{"a rule without ports takes ICMP", around("a", "Admin 1", denyIn), cart, web, model.ICMP, 8, "---"},
		{"all addresses are pods too, save for Cilium as installed", around("a", "Baseline 1", "egress: [{action: Deny, to: [{networks: [0.0.0.0/0, \"::/0\"]}]}]"), web, other, model.TCP, 80, "-+-"},
		{"whose address need not be known", around("a", "Baseline 1", "egress: [{action: Deny, to: [{networks: [0.0.0.0/0, \"::/0\"]}]}]"), web, hidden, model.TCP, 80, "-+-"},
		{"one network, the address not known", around("a", "Baseline 1", "egress: [{action: Deny, to: [{networks: [10.0.0.0/8]}]}]"), web, hidden, model.TCP, 80, "?+?"},
		{"out of the cluster", around("a", "Baseline 1", denyOut), web, world, model.TCP, 443, "---"},
		{"to a node, save that Calico closes what it does not know", around("a", "Admin 1", toNodes), web, remote, model.TCP, 80, "---"},
		{"which it does to everybody", around("a", "Admin 1", toNodes), web, cart, model.TCP, 80, "++-"},
		{"and an accept allows nothing", around("a", "Admin 1", "egress: [{action: Accept, to: [{nodes: {}}]}]") + around("b", "Admin 2", denyOut), web, remote, model.TCP, 80, "++-"},
		{"the node's labels are not known", around("a", "Admin 1", "egress: [{action: Deny, to: [{nodes: {matchLabels: {pool: edge}}}]}]"), web, remote, model.TCP, 80, "??-"},
		{"or they are", node + around("a", "Admin 1", "egress: [{action: Deny, to: [{nodes: {matchLabels: {pool: core}}}]}]"), web, remote, model.TCP, 80, "++-"},
		{"to the own node's host", around("a", "Admin 1", toNodes), web, own, model.TCP, 80, "---"},
		{"a name", around("a", "Admin 1", "egress: [{action: Accept, to: [{domainNames: [\"*.example.org\"]}]}]") + around("b", "Admin 2", denyOut), web, site, model.TCP, 443, "++-"},
		{"the name itself is not below it", around("a", "Admin 1", "egress: [{action: Accept, to: [{domainNames: [\"*.a.www.example.org\"]}]}]") + around("b", "Admin 2", denyOut), web, site, model.TCP, 443, "---"},
		{"a named port", around("a", "Admin 1", "ingress: [{action: Deny, from: "+everyone+", protocols: [{destinationNamedPort: web}]}]"), cart, named, model.TCP, 80, "---"},
		{"which Calico does not know in an AdminNetworkPolicy", old("ingress: [{action: Deny, from: " + everyone + ", ports: [{namedPort: web}]}]"), cart, named, model.TCP, 81, "++-"},
		{"one that the pod may not have", around("a", "Admin 1", "ingress: [{action: Deny, from: "+everyone+", protocols: [{destinationNamedPort: web}]}]"), cart, web, model.TCP, 80, "???"},
		{"a pod of unknown labels, perhaps isolated", around("a", "Baseline 1", denyIn) + allows, cart, blank, model.TCP, 80, "???"},
		{"denied either way", around("a", "Baseline 1", denyIn) + denies, cart, blank, model.TCP, 80, "---"},
		{"a rule of a namespace that isolates nothing comes before Baseline", around("a", "Baseline 1", denyIn) + cnp, cart, web, model.TCP, 80, "+++"},
		{"what it does not name", around("a", "Baseline 1", denyIn) + cnp, other, web, model.TCP, 80, "---"},
	} {
		set, problems := render.Parse(strings.NewReader(c.files), "f", all.Kinds()...)
		if render.Incomplete(problems) {
			t.Fatalf("%s: %v", c.name, problems)
		}
		got, why := "", []string{}
		for _, sem := range []eval.Semantics{eval.Spec, eval.Cilium, eval.Calico} {
			e := eval.New(set, sem)
			d := e.Decide(e.End(c.src), e.End(c.dst), c.proto, c.port)
			switch {
			case d.Unknown:
				got += "?"
			case d.Allowed:
				got += "+"
			default:
				got += "-"
			}
			why = append(why, e.Why(d))
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s\n  %s", c.name, got, c.want, strings.Join(why, "\n  "))
		}
	}
}

// TestFloor wants that a policy which denies at its end all that it can name isolates its pods.
func TestFloor(t *testing.T) {
	for rules, want := range map[string][2]model.Tri{
		"ingress: [{action: Deny, from: [{namespaces: {}}]}]":                                                  {model.Yes, model.No},
		"ingress: [{action: Deny, from: [{namespaces: {matchLabels: {a: b}}}]}]":                               {model.No, model.No},
		"egress: [{action: Deny, to: [{namespaces: {}}]}]":                                                     {model.No, model.No},
		"egress: [{action: Deny, to: [{networks: [\"::/0\", 0.0.0.0/0]}]}]":                                    {model.No, model.Yes},
		"egress: [{action: Deny, to: [{networks: [\"::/0\", 0.0.0.0/0]}]}, {action: Pass, to: [{nodes: {}}]}]": {model.No, model.No},
	} {
		set, problems := render.Parse(strings.NewReader(around("a", "Baseline 9", rules)), "f", all.Kinds()...)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		e := eval.New(set, eval.Spec)
		end := e.End(pod("shop", "app=web"))
		if got := [2]model.Tri{end.Isolated(model.Ingress), end.Isolated(model.Egress)}; got != want {
			t.Errorf("%s: %v, want %v", rules, got, want)
		}
		if n := len(end.Policies(model.Ingress)) + len(end.Policies(model.Egress)); n != 1 {
			t.Errorf("%s: %d policies", rules, n)
		}
	}
}
