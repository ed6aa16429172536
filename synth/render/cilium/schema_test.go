//go:build conformance

package cilium

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/synth/eval/ciliumtest"
	"sluice/synth/policy"
)

// TestCiliumSchema: the API server and the agent take every file that is rendered.
func TestCiliumSchema(t *testing.T) {
	var d Dialect
	files, _, err := d.Render(everything().Add(policy.DefaultDeny("shop", true, true), policy.Open("shop", true, true),
		Dialect{}.GlobalDeny([]string{"kube-system"}, true, true), Dialect{}.GlobalDeny(nil, false, true)))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(1000) {
		more, _, err := Dialect{}.Render(generator{rand.New(rand.NewPCG(seed, 1))}.set())
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	texts := make([]string, len(files))
	for i, f := range files {
		texts[i] = string(f.YAML)
	}
	bad := 0
	for i, complaints := range ciliumtest.Complaints(t, texts) {
		if len(complaints) > 0 {
			if bad++; bad < 6 {
				t.Errorf("%v\n%s", complaints, texts[i])
			}
		}
	}
	t.Logf("%d files, %d refused", len(files), bad)
}

// beyondAPI are mistakes that we refuse and that neither the schema nor Sanitize finds.
var beyondAPI = map[string]string{
	"endPort":                 "a range that ends before it begins is none",
	"no spec":                 "the agent refuses it when it reads the object",
	"of nodes in a namespace": "the agent refuses it when it reads the object",
}

// TestCiliumRefusals: what Parse refuses in the tables of its tests, the API server or the agent refuses, and what it
// reads they take.
func TestCiliumRefusals(t *testing.T) {
	var names, texts []string
	var invalid []bool
	for _, c := range parseProblems {
		names, texts = append(names, c.name), append(texts, c.in)
		invalid = append(invalid, len(c.want) > 0 && strings.Contains(c.want[0], " invalid: "))
	}
	for _, c := range parsed {
		names, texts, invalid = append(names, c.name), append(texts, c.in), append(invalid, false)
	}
	for i, complaints := range ciliumtest.Complaints(t, texts) {
		if _, ok := beyondAPI[names[i]]; ok != (invalid[i] && len(complaints) == 0) {
			t.Errorf("%s: Parse refuses it: %v; the API: %v\n%s", names[i], invalid[i], complaints, texts[i])
		} else if !invalid[i] && len(complaints) > 0 && names[i] != "an address alone" {
			t.Errorf("%s: the API refuses it: %v\n%s", names[i], complaints, texts[i])
		}
	}
}
