package calico

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/render"
	"sluice/synth/render/rendertest"
)

// head begins a policy whose spec a row goes on with; the row's first line is line 4.
const head = "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"

// TestParseProblems wants each file's problems as "line severity: text", and how many policies were read.
func TestParseProblems(t *testing.T) {
	for _, c := range []struct {
		name, in string
		policies int
		want     []string
	}{
		{"none", head + "spec: {selector: all()}", 1, nil},
		{"unknown field", head + "spec: {selectr: all()}", 0, []string{`4 invalid: spec: unknown field "selectr" (did you mean "selector"?)`}},
		{"a selector that Calico's CRD lets in and Felix drops", head + "spec: {selector: \"app === 'cart'\"}", 0, nil},
		{"a version of IP that ICMP is not of", head + "spec: {ingress: [{action: Allow, ipVersion: 6, notProtocol: ICMP}]}", 0,
			[]string{"4 invalid: spec.ingress: ICMP is of IP version 4, the rule of 6"}},
		{"messages of a protocol by its number", head + "spec: {ingress: [{action: Allow, protocol: 1, icmp: {type: 8}}]}", 0, nil},
		{"a service of a version of IP", head + "spec: {egress: [{action: Allow, ipVersion: 6, destination: {services: {name: a, namespace: b}}}]}", 1, nil},
		{"a service beside a network", head + "spec: {egress: [{action: Allow, destination: {nets: [10.0.0.0/8], services: {name: a, namespace: b}}}]}", 0, nil},
		{"networks of two versions of IP", head + "spec: {ingress: [{action: Allow, source: {nets: [10.0.0.0/8]}, destination: {notNets: [\"2001:db8::/32\"]}}]}", 0,
			[]string{"4 invalid: spec.ingress: 2001:db8::/32 is not of IP version 4 like the rest of the rule"}},
		{"an action of another product", head + "spec: {selector: all(), ingress: [{action: Permit}]}", 0, nil},
		{"not our kind", "apiVersion: crd.projectcalico.org/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: a}\n", 0, nil},
	} {
		set, problems := render.Parse(strings.NewReader(c.in), "f", Dialect{}.Kinds())
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%d %s: %s", p.At.Line, p.Severity, p.Text))
		}
		if len(set.Policies) != c.policies || c.policies == 0 && len(got) == 0 {
			t.Errorf("%s: %d policies, %v", c.name, len(set.Policies), got)
		}
		if c.want != nil {
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s: %s", c.name, d)
			}
		}
	}
}

// FuzzParse wants no panic, problems with a place, and that what is read renders and reads back the same.
func FuzzParse(f *testing.F) {
	for _, spec := range []string{"{selector: all()}", "{tier: security, order: 10, selector: \"has(app) && app not in {'a'}\", types: [Egress], egress: [{action: Deny, protocol: TCP, destination: {nets: [10.0.0.0/8], notPorts: [\"1:5\", http]}}, {action: Pass}]}",
		"{ingress: [{action: Allow, protocol: ICMP, icmp: {type: 8, code: 0}, source: {namespaceSelector: \"projectcalico.org/name starts with 'a'\", notSelector: \"x == 'y' || !has(z)\"}}]}",
		"{egress: [{action: Allow, destination: {services: {name: a, namespace: b}}}, {action: Log}]}", "{serviceAccountSelector: \"a == 'b'\", ingress: [{action: Allow, source: {serviceAccounts: {names: [x]}}}]}"} {
		f.Add([]byte(head + "spec: " + spec))
		f.Add([]byte(strings.Replace(head, "NetworkPolicy", "StagedGlobalNetworkPolicy", 1) + "spec: " + spec))
	}
	f.Add([]byte("apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: a}\nspec: {order: 5}\n---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: a, labels: {x: y}}\nspec: {nets: [10.0.0.0/8]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, problems := render.Parse(bytes.NewReader(text), "f", Dialect{}.Kinds())
		for _, p := range problems {
			if p.At.Line < 1 || p.At.Document < 1 || p.Text == "" {
				t.Fatalf("a problem without place: %+v", p)
			}
		}
		want, _ := Project(set)
		files, _, err := Render(set)
		if err != nil {
			return // two objects for one file, which no single file of ours has
		}
		if got, _ := rendertest.ReadBack(t, Dialect{}, files); !got.Equal(want) {
			t.Fatalf("%s\nwant %+v\nhave %+v", text, want.Policies, got.Policies)
		}
	})
}

// FuzzSelector wants that a selector that is read means the same once it is written and read again.
func FuzzSelector(f *testing.F) {
	for _, s := range []string{"all()", "", "app == 'a'", "app != \"a\" && has(b)", "!has(a) || b in {'c', 'd'}", "!(a starts with 'x' && b ends with 'y')", "a contains 'b'", "global()", "a not in {}", "a in {}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelector(text)
		if err != nil {
			return
		}
		again, err := ParseSelector(SelectorText(s))
		if err != nil || again.Canonical().Compare(s.Canonical()) != 0 {
			t.Fatalf("%q -> %q: %v, %v, %v", text, SelectorText(s), s, again, err)
		}
	})
}
