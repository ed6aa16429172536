// Package buckettest starts a real S3 server for tests: the program that the environment names in SLUICE_S3, which make
// conformance builds.
package buckettest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	_ "gocloud.dev/blob/s3blob" // s3://
)

// Server is an S3 server on loopback, with one bucket.
type Server struct {
	t    testing.TB
	cmd  *exec.Cmd
	dir  string
	port string
}

const (
	bucketName = "flows"
	user       = "sluice"
	password   = "a-password-for-tests"
)

// S3 starts a server and gives the process its credentials. It ends with the test.
func S3(t *testing.T) *Server {
	t.Helper()
	if os.Getenv("SLUICE_S3") == "" {
		t.Fatal("SLUICE_S3 names no S3 server: make conformance-s3 builds one")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", user)
	t.Setenv("AWS_SECRET_ACCESS_KEY", password)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: t.TempDir(), port: port}
	for _, d := range []string{"data/" + bucketName, "meta"} {
		if err := os.MkdirAll(filepath.Join(s.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Start starts the server anew, with what it has stored.
func (s *Server) Start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	s.cmd = exec.CommandContext(ctx, os.Getenv("SLUICE_S3"), "--port", "127.0.0.1:"+s.port, "--region", "us-east-1",
		"--access", user, "--secret", password, "--quiet",
		"posix", "--sidecar", filepath.Join(s.dir, "meta"), filepath.Join(s.dir, "data"))
	cmd := s.cmd
	s.t.Cleanup(cancel)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		r, err := http.Get(s.Endpoint() + "/")
		if err == nil {
			_ = r.Body.Close()
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("the S3 server does not answer: %v", err)
		}
	}
}

// Kill ends the server at once.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// URL is that of a prefix of the bucket.
func (s *Server) URL(prefix string) string { return Through(s.Endpoint(), prefix) }

// Endpoint is where the server answers.
func (s *Server) Endpoint() string { return "http://127.0.0.1:" + s.port }

// Through is the URL of a prefix of the bucket where another endpoint passes on what is asked.
func Through(endpoint, prefix string) string {
	return fmt.Sprintf("s3://%s/%s?endpoint=%s&use_path_style=true&region=us-east-1", bucketName, prefix, endpoint)
}
