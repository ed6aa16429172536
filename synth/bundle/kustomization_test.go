package bundle

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"sluice/synth/render"
)

// TestKustomizationOf: what a bundle writes is read as the parser of YAML reads it; all else is left to that parser.
func TestKustomizationOf(t *testing.T) {
	for _, c := range []struct {
		names []string
		plain bool
	}{
		{[]string{"default-deny.yaml"}, true},
		{[]string{"shop", "n7", "../../allow/shop", "../extra"}, true},
		{[]string{"app.yaml", "sluice-open-app-egress.yaml", "y.yaml", "null.yaml"}, true},
		{[]string{"true"}, false}, {[]string{"shop", "y"}, false}, {[]string{"1e3"}, false}, {[]string{"_cluster"}, false},
		{[]string{"a.b.yaml"}, false}, {nil, false},
	} {
		text, err := render.Marshal(newKustomization(c.names...))
		if err != nil {
			t.Fatal(err)
		}
		var want Kustomization
		if err := yaml.UnmarshalStrict(text, &want); err != nil {
			t.Fatal(err)
		}
		got, ok := kustomizationOf(text)
		if ok != c.plain {
			t.Errorf("%v: plain %v\n%s", c.names, ok, text)
		}
		if d := cmp.Diff(want, got); ok && d != "" {
			t.Errorf("%v: -want +got\n%s", c.names, d)
		}
	}
	for _, text := range []string{"", kustomizationHead, kustomizationHead + kustomizationTail + "namePrefix: x\n",
		kustomizationHead + "- a\nnamespace: other\n" + kustomizationTail, kustomizationHead + "-  a\n" + kustomizationTail,
		kustomizationHead + "- a # no\n" + kustomizationTail, kustomizationHead + "- https://x/y\n" + kustomizationTail} {
		if _, ok := kustomizationOf([]byte(text)); ok {
			t.Errorf("taken as written by a bundle:\n%s", text)
		}
	}
}
