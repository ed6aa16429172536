// Package rendertest has what every dialect is tested for.
package rendertest

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// Written renders a set, of which nothing may be lost, and compares the files by their paths with those of testdata,
// which are written by hand.
func Written(t *testing.T, d render.Dialect, set policy.PolicySet, testdata map[string]string) {
	t.Helper()
	files, lost, err := d.Render(set)
	if err != nil || len(lost) > 0 {
		t.Fatal(err, lost)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, f := range files {
		got[f.Path()] = string(f.YAML)
	}
	for path, name := range testdata {
		text, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		want[path] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Projected wants that of one policy these rules stay, as text, and these losses are told, each with "more: " before
// it if more is allowed without it, else "less: ".
func Projected(t *testing.T, d render.Dialect, p policy.Policy, rules, losses []string) {
	t.Helper()
	out, lost := d.Project(policy.PolicySet{}.Add(p))
	var gotRules, gotLost []string
	for _, r := range out.Policies[0].Rules {
		gotRules = append(gotRules, r.String())
	}
	for _, l := range lost {
		gotLost = append(gotLost, map[bool]string{true: "more: ", false: "less: "}[l.Wider]+l.Lost+": "+l.Consequence)
	}
	if diff := cmp.Diff(rules, gotRules); diff != "" {
		t.Errorf("rules: %s", diff)
	}
	if diff := cmp.Diff(losses, gotLost); diff != "" {
		t.Errorf("lost: %s", diff)
	}
}

// RoundTrip wants that the files of a set read back as what Project leaves of it, with the same rule ids, and that
// nothing more is lost or rendered differently a second time.
func RoundTrip(t *testing.T, d render.Dialect, set policy.PolicySet) {
	t.Helper()
	files, _, err := d.Render(set)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := d.Project(set)
	got, text := ReadBack(t, d, files)
	if !want.Equal(got) {
		t.Fatalf("want %+v\ngot %+v\n%s", want, got.Canonical(), text)
	}
	for i, p := range got.Canonical().Policies {
		for j := range p.Rules {
			if id := want.Policies[i].RuleID(j); p.RuleID(j) != id {
				t.Fatalf("rule id %s, not %s\n%s", p.RuleID(j), id, text)
			}
		}
	}
	if again, lost, _ := d.Render(got); len(lost) > 0 ||
		!slices.EqualFunc(
			files,
			again,
			func(a, b render.File) bool { return a.Path() == b.Path() && bytes.Equal(a.YAML, b.YAML) },
		) {
		t.Fatalf("what was read renders differently: %v\n%s", lost, text)
	}
}

// Parsed wants of any text that its problems have a place, and that what was read of it is said whole by the dialect
// and comes back the same.
func Parsed(t *testing.T, d render.Dialect, set policy.PolicySet, problems []render.Problem) {
	t.Helper()
	for _, p := range problems {
		if p.At.Line < 1 || p.At.Document < 1 || p.Text == "" {
			t.Fatalf("a problem without place: %+v", p)
		}
	}
	files, lost, err := d.Render(set)
	if err != nil || len(lost) > 0 {
		t.Fatalf("%v %v", lost, err)
	}
	if got, text := ReadBack(t, d, files); !got.Equal(set) {
		t.Fatalf("want %+v\ngot %+v\n%s", set.Canonical(), got.Canonical(), text)
	}
}

// Refused wants an error for policies with names that the API would refuse and that would be no file names either.
func Refused(t *testing.T, d render.Dialect, more ...policy.Policy) {
	t.Helper()
	for _, p := range append(more, policy.Policy{Name: "../x", Namespace: "a"}, policy.Policy{Name: "x",
		Namespace: "../a"}, policy.Policy{Namespace: "a"}, policy.Policy{Name: "x\ny", Namespace: "a"}) {
		p.Ingress = true
		if files, _, err := d.Render(policy.PolicySet{}.Add(p)); err == nil {
			t.Errorf("%+v: %v", p, files)
		}
	}
}

// ReadBack reads files as one set, and gives their text.
func ReadBack(t *testing.T, d render.Dialect, files []render.File) (policy.PolicySet, string) {
	t.Helper()
	var all []string
	for _, f := range files {
		all = append(all, string(f.YAML))
	}
	text := strings.Join(all, "---\n")
	set, problems := render.Parse(strings.NewReader(text), "all.yaml", d.Kinds())
	if len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, text)
	}
	return set, text
}
