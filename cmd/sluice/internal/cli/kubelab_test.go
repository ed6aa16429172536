//go:build conformance

package cli

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/synth/eval/judgetest"
)

// kubeLab is a real API server with a node that forwards ports (cmd/conformance/kube). SLUICE_KUBE names its binary.
type kubeLab struct {
	t            *testing.T
	dir          string
	started      struct{ URL, Token string }
	admin, alice string // kubeconfigs
}

func newKubeLab(t *testing.T) *kubeLab {
	t.Helper()
	l := &kubeLab{t: t, dir: shortDir(t)}
	l.admin, l.alice = filepath.Join(l.dir, "admin"), filepath.Join(l.dir, "alice")
	c := exec.Command(judgetest.Program(t, "SLUICE_KUBE"), "-lab", l.dir)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Error("kube:", err)
		}
	})
	if err := json.NewDecoder(out).Decode(&l.started); err != nil {
		t.Fatal("kube:", err)
	}
	l.do("POST", "/api/v1/namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: sluice}}") // of a collector
	return l
}

// do sends an object, or deletes one, as the administrator.
func (l *kubeLab) do(method, path, object string) {
	l.t.Helper()
	req, err := http.NewRequest(method, l.started.URL+path, strings.NewReader(object))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+l.started.Token)
	req.Header.Set("Content-Type", "application/yaml")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode >= 300 {
		l.t.Fatalf("%s %s: %s", method, path, text)
	}
}

const inKubeSystem = "/api/v1/namespaces/kube-system/"

// relay makes the relay's service, as Cilium's chart does.
func (l *kubeLab) relay() {
	l.t.Helper()
	l.do("POST", inKubeSystem+"services", `{apiVersion: v1, kind: Service, metadata: {name: hubble-relay},
  spec: {selector: {k8s-app: hubble-relay}, ports: [{port: 80, targetPort: grpc}]}}`)
}

// pod makes a pod of the relay, that is what listens at an address.
func (l *kubeLab) pod(name, address string) {
	l.t.Helper()
	meta := fmt.Sprintf(`metadata: {name: %s, labels: {k8s-app: hubble-relay}, annotations: {forward: %q}}`, name, address)
	l.do("POST", inKubeSystem+"pods", `{apiVersion: v1, kind: Pod, `+meta+`, spec: {nodeName: node-1, terminationGracePeriodSeconds: 0,
  containers: [{name: relay, image: relay, ports: [{name: grpc, containerPort: 4245}]}]}}`)
	l.do("PUT", inKubeSystem+"pods/"+name+"/status", `{apiVersion: v1, kind: Pod, `+meta+`,
  status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`)
}

// refused runs sluice and wants it to fail and to say why.
func (l *kubeLab) refused(want string, args ...string) {
	l.t.Helper()
	c := exec.Command("sluice", args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Run(); err == nil || !strings.Contains(errs.String(), want) {
		l.t.Errorf("sluice %s: %v: %s\ndoes not say %s", strings.Join(args, " "), err, errs.String(), want)
	}
}

// TestKubeForward: from a kubeconfig, through a real API server, from a real relay: what -P learns is what the relay's
// address gives; a collector finds another pod when its own is deleted, and loses nothing; whoever lacks a right is told
// which, and has it with the roles that install --rbac prints.
func TestKubeForward(t *testing.T) {
	k, l := newKubeLab(t), newRelayLab(t, labCommand{"ring": 65535})
	t.Setenv("KUBECONFIG", k.admin)
	k.refused("there is no service hubble-relay in namespace kube-system of the cluster of context lab", "doctor", "-P")
	k.relay()
	k.refused("no pod is behind the service hubble-relay.kube-system.svc", "doctor", "-P")
	k.pod("relay-1", l.started.Relay)
	l.do("feed", labCommand{"file": l.capture("features")})

	learned := map[string]string{}
	for _, from := range []string{"-P", "hubble://" + l.started.Relay} {
		out := filepath.Join(t.TempDir(), "bundle")
		err := exec.Command("sluice", "learn", from, "-A", "-q", "--since", "87600h", "--min-watch", "0", "--out", out).Run()
		if code := err.(*exec.ExitError).ExitCode(); code != int(ExitFindings) {
			t.Fatal(from, code)
		}
		text, err := exec.Command("sh", "-c", "cd "+out+" && find allow deny -type f | sort | xargs cat").Output()
		if err != nil || len(text) == 0 {
			t.Fatal(from, err)
		}
		learned[from] = string(text)
	}
	if learned["-P"] != learned["hubble://"+l.started.Relay] {
		t.Error("-P learns something else than the relay's own address")
	}

	store := filepath.Join(t.TempDir(), "store")
	p := startSluice(t, "ingest", "-P", "--since", "87600h", "--store", store, "--follow")
	l.wantStored(store, time.Minute)
	k.do("DELETE", inKubeSystem+"pods/relay-1?gracePeriodSeconds=0", "")
	p.await("no pod is behind")
	k.pod("relay-2", l.started.Relay)
	l.do("feed", labCommand{"file": l.capture("mesh")})
	l.wantStored(store, time.Minute)
	p.stop()

	t.Setenv("KUBECONFIG", k.alice)
	k.refused("not allowed to get services in namespace kube-system", "doctor", "-P")
	k.refused("not allowed to list networkpolicies.networking.k8s.io: the user needs a ClusterRole", "verify", "cluster", "--store", store)
	k.grant(sluiceOutput(t, "install", "--rbac"), "alice")
	if out := sluiceOutput(t, "doctor", "-P", "-q", "--since", "87600h", "--fail-on", "error"); out == "" {
		t.Error("alice reads nothing")
	}
	k.refused(`there is no context "prod": the kubeconfig has lab`, "doctor", "-P", "--context", "prod")
}

// grant makes what install --rbac prints, and binds it.
func (l *kubeLab) grant(text, user string) {
	l.t.Helper()
	for doc := range strings.SplitSeq(text, "\n---\n") {
		path, kind, name := "/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole", "sluice-read"
		for role, namespace := range map[string]string{"sluice-forward": "kube-system", "sluice-pull": "sluice"} {
			if strings.Contains(doc, "name: "+role+"\n") {
				path, kind, name = "/apis/rbac.authorization.k8s.io/v1/namespaces/"+namespace+"/roles", "Role", role
			}
		}
		l.do("POST", path, doc)
		l.do("POST", strings.TrimSuffix(path, "s")+"bindings", fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: %sBinding,
  metadata: {name: %s}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %[1]s, name: %[2]s},
  subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %s}]}`, kind, name, user))
	}
}

// TestKubePull: pull fetches the store of a collector through a real API server, with the right that install --rbac prints
// and no other; without it the error names it.
func TestKubePull(t *testing.T) {
	k, there := newKubeLab(t), filled(t)
	const pods = "/api/v1/namespaces/sluice/pods"
	meta := fmt.Sprintf(`metadata: {name: sluice-0, labels: {app.kubernetes.io/name: sluice}, annotations: {store: %q}}`, there)
	k.do("POST", pods, `{apiVersion: v1, kind: Pod, `+meta+`, spec: {nodeName: node-1, containers: [{name: sluice, image: sluice}]}}`)
	k.do("PUT", pods+"/sluice-0/status", `{apiVersion: v1, kind: Pod, `+meta+`, status: {phase: Running,
  containerStatuses: [{name: sluice, image: sluice, imageID: x, ready: true, restartCount: 0, state: {running: {}}}]}}`)
	t.Setenv("KUBECONFIG", k.alice)
	here := filepath.Join(t.TempDir(), "here")
	k.refused("not allowed to list pods in namespace sluice: the user needs a Role in sluice", "pull", "--store", here)
	k.grant(sluiceOutput(t, "install", "--rbac"), "alice")
	k.refused("no pod in namespace kube-system", "pull", "-n", "kube-system", "--store", here)
	if out := sluiceOutput(t, "pull", "--store", here); !strings.HasPrefix(out, "Unpacked ") {
		t.Error(out)
	}
	sluiceOutput(t, "store", "check", here)
	want, got := sluiceOutput(t, "show", "edges", "--store", there, "-o", "json"), sluiceOutput(t, "show", "edges", "--store", here, "-o", "json")
	if want != got {
		t.Error("another store came")
	}
	k.refused("no cluster prod in store", "pull", "--cluster", "prod", "--store", filepath.Join(t.TempDir(), "other"))
}

// TestKubeSource: the objects of a real API server, with the CRDs of Cilium and Calico, are policies and manifests.
func TestKubeSource(t *testing.T) {
	k := newKubeLab(t)
	t.Setenv("KUBECONFIG", k.alice)
	k.grant(sluiceOutput(t, "install", "--rbac"), "alice")
	k.refused("no policy in the cluster", "lint", "cluster")
	k.do("POST", "/api/v1/namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {tier: a}}}")
	for path, object := range map[string]string{
		"/apis/apps/v1/namespaces/shop/deployments": `{apiVersion: apps/v1, kind: Deployment, metadata: {name: api}, spec: {selector: {matchLabels: {app: api}},
  template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c, image: i, ports: [{name: web, containerPort: 8080}]}]}}}}`,
		"/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies": `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: api},
  spec: {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}], ports: [{port: web}]}]}}`,
		"/apis/cilium.io/v2/namespaces/shop/ciliumnetworkpolicies": `{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: api},
  spec: {endpointSelector: {matchLabels: {app: none}}, ingress: [{fromEntities: [all]}]}}`,
		"/apis/projectcalico.org/v3/globalnetworkpolicies": `{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: floor},
  spec: {selector: "app == 'gone'", types: [Egress]}}`,
	} {
		k.do("POST", path, object)
	}
	out, err := exec.Command("sluice", "lint", "cluster", "--manifests", "cluster", "--fail-on", "error", "-o", "json").CombinedOutput()
	if err != nil && err.(*exec.ExitError).ExitCode() != int(ExitFindings) {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"cluster:networkpolicies.networking.k8s.io/shop/api", "cluster:ciliumnetworkpolicies.cilium.io/shop/api", "cluster:globalnetworkpolicies.projectcalico.org/floor",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing of %s in\n%s", want, out)
		}
	}
}
