// Package helm lets Helm's own engine render the chart that sluice install --helm writes, and compares what comes out
// with the manifests that sluice install prints. make conformance-helm runs it; SLUICE names the program.
package helm

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

func sluice(t *testing.T, args ...string) string {
	t.Helper()
	program := os.Getenv("SLUICE")
	if program == "" {
		t.Fatal("SLUICE names no program: make conformance-helm does")
	}
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		t.Fatalf("sluice %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// written writes a chart and loads it as Helm does.
func written(t *testing.T, args ...string) *chart.Chart {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "chart")
	sluice(t, append([]string{"install", "--helm", dir}, args...)...)
	c, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

// rendered are the objects that Helm would apply, checked by the schema of the values.
func rendered(t *testing.T, c *chart.Chart, given map[string]any) (map[string]any, error) {
	t.Helper()
	options := chartutil.ReleaseOptions{Name: "anything", Namespace: "elsewhere", IsInstall: true}
	values, err := chartutil.ToRenderValues(c, given, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, values)
	if err != nil {
		return nil, err
	}
	return objects(t, slices.Collect(maps.Values(files))...), nil
}

// objects are those of some texts, by what they are called.
func objects(t *testing.T, texts ...string) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, text := range texts {
		for doc := range strings.SplitSeq(text, "\n---\n") {
			var o map[string]any
			if err := yaml.UnmarshalStrict([]byte(doc), &o); err != nil {
				t.Fatalf("%v in\n%s", err, doc)
			}
			if o == nil {
				continue
			}
			meta, _ := o["metadata"].(map[string]any)
			name, _ := meta["name"].(string)
			kind, _ := o["kind"].(string)
			if key := kind + " " + name; out[key] != nil || kind == "" || name == "" {
				t.Fatalf("%s is there twice, or has no name", key)
			} else {
				out[key] = o
			}
		}
	}
	return out
}

func compare(t *testing.T, what string, want, got map[string]any) {
	t.Helper()
	if names := slices.Sorted(maps.Keys(want)); !slices.Equal(names, slices.Sorted(maps.Keys(got))) {
		t.Errorf("%s: the chart has %v, the manifests %v", what, slices.Sorted(maps.Keys(got)), names)
	}
	for name := range want {
		if !reflect.DeepEqual(want[name], got[name]) {
			a, _ := yaml.Marshal(want[name])
			b, _ := yaml.Marshal(got[name])
			t.Errorf("%s: %s: printed\n%s\nrendered\n%s", what, name, a, b)
		}
	}
}

// ways are ways to run a collector, and the values that make them of the chart of the first.
var ways = []struct {
	args   []string
	values string
}{
	{[]string{"--plaintext", "--metrics-from", "monitoring/app.kubernetes.io/name=prometheus,tier=a"}, "{}"},
	{[]string{"--plaintext"}, "metricsFrom: {labels: []}"},
	{[]string{"--server", "hubbles://relay.example.org:443", "--tls-secret", "t", "--tls-server-name", "ui.hubble-relay.cilium.io", "--namespace", "outside"},
		"{server: 'hubbles://relay.example.org:443', tlsSecret: t, tlsServerName: ui.hubble-relay.cilium.io, namespace: outside, peer: {app: '', namespace: '', port: 443}, metricsFrom: {labels: []}}"},
	{[]string{"--server", "hubbles://hubble-relay.kube-system.svc.cluster.local", "--namespace", "inside", "--size", "200Gi", "--keep", "36h"},
		"{server: 'hubbles://hubble-relay.kube-system.svc.cluster.local', namespace: inside, size: 200Gi, keep: 36h, metricsFrom: {labels: []}}"},
	{[]string{"--server", "goldmane://goldmane.calico-system.svc:7443", "--tls-secret", "t", "--namespace", "calico"},
		"{server: 'goldmane://goldmane.calico-system.svc:7443', tlsSecret: t, namespace: calico, cilium: false, peer: {app: goldmane, namespace: calico-system, port: 7443}, metricsFrom: {labels: []}}"},
	{[]string{"--server", "whisker+https://calico.example.org", "--namespace", "web"},
		"{server: 'whisker+https://calico.example.org', namespace: web, cilium: false, peer: {app: '', namespace: '', port: 443}, metricsFrom: {labels: []}}"},
	{[]string{"--plaintext", "--server", "hubble://other.obs.svc:8080", "--namespace", "assumed"},
		"{server: 'hubble://other.obs.svc:8080', namespace: assumed, peer: {app: other, namespace: obs, port: 8080, assumed: true}, metricsFrom: {labels: []}}"},
	{[]string{"--plaintext", "--server", "hubble://10.0.0.1:4245", "--namespace", "address", "--cilium=false"},
		"{server: 'hubble://10.0.0.1:4245', namespace: address, cilium: false, peer: {app: '', namespace: '', port: 4245}, metricsFrom: {labels: []}}"},
}

// TestChart: what the chart renders to is what is printed, whether the flags were given when it was written or as values.
func TestChart(t *testing.T) {
	const digest = "r/sluice@sha256:4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a"
	for _, image := range []string{"r/sluice:1", digest} {
		first := written(t, ways[0].args...)
		for _, w := range ways {
			want := objects(t, sluice(t, append([]string{"install", "--image", image}, w.args...)...))
			got, err := rendered(t, written(t, append([]string{"--image", image}, w.args...)...), nil)
			if err != nil {
				t.Fatalf("%v: %v", w.args, err)
			}
			compare(t, strings.Join(w.args, " "), want, got)
			given := map[string]any{}
			if err := yaml.Unmarshal([]byte(w.values), &given); err != nil {
				t.Fatal(err)
			}
			given["image"] = image
			if got, err = rendered(t, first, given); err != nil {
				t.Fatalf("%s: %v", w.values, err)
			}
			compare(t, w.values, want, got)
		}
	}
}

// TestOptions: what is optional is there when it is asked for, and the policies and the namespace when they are not
// declined.
func TestOptions(t *testing.T) {
	c := written(t, "--plaintext", "--image", "r/sluice:1")
	plain, err := rendered(t, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	enabled := map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}}
	all, err := rendered(t, c, map[string]any{"serviceMonitor": enabled, "alerts": enabled, "dashboard": enabled})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(plain)+3 {
		t.Errorf("%v", slices.Sorted(maps.Keys(all)))
	}
	rule, _ := yaml.Marshal(all["PrometheusRule sluice"])
	board, _ := yaml.Marshal(all["ConfigMap sluice-dashboard"])
	for text, want := range map[string]string{string(rule): "{{ $labels.node }}", string(board): `sluice_connected`} {
		if !strings.Contains(text, want) || !strings.Contains(text, "release: prometheus") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	var groups map[string]any
	if err := yaml.Unmarshal([]byte(sluice(t, "install", "--alerts")), &groups); err != nil {
		t.Fatal(err)
	}
	if o, _ := all["PrometheusRule sluice"].(map[string]any); !reflect.DeepEqual(o["spec"], any(groups)) {
		t.Errorf("the rules are not those that install --alerts prints:\n%s", rule)
	}
	off := map[string]any{"enabled": false}
	less, err := rendered(t, c, map[string]any{"networkPolicy": off, "createNamespace": false})
	if err != nil {
		t.Fatal(err)
	}
	if d := len(plain) - len(less); d != 3 || less["NetworkPolicy sluice"] != nil || less["Namespace sluice"] != nil {
		t.Errorf("%v", slices.Sorted(maps.Keys(less)))
	}
}

// TestSchema: values that sluice install refuses are refused by Helm, before anything is rendered.
func TestSchema(t *testing.T) {
	c := written(t, "--plaintext")
	if _, err := rendered(t, c, nil); err == nil {
		t.Error("no image, and no error")
	}
	for _, bad := range []string{
		"image: 'r/sluice:1\n  evil: true'", "namespace: Not-A-Name", "size: -1Gi", "keep: forever", "peer: {port: 0}",
		"server: 'http://x'", "metricsFrom: {labels: [{key: a}]}", "imagePullSecrets: x", "tlsSecret: 'a b'", "cilium: maybe",
	} {
		given := map[string]any{"image": "r/sluice:1"}
		var more map[string]any
		if err := yaml.Unmarshal([]byte(bad), &more); err != nil {
			t.Fatal(err)
		}
		maps.Copy(given, more)
		_, err := rendered(t, c, given)
		if err == nil || !strings.Contains(err.Error(), "schema") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
