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
		{"empty pages", "does not end", func(w http.ResponseWriter, _ *http.Request) {
			asked++
			fmt.Fprintf(w, `{"metadata":{"continue":"more%d"},"items":[]}`, asked)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(c.serve)
			defer s.Close()
			file := filepath.Join(t.TempDir(), "config")
			text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: lab, cluster: {server: %q}}]\n"+
				"contexts: [{name: test, context: {cluster: lab}}]\ncurrent-context: test\n", s.URL)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			k, err := kube.Open(kube.Options{Kubeconfig: file})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.Namespaces(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\ndoes not say %s", err, c.want)
			}
		})
	}
}
