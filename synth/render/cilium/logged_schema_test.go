//go:build conformance

package cilium

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/synth/eval/ciliumtest"
)

// TestCiliumSchemaLogged: the API server and the agent take every file whose rules log their ids.
func TestCiliumSchemaLogged(t *testing.T) {
	var texts []string
	logs := 0
	for seed := range uint64(300) {
		files, _, err := Dialect{}.LogRules().Render(generator{rand.New(rand.NewPCG(seed, 1))}.set())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			texts = append(texts, string(f.YAML))
			logs += strings.Count(string(f.YAML), "\n  log:\n")
		}
	}
	for i, complaints := range ciliumtest.Complaints(t, texts) {
		if len(complaints) > 0 {
			t.Fatalf("%v\n%s", complaints, texts[i])
		}
	}
	if logs < 100 {
		t.Errorf("%d rules log", logs)
	}
	t.Logf("%d files with %d rules that log", len(texts), logs)
}
