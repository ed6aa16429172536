package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// programs names the directory of the programs that make conformance builds: sluice and flowgen, the one that is
// judged and the one that makes it work, kube-apiserver and etcd, the judges.
const programs = "SLUICE_BIN"

// cluster is the API server that all tests share.
var cluster struct {
	once   sync.Once
	client *client
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if c := cluster.client; c != nil {
		c.servers.stop()
	}
	os.Exit(code)
}

func theCluster(t *testing.T) *client {
	t.Helper()
	bin := os.Getenv(programs)
	if bin == "" {
		t.Fatal(programs + " names no directory: run make conformance-kube")
	}
	cluster.once.Do(func() {
		s, err := start(context.Background(), bin)
		if err != nil {
			cluster.err = err
			return
		}
		if cluster.client, cluster.err = connect(context.Background(), s); cluster.err != nil {
			s.stop()
		}
	})
	if cluster.err != nil {
		t.Fatal(cluster.err)
	}
	return cluster.client
}

// run gives what a program prints. An exit code in the list is none that fails.
func runProgram(t *testing.T, name string, codes []int, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), filepath.Join(os.Getenv(programs), name), args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && slices.Contains(codes, exit.ExitCode())) {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// dialects are those that the help of sluice learn offers.
func dialects(t *testing.T) []string {
	t.Helper()
	help := runProgram(t, "sluice", nil, "learn", "--help")
	m := regexp.MustCompile(`(?m)^ *--dialect \w+ +.*? as ([a-z]+(?:, [a-z]+)*), or auto`).FindStringSubmatch(help)
	if m == nil {
		t.Fatalf("no dialects in the help of sluice learn:\n%s", help)
	}
	return strings.Split(m[1], ", ")
}

// some are the records of a scenario that was made for measuring, 0 for all: kustomize takes minutes for an overlay of
// 10,000 policies, since it compares each with all.
var some = map[string]string{"load": "20000", "sixty": "20000", "identities": "150", "month": "2000"}

// TestBundles: the server accepts every file of every bundle without a warning, and kustomize builds every overlay.
// What cannot be enforced without a cut is enforced all the same in those from Hubble, so that all overlays are there.
func TestBundles(t *testing.T) {
	c := theCluster(t)
	testdata, err := filepath.Abs("../../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	flows := map[string][]string{"demo": {filepath.Join(testdata, "flows", "online-boutique.jsonl.gz"), "-n", "default"}}
	scenarios, err := filepath.Glob(filepath.Join(testdata, "scenarios", "*.yaml"))
	if err != nil || len(scenarios) == 0 {
		t.Fatalf("no scenario: %v", err)
	}
	for _, scenario := range scenarios {
		name := strings.TrimSuffix(filepath.Base(scenario), ".yaml")
		capture := func(format string, flags ...string) {
			file := filepath.Join(dir, name+"."+format)
			runProgram(t, "flowgen", nil, "-scenario", scenario, "-records", cmp.Or(some[name], "0"), "-format", format, "-o", file)
			flows[name+"-"+format] = append(flags, file, "-A")
		}
		if name == "mesh" { // the log of one cluster names pods of the other
			capture("hubble", "--enforce-anyway", "--cluster", "near")
		} else {
			capture("hubble", "--enforce-anyway")
		}
		if some[name] == "" {
			capture("goldmane")
		}
	}
	config := filepath.Join(dir, "sluice.yaml")
	if err := os.WriteFile(config, []byte("networks:\n- name: outside\n  cidrs: [0.0.0.0/0, '::/0']\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	flows["features-networks"] = append([]string{"--config", config}, flows["features-hubble"]...)
	for _, dialect := range dialects(t) {
		for _, name := range slices.Sorted(maps.Keys(flows)) {
			t.Run(dialect+"/"+name, func(t *testing.T) {
				out := filepath.Join(dir, dialect, name)
				args := append([]string{"learn", "-q", "--dialect", dialect, "--out", out, "--min-watch", "0"}, flows[name]...)
				if dialect != "kubernetes" && slices.Contains(args, "-A") {
					args = append(args, "--global-deny")
				}
				runProgram(t, "sluice", []int{3}, args...)
				judged(t, c, out)
			})
		}
	}
}

// judged wants every file of a bundle accepted.
func judged(t *testing.T, c *client, bundle string) {
	t.Helper()
	began := time.Now()
	verdicts, err := judge(t.Context(), c, bundle)
	if err != nil {
		t.Fatal(err)
	}
	objects, overlays := map[string]bool{}, map[string]bool{}
	for _, v := range verdicts {
		overlay := filepath.Base(v.File) == "kustomization.yaml"
		if !v.Accepted || len(v.Warnings) > 0 || overlay && len(v.Objects) == 0 {
			t.Errorf("%+v", v)
		}
		for _, o := range v.Objects {
			if overlay {
				overlays[o] = true
			} else {
				objects[o] = true
			}
		}
	}
	for o := range objects {
		if !overlays[o] {
			t.Errorf("no overlay takes in %s", o)
		}
	}
	if len(objects) == 0 {
		t.Error("no object")
	}
	t.Logf("%d files with %d objects accepted in %s", len(verdicts), len(objects), time.Since(began).Round(time.Millisecond))
}
