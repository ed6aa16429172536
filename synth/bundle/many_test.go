package bundle_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/bundle"
)

// TestMany: of many namespaces alike the review has one row, and what follows from all findings of a kind stands once.
func TestMany(t *testing.T) {
	var flows strings.Builder
	var names []string
	for i := range 20 {
		ns := fmt.Sprintf("team-%02d", i)
		names = append(names, ns)
		fmt.Fprintf(&flows, "%s/web -> %s/db 5432/tcp\n%s/web -> 203.0.113.%d 443/tcp\n", ns, ns, ns, i)
	}
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{Namespaces: names}, flows.String())
	text := tree(t, dir)[bundle.ReviewFile]
	if !strings.Contains(text, "| team-00, team-01, team-02, team-03 and 16 more |") {
		t.Error("no row for namespaces alike")
	}
	if n := strings.Count(text, "breaks when the address changes"); n != 1 {
		t.Errorf("what follows stands %d times", n)
	}
	if n := strings.Count(text, "\n"); n > 110 {
		t.Errorf("%d lines:\n%s", n, text)
	}
}
