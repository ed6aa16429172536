package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestFleet: an overlay of a fleet, built by kustomize, has the objects of the cluster's bundle, field for field.
func TestFleet(t *testing.T) {
	dir := t.TempDir()
	scenarios, err := filepath.Abs("../../../testdata/scenarios")
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "store")
	// Three clusters of one application, one of which saw little of it, and one with another.
	for i, c := range []struct{ name, scenario, records string }{
		{"prod-eu", "standard", "0"}, {"prod-us", "standard", "0"}, {"staging", "standard", "60"}, {"tools", "features", "0"},
	} {
		file := filepath.Join(dir, c.name+".jsonl")
		runProgram(t, "flowgen", nil, "-scenario", filepath.Join(scenarios, c.scenario+".yaml"), "-records", c.records,
			"-seed", fmt.Sprint(i+1), "-o", file)
		runProgram(t, "sluice", nil, "ingest", "-q", "--store", store, "--cluster", c.name, file)
	}
	for _, dialect := range dialects(t) {
		t.Run(dialect, func(t *testing.T) {
			out := filepath.Join(dir, dialect)
			for range 2 { // the second run replaces the first
				runProgram(t, "sluice", []int{3}, "learn", "-q", "--store", store, "-A", "--all-clusters", "--min-watch", "0",
					"--enforce-anyway", "--dialect", dialect, "--out", out)
			}
			shared, err := filepath.Glob(filepath.Join(out, "base", "*", "*", "*.yaml"))
			if err != nil || len(shared) == 0 {
				t.Errorf("nothing is shared: %v", err)
			}
			built := 0
			for _, cluster := range []string{"prod-eu", "prod-us", "staging", "tools"} {
				for _, phase := range []string{"open", "allow", "deny", "stage", "enforce"} {
					alone := filepath.Join(out, cluster, phase)
					if _, err := os.Stat(alone); err != nil {
						continue
					}
					if got, want := kustomized(t, filepath.Join(out, "overlays", cluster, phase)), kustomized(t, alone); !slices.Equal(got, want) {
						t.Errorf("%s of %s: %d objects, its bundle has %d", phase, cluster, len(got), len(want))
					}
					built++
				}
			}
			if built < 8 {
				t.Errorf("%d overlays", built)
			}
		})
	}
}

// kustomized returns the objects that a directory builds to, sorted.
func kustomized(t *testing.T, dir string) []string {
	t.Helper()
	m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	text, err := m.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	objects := strings.Split(string(text), "\n---\n")
	for i := range objects {
		objects[i] = strings.TrimSpace(objects[i])
	}
	slices.Sort(objects)
	return objects
}
