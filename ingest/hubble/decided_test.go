package hubble

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"sluice/ingest"
	"sluice/model"
)

type named []string

func (n *named) Flow(f *model.Flow) {
	*n = strings.Split(strings.TrimSuffix(string(f.Policies), "\x00"), "\x00")
	slices.Sort(*n)
}
func (n *named) Reject(ingest.Rejection) { *n = named{"rejected"} }

// TestDeciders: the policies that decided are read from both forms alike, by the kind that the record or their labels
// say; what has another form than flow.proto's says nothing and costs nothing.
func TestDeciders(t *testing.T) {
	from := func(kind string) []string {
		return []string{"k8s:x=y", "k8s:io.cilium.k8s.policy.derived-from=" + kind}
	}
	lists := &flowpb.Flow{
		EgressAllowedBy: []*flowpb.Policy{{Name: "web", Namespace: "shop", Kind: "CiliumNetworkPolicy"},
			{Name: "floor", Kind: "CiliumClusterwideNetworkPolicy", Revision: 3}},
		IngressAllowedBy: []*flowpb.Policy{{Name: "db", Namespace: "shop", Labels: from("NetworkPolicy")}},
		EgressDeniedBy:   []*flowpb.Policy{{Name: "old", Namespace: "shop"}, {Namespace: "shop"}},
		IngressDeniedBy:  []*flowpb.Policy{{Name: "other", Namespace: "shop", Labels: from("CiliumNetworkPolicy"), Kind: "ClusterNetworkPolicy"}},
	}
	want := []string{"ClusterNetworkPolicy shop/other", "cilium.io/v2 CiliumClusterwideNetworkPolicy /floor",
		"cilium.io/v2 CiliumNetworkPolicy shop/web", "networking.k8s.io/v1 NetworkPolicy shop/db", "policy shop/old"}
	inJSON, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	camel, err := protojson.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	var got named
	d := New(model.NewTables(), &got)
	for _, text := range [][]byte{inJSON, camel, inJSON} {
		list := strings.TrimSuffix(strings.TrimPrefix(string(text), "{"), "}")
		d.Record("-", 1, []byte(strings.Replace(full, `"Summary"`, list+`,"Summary"`, 1)))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, odd := range []string{`null`, `{}`, `"web"`, `[1]`, `[{"name":1}]`, `[{}]`, `[{"name":"a\u0000b"}]`,
		`[{"name":"c","namespace":"a/b"}]`, `[{"name":"b","namespace":"a","kind":"X y/z"}]`, `7`} {
		d.Record("-", 1, []byte(strings.Replace(full, `"Summary"`, `"egress_allowed_by":`+odd+`,"Summary"`, 1)))
		if !slices.Equal(got, named{""}) {
			t.Errorf("%s: %q, want none", odd, got)
		}
	}
	b, err := proto.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWire(model.NewTables())
	for range 2 {
		if err := w.Decode(b); err != nil {
			t.Fatal(err)
		}
		if got.Flow(&w.Flow); !slices.Equal(got, want) {
			t.Errorf("on the wire %q, want %q", got, want)
		}
	}
}

// TestDecidersBound: what policies say is remembered by the bytes, too.
func TestDecidersBound(t *testing.T) {
	var d deciders
	for n := range 200 {
		name := fmt.Sprint("p", n)
		raw := fmt.Appendf(nil, `{"name":%q,"namespace":"a","x":%q}`, name, strings.Repeat("x", 1<<20))
		if got, want := d.policy(raw), "policy a/"+name+"\x00"; got != want {
			t.Fatalf("%.100q, want %q", got, want)
		}
		size := 0
		for raw, text := range d.known {
			size += len(raw) + len(text)
		}
		if size > maxDecidersSize {
			t.Fatalf("%d bytes are remembered", size)
		}
	}
}

// TestRevisions: policies that differ by revisions alone are one, however they are written; what merely looks like a
// revision tells policies apart.
func TestRevisions(t *testing.T) {
	var d deciders
	for _, raw := range []string{
		`{"name":"web","revision":"1","labels":["revision"]}`, `{"name":"web","revision":"998","labels":["revision"]}`,
		`{"name":"web","revision":"","labels":["revision"]}`, `{"name":"web","revision" : 5 ,"labels":["revision"]}`,
	} {
		got := d.policy([]byte(raw))
		if delete(d.known, `{"name":"web","revision","labels":["revision"]}`); got != "policy /web\x00" || len(d.known) > 0 {
			t.Errorf("%s: %q, known as %q", raw, got, d.known)
		}
	}
	for _, raw := range []string{
		`{"name":"revision"}`, `{"name":"revision","namespace":"1"}`, `{"name":"revision","namespace":"2"}`,
		`{"name":"a\"revision\":1"}`, `{"name":"a\"revision\":2"}`, `{"name":"a\\","revision":"1","kind":"2"}`,
		`{"name":"a\"revision","kind":"1"}`, `{"name":"a\"revision","kind":"2"}`, `{"revision":"1x","name":"2"}`,
		`{"revision":"x1","name":"3"}`, `{"revision":{"name":"4"},"name":"5"}`, `{"re\u0076ision":"1","name":"6"}`,
		`{"revision":"1","name":"1"}`, `{"name":"1","x":"revision"}`, `{"revision":"1","x":"1","name":"7"}`,
	} {
		for range 2 {
			if got, want := d.policy([]byte(raw)), policyText([]byte(raw)); got != want || want == "" {
				t.Errorf("%s: %q, want %q", raw, got, want)
			}
		}
	}
}
