package bundle_test

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// TestExpect: what bundle.json says of a bundle gives the verdicts that it was written with.
func TestExpect(t *testing.T) {
	for name, cfg := range map[string]synth.Config{
		"plain":    {All: true},
		"denied":   {All: true, LearnDenied: true},
		"widened":  {All: true, Widen: []string{synth.WidenCIDR}, AllowWaste: 4},
		"anywhere": {Namespaces: []string{"shop"}, Widen: []string{synth.WidenAnywhere}},
		"ports":    {All: true, Widen: []string{synth.WidenRanges, synth.WidenDNS}},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		lines := []string{flows, "shop/web -> shop/db 6000/tcp\nshop/web -> shop/db 6001/tcp\nshop/web -> shop/db 6003/tcp\nshop/web -> 192.0.2.10 443/tcp"}
		want := write(t, dir, cfg, lines...)
		m, err := bundle.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		set, _, err := bundle.Policies(dir, bundle.Enforced, kubernetes.Dialect{}.Kinds())
		if err != nil {
			t.Fatal(err)
		}
		judge := verify.Config{Semantics: eval.Cilium, Networks: map[string][]netip.Prefix{}}
		g := graphtest.Graph(t, lines...)
		bundle.Expect(g, m, &judge)
		got, err := verify.Verify(t.Context(), g, set, judge)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -when written +as read\n%s", name, d)
		}
	}
}
