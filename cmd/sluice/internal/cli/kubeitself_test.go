//go:build conformance

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKubeItself: of a real API server, with the rights that install --rbac prints and no other, learn reads where the API
// server is, what the network plugin can do and which names are taken.
func TestKubeItself(t *testing.T) {
	k := newKubeLab(t)
	t.Setenv("KUBECONFIG", k.alice)
	k.grant(sluiceOutput(t, "install", "--rbac"), "alice")
	for _, o := range [][2]string{
		{"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice,
  metadata: {name: kubernetes, labels: {kubernetes.io/service-name: kubernetes}}, addressType: IPv4,
  endpoints: [{addresses: [172.18.0.2]}, {addresses: [172.18.0.3]}], ports: [{name: https, port: 6443}]}`},
		{"/api/v1/namespaces/kube-system/configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: cilium-config},
  data: {enable-sctp: "true"}}`},
		{"/apis/apps/v1/namespaces/kube-system/daemonsets", `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: cilium},
  spec: {selector: {matchLabels: {k8s-app: cilium}}, template: {metadata: {labels: {k8s-app: cilium}}, spec: {hostNetwork: true,
  containers: [{name: cilium-agent, image: "quay.io/cilium/cilium:v1.15.3"}]}}}}`},
		{"/apis/projectcalico.org/v3/clusterinformations", `{apiVersion: projectcalico.org/v3, kind: ClusterInformation,
  metadata: {name: default}, spec: {calicoVersion: v3.29.1}}`},
		{"/apis/projectcalico.org/v3/felixconfigurations", `{apiVersion: projectcalico.org/v3, kind: FelixConfiguration,
  metadata: {name: default}, spec: {flowLogsPolicyEvaluationMode: None}}`},
		{"/api/v1/namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"},
		{"/apis/cilium.io/v2/namespaces/shop/ciliumnetworkpolicies", `{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy,
  metadata: {name: web}, spec: {endpointSelector: {matchLabels: {app: none}}, ingress: [{fromEntities: [all]}]}}`},
	} {
		k.do("POST", o[0], o[1])
	}
	dir := t.TempDir()
	flows, config := filepath.Join(dir, "flows.jsonl"), filepath.Join(dir, "sluice.yaml")
	for file, text := range map[string]string{flows: toAPIServer, config: "resolver: none\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		dialect string
		args    []string
		want    []string
	}{
		{"cilium", nil, []string{
			"The cluster does NOT have enableDefaultDeny (Cilium 1.16 or later): Cilium v1.15.3.",
			"world:172.18.0.2 6443/tcp: the address is that of the API server, which changes",
			"cilium.io/v2 CiliumNetworkPolicy shop/web is in the cluster already and is not of this bundle",
		}},
		{"calico", []string{"--widen", "api"}, []string{
			"The cluster does NOT have staged policies (Calico 3.30 or later): Calico v3.29.1.",
			"flowLogsPolicyEvaluationMode is None",
			"Widened (api, 1 connection never seen): the addresses of the API server, seen or not",
		}},
	} {
		out := filepath.Join(dir, c.dialect)
		args := append([]string{"learn", flows, "-n", "shop", "--dialect", c.dialect, "--min-watch", "0", "--manifests", "cluster",
			"--config", config, "--out", out}, c.args...)
		text, err := exec.Command("sluice", args...).CombinedOutput()
		if code := err.(*exec.ExitError).ExitCode(); code != int(ExitFindings) {
			t.Errorf("%s: exit %d", c.dialect, code)
		}
		said := string(text) + sluiceOutput(t, "show", "findings", out)
		for _, want := range c.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: nothing of %s in\n%s", c.dialect, want, said)
			}
		}
		if strings.Contains(said, "lack of rights") {
			t.Errorf("%s: %s", c.dialect, said)
		}
	}
}

// toAPIServer is a pod that asks the API server, and another one that it asks.
const toAPIServer = `{"start_time":1772359200,"end_time":1772359500,"source_type":"wep","source_name":"web-6c8f4d9c5b-x2x4z",` +
	`"source_name_aggr":"web-6c8f4d9c5b-*","source_namespace":"shop","source_ip":"10.0.3.6","source_labels":{"labels":["app=web"]},` +
	`"dest_type":"net","dest_name":"-","dest_name_aggr":"pvt","dest_namespace":"-","dest_ip":"172.18.0.2","dest_port":6443,` +
	`"dest_labels":null,"proto":"tcp","action":"allow","reporter":"src","num_flows":1,"num_flows_started":1,` +
	`"num_flows_completed":1,"bytes_in":900,"bytes_out":900,"packets_in":9,"packets_out":9}
{"start_time":1772359200,"end_time":1772359500,"source_type":"wep","source_name":"web-6c8f4d9c5b-x2x4z",` +
	`"source_name_aggr":"web-6c8f4d9c5b-*","source_namespace":"shop","source_ip":"10.0.3.6","source_labels":{"labels":["app=web"]},` +
	`"dest_type":"wep","dest_name":"api-6c8f4d9c5b-x2x4z","dest_name_aggr":"api-6c8f4d9c5b-*","dest_namespace":"shop",` +
	`"dest_ip":"10.0.3.7","dest_port":8080,"dest_labels":{"labels":["app=api"]},"proto":"tcp","action":"allow","reporter":"dst",` +
	`"num_flows":1,"num_flows_started":1,"num_flows_completed":1,"bytes_in":900,"bytes_out":900,"packets_in":9,"packets_out":9}
`
