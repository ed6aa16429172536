package kube

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestWaiting: who waits is told once for what; a server that answered before is asked once more where it then stalls.
func TestWaiting(t *testing.T) {
	const first, second = `{"metadata":{"continue":"2"},"items":[{"metadata":{"name":"a"}}]}`, `{"items":[{"metadata":{"name":"b"}}]}`
	for _, c := range []struct {
		name   string
		stalls map[string]int // how often a page does
		user   string
		asked  int
		told   string
		err    string
		stops  bool // the user does, meanwhile
	}{
		{"at once", nil, "{}", 2, "", "", false},
		{"a page that stalls once", map[string]int{"2": 1}, "{}", 3, " to list namespaces", "", false},
		{"a page that stalls for ever", map[string]int{"2": 9}, "{}", 3, " to list namespaces", "no answer in time", false},
		{"a server that never answers", map[string]int{"": 9}, "{}", 1, " to list namespaces", "no answer in time", false},
		{"a user who stops", map[string]int{"2": 9}, "{}", 2, "", "context canceled", true},
		{"a program that logs in", nil, "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, " +
			"args: [-c, 'sleep 1; exit 1']}}", 0, ", or for sh, which logs in to it", "the program that logs in to it failed", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var mu sync.Mutex
			asked, told := 0, []string{}
			connections := 0
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page := r.URL.Query().Get("continue")
				mu.Lock()
				asked++
				stalls := c.stalls[page] > 0
				if stalls {
					c.stalls[page]--
				}
				mu.Unlock()
				if c.stops && page != "" {
					stop()
				}
				if stalls {
					<-r.Context().Done()
					return
				}
				fmt.Fprint(w, map[string]string{"": first, "2": second}[page])
			}))
			s.EnableHTTP2 = true
			s.Config.ConnState = func(_ net.Conn, is http.ConnState) {
				mu.Lock()
				defer mu.Unlock()
				if is == http.StateNew {
					connections++
				}
			}
			s.StartTLS()
			defer s.Close()
			file := filepath.Join(t.TempDir(), "config")
			text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: lab, cluster: {server: %q, insecure-skip-tls-verify: true}}]\n"+
				"users: [{name: me, user: %s}]\ncontexts: [{name: test, context: {cluster: lab, user: me}}]\ncurrent-context: test\n", s.URL, c.user)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			of, err := Open(Options{Kubeconfig: file, Waiting: func(what string) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, what)
			}})
			if err != nil {
				t.Fatal(err)
			}
			of.patience, of.answering = 100*time.Millisecond, 4*time.Second
			if c.told == "" { // however slow the machine is
				of.patience, of.answering = time.Hour, time.Hour
			}
			names, err := of.Namespaces(ctx)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("%v\ndoes not say %s", err, c.err)
			case c.err == "" && (err != nil || fmt.Sprint(names) != "[a b]"):
				t.Errorf("%v, %v", names, err)
			case asked != c.asked:
				t.Errorf("asked %d times, want %d", asked, c.asked)
			case asked == 3 && connections != 2: // after one that stalls, another one
				t.Errorf("%d connections", connections)
			}
			if c.told == "" && len(told) > 0 || c.told != "" && (len(told) != 1 || !strings.HasSuffix(told[0], c.told)) {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}
