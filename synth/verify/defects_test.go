package verify_test

import (
	"strings"
	"testing"

	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// TestDefects: what a known defect of the plugin makes it say is told and not counted, and the defects stand beside.
func TestDefects(t *testing.T) {
	const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, ports: [{name: sql, containerPort: 1}]}]}}
`
	for _, c := range []struct {
		port      string
		cni       eval.Semantics
		disputed  int
		doubtful  int
		mentioned string
	}{
		{"sql", eval.Calico, 0, 1, "calico#13174"},
		{"1", eval.Calico, 1, 0, "calico#13410"},
		{"sql", eval.Cilium, 1, 0, "cilium#14692"},
	} {
		rule := `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: ` + c.port + `}]}]}`
		set, _ := render.Parse(strings.NewReader(web+"---\n"+np("db", rule)), "f", kubernetes.Dialect{}.Kinds())
		g := graphtest.Graph(t, "shop/web -> shop/db 1/tcp")
		heard := make([]verify.Heard, len(g.Connections))
		for i := range heard {
			heard[i] = verify.Heard{Passed: 2, WouldDeny: 2}
		}
		s, err := verify.Staged(t.Context(), g, set, verify.Config{Semantics: c.cni}, heard)
		if err != nil {
			t.Fatal(err)
		}
		var sources []string
		for _, d := range s.Defects {
			sources = append(sources, d.Source)
		}
		if len(s.Disputed) != c.disputed || len(s.Doubtful) != c.doubtful ||
			!strings.Contains(strings.Join(sources, " "), c.mentioned) {
			t.Errorf("port %s to %s: %d disputed, %d doubtful, defects %v", c.port, c.cni, len(s.Disputed), len(s.Doubtful), sources)
		}
	}
}

// TestDefectsOfVersions: where servers told their versions, only the defects of these are told.
func TestDefectsOfVersions(t *testing.T) {
	for _, c := range []struct {
		cni      eval.Semantics
		versions string
		want     string
	}{
		{eval.Cilium, "", "14692 11464 45373 46305 30003"},
		{eval.Cilium, "v1.9.6", "14692 45373 30003"},
		{eval.Cilium, "1.19.1+g0a1b2c3", "11464 45373 46305 30003"},
		{eval.Cilium, "v1.20.2", ""},
		{eval.Cilium, "v1.20.0-rc.1", ""},
		{eval.Cilium, "v1.19.4 v1.20.2", "11464 45373 46305 30003"},
		{eval.Cilium, "v1.20.2 main", "14692 11464 45373 46305 30003"},
		{eval.Calico, "v3.31.0", "13174 13410 13185"},
		{eval.Calico, "v3.32.2", "13410 13185"},
		{eval.Calico, "v3.33.0", ""},
	} {
		var got []string
		for _, d := range verify.DefectsOf(c.cni, strings.Fields(c.versions)) {
			got = append(got, d.Source[strings.IndexByte(d.Source, '#')+1:])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %q: %v, want %s", c.cni, c.versions, got, c.want)
		}
	}
}
