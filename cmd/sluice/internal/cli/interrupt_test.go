package cli

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInterrupt: a command that computes for long ends soon after SIGINT, wherever it is, and leaves the former bundle.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	flows, out := filepath.Join(dir, "flows.jsonl"), filepath.Join(dir, "bundle")
	write := func(text string) {
		if err := os.WriteFile(flows, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"learn", flows, "-n", "shop", "--min-watch", "0", "--out", out}
	write(honest + "\n")
	if code := Main(args, nil, &bytes.Buffer{}, &bytes.Buffer{}); code != ExitOK && code != ExitFindings {
		t.Fatalf("exit %d", code)
	}
	before, err := os.ReadFile(filepath.Join(out, "bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(dense(400))
	interrupt(t, args, nil)
	if after, err := os.ReadFile(filepath.Join(out, "bundle.json")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the former bundle is not as it was: %v", err)
	}
}

// interrupt starts a command, sends SIGINT, and wants it to end by that. Where the machine is so busy that the process
// did not listen yet, it is given longer.
func interrupt(t *testing.T, args []string, in io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, log := ExitCode(-1), ""
	for wait := 100 * time.Millisecond; code == -1 && wait < 10*time.Second; wait *= 2 {
		code, log = interrupted(t, self, args, wait, in)
	}
	if code != ExitInterrupt || !strings.Contains(log, "interrupted") {
		t.Errorf("%v: exit %d: %s", args, code, log)
	}
}

// interrupted starts a command, sends SIGINT after a while, and returns how it ended: -1 is by the signal itself.
func interrupted(t *testing.T, self string, args []string, wait time.Duration, in io.Reader) (ExitCode, string) {
	var log bytes.Buffer
	cmd := &exec.Cmd{Path: self, Args: append([]string{"sluice"}, args...), Stdin: in, Stderr: &log, Env: os.Environ()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(wait)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(5*time.Second, func() { // half a second, and what a loaded machine adds
		t.Error("still running 5 s after SIGINT")
		_ = cmd.Process.Kill()
	})
	_ = cmd.Wait()
	late.Stop()
	return ExitCode(cmd.ProcessState.ExitCode()), log.String()
}

// dense are records of n clients that each use about half of n ports of one server, at random.
func dense(n int) string {
	r, b := rand.New(rand.NewPCG(1, 1)), &strings.Builder{}
	for i := range n {
		for port := range n {
			if r.IntN(2) == 0 {
				text := strings.NewReplacer("web-7d", fmt.Sprintf("c%d-7d", i), "app=web", fmt.Sprintf("app=c%d", i),
					`"name":"web"`, fmt.Sprintf(`"name":"c%d"`, i), "7070", fmt.Sprint(1000+port), "1001", fmt.Sprint(2000+i))
				b.WriteString(text.Replace(honest) + "\n")
			}
		}
	}
	return b.String()
}

// TestMayLeave: what stores, or follows a server, ends in its own order.
func TestMayLeave(t *testing.T) {
	for line, want := range map[string]bool{
		"learn a.jsonl -n shop --out b": true, "verify b": true, "ingest a.jsonl --store s": false, "store compact s": false,
		"lint -": true, "review b": false, "review b --html -": true, "review --svg=x b": true, "lint p --fix": false, "verify b hubble://x --follow": false, "verify b --follow=true": false, "learn hubble://x -n shop": false, "": false,
	} {
		if got := mayLeave(strings.Fields(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// TestInterruptSilentPipe: who reads from a pipe that stays open without a word ends at a signal, and leaves no store.
func TestInterruptSilentPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"store", "unpack", "here"}, {"lint", "-"}, {"ingest", "-", "--store", "st"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		interrupt(t, args, r)
		_, _ = r.Close(), w.Close()
	}
	if left, err := filepath.Glob("here/v1/*/*"); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
