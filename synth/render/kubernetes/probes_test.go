package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// TestProbes: what the kubelet asks over the network, by number or by the name of a port of the same container.
func TestProbes(t *testing.T) {
	for _, c := range []struct{ name, spec, want string }{
		{"numbers", "containers: [{readinessProbe: {httpGet: {port: 8080}}, livenessProbe: {tcpSocket: {port: '5432'}}, startupProbe: {grpc: {port: 50051}}}]",
			"liveness probe (tcp 5432/tcp), readiness probe (http 8080/tcp), startup probe (grpc 50051/tcp)"},
		{"named", "containers: [{ports: [{name: dns, containerPort: 53, protocol: UDP}, {name: web, containerPort: 80}], readinessProbe: {httpGet: {port: web}}, livenessProbe: {tcpSocket: {port: dns}}}]",
			"readiness probe (http 80/tcp)"},
		{"a name of another container", "containers: [{ports: [{name: web, containerPort: 80}]}, {readinessProbe: {httpGet: {port: web}}}]", ""},
		{"twice", "containers: [{readinessProbe: {httpGet: {port: 80}}}, {readinessProbe: {httpGet: {port: 80}}}]",
			"readiness probe (http 80/tcp)"},
		{"a command", "containers: [{readinessProbe: {exec: {command: [x]}}}]", ""},
		{"another host", "containers: [{readinessProbe: {httpGet: {host: example.org, port: 80}}}]", ""},
		{"a sidecar", "initContainers: [{restartPolicy: Always, startupProbe: {httpGet: {port: 15021}}}]", "startup probe (http 15021/tcp)"},
		{"hooks", "containers: [{lifecycle: {preStop: {httpGet: {port: 9000}}, postStart: {exec: {command: [x]}}}}]", "preStop hook (http 9000/tcp)"},
		{"no port", "containers: [{readinessProbe: {httpGet: {path: /}}, livenessProbe: {httpGet: {port: 70000}}, startupProbe: none}]", ""},
	} {
		text := "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: p}}\nspec: {" + c.spec + "}\n"
		set, _ := render.Parse(strings.NewReader(text), "f", kubernetes.Dialect{}.Kinds())
		if len(set.Manifests.Workloads) != 1 {
			t.Fatalf("%s: %+v", c.name, set.Manifests)
		}
		var got []string
		for _, p := range set.Manifests.Workloads[0].Probes {
			got = append(got, p.String())
		}
		if d := cmp.Diff(c.want, strings.Join(got, ", ")); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}
