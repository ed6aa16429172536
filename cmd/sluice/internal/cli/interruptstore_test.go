package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInterruptStores: what stores ends soon after SIGINT, and all that was committed before is there: a pipe that says
// nothing more leaves the ingestion unfinished, following a server ends that way.
func TestInterruptStores(t *testing.T) {
	dir := t.TempDir()
	one, long := filepath.Join(dir, "one.jsonl"), filepath.Join(dir, "long.jsonl")
	if err := os.WriteFile(one, []byte(honest+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(long, 0o666); err != nil { // a file without end
		t.Fatal(err)
	}
	sluice, err := exec.LookPath("sluice")
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		out, err := exec.Command(sluice, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := time.Now().Unix()
		at -= at%15 + 60
		stamp := func(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }
		fmt.Fprintf(w, `{"total":{"totalPages":1},"items":[{"start_time":%q,"end_time":%q,"action":"Allow","source_name":"a-*",`+
			`"source_namespace":"x","source_labels":"app=a","dest_name":"b-*","dest_namespace":"y","dest_labels":"app=b","protocol":"tcp",`+
			`"dest_port":80,"reporter":"Src","packets_in":9,"packets_out":9,"bytes_in":99,"bytes_out":99}]}`, stamp(at), stamp(at+15))
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		source []string
		wait   string // what the store has before
		want   string // and after
		exit   ExitCode
	}{
		"a file":   {[]string{long}, "shop/web", "shop/web", ExitInterrupt},
		"a server": {[]string{"whisker+" + server.URL, "--follow"}, "x/a", "x/a", ExitOK},
	} {
		t.Run(name, func(t *testing.T) {
			store := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			if name == "a file" {
				run("ingest", one, "--store", store)
			}
			c1 := exec.Command(sluice, append([]string{"ingest", "--store", store, "-q"}, c.source...)...)
			var log bytes.Buffer
			c1.Stdout, c1.Stderr = &log, &log
			if err := c1.Start(); err != nil {
				t.Fatal(err)
			}
			if name == "a file" {
				f, err := os.OpenFile(long, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				fmt.Fprintln(f, strings.Replace(honest, "7070", "7171", 1))
			}
			for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if out, _ := exec.Command(sluice, "show", "edges", "--store", store).CombinedOutput(); strings.Contains(string(out), c.wait) {
					break
				}
			}
			if err := c1.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			kill := time.AfterFunc(20*time.Second, func() { _ = c1.Process.Kill() })
			_ = c1.Wait()
			kill.Stop()
			if code := c1.ProcessState.ExitCode(); code != int(c.exit) || time.Since(began) > 10*time.Second {
				t.Errorf("exit %d after %v: %s", code, time.Since(began), log.String())
			}
			run("store", "check", store)
			if out := run("show", "edges", "--store", store); !strings.Contains(out, c.want) {
				t.Errorf("what was committed is gone:\n%s", out)
			}
		})
	}
}

// TestInterruptPipes: who writes a page into a pipe that nobody reads ends at a signal, and a configuration that is a
// pipe, which may have no writer, is refused before it is waited for.
func TestInterruptPipes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("one.jsonl", []byte(honest+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := calls("learn", "one.jsonl", "-n", "shop", "--min-watch", "0", "--out", "bundle"); code == ExitError || code == ExitUsage {
		t.Fatal(errs)
	}
	if err := syscall.Mkfifo("pipe", 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"review", "bundle", "--config", "pipe"}, {"learn", "one.jsonl", "-n", "shop", "--out", "no", "--config", "pipe"},
	} {
		if code, _, errs := calls(args...); code != ExitUsage || !strings.Contains(errs, "config pipe is a pipe, which may wait for ever: give a file") {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
	interrupt(t, []string{"review", "bundle", "--html", "pipe"}, nil) // nobody opens it
	f, err := os.OpenFile("pipe", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	interrupt(t, []string{"review", "bundle", "--html", "pipe"}, nil) // nobody reads it
}
