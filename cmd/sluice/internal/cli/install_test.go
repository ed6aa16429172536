package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// installs are ways to run a collector.
var installs = [][]string{
	{"--metrics-from", "monitoring"},
	{"--server", "hubbles://relay.example.org:443", "--tls-secret", "t", "--tls-server-name", "ui.hubble-relay.cilium.io", "--namespace", "outside"},
	{"--server", "hubbles://hubble-relay.kube-system.svc.cluster.local", "--namespace", "inside", "--size", "200Gi", "--keep", "36h"},
	{"--server", "goldmane://goldmane.calico-system.svc:7443", "--tls-secret", "t", "--namespace", "calico"},
	{"--server", "hubble://10.0.0.1:4245", "--namespace", "address", "--cilium=false"},
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
