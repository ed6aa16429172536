package kubernetes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/synth/render"
)

// head begins a policy whose spec a row goes on with; the row's first line is line 4.
const head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"

// TestParseProblems wants each file's problems as "line document severity: text", and how many policies were read.
func TestParseProblems(t *testing.T) {
	for _, c := range []struct {
		name, in string
		policies int
		want     []string
	}{
		{"none", head + "spec: {podSelector: {}}", 1, nil},
		{"empty file", "", 0, nil},
		{"only comments", "# nothing\n---\n# here\n", 0, nil},
		{"no namespace", strings.Replace(head, ", namespace: shop", "", 1) + "spec: {podSelector: {}}", 1,
			[]string{"3 1 note: policy p names no namespace: taken as default"}},
		{"no selector", head + "spec:\n  ingress: []", 1,
			[]string{"5 1 note: spec has no podSelector: it selects every pod of shop"}},
		{"unknown field", head + "spec:\n  podSelectr: {}", 0, []string{`5 1 invalid: spec: unknown field "podSelectr" (did you mean "podSelector"?)`}},
		{"wrong case", head + "spec:\n  podselector: {}\n  podSelector: {}", 0,
			[]string{`5 1 invalid: spec: unknown field "podselector" (did you mean "podSelector"?)`}},
		{"duplicate key", head + "spec:\n  podSelector: {}\n  podSelector: {matchLabels: {a: b}}", 0,
			[]string{`6 1 invalid: spec: key "podSelector" stands twice`}},
		{"typographic quotes", head + "spec:\n  podSelector:\n    matchLabels:\n      app: “web”", 0,
			[]string{"7 1 invalid: spec.podSelector.matchLabels.app: \"“web”\" is not a label value (typographic quotes are part of the text: use \" or ')"}},
		{"tab", head + "spec:\n\tpodSelector: {}", 0, []string{"5 1 invalid: a tab in the indentation: YAML allows spaces only"}},
		{"broken document hides no other", head + "spec: {\n---\n" + head + "spec: {podSelector: {}}", 1,
			[]string{"4 1 invalid: did not find expected node content"}},
		{"number as label", head + "spec:\n  podSelector:\n    matchLabels: {tier: 1}", 0,
			[]string{"6 1 invalid: spec.podSelector.matchLabels.tier: want text, have the number 1"}},
		{"yes is a boolean", head + "spec:\n  podSelector:\n    matchLabels: {tier: yes}", 0,
			[]string{"6 1 invalid: spec.podSelector.matchLabels.tier: want text, have yes, which is a boolean unless quoted"}},
		{"no boolean", head + "spec:\n  podSelector:\n    matchLabels: {tier: oN, released: 2001-01-01, 7: x}", 1, nil},
		{"an octal key", head + "spec:\n  podSelector:\n    matchLabels: {010: a}", 0,
			[]string{"6 1 invalid: spec.podSelector.matchLabels: a key must be text, have the number 010"}},
		{"a boolean as key", head + "spec:\n  podSelector:\n    matchLabels: {on: a}", 0,
			[]string{"6 1 invalid: spec.podSelector.matchLabels: the key on is a boolean unless quoted"}},
		{"port in quotes", head + "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: \"80\"", 0,
			[]string{`8 1 invalid: ingress.ports.port: "80" is neither a number nor the name of a port`}},
		{"port out of range", head + "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: 70000", 0,
			[]string{`8 1 invalid: ingress.ports.port: 70000 is not between 1 and 65535`}},
		{"endPort before port", head + "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - {port: 90, endPort: 80}", 0,
			[]string{`8 1 invalid: ingress.ports.endPort: 80 is before 90`}},
		{"endPort without port", head + "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - {endPort: 80}", 0,
			[]string{`8 1 invalid: ingress.ports.endPort: only after a port that is a number`}},
		{"protocol", head + "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - protocol: tcp", 0,
			[]string{`8 1 invalid: ingress.ports.protocol: "tcp" is not TCP, UDP or SCTP`}},
		{"empty peer", head + "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - {}", 0,
			[]string{`8 1 invalid: ingress.from: a peer that names nothing`}},
		{"peer is a map", head + "spec:\n  podSelector: {}\n  ingress:\n  - from:\n      podSelector: {}", 0,
			[]string{`8 1 invalid: ingress.from: want a list, have a map`}},
		{"ipBlock and selector", head + "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - {podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}", 0,
			[]string{`8 1 invalid: ingress.from: ipBlock stands alone in a peer`}},
		{"cidr", head + "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.1}", 0,
			[]string{`8 1 invalid: ingress.from.ipBlock.cidr: "10.0.0.1" is not a CIDR`, `8 1 invalid: ingress.from.ipBlock: no cidr`}},
		{"cidr with host bits", head + "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.1/8}", 1,
			[]string{`8 1 note: ingress.from.ipBlock.cidr: 10.0.0.1/8 means 10.0.0.0/8`}},
		{"except outside", head + "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}", 0,
			[]string{`8 1 invalid: ingress.from.ipBlock: except 11.0.0.0/9 is not inside 10.0.0.0/8`}},
		{"except as large", head + "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}", 0,
			[]string{`8 1 invalid: ingress.from.ipBlock: except 10.0.0.0/8 is not inside 10.0.0.0/8`}},
		{"port name", head + "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: a--b", 0,
			[]string{`8 1 invalid: ingress.ports.port: "a--b" is neither a number nor the name of a port`}},
		{"long key", head + "spec:\n  podSelector:\n    matchLabels: {" + strings.Repeat("k", 64) + ": a}", 0,
			[]string{`6 1 invalid: spec.podSelector.matchLabels: "` + strings.Repeat("k", 64) + `" is not a label key`}},
		{"tab in a text", head + "spec: {podSelector: {}}\nstatus: |\n  a\n  \tb\n---\na: {\n", 1, []string{"9 2 invalid: did not find expected node content"}},
		{"operator", head + "spec:\n  podSelector:\n    matchExpressions:\n    - {key: a, operator: in, values: [b]}", 0,
			[]string{`7 1 invalid: spec.podSelector.matchExpressions.operator: "in" is not In, NotIn, Exists or DoesNotExist`}},
		{"values missing", head + "spec:\n  podSelector:\n    matchExpressions:\n    - {key: a, operator: In}", 0,
			[]string{`7 1 invalid: spec.podSelector.matchExpressions: In needs values`}},
		{"rules without type", head + "spec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  egress: [{}]", 1,
			[]string{`6 1 note: policyTypes leaves out a direction that has rules: they have no effect, save that Cilium enforces them all the same (1)`}},
		{"a field of Calico's", head + "spec:\n  podSelector: {}\n  types: [Ingress]", 0,
			[]string{`6 1 invalid: spec: unknown field "types" (did you mean "policyTypes"?)`}},
		{"the other direction", head + "spec:\n  podSelector: {}\n  ingress:\n  - to: []", 0,
			[]string{`7 1 invalid: spec.ingress: unknown field "to" (did you mean "from"?)`}},
		{"ports in a peer", head + "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}\n      ports: []", 0,
			[]string{`9 1 invalid: ingress.from: unknown field "ports" (ports stand beside the peers of a rule, one level up)`}},
		{"null rule", head + "spec:\n  podSelector: {}\n  ingress:\n  -", 1,
			[]string{`7 1 note: spec.ingress: an empty item is a rule for everything`}},
		{"other kinds", "apiVersion: v1\nkind: Service\n---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n---\nkind: NetworkPolicy\n", 0,
			[]string{"4 2 unsupported: cilium.io/v2 CiliumNetworkPolicy: what is read: networking.k8s.io/v1 NetworkPolicy",
				"7 3 invalid: an object without apiVersion or kind"}},
		{"list", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n  metadata: {name: a, namespace: b}\n  spec: {podSelector: {}}\n- kind: Pod\n  apiVersion: v1\n", 1,
			[]string{"8 1 skipped: v1 Pod is no policy"}},
		{"a list of the API", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems:\n- metadata: {name: a, namespace: b}\n  spec: {podSelector: {}}\n", 1, nil},
		{"a list of pods", "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n", 0, []string{"4 1 skipped: v1 Pod is no policy"}},
		{"twice", head + "spec: {podSelector: {}}\n---\n" + head + "spec: {podSelector: {}, ingress: [{}]}", 1,
			[]string{"6 2 note: policy shop/p replaces the one in line 1"}},
		{"merge key", head + "spec:\n  podSelector: &s {}\n  ingress:\n  - from:\n    - podSelector:\n        <<: *s", 0,
			[]string{"9 1 invalid: ingress.from.podSelector: merge keys are not supported, write the fields out"}},
		{"an alias that holds itself", "a: &a [*a]", 0, []string{"1 1 invalid: more than 2000000 values once its aliases are followed"}},
		{"not an object", "- a\n", 0, []string{"1 1 invalid: want a Kubernetes object, have a list"}},
		{"name", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: A_b}\nspec: {}", 0,
			[]string{`3 1 invalid: metadata.name: "A_b" is not a name`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, problems := render.Parse(strings.NewReader(c.in), "f.yaml", Dialect{}.Kinds())
			var got []string
			for _, p := range problems {
				if p.At.File != "f.yaml" {
					t.Errorf("file %q", p.At.File)
				}
				got = append(got, fmt.Sprintf("%d %d %s: %s", p.At.Line, p.At.Document, p.Severity, p.Text))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if len(set.Policies) != c.policies {
				t.Errorf("%d policies, want %d", len(set.Policies), c.policies)
			}
		})
	}
}

// TestParseMeaning wants for each spec the isolated directions and the rules.
func TestParseMeaning(t *testing.T) {
	for _, c := range []struct {
		spec string
		want []string
	}{
		{"podSelector: {}", []string{"ingress"}},
		{"podSelector:\n    matchLabels:", []string{"ingress"}},
		{"podSelector: {}\n  policyTypes: []", []string{"ingress"}},
		{"podSelector: {}\n  ingress: []\n  egress: []", []string{"ingress"}},
		{"podSelector: {}\n  egress: [{}]", []string{"ingress", "egress", "allow egress any port to anywhere"}},
		{"podSelector: {}\n  policyTypes: [Egress]", []string{"egress"}},
		{"podSelector: {}\n  ingress: [{from: [], ports: []}]", []string{"ingress", "allow ingress any port from anywhere"}},
		{"podSelector: {}\n  ingress: [{from: null, ports: null}]", []string{"ingress", "allow ingress any port from anywhere"}},
		{"podSelector: {}\n  ingress: [{from: [{podSelector: {}}]}]", []string{"ingress", "allow ingress any port from shop/all"}},
		{"podSelector: {}\n  ingress: [{from: [{namespaceSelector: {}}]}]", []string{"ingress", "allow ingress any port from (all)/all"}},
		{"podSelector: {}\n  ingress: [{from: [{namespaceSelector: {matchLabels: {a: b}}, podSelector: {matchLabels: {c: d}}}]}]",
			[]string{"ingress", "allow ingress any port from (a=b)/c=d"}},
		{"podSelector: {}\n  ingress: [{from: [{namespaceSelector: {matchLabels: {a: b}}}, {podSelector: {matchLabels: {c: d}}}]}]",
			[]string{"ingress", "allow ingress any port from (a=b)/all; shop/c=d"}},
		{"podSelector: {}\n  ingress: [{ports: [{}, {port: 80}, {protocol: UDP}, {port: web}, {port: 8000, endPort: 8010, protocol: SCTP}]}]",
			[]string{"ingress", "allow ingress tcp,80/tcp,udp,web/tcp,8000-8010/sctp from anywhere"}},
		{"podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 'fd00::/8', except: ['fd01::/16']}}]}]",
			[]string{"ingress", "allow ingress any port from fd00::/8 except fd01::/16"}},
		{"podSelector: {}\n  ingress: [{from: [{podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [z, x]}, {key: b, operator: DoesNotExist}]}}]}]",
			[]string{"ingress", "allow ingress any port from shop/a notin (x,z),!b"}},
		{"podSelector: &x {matchLabels: {a: b}}\n  ingress: [{from: [{podSelector: *x}]}]", []string{"ingress", "allow ingress any port from shop/a=b"}},
	} {
		set, problems := render.Parse(strings.NewReader(head+"spec:\n  "+c.spec), "f.yaml", Dialect{}.Kinds())
		if len(problems) > 0 || len(set.Policies) != 1 {
			t.Errorf("%s: %v", c.spec, problems)
			continue
		}
		p := set.Policies[0]
		var got []string
		for _, d := range []model.Direction{model.Ingress, model.Egress} {
			if p.Isolates(d) {
				got = append(got, d.String())
			}
		}
		for _, r := range p.Rules {
			got = append(got, r.String())
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.spec, d)
		}
		if p.Source.String() != "f.yaml:1 (document 1)" {
			t.Errorf("source %s", p.Source)
		}
	}
}
