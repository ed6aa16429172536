package cluster

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/render"
	"sluice/synth/render/rendertest"
)

// head begins a policy whose spec a row goes on with; the row's first line is line 4. olderHead is that of the older kind.
const (
	head      = "apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: p}\n"
	olderHead = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: p}\n"
	lastHead  = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {name: default}\n"
	awsHead   = "apiVersion: networking.k8s.aws/v1alpha1\nkind: ClusterNetworkPolicy\nmetadata: {name: p}\n"
	appHead   = "apiVersion: networking.k8s.aws/v1alpha1\nkind: ApplicationNetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
)

// with is a spec of the tier Admin with some rules.
func with(rules string) string {
	return head + "spec:\n  tier: Admin\n  priority: 5\n  subject: {namespaces: {}}\n  " + rules
}

// TestParse wants the rules that are read, as text, of every kind.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string // tier, priority, subject; then the rules
	}{
		{"the tiers", strings.Replace(with(""), "Admin", "Baseline", 1), []string{"kube-baseline 5 all all"}},
		{"pods of every namespace", strings.Replace(with(""), "{namespaces: {}}", "{pods: {podSelector: {matchLabels: {c: d}}}}", 1),
			[]string{"kube-admin 5 all c=d"}},
		{"pods of some namespaces", strings.Replace(with(""), "{namespaces: {}}", "{pods: {namespaceSelector: {matchLabels: {a: b}}, podSelector: {matchLabels: {c: d}}}}", 1),
			[]string{"kube-admin 5 a=b c=d"}},
		{"v1alpha2", strings.Replace(with("ingress: [{action: Pass, from: [{namespaces: {}}]}]"), "v1beta1", "v1alpha2", 1),
			[]string{"kube-admin 5 all all", "pass ingress any port from (all)/all"}},
		{"every peer of egress, every port", with("egress: [{name: x, action: Accept, to: [{networks: [10.0.0.0/8, \"::/0\"]}, {nodes: {matchLabels: {a: b}}}, {domainNames: [\"*.a.b\", c.d]}, " +
			"{pods: {namespaceSelector: {}, podSelector: {matchLabels: {x: w}}}}], protocols: [{tcp: {destinationPort: {number: 80}}}, {sctp: {destinationPort: {range: {start: 1, end: 65535}}}}, {udp: {destinationPort: {range: {start: 5, end: 9}}}}]}]"),
			[]string{"kube-admin 5 all all", "allow egress 80/tcp,sctp,5-9/udp to 10.0.0.0/8; ::/0; nodes a=b; name **.a.b; name c.d; (all)/x=w"}},
		{"a named port", with("egress: [{action: Deny, to: [{namespaces: {}}], protocols: [{destinationNamedPort: web}]}]"),
			[]string{"kube-admin 5 all all", "deny egress web/any to (all)/all"}},
		{"ingress first", with("egress: [{action: Deny, to: [{namespaces: {}}]}]\n  ingress: [{action: Accept, from: [{namespaces: {}}]}]"),
			[]string{"kube-admin 5 all all", "allow ingress any port from (all)/all", "deny egress any port to (all)/all"}},
		{"AdminNetworkPolicy", olderHead + "spec:\n  priority: 7\n  subject: {namespaces: {}}\n  ingress: [{action: Allow, from: [{namespaces: {}}], ports: [{portNumber: {port: 80}}, {portRange: {protocol: UDP, start: 1, end: 9}}, {namedPort: web}]}]",
			[]string{"kube-admin 7 all all", "allow ingress 80/tcp,1-9/udp,web/any from (all)/all", "note: AdminNetworkPolicy p is old: write a ClusterNetworkPolicy with tier Admin of policy.networking.k8s.io/v1beta1"}},
		{"BaselineAdminNetworkPolicy", lastHead + "spec:\n  subject: {namespaces: {}}\n  egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]",
			[]string{"kube-baseline 1000 all all", "deny egress any port to 0.0.0.0/0", "note: BaselineAdminNetworkPolicy default is old: write a ClusterNetworkPolicy with tier Baseline of policy.networking.k8s.io/v1beta1"}},
		{"AWS", awsHead + "spec:\n  tier: Baseline\n  priority: 0\n  subject: {namespaces: {}}\n  egress: [{action: Pass, to: [{domainNames: [a.b]}, {networks: [10.1.2.3/8]}], ports: [{portNumber: {protocol: TCP, port: 443}}]}]",
			[]string{"kube-baseline 0 all all", "pass egress 443/tcp to name a.b; 10.0.0.0/8", "note: ClusterNetworkPolicy p is old: write a ClusterNetworkPolicy of policy.networking.k8s.io/v1beta1 where the cluster has it",
				"note: egress.to.networks: 10.1.2.3/8 means 10.0.0.0/8"}},
		{"AWS, of a namespace", appHead + "spec:\n  podSelector: {}\n  policyTypes: [Egress]\n  egress: [{to: [{domainNames: [\"*.a.b\"]}, {ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 443}]}, {domainNames: [c.d]}]",
			[]string{"allow egress 443/tcp to name **.a.b; 10.0.0.0/8", "allow egress any port to name c.d"}},
	} {
		set, problems := render.Parse(strings.NewReader(c.in), "f", Dialect{}.Kinds())
		var got []string
		for _, p := range set.Policies {
			if p.Order != nil {
				got = append(got, fmt.Sprint(p.Tier, " ", *p.Order, " ", p.SubjectNamespaces, " ", p.Subject))
			}
			for _, r := range p.Rules {
				got = append(got, r.String())
			}
		}
		for _, p := range problems {
			got = append(got, p.Severity.String()+": "+p.Text)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestParseProblems wants what the API would refuse of a policy, as "line severity: text": nothing of it is read.
func TestParseProblems(t *testing.T) {
	in := func(s string) string { return with("ingress:\n  - " + s) }
	out := func(s string) string { return with("egress:\n  - " + s) }
	accept := func(ports string) string {
		return in("{action: Accept, from: [{namespaces: {}}], protocols: " + ports + "}")
	}
	for _, c := range []struct{ name, in, want string }{
		{"no spec", head, "1 invalid: policy p has no spec"},
		{"no tier", head + "spec:\n  priority: 5\n  subject: {namespaces: {}}", "5 invalid: spec: no tier"},
		{"no priority", head + "spec:\n  tier: Admin\n  subject: {namespaces: {}}", "5 invalid: spec: no priority"},
		{"no subject", head + "spec:\n  tier: Admin\n  priority: 1", "5 invalid: spec: no subject"},
		{"a tier in another case", strings.Replace(with(""), "tier: Admin", "tier: admin", 1), `5 invalid: spec.tier: "admin" is neither Admin nor Baseline`},
		{"a priority too high", strings.Replace(with(""), "priority: 5", "priority: 1001", 1), "6 invalid: spec.priority: 1001 is not between 0 and 1000"},
		{"a priority as text", strings.Replace(with(""), "priority: 5", `priority: "5"`, 1), `6 invalid: spec.priority: want a number, have "5"`},
		{"a subject of two", strings.Replace(with(""), "{namespaces: {}}", "{namespaces: {}, pods: {namespaceSelector: {}, podSelector: {}}}", 1),
			"7 invalid: spec.subject: the fields stand alone: write an item for each"},
		{"a subject of nothing", strings.Replace(with(""), "{namespaces: {}}", "{}", 1), "7 invalid: spec.subject: it names nothing"},
		{"a subject without pods", strings.Replace(with(""), "{namespaces: {}}", "{pods: {namespaceSelector: {}}}", 1), "7 invalid: spec.subject.pods: no podSelector (write {} for all)"},
		{"labels without matchLabels", in("{action: Deny, from: [{app: web}]}"), "9 invalid: ingress.from: labels stand under namespaces.matchLabels"},
		{"the action of the older kind", in("{action: Allow, from: [{namespaces: {}}]}"), `9 invalid: ingress.action: "Allow" is none of Accept, Deny, Pass`},
		{"no action", in("{from: [{namespaces: {}}]}"), "9 invalid: spec.ingress: a rule without action"},
		{"no peers", in("{action: Deny}"), "9 invalid: spec.ingress: a rule without from"},
		{"an empty list of peers", in("{action: Deny, from: []}"), "9 invalid: ingress.from: an empty list, which the API refuses"},
		{"an empty peer", in("{action: Deny, from: [{}]}"), "9 invalid: ingress.from: it names nothing"},
		{"networks coming in", in("{action: Deny, from: [{networks: [10.0.0.0/8]}]}"), `9 invalid: ingress.from: unknown field "networks"`},
		{"to in ingress", in("{action: Deny, to: [{namespaces: {}}]}"), `9 invalid: spec.ingress: unknown field "to" (did you mean "from"?)`},
		{"the ports of the older kind", in("{action: Deny, from: [{namespaces: {}}], ports: [{portNumber: {port: 80}}]}"), "9 invalid: spec.ingress: ports is a field of another version: here it is protocols"},
		{"no protocol", accept("[{}]"), "9 invalid: ingress.protocols: it names nothing"},
		{"no port", accept("[{tcp: {}}]"), "9 invalid: ingress.protocols.tcp: no destinationPort (the range from 1 to 65535 is every port)"},
		{"a range of one", accept("[{udp: {destinationPort: {range: {start: 5, end: 5}}}}]"), "9 invalid: ingress.protocols.udp.destinationPort.range: the end has to be after the start"},
		{"port 0", accept("[{udp: {destinationPort: {number: 0}}}]"), "9 invalid: ingress.protocols.udp.destinationPort.number: 0 is not between 1 and 65535"},
		{"host bits", out("{action: Deny, to: [{networks: [10.1.2.3/8]}]}"), "9 invalid: egress.to.networks: the API refuses 10.1.2.3/8, which has bits beyond its length: write 10.0.0.0/8"},
		{"a network twice", out("{action: Deny, to: [{networks: [10.0.0.0/8, 10.0.0.0/8]}]}"), "9 invalid: egress.to.networks: 10.0.0.0/8 stands twice, which the API refuses"},
		{"a name that is denied", out("{action: Deny, to: [{domainNames: [a.b]}]}"), "9 unsupported: egress.to.domainNames: domain names are for rules that accept; what another does, each network plugin decides for itself"},
		{"a star inside", out("{action: Accept, to: [{domainNames: [\"a.*.b\"]}]}"), `9 invalid: egress.to.domainNames: "a.*.b" is not a domain name, *. before it for all below it`},
		{"a named port of nodes", out("{action: Deny, to: [{nodes: {}}], protocols: [{destinationNamedPort: web}]}"), "9 invalid: spec.egress: only pods have named ports, and the rule names other peers"},
		{"26 rules", with("ingress: [" + strings.Repeat("{action: Deny, from: [{namespaces: {}}]}, ", 26) + "]"), "8 invalid: spec.ingress: 26 rules, and the API takes 25 in a policy"},
		{"26 peers", in("{action: Deny, from: [" + strings.Repeat("{namespaces: {}}, ", 26) + "]}"), "9 invalid: ingress.from: 26 items, and the API takes 25"},
		{"a pass that the baseline of old does not have", lastHead + "spec:\n  subject: {namespaces: {}}\n  egress: [{action: Pass, to: [{namespaces: {}}]}]", `6 invalid: egress.action: "Pass" is none of Allow, Deny`},
		{"a protocol in another case", olderHead + "spec:\n  priority: 1\n  subject: {namespaces: {}}\n  ingress: [{action: Allow, from: [{namespaces: {}}], ports: [{portNumber: {protocol: tcp, port: 1}}]}]",
			`7 invalid: ingress.ports.portNumber.protocol: "tcp" is not TCP, UDP or SCTP`},
	} {
		set, problems := render.Parse(strings.NewReader(c.in), "f", Dialect{}.Kinds())
		if len(problems) != 1 || len(set.Policies) > 0 {
			t.Errorf("%s: %d policies, %v", c.name, len(set.Policies), problems)
			continue
		}
		p := problems[0]
		if got := fmt.Sprintf("%d %s: %s", p.At.Line, p.Severity, p.Text); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// FuzzParse wants no panic, problems with a place, and that what is read renders and reads back the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(with("ingress: [{action: Pass, from: [{namespaces: {matchLabels: {a: b}}}, {pods: {namespaceSelector: {}, podSelector: {}}}], protocols: [{tcp: {destinationPort: {number: 80}}}, {destinationNamedPort: web}]}]")))
	f.Add([]byte(with("egress: [{action: Accept, to: [{networks: [10.0.0.0/8, \"::/0\"]}, {nodes: {}}, {domainNames: [\"*.a.b\"]}], protocols: [{udp: {destinationPort: {range: {start: 1, end: 65535}}}}]}, {action: Deny, to: [{networks: [0.0.0.0/0, \"::/0\"]}]}]")))
	f.Add([]byte(olderHead + "spec: {priority: 1, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {}}], ports: [{portNumber: {port: 80}}, {portRange: {start: 1, end: 2}}, {namedPort: x}]}]}"))
	f.Add([]byte(lastHead + "spec: {subject: {namespaces: {}}, egress: [{action: Deny, to: [{namespaces: {}}]}]}"))
	f.Add([]byte(awsHead + "spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Pass, to: [{domainNames: [a.b]}]}]}"))
	f.Add([]byte(appHead + "spec: {podSelector: {}, egress: [{domainNames: [a.b]}]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, problems := render.Parse(bytes.NewReader(text), "f", Dialect{}.Kinds())
		for _, p := range problems {
			if p.At.Line < 1 || p.At.Document < 1 || p.Text == "" {
				t.Fatalf("a problem without place: %+v", p)
			}
		}
		want, _ := Dialect{}.Project(set)
		files, _, err := Dialect{}.Render(set)
		if err != nil {
			return // two objects for one file, which no single file of ours has
		}
		if got, _ := rendertest.ReadBack(t, Dialect{}, files); !got.Equal(want) {
			t.Fatalf("%s\nwant %+v\nhave %+v", text, want.Policies, got.Policies)
		}
	})
}
