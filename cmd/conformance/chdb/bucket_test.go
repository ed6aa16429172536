package chdb

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// s3 starts a real S3 server, which SLUICE_S3 names, with one bucket, and gives the process its credentials.
func s3(t *testing.T) (endpoint string) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "sluice")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "a-password-for-tests")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, d := range []string{"data/flows", "meta"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Getenv("SLUICE_S3"), "--port", at, "--region", "us-east-1", "--access", "sluice",
		"--secret", "a-password-for-tests", "--quiet", "posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Join(dir, "data"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		r, err := http.Get("http://" + at)
		if err == nil {
			_ = r.Body.Close()
			return "http://" + at
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// TestBucket: ClickHouse reads the Parquet of a store in a bucket, and finds its rows and records.
func TestBucket(t *testing.T) {
	endpoint := s3(t)
	at := "s3://flows/store?endpoint=" + endpoint + "&region=us-east-1&use_path_style=true"
	sluice(t, "ingest", "../../../testdata/flows/online-boutique.jsonl.gz", "--store", at, "-q")
	var check struct{ Rows, Records int64 }
	if err := json.Unmarshal(sluice(t, "store", "check", at, "-o", "json"), &check); err != nil || check.Rows == 0 {
		t.Fatalf("%+v, %v", check, err)
	}
	got := newEngine(t).ask(fmt.Sprintf("SELECT count(), sum(records) FROM s3('%s/flows/store/v1/cluster=*/day=*/*.t{1..99}.parquet', "+
		"'sluice', 'a-password-for-tests', 'Parquet')", endpoint))
	if want := fmt.Sprintf("%d\t%d", check.Rows, check.Records); got != want {
		t.Errorf("the Parquet has %s, want %s", got, want)
	}
}
