package kube_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/cmd/sluice/internal/kube"
)

// TestEndless: an API server that never ends, in one answer or in pages that each promise another, is left with an error
// that says so.
func TestEndless(t *testing.T) {
	asked := 0
	for _, c := range []struct {
		name, want string
		serve      http.HandlerFunc
	}{
		{"one answer", "answers with more than 256 MiB: that is no API server", func(w http.ResponseWriter, _ *http.Request) {
			blank := []byte(strings.Repeat(" ", 1<<20))
			for {
				if _, err := w.Write(blank); err != nil {
					return
				}
			}
		}},
		{"the same page", "does not end", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"metadata":{"continue":"more"},"items":[{"metadata":{"name":"shop"}}]}`)
		}},
		{"pages of one", "goes on after 4096 MiB", func(w http.ResponseWriter, _ *http.Request) {
			asked++
			fmt.Fprintf(w, `{"metadata":{"continue":"more%d"},"items":[{"metadata":{"name":"shop"}}]}`, asked)
		}},
		{"empty pages", "does not end", func(w http.ResponseWriter, _ *http.Request) {
			asked++
			fmt.Fprintf(w, `{"metadata":{"continue":"more%d"},"items":[]}`, asked)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(c.serve)
			defer s.Close()
			if _, err := open(t, s.URL).Namespaces(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\ndoes not say %s", err, c.want)
			}
		})
	}
}

// TestSentOn: the credentials of a kubeconfig go to no other server than the one that it names.
func TestSentOn(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked elsewhere with %v", r.Header)
	}))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer s.Close()
	_, err := open(t, s.URL).Namespaces(t.Context())
	if err == nil || !strings.Contains(err.Error(), "which the kubeconfig does not name") {
		t.Error(err)
	}
	round := httptest.NewServer(http.RedirectHandler("/", http.StatusFound))
	defer round.Close()
	if _, err := open(t, round.URL).Namespaces(t.Context()); err == nil || !strings.Contains(err.Error(), "without end") {
		t.Error(err)
	}
}

// open opens a kubeconfig for a server, with a token.
func open(t *testing.T, server string) *kube.Cluster {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: lab, cluster: {server: %q}}]\n"+
		"users: [{name: me, user: {token: s3cret}}]\n"+
		"contexts: [{name: test, context: {cluster: lab, user: me}}]\ncurrent-context: test\n", server)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := kube.Open(kube.Options{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	return k
}
