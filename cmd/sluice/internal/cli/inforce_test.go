package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInForceFollow: policies that are in force, or staged, are compared with what a server sends as it comes. What is
// known is not told twice, and what was seen last decides the exit code.
func TestInForceFollow(t *testing.T) {
	start := time.Now().Unix()
	start -= start%15 + 90
	flow := func(window int64, action, source, pending string) string {
		stamp := func(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }
		at := start + 15*window
		return fmt.Sprintf(`{"start_time":%q,"end_time":%q,"action":%q,"source_name":"%s-*","source_namespace":"shop",`+
			`"source_labels":"app=%s","dest_name":"cart-*","dest_namespace":"shop","dest_labels":"app=cart","protocol":"tcp",`+
			`"dest_port":7070,"reporter":"Dst","packets_in":9,"packets_out":9,"bytes_in":99,"bytes_out":99,`+
			`"policies":{"enforced":[],"pending":[%s]}}`, stamp(at), stamp(at+15), action, source, source, pending)
	}
	const wouldDeny = `{"kind":"StagedNetworkPolicy","name":"cart","namespace":"shop","tier":"default","action":"Deny",` +
		`"policy_index":0,"rule_index":0}`
	file := filepath.Join(t.TempDir(), "cart.yaml")
	if err := os.WriteFile(file, []byte(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: batch}}}]
`), 0o666); err != nil {
		t.Fatal(err)
	}
	first := []string{flow(0, "Allow", "web", ""), flow(0, "Allow", "batch", "")}
	for _, c := range []struct {
		flag  string
		later []string // flows after those of before
		news  []string // told once, in this order
		err   string
	}{
		{"--enforced=" + time.Unix(start+15, 0).UTC().Format(time.RFC3339),
			[]string{flow(2, "Deny", "web", ""), flow(2, "Allow", "stranger", ""), flow(2, "Allow", "batch", "")},
			[]string{"dropped: shop/web -> shop/cart 7070/tcp", "would need: ingress of shop/cart from shop/web 7070/tcp",
				"not enforced here: shop/stranger -> shop/cart 7070/tcp"},
			"1 dropped though wanted, 1 passing though denied"},
		{"--staged",
			nil,
			[]string{"shop/web -> shop/cart 7070/tcp, 0 of", "The audit audits nothing", "would deny 0 edges"},
			"the audit audits nothing"},
		{"--staged", []string{flow(2, "Allow", "batch", wouldDeny)},
			[]string{"shop/web -> shop/cart 7070/tcp, 0 of", "disputed: the data plane would deny it", "would deny 1 edge"},
			"1 not audited, 1 would be denied though these policies allow it"},
	} {
		t.Run(c.err, func(t *testing.T) {
			out := &output{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"total":{"totalPages":1},"items":[%s]}`, strings.Join(append(first[:2:2], c.later...), ","))
			}))
			defer server.Close()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			ended := make(chan error, 1)
			go func() {
				root := newRoot(Streams{Out: out, Err: &bytes.Buffer{}}, &profiles{})
				root.SetArgs([]string{"verify", file, "whisker+" + server.URL, "--follow", "--every", "20ms", c.flag})
				ended <- root.ExecuteContext(ctx)
			}()
			for !strings.Contains(out.String(), c.news[len(c.news)-1]) && ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(100 * time.Millisecond) // some looks more, which tell nothing
			stop()
			err := <-ended
			if err == nil || exitCode(err) != ExitFindings || err.Error() != c.err {
				t.Errorf("error %v, want %q", err, c.err)
			}
			at := 0
			for _, line := range c.news {
				i := strings.Index(out.String(), line)
				if i < at || strings.Count(out.String(), line) != 1 {
					t.Errorf("%q is not there once, and after what comes before it", line)
				}
				at = i
			}
			if t.Failed() {
				t.Log(out.String())
			}
		})
	}
}
