package page

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const root = "../../.."

// program is one of the built programs.
func program(t *testing.T, name string) string {
	t.Helper()
	path := os.Getenv(name)
	if path == "" {
		t.Fatalf("%s names no program: make conformance-page runs this", name)
	}
	return path
}

// sluice runs a command that has to succeed, in a directory.
func sluice(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program(t, "SLUICE"), args...)
	c.Dir, c.Stdout, c.Stderr = dir, &out, &errs
	if err := c.Run(); err != nil && c.ProcessState.ExitCode() != 3 { // 3: something is held open
		t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// boutique learns the bundle of the capture that ships with sluice, and returns the directory that it is in.
func boutique(t *testing.T) string { return learned(t, "") }

// learned is the same, learned with a configuration.
func learned(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	if config != "" {
		if err := os.WriteFile(filepath.Join(dir, "sluice.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flows, err := filepath.Abs(filepath.Join(root, "testdata/flows/online-boutique.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	sluice(t, dir, "learn", flows, "-n", "default", "--out", "bundle", "--min-watch", "20m", "-q")
	return dir
}

var (
	loads   = map[string]string{}
	loadsMu sync.Mutex
)

// load learns the bundle of a made-up cluster, once a run, and returns the directory that it is in.
func load(t *testing.T, name, shape string) string {
	t.Helper()
	loadsMu.Lock()
	defer loadsMu.Unlock()
	if dir, ok := loads[name]; ok {
		return dir
	}
	dir, err := os.MkdirTemp("", "sluice-page-")
	if err != nil {
		t.Fatal(err)
	}
	scenario := "cluster: " + name + "\nnodes: 20\nminutes: 5\nrecords: 60000\nload: " + shape + "\n"
	if err := os.WriteFile(filepath.Join(dir, "scenario.yaml"), []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program(t, "FLOWGEN"), "-scenario", "scenario.yaml", "-o", "flows.jsonl")
	c.Dir = dir
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("flowgen: %v\n%s", err, b)
	}
	sluice(t, dir, "learn", "flows.jsonl", "-A", "--out", "bundle", "--min-watch", "0", "-q")
	loads[name] = dir
	return dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range loads {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// serve runs sluice review in a directory and returns the address that it prints. At the end of the test it is
// interrupted, and has to end well.
func serve(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.Command(program(t, "SLUICE"), append([]string{"review", "bundle", "--by", "ana"}, args...)...)
	c.Dir = dir
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGINT)
		if err := c.Wait(); err != nil {
			t.Errorf("sluice review: %v\n%s", err, errs.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "http://127.0.0.1:") {
		t.Fatalf("sluice review prints %q: %v\n%s", line, err, errs.String())
	}
	return strings.TrimSpace(line)
}
