package kubernetes

import (
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// FuzzPlain: what is read fast of ports and peers is what the reader of all of them makes of it, and nothing is to be
// told of it.
func FuzzPlain(f *testing.F) {
	for _, text := range []string{
		"{protocol: TCP, port: 80}", "{port: 80, protocol: UDP}", "{protocol: SCTP, port: 65535}", "{protocol: TCP, port: 65536}",
		"{protocol: TCP, port: 0}", "{protocol: TCP, port: 080}", "{protocol: TCP, port: 0x50}", "{protocol: TCP, port: -1}",
		"{protocol: TCP, port: http}", "{protocol: TCP, port: '80'}", "{protocol: tcp, port: 80}", "{port: 80}", "{protocol: TCP}",
		"{protocol: TCP, port: 80, endPort: 90}", "{protocol: TCP, port: 80, port: 81}", "{protocol: TCP, port: !!int '80'}",
		"{protocol: TCP, port: 8_0}", "{protocol: , port: 80}", "{protocol: 'TCP', \"port\": 80}", "{protocol: TCP, port: !!int {a: b}}",
		"{podSelector: {}}", "{podSelector: , namespaceSelector: {}}", "{ipBlock: {cidr: 10.0.0.0/8}}", "{a: b}", "{}", "[]", "a",
		"{podSelector: {}, podSelector: {}}", "{podSelector: &x {}, namespaceSelector: *x}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kinds := render.Kinds{{APIVersion: "v1", Kind: "X"}: func(outer *render.Reader, object *yaml.Node) []policy.Policy {
			of, r := render.Field(object, "of"), reader{outer, nil}
			if fast, ok := plainPort(of); ok {
				if slow := r.anyPort(of, "x"); fast != slow || r.Invalid() {
					t.Errorf("%q is the port %v, not %v", text, slow, fast)
				}
			}
			if _, ok := render.Pick(of, "namespaceSelector", "podSelector", "ipBlock"); ok {
				a, b, c, _ := r.peerFields(of, "x")
				x, y, z, ok := r.anyPeerFields(of, "x")
				if a != x || b != y || c != z || !ok || r.Invalid() {
					t.Errorf("%q is read otherwise as a peer", text)
				}
			}
			return nil
		}}
		render.ParseText([]byte("apiVersion: v1\nkind: X\nof: "+text+"\n"), "x.yaml", kinds)
	})
}

// TestPlain: what most ports and peers look like is read fast.
func TestPlain(t *testing.T) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte("{protocol: UDP, port: 53}"), &root); err != nil {
		t.Fatal(err)
	}
	if p, ok := plainPort(root.Content[0]); !ok || p != (policy.Port{Proto: model.UDP, First: 53, Last: 53}) {
		t.Errorf("%v, %v", p, ok)
	}
}
