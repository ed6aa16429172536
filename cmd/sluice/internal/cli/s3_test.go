//go:build conformance

package cli

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/model/store/bucket/buckettest"
)

// sluice runs a command and returns all that it prints.
func sluice(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command("sluice", args...).CombinedOutput()
	return string(out), err
}

func mustSluice(t *testing.T, args ...string) string {
	t.Helper()
	out, err := sluice(t, args...)
	if err != nil {
		t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// generated are captures of every scenario, those aside that only measure speed, in both kinds of logs: what TestBundles
// in cmd/conformance/clickhouse has.
func generated(t *testing.T) (files []string) {
	g := newGenerator(t)
	scenarios, err := filepath.Glob(filepath.Join(g.scenarios, "*.yaml"))
	if err != nil || len(scenarios) == 0 {
		t.Fatalf("%d scenarios: %v", len(scenarios), err)
	}
	for _, path := range scenarios {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		if name == "load" || name == "sixty" {
			continue
		}
		formats := []string{"hubble"}
		if name == "online-boutique" {
			formats = append(formats, "goldmane", "enterprise")
		}
		for _, format := range formats {
			files = append(files, g.file(t, name, "."+format, "-format", format, "-records", "5000"))
		}
	}
	return files
}

// TestS3Bundle: the same bundle to the byte comes from a directory and from a bucket, but for the report, which names the
// command.
func TestS3Bundle(t *testing.T) {
	s := buckettest.S3(t)
	captures, err := filepath.Glob("../../../../testdata/flows/*.jsonl*")
	if err != nil || len(captures) == 0 {
		t.Fatalf("%d captures: %v", len(captures), err)
	}
	captures = append(captures, generated(t)...)
	for i, capture := range captures {
		dir := t.TempDir()
		var more []string
		if strings.Contains(capture, "mesh") { // of two clusters
			more = []string{"--cluster", "near"}
		}
		bundles := map[string]string{filepath.Join(dir, "store"): "from-dir", s.URL(fmt.Sprint("bundle", i)): "from-bucket"}
		for store, out := range bundles {
			mustSluice(t, "ingest", capture, "--store", store, "-q")
			args := []string{"learn", "--store", store, "-A", "--min-watch", "0", "--out", filepath.Join(dir, out), "-q"}
			out, err := sluice(t, append(args, more...)...)
			if code := new(exec.ExitError); err != nil && (!errors.As(err, &code) || code.ExitCode() != 3) {
				t.Fatalf("%s: %v\n%s", capture, err, out)
			}
		}
		if out, err := exec.Command("diff", "-r", "-x", "REPORT.md", "-x", "report.json", filepath.Join(dir, "from-dir"),
			filepath.Join(dir, "from-bucket")).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", capture, err, out)
		}
	}
}

// TestS3Killed: the server is killed twenty times while files are stored, and sluice ten times. What was acknowledged is
// there, nothing is there twice, and nothing is damaged.
func TestS3Killed(t *testing.T) {
	s := buckettest.S3(t)
	capture, err := os.ReadFile("../../../../testdata/flows/online-boutique.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	dir, store := t.TempDir(), s.URL("killed")
	stored := map[string]bool{}
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 30 {
		file := filepath.Join(dir, strings.Repeat("x", n+1)+".jsonl.gz")
		// Another content each time: an empty member at the end.
		content := append(append([]byte{}, capture...), strings.Repeat(emptyGzip, n)...)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sluice", "ingest", file, "--store", store, "-q")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
		if n%3 == 0 {
			_ = cmd.Process.Kill()
		} else {
			s.Kill()
			s.Start()
		}
		if cmd.Wait() == nil {
			stored[file] = true
		}
	}
	out := mustSluice(t, "store", "check", store)
	t.Logf("%d of 30 acknowledged; %s", len(stored), out)
	for file := range stored {
		if out := mustSluice(t, "ingest", file, "--store", store); !strings.Contains(out, "1 source was already there") {
			t.Errorf("%s was acknowledged and is not there", file)
		}
	}
}

// emptyGzip is a member of a gzip file with no content.
const emptyGzip = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// TestS3Errors: what is wrong with a bucket is said, and what helps.
func TestS3Errors(t *testing.T) {
	s := buckettest.S3(t)
	capture := "../../../../testdata/flows/online-boutique.jsonl.gz"
	fails := func(url, want string) {
		t.Helper()
		if out, err := sluice(t, "ingest", capture, "--store", url, "-q"); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %q:\n%s", url, err, want, out)
		}
	}
	fails(strings.Replace(s.URL("x"), "://flows", "://other", 1), "no such bucket")
	fails("s3://", "names no bucket")
	fails("s4://flows/x", `no driver registered for "s4"`)
	t.Run("Password", func(t *testing.T) {
		t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
		fails(s.URL("x"), "the credentials do not allow it")
	})
	s.Kill()
	fails(s.URL("x"), "the service does not answer")
	s.Start()
	mustSluice(t, "ingest", capture, "--store", s.URL("x"), "-q")
}
