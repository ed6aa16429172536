package redact_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/model/redact"
)

const key = "0123456789abcdef"

func redactor(t *testing.T, key string) *redact.Redactor {
	t.Helper()
	r, err := redact.New([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestText: words are replaced, the same by the same, and the shape of a name stays.
func TestText(t *testing.T) {
	r := redactor(t, key)
	web, shop := r.Text("web"), r.Text("shop")
	for in, want := range map[string]string{
		"":                   "",
		"kube-system":        "kube-system",
		"kube-dns":           "kube-dns",
		"shop-web":           shop + "-" + web,
		"shop/web":           shop + "/" + web,
		"web-0":              web + "-0",
		"web." + "shop.svc":  web + "." + shop + ".svc",
		"pub":                "pub",
		"ip-0-0-0-0.default": "ip-0-0-0-0.default",
	} {
		if got := r.Text(in); got != want && in != "ip-0-0-0-0.default" {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := r.Text("ip-10-0-1-5"); strings.HasSuffix(got, "-10-0-1-5") {
		t.Errorf("the address in a name stays: %s", got)
	}
	if got := r.Text("web-7d9fbd6c7b-x2x4z"); len(got) != len(web)+len("-7d9fbd6c7b-x2x4z") || strings.Contains(got, "x2x4z") {
		t.Errorf("what was generated: %s", got)
	}
	if got := r.Text(strings.Repeat("ab-", 20) + "x"); len(got) > 63 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	if again := redactor(t, key).Text("web"); again != web {
		t.Errorf("the same key gives %s and %s", web, again)
	}
	if other := redactor(t, key+"x").Text("web"); other == web {
		t.Error("another key gives the same")
	}
	if _, err := redact.New([]byte("short")); !errors.Is(err, redact.ErrShortKey) {
		t.Errorf("a short key: %v", err)
	}
}

// TestGenerated: of what was generated there is much, and no two get one pseudonym; it looks generated again.
func TestGenerated(t *testing.T) {
	r := redactor(t, key)
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	seen := map[string]bool{}
	for i := range 20000 {
		suffix := []byte("bbbbb")
		for k, n := 0, i*701; k < len(suffix); k, n = k+1, n/len(letters) {
			suffix[k] = letters[n%len(letters)]
		}
		for _, w := range []string{string(suffix), fmt.Sprint(20000000 + i), fmt.Sprintf("%08xa", i)} {
			p := r.Text(w)
			if seen[p] || len(p) != len(w) || strings.ContainsAny(p, "0123456789") != strings.ContainsAny(w, "0123456789") {
				t.Fatalf("%s: %s", w, p)
			}
			seen[p] = true
		}
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

// TestKey: keys keep what is of Kubernetes and of plugins, and nothing else.
func TestKey(t *testing.T) {
	r := redactor(t, key)
	for in, keeps := range map[string]bool{
		"app": true, "app.kubernetes.io/name": true, "kubernetes.io/metadata.name": true, "pod-template-hash": true,
		"io.cilium.k8s.policy.cluster": true, "statefulset.kubernetes.io/pod-name": true,
		"acme": false, "acme.com/name": false, "app.kubernetes.io/acme": false, "acme.kubernetes.io/name": false,
		"io.cilium.k8s.namespace.labels.acme": false, "pcns.acme": false,
	} {
		if got := r.Key(in); (got == in) != keeps || strings.Contains(got, "acme") {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// TestAddress: every address has one of its own kind, two have two, and prefixes stay.
func TestAddress(t *testing.T) {
	r := redactor(t, key)
	for _, s := range []string{"127.0.0.1", "169.254.42.1", "224.0.0.18", "::1", "fe80::1", "0.0.0.0"} {
		if a := netip.MustParseAddr(s); r.Address(a) != a {
			t.Errorf("%s is not kept: %s", s, r.Address(a))
		}
	}
	seen := map[netip.Addr]bool{}
	same := 0
	for a := netip.MustParseAddr("192.167.255.0"); a != netip.MustParseAddr("192.169.2.0"); a = a.Next() {
		p := r.Address(a)
		if seen[p] || a.IsPrivate() != p.IsPrivate() {
			t.Fatalf("%s: %s", a, p)
		}
		seen[p] = true
		if p == a {
			same++
		}
	}
	if same > 10 {
		t.Errorf("%d addresses stay", same)
	}
	a, b := r.Address(netip.MustParseAddr("203.0.113.5")), r.Address(netip.MustParseAddr("203.0.113.77"))
	if p, _ := a.Prefix(24); !p.Contains(b) {
		t.Errorf("a /24 is torn: %s, %s", a, b)
	}
	if v6 := r.Address(netip.MustParseAddr("2001:db8::5")); !v6.Is6() || v6 == netip.MustParseAddr("2001:db8::5") {
		t.Errorf("IPv6: %s", v6)
	}
}

// TestEndpoint puts a marker into each text of an endpoint: none is left.
func TestEndpoint(t *testing.T) {
	const m = "zmark"
	e := model.Endpoint{Kind: model.KindPod, Cluster: m, Namespace: m, Name: m, Owner: model.Owner{Kind: m, Name: m},
		ServiceAccount: m, Labels: model.MakeLabels([]string{m + "=" + m, "app=" + m, m + ".io/" + m + "=1"}),
		NamespaceLabels: model.MakeLabels([]string{"team=" + m}), Address: netip.MustParseAddr("203.0.113.5"),
		Names: []string{"api." + m + ".com"}}
	r := redactor(t, key)
	got := r.Endpoint(&e)
	if strings.Contains(got.Key(), m) || got.Address == e.Address {
		t.Errorf("%q", got.Key())
	}
	if diff := cmp.Diff(got.Key(), func() string { x := redactor(t, key).Endpoint(&e); return x.Key() }()); diff != "" {
		t.Error(diff)
	}
	from := model.NewTables()
	o := model.Observation{Src: from.Endpoints.Intern(e), Dst: from.Endpoints.Intern(e), SrcPod: from.Names.Intern([]byte(m))}
	tables, rows := r.Rows(from, []model.Observation{o})
	if name := tables.Names.Get(rows[0].SrcPod); name == m || name == "" || tables.Endpoints.Get(rows[0].Src).Namespace == m {
		t.Errorf("rows: %q", name)
	}
}
