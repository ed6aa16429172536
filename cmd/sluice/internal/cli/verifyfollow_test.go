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

// TestWatchIncomplete: policies that could not be read are told where a verification follows a server too, and decide the
// exit code.
func TestWatchIncomplete(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"items":[]}`) }))
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: b}\nspec: {podSelectr: {}}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	var out, errs bytes.Buffer
	root := newRoot(Streams{Out: &out, Err: &errs}, &profiles{})
	root.SetArgs([]string{"verify", file, "whisker+" + srv.URL, "--follow", "--every", "50ms"})
	err := root.ExecuteContext(ctx)
	if exitCode(err) != ExitFindings || err.Error() != "1 unread" || !strings.Contains(errs.String(), "podSelectr") {
		t.Errorf("error %v\n%s", err, errs.String())
	}
}
