package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// installs are ways to run a collector.
var installs = [][]string{
	{"--plaintext", "--metrics-from", "monitoring/app.kubernetes.io/name=prometheus,tier=a"},
	{"--server", "hubbles://relay.example.org:443", "--tls-secret", "t", "--tls-server-name", "ui.hubble-relay.cilium.io", "--namespace", "outside"},
	{"--server", "hubbles://hubble-relay.kube-system.svc.cluster.local", "--namespace", "inside", "--size", "200Gi", "--keep", "36h"},
	{"--server", "goldmane://goldmane.calico-system.svc:7443", "--tls-secret", "t", "--namespace", "calico"},
	{"--server", "whisker+https://calico.example.org", "--namespace", "web"},
	{"--plaintext", "--server", "hubble://other.obs.svc:8080", "--namespace", "assumed"},
	{"--plaintext", "--server", "hubble://10.0.0.1:4245", "--namespace", "address", "--cilium=false"},
}

// TestInstall: every manifest is an object that names what it belongs to, and the pod may do nothing that it need not.
// SLUICE_KUBE names the program that asks a real API server (cmd/conformance/kube); then it has to take them all.
func TestInstall(t *testing.T) {
	for _, args := range installs {
		var out, errs bytes.Buffer
		if code := Main(append([]string{"install", "--image", "r/sluice:1"}, args...), nil, &out, &errs); code != ExitOK {
			t.Fatalf("%v: %s", args, errs.String())
		}
		for doc := range strings.SplitSeq(out.String(), "\n---\n") {
			var o struct {
				APIVersion, Kind string
				Metadata         struct{ Name, Namespace string }
			}
			if err := yaml.Unmarshal([]byte(doc), &o); err != nil || o.APIVersion == "" || o.Kind == "" || o.Metadata.Name == "" || o.Kind != "Namespace" && o.Metadata.Namespace == "" {
				t.Errorf("%v: %v: %+v\n%s", args, err, o, doc)
			}
		}
		for _, want := range []string{"runAsNonRoot: true", "readOnlyRootFilesystem: true", "automountServiceAccountToken: false", "drop: [ALL]", "allowPrivilegeEscalation: false"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v: no %s", args, want)
			}
		}
		if judge := os.Getenv("SLUICE_KUBE"); judge != "" {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "install.yaml"), out.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			if verdict, err := exec.CommandContext(t.Context(), judge, dir).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", args, err, verdict)
			}
		}
	}
}

// TestInstallPeer: the policies let the collector reach its server, wherever that is, and no other port.
func TestInstallPeer(t *testing.T) {
	for _, c := range []struct{ server, peer string }{
		{"hubble://hubble-relay.kube-system.svc:80", "kube-system/hubble-relay 4245"},
		{"hubbles://hubble-relay.kube-system.svc.cluster.local:443", "kube-system/hubble-relay 4245"},
		{"goldmane://goldmane.calico-system.svc", "calico-system/goldmane 7443"},
		{"whisker+http://whisker.calico-system.svc:8081", "calico-system/whisker 8081"},
		{"whisker+https://whisker.calico-system.svc:8443", "calico-system/whisker 8443"},
		{"hubble://other.obs.svc:8080", "obs/other 8080 assumed"},
		{"hubble://relay.example.org", "/ 4245"}, {"goldmane://goldmane.example.org", "/ 7443"}, {"hubble://[2001:db8::1]:1", "/ 1"},
		{"whisker+http://calico.example", "/ 80"}, {"whisker+https://calico.example/backend", "/ 443"},
	} {
		o := installOptions{Image: "r/sluice:1", Namespace: "sluice", Size: "1Gi", Server: c.server, Keep: "1d"}
		o.Plaintext = strings.HasPrefix(c.server, "hubble://") || strings.HasPrefix(c.server, "whisker+http://")
		if strings.HasPrefix(c.server, "goldmane") {
			o.Secret = "tls"
		}
		v, err := o.values()
		if err != nil {
			t.Error(err)
			continue
		}
		got := fmt.Sprintf("%s/%s %d", v.PeerNamespace, v.Peer, v.PeerPort)
		if v.Assumed {
			got += " assumed"
		}
		if got != c.peer {
			t.Errorf("%s: %s, want %s", c.server, got, c.peer)
		}
	}
}

// TestInstallRefuses: what the collector would not start with, or would not be reached by, is told here and not in the cluster.
func TestInstallRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"hubble://hubble-relay.kube-system.svc:80", "--plaintext"},
		{"whisker+http://whisker.calico-system.svc:8081", "--plaintext"},
		{"hubbles://hubble-relay.kube-system.svc:443 --plaintext", "is read with TLS"},
		{"hubbles://relay.example.org --namespace Shop", "the name of a namespace"},
		{"hubbles://relay.example.org --namespace a,b:", "the name of a namespace"},
		{"hubbles://relay.example.org --size 10GB", "a size, such as 10Gi"},
		{"hubbles://relay.example.org --tls-secret ../x", "the name of a secret"},
		{"hubbles://relay.example.org --tls-server-name a_b", "a DNS name"},
		{"hubbles://relay.example.org --image R/Sluice:1", "an image"},
		{"hubbles://relay.example.org --image r/sluice@sha256:12", "an image"},
		{"hubbles://relay.example.org --metrics-from monitoring", "name the namespace and the labels"},
		{"hubbles://relay.example.org --metrics-from monitoring/a", "name the namespace and the labels"},
		{"hubbles://relay.example.org --metrics-from monitoring/a=b}", "name the namespace and the labels"},
		{"hubble://hubble-relay.kube-system.svc:80 --plaintext --tls-secret t", "is read without TLS"},
		{"hubble://hubble-relay.kube-system.svc:80 --plaintext --tls-server-name n", "is read without TLS"},
		{"goldmane://goldmane.calico-system.svc", "--tls-secret SECRET is needed"},
		{"hubble://user:secret@relay.example.org --plaintext", "hubble://HOST:PORT"},
		{"hubble://relay.example.org/path --plaintext", "hubble://HOST:PORT"},
		{"hubble://relay.example.org:99999 --plaintext", "no port 99999"},
		{"hubble://hubble-relay.kube-system:80 --plaintext", "NAME.NAMESPACE.svc"},
		{"hubble://relay --plaintext", "NAME.NAMESPACE.svc"},
	} {
		var out, errs bytes.Buffer
		code := Main(append([]string{"install", "--image", "r/sluice:1", "--server"}, strings.Fields(c[0])...), nil, &out, &errs)
		if code != ExitUsage || out.Len() > 0 || !strings.Contains(errs.String(), c[1]) {
			t.Errorf("%s: %d %s%s", c[0], code, errs.String(), out.String())
		}
	}
}
