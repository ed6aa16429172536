package lint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/lint"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/kubernetes"
)

func np(name, spec string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name + ", namespace: shop}\nspec:\n" + spec + "---\n"
}

func cnp(name, spec string) string {
	return "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: " + name + ", namespace: shop}\nspec:\n" + spec + "---\n"
}

func ccnp(name, spec string) string {
	return "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: " + name + "}\nspec:\n" + spec + "---\n"
}

func gnp(name, spec string) string {
	return "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: " + name + "}\nspec:\n" + spec + "---\n"
}

// tierOf is a policy that lets in some pods, behind a tier that lets in others and denies at its end.
func tierOf(from, before string) string {
	return "apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: sec}\nspec: {order: 10}\n---\n" +
		gnp("sec.a", "  tier: sec\n  namespaceSelector: projectcalico.org/name == \"shop\"\n  types: [Ingress]\n"+
			"  ingress: [{action: Allow, source: {selector: app == \""+before+"\"}}]\n") +
		np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{from: [{podSelector: {matchLabels: {app: "+from+"}}}]}]\n")
}

const (
	dns     = "  egress:\n  - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]\n"
	service = "apiVersion: v1\nkind: Service\nmetadata: {name: books, namespace: shop}\n" +
		"spec: {selector: {app: db}, ports: [{port: 80, targetPort: 5432}]}\n---\n"
)

// flows are what was seen: web calls db, and db a network outside.
const flows = "shop/web -> shop/db 5432/tcp\nshop/db -> 192.0.2.7 443/tcp\nkube-system/dns -> kube-system/dns 53/udp"

// TestChecks has for each trap a policy that falls into it, and one beside it that does not.
func TestChecks(t *testing.T) {
	g := graphtest.Graph(t, flows)
	for _, c := range []struct {
		name, text string
		want       []string // "id policy"
	}{
		{"a field of another API", np("a", "  podSelector: {}\n  types: [Ingress]\n"), []string{"unknown-field "}},
		{"typographic quotes", np("a", "  podSelector: {matchLabels: {app: “web”}}\n"), []string{"typographic-quotes "}},
		{"egress with look-ups", np("a", "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n"+dns), nil},
		{"egress without look-ups", np("a", "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n  egress:\n  - ports: [{port: 5432}]\n"),
			[]string{"egress-without-dns shop/a"}},
		{"look-ups by another policy", np("a", "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n  egress:\n  - ports: [{port: 5432}]\n") +
			np("b", "  podSelector: {}\n  policyTypes: [Egress]\n"+dns), nil},
		{"look-ups of other pods", np("a", "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n  egress:\n  - ports: [{port: 5432}]\n") +
			np("b", "  podSelector: {matchLabels: {app: db}}\n  policyTypes: [Egress]\n"+dns), []string{"egress-without-dns shop/a"}},
		{"every port of some pods beside it", np("a", "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n  egress:\n"+
			"  - to: [{podSelector: {matchLabels: {app: db}}}]\n"), []string{"egress-without-dns shop/a"}},
		{"every port of all pods beside it", np("a", "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n  egress:\n"+
			"  - to: [{podSelector: {}}]\n"), nil},
		{"a network of pods", cnp("a", "  endpointSelector: {matchLabels: {app: db}}\n  ingress: [{fromCIDR: [10.244.0.0/16]}]\n") +
			"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {podCIDR: 10.244.1.0/24}\n---\n", []string{"cidr-of-pods shop/a"}},
		{"a network beside that of pods", cnp("a", "  endpointSelector: {matchLabels: {app: db}}\n  ingress: [{fromCIDR: [192.0.2.0/24]}]\n") +
			"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {podCIDR: 10.244.1.0/24}\n---\n", nil},
		{"a tier before that allows others", tierOf("web", "db"), []string{"shadowed shop/a"}},
		{"a tier before that allows the same", tierOf("web", "web"), nil},
		{"nothing allowed", np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: []\n"), []string{"everything-isolated shop/a"}},
		{"a default deny", np("a", "  podSelector: {}\n"), nil},
		{"everything allowed", np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{}]\n"), []string{"opens-everything shop/a"}},
		{"a label that no pod has", np("a", "  podSelector: {matchLabels: {app: dbx}}\n  ingress: [{from: [{podSelector: {}}]}]\n"),
			[]string{"matches-nothing shop/a"}},
		{"a peer that no pod is", np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{from: [{podSelector: {matchLabels: {app: wbe}}}]}]\n"),
			[]string{"peer-matches-nothing shop/a"}},
		{"a peer of another cluster, and one of a service account", cnp("a", "  endpointSelector: {matchLabels: {app: db}}\n  ingress: [{fromEndpoints: [{matchLabels: "+
			"{app: web, io.cilium.k8s.policy.cluster: west}}, {matchLabels: {app: web, io.cilium.k8s.policy.serviceaccount: web}}]}]\n"), nil},
		{"a peer in a namespace never seen", np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{from: [{namespaceSelector: "+
			"{matchLabels: {kubernetes.io/metadata.name: later}}, podSelector: {matchLabels: {app: x}}}]}]\n"), nil},
		{"a deny alone", cnp("a", "  endpointSelector: {matchLabels: {app: web}}\n  egressDeny: [{toEntities: [world]}]\n"), []string{"deny-alone shop/a"}},
		{"a deny that isolates nothing", cnp("a", "  endpointSelector: {matchLabels: {app: web}}\n  enableDefaultDeny: {egress: false}\n"+
			"  egressDeny: [{toEntities: [world]}]\n"), nil},
		{"pods by address", cnp("a", "  endpointSelector: {matchLabels: {app: db}}\n  ingress: [{fromCIDR: [10.0.0.0/8]}]\n"), []string{"cidr-of-pods shop/a"}},
		{"a network outside", cnp("a", "  endpointSelector: {matchLabels: {app: db}}\n  ingress: [{fromCIDR: [192.0.2.0/24]}]\n"), nil},
		{"the system too", ccnp("a", "  endpointSelector: {}\n  ingress: [{fromEntities: [cluster]}]\n"), []string{"system-namespaces a"}},
		{"without the system", ccnp("a", "  endpointSelector:\n    matchExpressions: [{key: io.kubernetes.pod.namespace, operator: NotIn, values: [kube-system]}]\n"+
			"  ingress: [{fromEntities: [cluster]}]\n"), nil},
		{"host endpoints", gnp("a", "  selector: all()\n  types: [Ingress]\n  ingress: [{action: Allow, protocol: TCP, destination: {ports: [22]}}]\n"),
			[]string{"host-endpoints a", "system-namespaces a"}},
		{"a rule behind all", gnp("a", "  namespaceSelector: projectcalico.org/name == 'shop'\n  types: [Ingress]\n  ingress:\n  - {action: Deny}\n"+
			"  - {action: Allow, protocol: TCP, destination: {ports: [80]}}\n"), []string{"shadowed a"}},
		{"a rule before all", gnp("a", "  namespaceSelector: projectcalico.org/name == 'shop'\n  types: [Ingress]\n  ingress:\n"+
			"  - {action: Allow, protocol: TCP, destination: {ports: [80]}}\n  - {action: Deny}\n"), nil},
		{"the port of the service", service + np("a", "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n  egress:\n  - to: [{podSelector: "+
			"{matchLabels: {app: db}}}]\n    ports: [{port: 80}]\n") + np("b", "  podSelector: {}\n  policyTypes: [Egress]\n"+dns), []string{"service-port shop/a"}},
		{"the port of its pods", service + np("a", "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n  egress:\n  - to: [{podSelector: "+
			"{matchLabels: {app: db}}}]\n    ports: [{port: 5432}]\n") + np("b", "  podSelector: {}\n  policyTypes: [Egress]\n"+dns), nil},
	} {
		set, problems := render.Parse(strings.NewReader(c.text), "f.yaml", kubernetes.Dialect{}.Kinds(), cilium.Dialect{}.Kinds(), calico.Dialect{}.Kinds())
		sem := eval.Spec
		switch {
		case strings.Contains(c.text, "cilium.io"):
			sem = eval.Cilium
		case strings.Contains(c.text, "projectcalico.org/v3"):
			sem = eval.Calico
		}
		var got []string
		for _, f := range lint.Check(lint.Input{Set: set, Problems: problems, Graph: g, Semantics: sem}) {
			if got = append(got, f.ID+" "+f.Policy); f.At.Line == 0 {
				t.Errorf("%s: %s has no place", c.name, f.ID)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestPages: every check has an id of its own, in order, and a page.
func TestPages(t *testing.T) {
	ids := lint.IDs()
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("ids %v", ids)
	}
	for _, id := range ids {
		if len(lint.Page(id)) < 80 {
			t.Errorf("%s: page %q", id, lint.Page(id))
		}
	}
	if lint.Page("nothing") != "" {
		t.Error("a page for no check")
	}
}

// TestManyAddresses: a rule may list the addresses of a whole cloud. Looking at them costs what they are, not their square.
func TestManyAddresses(t *testing.T) {
	const many = 2000
	var text strings.Builder
	for i := range many {
		fmt.Fprintf(&text, "    - ipBlock: {cidr: 10.0.%d.%d/32}\n", i/250, i%250)
	}
	policy := np("web", "  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n  - to:\n"+text.String())
	set, problems := render.Parse(strings.NewReader(policy), policyFile, kinds...)
	if len(set.Policies) != 1 || len(set.Policies[0].Rules[0].Peers) != many {
		t.Fatalf("%d policies, %v", len(set.Policies), problems)
	}
	in := lint.Input{Set: set, Problems: problems, Graph: graphtest.Graph(t, flows), Semantics: eval.Cilium}
	if n := testing.AllocsPerRun(1, func() { lint.Check(in) }); n > 100*many {
		t.Errorf("%.0f allocations for %d addresses", n, many)
	}
}
