package kube_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/cmd/sluice/internal/kube"
	"sluice/cmd/sluice/internal/kube/kubetest"
)

var relay = kube.Service{Namespace: "kube-system", Name: "hubble-relay"}

// lab has a relay's service and pod, forwarded to a server that says its name and hangs up on the second line.
func lab(t *testing.T) (*kubetest.Server, *kube.Cluster, *kube.Forward) {
	s := kubetest.New(t)
	s.Serve("api/v1/services", kubetest.Service("kube-system", "hubble-relay", "relay", 80, "grpc"))
	s.Serve("api/v1/pods", kubetest.Pod("kube-system", "relay-1", "relay", true, 4245), kubetest.Pod("kube-system", "other", "x", true, 1))
	s.Forward("kube-system/relay-1:4245", echo(t))
	c, err := kube.Open(kube.Options{Kubeconfig: s.Kubeconfig()})
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Forward(t.Context(), relay)
	if err != nil {
		t.Fatal(err)
	}
	return s, c, f
}

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

// says writes to a connection and reads it back.
func says(c net.Conn, text string) error {
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	b := make([]byte, len(text))
	if _, err := io.ReadFull(c, b); err != nil {
		return err
	}
	if string(b) != text {
		return errors.New("read " + string(b))
	}
	return nil
}

// TestForward: the port of the service leads to the named port of the container, and a cut connection says so and can
// be made again, to the pod that is there then.
func TestForward(t *testing.T) {
	s, _, f := lab(t)
	if f.Address() != "hubble-relay.kube-system.svc:80" {
		t.Error(f.Address())
	}
	c, err := f.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := says(c, strings.Repeat("hello", 100_000)); err != nil || f.Broken() != nil {
		t.Fatal(err, f.Broken())
	}
	s.Clear("api/v1/pods")
	s.Cut("kube-system/relay-1")
	if err := says(c, "again"); err == nil || f.Broken() == nil || !strings.Contains(f.Broken().Error(), "was cut") {
		t.Errorf("%v, %v", err, f.Broken())
	}
	c.Close()
	if _, err := f.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "no pod is behind") || f.Broken() == nil {
		t.Error(err)
	}
	s.Serve("api/v1/pods", kubetest.Pod("kube-system", "relay-2", "relay", true, 4245))
	s.Forward("kube-system/relay-2:4245", echo(t))
	if c, err = f.Dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := says(c, "hello"); err != nil || f.Broken() != nil {
		t.Error(err, f.Broken())
	}
	done := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); done <- err }()
	c.Close()
	select {
	case err := <-done:
		if err == nil || f.Broken() != nil {
			t.Error(err, f.Broken())
		}
	case <-time.After(5 * time.Second):
		t.Error("a closed connection still reads")
	}
}

// TestForwardErrors: whatever is missing, the error says what, and what to do.
func TestForwardErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*kubetest.Server)
	}{
		{"no service", "there is no service hubble-relay in namespace kube-system of the cluster of context test",
			func(s *kubetest.Server) { s.Clear("api/v1/services") }},
		{"no right to services", "not allowed to get services in namespace kube-system: the user needs a Role in kube-system with the verb get on services",
			func(s *kubetest.Server) { s.Refuse("api/v1/services") }},
		{"no right to pods", "the verb list on pods", func(s *kubetest.Server) { s.Refuse("api/v1/pods") }},
		{"no right to forward", "the verb create on pods/portforward (sluice install --rbac", func(s *kubetest.Server) { s.Refuse("portforward") }},
		{"no pod", "no pod is behind the service hubble-relay.kube-system.svc (app=relay in namespace kube-system)",
			func(s *kubetest.Server) { s.Clear("api/v1/pods") }},
		{"not ready", "relay-0 is ImagePullBackOff: see kubectl describe pod -n kube-system relay-0", func(s *kubetest.Server) {
			s.Clear("api/v1/pods")
			p := kubetest.Pod("kube-system", "relay-0", "relay", false, 4245)
			p["status"].(kubetest.Object)["containerStatuses"] = []kubetest.Object{{"state": kubetest.Object{"waiting": kubetest.Object{"reason": "ImagePullBackOff"}}}}
			s.Serve("api/v1/pods", p)
		}},
		{"being deleted", "no pod is behind", func(s *kubetest.Server) {
			s.Clear("api/v1/pods")
			p := kubetest.Pod("kube-system", "relay-0", "relay", true, 4245)
			p["metadata"].(kubetest.Object)["deletionTimestamp"] = "2026-11-26T00:00:00Z"
			s.Serve("api/v1/pods", p)
		}},
		{"no such port", `a port named "web", and pod relay-1 has none`, func(s *kubetest.Server) {
			s.Clear("api/v1/services")
			s.Serve("api/v1/services", kubetest.Service("kube-system", "hubble-relay", "relay", 80, "web"))
		}},
		{"no selector", "has no selector", func(s *kubetest.Server) {
			s.Clear("api/v1/services")
			o := kubetest.Service("kube-system", "hubble-relay", "relay", 80, 1)
			delete(o["spec"].(kubetest.Object), "selector")
			s.Serve("api/v1/services", o)
		}},
		{"refused by the pod", "pod kube-system/relay-1 port 4245: nothing listens there", func(s *kubetest.Server) { s.Forward("kube-system/relay-1:4245", "127.0.0.1:1") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, cluster, _ := lab(t)
			c.change(s)
			f, err := cluster.Forward(t.Context(), relay)
			if err == nil {
				var conn net.Conn
				if conn, err = f.Dial(t.Context()); err == nil {
					err = says(conn, "x")
				}
				if f.Broken() == nil {
					t.Error("the way is not broken")
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\ndoes not say %s", err, c.want)
			}
		})
	}
}

// TestSpeaksTLS: a server is asked what it speaks, whatever its port is called.
func TestSpeaksTLS(t *testing.T) {
	s, _, f := lab(t)
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for address, want := range map[string]bool{web.Listener.Addr().String(): false, secure.Listener.Addr().String(): true} {
		s.Forward("kube-system/relay-1:4245", address)
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		if got, err := f.SpeaksTLS(ctx); got != want || err != nil {
			t.Errorf("%s: %v, %v", address, got, err)
		}
		stop()
	}
}

// TestOpen: a kubeconfig that does not help says what it lacks.
func TestOpen(t *testing.T) {
	s := kubetest.New(t)
	good := s.Kubeconfig()
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	t.Setenv("HOME", t.TempDir())
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ config, context, want string }{
		{good, "", ""}, {good, "test", ""},
		{good, "prod", `there is no context "prod": the kubeconfig has test, torn`},
		{good, "torn", `the cluster "gone", which the kubeconfig does not have`},
		{"", "", "none, which is not there or empty: name another, or give --kubeconfig FILE"},
		{"", "prod", `there is no context "prod": no kubeconfig: KUBECONFIG is `},
		{empty, "", "empty is empty: name another"},
		{empty, "prod", `there is no context "prod": the kubeconfig `},
		{t.TempDir() + "/none", "", "no such file"},
	} {
		_, err := kube.Open(kube.Options{Kubeconfig: c.config, Context: c.context})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v\ndoes not say %s", c.context, err, c.want)
		}
	}
	t.Setenv("KUBECONFIG", good)
	c, err := kube.Open(kube.Options{})
	if err != nil || c.Name != "lab" || c.Context != "test" {
		t.Error(err, c)
	}
}
