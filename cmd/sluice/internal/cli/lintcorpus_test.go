//go:build corpus

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLintCorpus compares what lint finds in published policies with a list in which every line was checked by hand
// against the file. The policies are not part of this repository; SLUICE_CORPUS names their folder.
func TestLintCorpus(t *testing.T) {
	root := filepath.Join(os.Getenv("SLUICE_CORPUS"), "policies")
	table := filepath.Join("..", "..", "..", "..", "testdata", "corpus", "policies", "lint.txt")
	var out strings.Builder
	o := &lintOptions{failOn: "error", format: "json"}
	o.config = os.DevNull
	_ = runLint(t.Context(), Streams{strings.NewReader(""), &out, io.Discard}, o, []string{root})
	var got struct {
		Findings []struct {
			ID, Severity, File string
			Line, Column       int
		}
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, f := range got.Findings {
		rel, err := filepath.Rel(root, f.File)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "%s:%d:%d %s %s\n", filepath.ToSlash(rel), f.Line, f.Column, f.Severity, f.ID)
	}
	if os.Getenv("SLUICE_UPDATE") != "" {
		if err := os.WriteFile(table, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), lines.String()); d != "" {
		t.Errorf("(-table +found) %s", d)
	}
}
