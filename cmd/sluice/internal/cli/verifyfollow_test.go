package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWatchEnds: what a verification that followed a server says when it is stopped. What could not be read is told there
// too, and where nothing put the policies to the test it is an error.
func TestWatchEnds(t *testing.T) {
	const flows = `{"items":[{"start_time":"2026-03-01T10:00:00Z","end_time":"2026-03-01T10:00:15Z","action":"Allow",` +
		`"source_name":"web-*","source_namespace":"shop","source_labels":"app=web","dest_name":"cart-*",` +
		`"dest_namespace":"shop","dest_labels":"app=cart","protocol":"tcp","dest_port":"7070","reporter":"Dst",` +
		`"packets_in":"9","packets_out":"9","bytes_in":"900","bytes_out":"900"}]}`
	policy := func(namespace, spec string) string {
		return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: " + namespace + "}\nspec: " + spec + "\n"
	}
	const open = "{podSelector: {}, ingress: [{}]}"
	for _, c := range []struct {
		name, items, policy string
		args                []string
		code                ExitCode
		err, out            string
	}{
		{"not read", `{"items":[]}`, policy("shop", "{podSelectr: {}}"), nil, ExitFindings, "1 unread", ""},
		{"nothing came", `{"items":[]}`, policy("shop", open), nil, ExitError, "no record came", ""},
		{"nothing came, in force", `{"items":[]}`, policy("shop", open), []string{"--enforced"}, ExitError, "no record came", ""},
		{"other namespace", flows, policy("shop", open), []string{"-n", "shpo"}, ExitError, "no pod of namespace shpo", ""},
		{"policies elsewhere", flows, policy("shpo", open), nil, ExitError, "decide nothing here: no pod of namespace shpo", ""},
		{"other cluster", flows, policy("shop", open), []string{"--cluster", "x"}, ExitError, "no cluster x", ""},
		{"fine", flows, policy("shop", open), nil, ExitOK, "", "1 connection: 1 permitted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.items) }))
			defer srv.Close()
			file := filepath.Join(t.TempDir(), "a.yaml")
			if err := os.WriteFile(file, []byte(c.policy), 0o666); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer stop()
			var out, errs bytes.Buffer
			root := newRoot(Streams{Out: &out, Err: &errs}, &profiles{})
			root.SetArgs(append([]string{"verify", file, "whisker+" + srv.URL, "--follow", "--every", "50ms"}, c.args...))
			err := root.ExecuteContext(ctx)
			text := ""
			if err != nil {
				text = err.Error()
			}
			early := c.out == "" && c.items == flows // it is said while it goes on, too
			if early != strings.Contains(errs.String(), "sluice: so far ") || exitCode(err) != c.code || !strings.Contains(text, c.err) || !strings.Contains(out.String(), c.out) {
				t.Errorf("error %v\n%s%s", err, out.String(), errs.String())
			}
		})
	}
}
