//go:build conformance

package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestPodSecurity asks Kubernetes' own check of Pod Security (cmd/conformance/podsecurity): every pod that install
// prints is restricted, and one that is not would have been found.
func TestPodSecurity(t *testing.T) {
	judge := os.Getenv("SLUICE_PODSECURITY")
	if judge == "" {
		t.Fatal("SLUICE_PODSECURITY names the judge")
	}
	ask := func(text string) (string, error) {
		cmd := exec.CommandContext(t.Context(), judge)
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, args := range installs {
		text := installed(t, args)
		if out, err := ask(text); err != nil {
			t.Errorf("%v: %v: %s", args, err, out)
		}
		if out, err := ask(strings.Replace(text, "drop: [ALL]", "drop: []", 1)); err == nil {
			t.Errorf("%v: taken with all capabilities: %s", args, out)
		}
	}
}
