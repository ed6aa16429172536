package synth_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/graphtest"
)

// TestKinds: every kind of findings has a page, of what it comes from, what follows and what to do.
func TestKinds(t *testing.T) {
	text, err := os.ReadFile("kind.go")
	if err != nil {
		t.Fatal(err)
	}
	if named := len(regexp.MustCompile(`(?m)^\tKind\w+ +Kind +=|^\tKind\w+ Kind =`).FindAll(text, -1)); named != len(synth.Kinds()) {
		t.Errorf("%d kinds, %d have a page", named, len(synth.Kinds()))
	}
	for _, k := range synth.Kinds() {
		lines := strings.Split(strings.TrimSuffix(k.Page(), "\n"), "\n")
		if len(lines) != 3 || lines[0] == "" || lines[1] == "" || lines[2] == "" {
			t.Errorf("%s: %q", k, k.Page())
		}
	}
}

// TestAdvice: of a pod that no selector names it is said what to do.
func TestAdvice(t *testing.T) {
	r := learn(t, graphtest.Graph(t, "jobs/pod:worker-7d9fbd6c7b-x2x4z -> shop/db 1/tcp"), synth.Config{Namespaces: []string{"shop"}})
	if why := r.Enforce["shop"].Why; len(why) != 1 || !strings.Contains(why[0].Text, "add app.kubernetes.io/name: worker") {
		t.Errorf("%+v", why)
	}
}
