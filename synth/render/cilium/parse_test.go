package cilium

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/rendertest"
)

// head begins a policy whose spec a row goes on with; the row's first line is line 4. sel is the line that follows.
const (
	head = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
	wide = "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: p}\n"
	sel  = "spec:\n  endpointSelector: {matchLabels: {app: cart}}\n"
)

// parsed are foreign policies and what they say: which directions they isolate, their subject, and their rules.
var parsed = []struct {
	name, in string
	want     []string
}{
	{"nothing", head + sel + "  ingress: [{}]", []string{"p in shop app=cart isolates ingress"}},
	{"same namespace", head + sel + "  ingress: [{fromEndpoints: [{}]}]",
		[]string{"p in shop app=cart isolates ingress", "allow ingress any port from shop/all"}},
	{"no endpoints", head + sel + "  ingress: [{fromEndpoints: []}]", []string{"p in shop app=cart isolates ingress"}},
	{"no names are no list", head + sel + "  egress: [{toFQDNs: [], toPorts: [{ports: [{port: \"80\"}]}]}]",
		[]string{"p in shop app=cart isolates egress", "allow egress 80/any to anywhere"}},
	{"ports alone", head + sel + "  ingress: [{toPorts: [{ports: [{port: \"8080\", protocol: TCP}]}]}]",
		[]string{"p in shop app=cart isolates ingress", "allow ingress 8080/tcp from anywhere"}},
	{"empty port lists", head + sel + "  ingress: [{toPorts: [{}]}, {icmps: [{}]}, {toPorts: [], fromEntities: [world]}]",
		[]string{"p in shop app=cart isolates ingress", "allow ingress any port from entity world"}},
	{"namespaces", head + sel + "  ingress: [{fromEndpoints: [{matchLabels: {\"k8s:app\": web, \"k8s:io.kubernetes.pod.namespace\": other}}, " +
		"{matchLabels: {\"k8s:io.cilium.k8s.namespace.labels.team\": x}}, {matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]}]",
		[]string{"p in shop app=cart isolates ingress", "allow ingress any port from (all)/all; other/app=web; (team=x)/all"}},
	{"entities", head + sel + "  egress: [{toEntities: [all]}, {toEntities: [none]}, {toEntities: [cluster]}, {toEndpoints: [{matchLabels: {\"reserved:kube-apiserver\": \"\"}}]}]",
		[]string{"p in shop app=cart isolates egress", "allow egress any port to (all)/all",
			"allow egress any port to entity host; entity remote-node; entity kube-apiserver; entity health; entity ingress; entity unmanaged; entity init",
			"allow egress any port to entity kube-apiserver", "allow egress any port to anywhere"}},
	{"names", head + sel + "  egress: [{toFQDNs: [{matchName: Example.org.}, {matchPattern: \"*.x.io\"}], toPorts: [{ports: [{port: \"443\", protocol: TCP}]}]}]",
		[]string{"p in shop app=cart isolates egress", "allow egress 443/tcp to name *.x.io; name example.org"}},
	{"addresses", head + sel + "  egress: [{toCIDR: [1.2.3.4/32, \"fd00::/8\"]}, {toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}, {cidrGroupRef: office}]}]",
		[]string{"p in shop app=cart isolates egress", "allow egress any port to 1.2.3.4/32; fd00::/8",
			"allow egress any port to 10.0.0.0/8 except 10.1.0.0/16; network office"}},
	{"icmp", head + sel + "  ingress: [{icmps: [{fields: [{type: 8}, {type: EchoRequest, family: IPv6}, {type: \"0\", family: IPv4}]}]}]",
		[]string{"p in shop app=cart isolates ingress", "allow ingress 0/icmp,8/icmp,128/icmpv6 from anywhere"}},
	{"deny", head + sel + "  ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: \"0\", protocol: UDP}]}]}]",
		[]string{"p in shop app=cart isolates ingress", "deny ingress udp from shop/app=web"}},
	{"no default deny", head + sel + "  enableDefaultDeny: {ingress: false}\n  ingress: [{fromEntities: [host]}]\n  egress: [{}]",
		[]string{"p in shop app=cart isolates egress", "allow ingress any port from entity host"}},
	{"ports", head + sel + "  egress: [{toEntities: [host], toPorts: [{ports: [{port: HTTP}, {port: \"80\", endPort: 90, protocol: SCTP}, {protocol: VRRP}, {port: \"010\"}, {port: \"7\", endPort: 0}]}]}]",
		[]string{"p in shop app=cart isolates egress", "allow egress http/any,7/any,8/any,vrrp,80-90/sctp to entity host"}},
	{"all names may be asked", head + sel + "  egress: [{toPorts: [{ports: [{port: \"53\"}], rules: {dns: [{matchPattern: \"*\"}]}}]}]",
		[]string{"p in shop app=cart isolates egress", "allow egress 53/any to anywhere"}},
	{"of the cluster", wide + "spec:\n  endpointSelector: {matchLabels: {app: cart, io.kubernetes.pod.namespace: shop}}\n  ingress: [{fromEndpoints: [{}]}]",
		[]string{"p of kubernetes.io/metadata.name=shop app=cart isolates ingress", "allow ingress any port from (all)/all"}},
	{"specs", head + "specs: [{endpointSelector: {}, ingress: [{}]}, {endpointSelector: {}, egress: [{}]}]",
		[]string{"p in shop all isolates ingress isolates egress"}},
	{"specs of several subjects", head + "specs: [{endpointSelector: {}, ingress: [{}]}, {endpointSelector: {matchLabels: {app: cart}}, egress: [{}]}]",
		[]string{"p in shop all isolates ingress", "p.specs.2 in shop app=cart isolates egress"}},
	{"a group", "apiVersion: cilium.io/v2alpha1\nkind: CiliumCIDRGroup\nmetadata: {name: office}\nspec: {externalCIDRs: [10.0.0.0/8]}",
		[]string{"network office [10.0.0.0/8]"}},
}

// TestParse wants what the table says.
func TestParse(t *testing.T) {
	for _, c := range parsed {
		set, problems := render.Parse(strings.NewReader(c.in), "f", Dialect{}.Kinds())
		if len(problems) > 0 {
			t.Errorf("%s: %v", c.name, problems)
		}
		if d := cmp.Diff(c.want, describe(set)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// describe returns a set as lines.
func describe(set policy.PolicySet) []string {
	var out []string
	for _, p := range set.Canonical().Policies {
		line := p.Name + " in " + p.Namespace
		if p.Namespace == "" {
			line = p.Name + " of " + p.SubjectNamespaces.String()
		}
		line += " " + p.Subject.String()
		for _, d := range []struct {
			yes  bool
			word string
		}{{p.Ingress, "ingress"}, {p.Egress, "egress"}} {
			if d.yes {
				line += " isolates " + d.word
			}
		}
		out = append(out, line)
		for _, r := range p.Rules {
			out = append(out, r.String())
		}
	}
	for _, n := range set.Networks {
		out = append(out, fmt.Sprint("network ", n.Name, " ", n.CIDRs))
	}
	return out
}

// badRule is a policy with one rule for egress, on line 7.
func badRule(s string) string { return head + sel + "  egress:\n  - " + s }

// parseProblems want each file's problems as "line document severity: text", and how many policies were read.
var parseProblems = []struct {
	name, in string
	policies int
	want     []string
}{
	{"empty", head + sel + "  ingress: []", 0, []string{"5 1 invalid: spec has no rules at all: an empty one (ingress: [{}]) would deny everything"}},
	{"no selector", head + "spec: {ingress: [{}]}", 0, []string{"4 1 invalid: spec has neither endpointSelector nor nodeSelector"}},
	{"no spec", head, 0, []string{"1 1 invalid: policy p has neither spec nor specs"}},
	{"of nodes", wide + "spec: {nodeSelector: {}, ingress: [{}]}", 0, []string{"4 1 note: policy p selects nodes: it decides no connection of a pod"}},
	{"of nodes in a namespace", head + "spec: {nodeSelector: {}, ingress: [{}]}", 0, []string{"4 1 invalid: spec.nodeSelector: only a CiliumClusterwideNetworkPolicy can have one"}},
	{"unknown field", badRule("toEndpoint: [{}]"), 0, []string{`7 1 invalid: spec.egress: unknown field "toEndpoint" (did you mean "toEndpoints"?)`}},
	{"two kinds of peers", badRule("{toCIDR: [1.1.1.1/32], toEntities: [world]}"), 0, []string{"7 1 invalid: spec.egress: toCIDR and toEntities cannot stand in one rule"}},
	{"ports and icmp", badRule("{toPorts: [{ports: [{port: \"80\"}]}], icmps: [{fields: [{type: 8}]}]}"), 0, []string{"7 1 invalid: spec.egress: toPorts and icmps cannot stand in one rule"}},
	{"port as number", badRule("toPorts: [{ports: [{port: 80}]}]"), 0, []string{"7 1 invalid: egress.toPorts.ports.port: want text, have the number 80"}},
	{"port too high", badRule("toPorts: [{ports: [{port: \"70000\"}]}]"), 0, []string{`7 1 invalid: egress.toPorts.ports.port: "70000" is neither a number up to 65535 nor the name of a port`}},
	{"endPort", badRule("toPorts: [{ports: [{port: \"80\", endPort: 70}]}]"), 0, []string{"7 1 invalid: egress.toPorts.ports.endPort: 70 is before 80"}},
	{"protocol", badRule("toPorts: [{ports: [{port: \"80\", protocol: tcp}]}]"), 0, []string{`7 1 invalid: egress.toPorts.ports.protocol: "tcp" is not TCP, UDP, SCTP or ANY`}},
	{"too many ports", badRule("toPorts: [{ports: [" + strings.Repeat("{port: \"80\"},", 41) + "]}]"), 0, []string{"7 1 invalid: egress.toPorts.ports: 41 of them, the API takes 40"}},
	{"entity", badRule("toEntities: [world-ipv4]"), 0, []string{`7 1 invalid: egress.toEntities: "world-ipv4" is no entity`}},
	{"an address alone", badRule("toCIDR: [1.2.3.4]"), 1, []string{"7 1 note: egress.toCIDR: read as 1.2.3.4/32: the agent takes an address, newer API servers refuse it"}},
	{"except outside", badRule("toCIDRSet: [{cidr: 10.0.0.0/8, except: [192.168.0.0/16]}]"), 0, []string{"7 1 invalid: egress.toCIDRSet.except: 192.168.0.0/16 is not inside 10.0.0.0/8"}},
	{"except all", badRule("toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}]"), 1, []string{"7 1 note: egress.toCIDRSet.except: nothing is left of 10.0.0.0/8"}},
	{"no cidr", badRule("toCIDRSet: [{except: [10.0.0.0/8]}]"), 0, []string{"7 1 invalid: egress.toCIDRSet: want one of cidr and cidrGroupRef"}},
	{"name", badRule("toFQDNs: [{matchName: \"*.x\"}]"), 0, []string{`7 1 invalid: egress.toFQDNs.matchName: "*.x" is no DNS name`}},
	{"icmp type", badRule("icmps: [{fields: [{type: MultiCast}]}]"), 0, []string{`7 1 invalid: egress.icmps.fields.type: "MultiCast" is no message type of icmp`}},
	{"services", badRule("toServices: [{k8sService: {serviceName: x}}]"), 1, nil},
	{"no service", badRule("toServices: [{k8sService: {namespace: x}}]"), 1,
		[]string{"7 1 note: egress.toServices: it names no service, and selects nothing"}},
	{"another cluster", badRule("toEndpoints: [{matchLabels: {\"k8s:io.cilium.k8s.policy.cluster\": west}}]"), 1, nil},
	{"what 1.20 has no more", badRule("toRequires: [{}]"), 0, []string{
		"7 1 invalid: spec.egress.toRequires: Cilium 1.20 has no such field, and policies that have it are refused"}},
	{"another source", head + "spec: {endpointSelector: {matchLabels: {\"container:a\": b}}, ingress: [{}]}", 0,
		[]string{"4 1 unsupported: spec.endpointSelector: container:a is no label of pods"}},
	{"ingress alone in a namespace", head + "spec: {endpointSelector: {matchLabels: {\"reserved:ingress\": \"\"}}, ingress: [{}]}", 0,
		[]string{"4 1 note: policy p selects neither pods nor ingress nor health endpoints: it decides nothing"}},
	{"layer 7", badRule("toPorts: [{ports: [{port: \"80\", protocol: TCP}], rules: {http: [{method: GET}]}}]"), 1,
		[]string{"7 1 note: egress.toPorts.rules.http: read without it, it allows less: a proxy decides which requests pass"}},
	{"some names", badRule("toPorts: [{ports: [{port: \"53\"}], rules: {dns: [{matchName: x.io}]}}]"), 1,
		[]string{"7 1 note: egress.toPorts.rules.dns: read without it, it allows less: only some names may be asked"}},
	{"authentication", badRule("{toEntities: [world], authentication: {mode: required}}"), 1,
		[]string{"7 1 note: egress.authentication: read without it, it allows less: both ends also have to authenticate"}},
	{"no authentication", badRule("{toEntities: [world], authentication: {mode: disabled}}"), 1, nil},
	{"failing authentication", badRule("{toEntities: [world], authentication: {mode: test-always-fail}}"), 0, []string{
		"7 1 unsupported: egress.authentication: test-always-fail lets nothing pass that this rule matches, whatever other rules allow"}},
	{"unknown authentication", badRule("{toEntities: [world], authentication: {mode: mutual}}"), 0,
		[]string{`7 1 invalid: egress.authentication.mode: "mutual" is none of disabled, required, test-always-fail`}},
	{"another namespace", head + "spec:\n  endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: other}}\n  ingress: [{}]", 1,
		[]string{"5 1 note: spec.endpointSelector: the namespace is always the policy's own, shop: the condition kubernetes.io/metadata.name=other is ignored"}},
	{"no isolation asked for", head + sel + "  enableDefaultDeny: {ingress: true}\n  egress: [{}]", 1,
		[]string{"6 1 note: spec.enableDefaultDeny.ingress: without rules for ingress it isolates nothing"}},
	{"decides nothing", head + sel + "  enableDefaultDeny: {egress: false}\n  egress: [{}]", 0, []string{"5 1 note: policy p decides nothing"}},
	{"a name in an exception", head + sel + "  egressDeny: [{toFQDNs: [{matchName: x.io}]}]", 0, []string{`6 1 invalid: spec.egressDeny: unknown field "toFQDNs"`}},
}

// TestParseProblems wants what the table says.
func TestParseProblems(t *testing.T) {
	for _, c := range parseProblems {
		set, problems := render.Parse(strings.NewReader(c.in), "f", Dialect{}.Kinds())
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%d %d %s: %s", p.At.Line, p.At.Document, p.Severity, p.Text))
		}
		if d := cmp.Diff(c.want, got); d != "" || len(set.Policies) != c.policies {
			t.Errorf("%s: %d policies; %s", c.name, len(set.Policies), d)
		}
	}
}

// FuzzParse wants no panic, problems with a place, and that what is read renders without loss and reads back the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(head + sel + "  ingress: [{}]"))
	for _, r := range []string{"toEndpoints: [{matchLabels: {\"k8s:a\": b}, matchExpressions: [{key: \"any:c\", operator: NotIn, values: [d, '']}]}]",
		"{toEntities: [cluster, world], toPorts: [{ports: [{port: http}, {port: \"0\", protocol: SCTP}, {port: \"80\", endPort: 90}]}]}",
		"{toFQDNs: [{matchPattern: \"**.x\"}], icmps: [{fields: [{type: Echo}, {type: 3, family: IPv6}]}]}",
		"toCIDRSet: [{cidr: \"fd00::/8\", except: [\"fd00::/9\"]}, {cidrGroupRef: a.b}]"} {
		f.Add([]byte(head + sel + "  enableDefaultDeny: {egress: false}\n  egress: [" + r + "]\n  egressDeny: [" + r + "]"))
		f.Add([]byte(wide + "specs:\n- endpointSelector: {}\n  ingress: [{fromEndpoints: []}]\n  egress: [" + r + "]"))
	}
	f.Add([]byte("apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata: {name: a}\nspec: {externalCIDRs: [10.0.0.1/8, \"::/0\"]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, problems := render.Parse(bytes.NewReader(text), "f", Dialect{}.Kinds())
		rendertest.Parsed(t, Dialect{}, sayableOf(set), problems)
	})
}

// sayableOf leaves out what is read for verifying and never written: other subjects than pods, services, clusters.
func sayableOf(set policy.PolicySet) policy.PolicySet {
	var out []policy.Policy
	for _, p := range set.Policies {
		p.SubjectEntities = 0
		read := p.EntitiesOnly || namesCluster(p.Subject)
		for _, r := range p.Rules {
			for _, q := range r.Peers {
				read = read || q.Kind == policy.PeerService || namesCluster(q.Pods)
			}
		}
		if !read {
			out = append(out, p)
		}
	}
	set.Policies = out
	return set
}

func namesCluster(s policy.Selector) bool {
	return slices.ContainsFunc(s, func(r policy.Requirement) bool { return r.Key == policy.ClusterName })
}
