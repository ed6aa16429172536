//go:build conformance

package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKubeWhisker: whisker+http:// and whisker+https:// without an address are Whisker's service of the cluster, through
// a real API server and the port of its pod. What answers there is ours: the real backend cannot be built (see
// cmd/conformance/goldmane).
func TestKubeWhisker(t *testing.T) {
	k := newKubeLab(t)
	t.Setenv("KUBECONFIG", k.admin)
	at := time.Now().Unix() / 15 * 15
	paths := make(chan string, 1000)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		from, _ := strconv.ParseInt(r.FormValue("startTimeGte"), 10, 64)
		to, _ := strconv.ParseInt(r.FormValue("startTimeLt"), 10, 64)
		if start := at - 60; from > start || to > 0 && to <= start { // seconds; one below 0 is from now on
			fmt.Fprint(w, `{"total":{"totalPages":0},"items":[]}`)
			return
		}
		fmt.Fprintf(w, `{"total":{"totalPages":1},"items":[{"start_time":%q,"end_time":%q,"action":"Allow",`+
			`"source_name":"web-*","source_namespace":"shop","source_labels":"app=web","dest_name":"cart-*","dest_namespace":"shop",`+
			`"dest_labels":"app=cart","protocol":"tcp","dest_port":7070,"reporter":"Dst","packets_in":9,"packets_out":9,`+
			`"bytes_in":900,"bytes_out":900,"policies":{"enforced":[],"pending":[]}}]}`,
			time.Unix(at-60, 0).UTC().Format(time.RFC3339), time.Unix(at-45, 0).UTC().Format(time.RFC3339))
	})
	plain, tls := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	defer plain.Close()
	defer tls.Close()
	k.refused("there is no service whisker in namespace calico-system", "doctor", "whisker+http://")
	k.do("POST", "/api/v1/namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: calico-system}}")
	const in = "/api/v1/namespaces/calico-system/"
	k.do("POST", in+"services", `{apiVersion: v1, kind: Service, metadata: {name: whisker},
  spec: {selector: {k8s-app: whisker}, ports: [{port: 8081, targetPort: 8081}]}}`)
	for _, c := range []struct {
		from, pod string
		server    *httptest.Server
		args      []string
	}{
		{"whisker+http://", "whisker-1", plain, nil},
		{"whisker+https://", "whisker-2", tls, []string{"--tls-allow-insecure"}},
	} {
		meta := fmt.Sprintf(`metadata: {name: %s, labels: {k8s-app: whisker}, annotations: {forward: %q}}`, c.pod,
			c.server.Listener.Addr().String())
		k.do("POST", in+"pods", `{apiVersion: v1, kind: Pod, `+meta+`, spec: {nodeName: node-1, terminationGracePeriodSeconds: 0,
  containers: [{name: whisker, image: whisker, ports: [{containerPort: 8081}]}]}}`)
		k.do("PUT", in+"pods/"+c.pod+"/status", `{apiVersion: v1, kind: Pod, `+meta+`,
  status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`)
		out := filepath.Join(t.TempDir(), "bundle")
		args := append([]string{"learn", c.from, "-n", "shop", "--dialect", "calico", "--min-watch", "0", "--out", out}, c.args...)
		text, err := exec.Command("sluice", args...).CombinedOutput()
		policies, _ := filepath.Glob(filepath.Join(out, "allow", "shop", "cart.yaml"))
		if len(policies) == 0 {
			t.Errorf("%s: %v: %s", c.from, err, text)
		}
		if path := <-paths; !strings.HasPrefix(path, "/whisker-backend/") {
			t.Errorf("%s asked %s", c.from, path)
		}
		k.do("DELETE", in+"pods/"+c.pod+"?gracePeriodSeconds=0", "")
	}
}
