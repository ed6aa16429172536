package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/cmd/sluice/internal/kube/kubetest"
)

// TestDialectOfCluster: --dialect auto takes what the plugin of the flows is written in, unless the cluster does not
// serve it.
func TestDialectOfCluster(t *testing.T) {
	const (
		cilium = "apis/cilium.io/v2/ciliumnetworkpolicies"
		beta   = "apis/policy.networking.k8s.io/v1beta1/clusternetworkpolicies"
		alpha  = "apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies"
		calico = "apis/projectcalico.org/v3/networkpolicies"
	)
	relay := serveObserver(t, &observer{})
	for _, c := range []struct {
		serves    []string
		want, api string
	}{
		{[]string{cilium, alpha}, "cilium: the flows are Cilium's, and the cluster serves CiliumNetworkPolicy cilium.io/v2", "cilium.io/v2"},
		{[]string{beta, alpha}, "cluster: the flows are Cilium's, and the cluster does not serve CiliumNetworkPolicy, " +
			"and the cluster serves ClusterNetworkPolicy policy.networking.k8s.io/v1beta1", "policy.networking.k8s.io/v1beta1"},
		{[]string{alpha}, "cluster: the flows are Cilium's, and the cluster does not serve CiliumNetworkPolicy, " +
			"and the cluster serves ClusterNetworkPolicy policy.networking.k8s.io/v1alpha2", "policy.networking.k8s.io/v1alpha2"},
		{[]string{calico}, "kubernetes: the flows are Cilium's, and the cluster does not serve CiliumNetworkPolicy: " +
			"every cluster has NetworkPolicy", "networking.k8s.io/v1"},
	} {
		s := relayCluster(t, relay)
		for _, path := range c.serves {
			s.Serve(path, []kubetest.Object{}...)
		}
		dir := filepath.Join(t.TempDir(), "bundle")
		config := filepath.Join(t.TempDir(), "sluice.yaml")
		if err := os.WriteFile(config, []byte("resolver: none\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := calls("learn", "-P", "-A", "--dialect", "auto", "--out", dir, "--min-watch", "0", "--fail-on", "lost",
			"--config", config)
		if code != ExitOK || !strings.Contains(errs, "sluice: --dialect auto is "+c.want+"\n") {
			t.Errorf("%s: exit %d: %s%s", c.want, code, out, errs)
		}
		found := false
		_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error {
			if text, err := os.ReadFile(path); err == nil && strings.HasSuffix(path, ".yaml") {
				found = found || strings.HasPrefix(string(text), "apiVersion: "+c.api+"\n")
			}
			return nil
		})
		if !found {
			t.Errorf("%s: no policy of %s", c.want, c.api)
		}
	}
}
