package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRuleLog: the server accepts every file of a bundle whose rules log their ids, without a warning: the field is in
// its schema, and not dropped.
func TestRuleLog(t *testing.T) {
	c := theCluster(t)
	testdata, err := filepath.Abs("../../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config, out := filepath.Join(dir, "sluice.yaml"), filepath.Join(dir, "bundle")
	if err := os.WriteFile(config, []byte("ruleLog: true\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	runProgram(t, "sluice", []int{3}, "learn", "-q", "--dialect", "cilium", "--config", config, "--min-watch", "0",
		"--out", out, "-n", "default", filepath.Join(testdata, "flows", "online-boutique.jsonl.gz"))
	files, err := filepath.Glob(filepath.Join(out, "allow", "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	logs := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		logs += strings.Count(string(text), "\n    value: ")
	}
	if logs < 10 {
		t.Errorf("%d rules log", logs)
	}
	judged(t, c, out)
}
