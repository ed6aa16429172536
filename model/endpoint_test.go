package model

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// TestEndpointsOfOneHash: what has the same hash is told apart by its key, and found again.
func TestEndpointsOfOneHash(t *testing.T) {
	table := NewEndpoints()
	for range 2 {
		for i := range 3 {
			e := Endpoint{Kind: KindPod, Namespace: "a", Name: strconv.Itoa(i)}
			if id := table.intern(&e, 1, 1); id != EndpointID(i) || table.Key(id) != e.Key() {
				t.Errorf("%s has the id %d", e.Name, id)
			}
		}
	}
	if table.Len() != 3 {
		t.Errorf("the table has %d endpoints", table.Len())
	}
}

// TestCompareIsTheOrderOfKeys: of ends that differ in a little, in whatever texts.
func TestCompareIsTheOrderOfKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func() string { return []string{"", "a", "a", "a\x00", "a\x00b", "a\x01", "ab", "b"}[r.IntN(8)] }
	list := func() (out []string) {
		for range r.IntN(3) {
			out = append(out, text())
		}
		return out
	}
	some := func() *Endpoint {
		e := &Endpoint{Kind: Kind(1 + r.IntN(3)), Namespace: text(), Owner: Owner{text(), text()}, Name: text(), Labels: list()}
		if r.IntN(2) == 0 {
			e.Cluster, e.Names, e.Marks, e.Entities = text(), list(), Marks(r.IntN(3)), Entities(r.IntN(3))
			e.Address = netip.AddrFrom4([4]byte{0, byte(r.IntN(2)), 0, byte(r.IntN(2))})
		}
		return e
	}
	for range 20000 {
		a, b := some(), some()
		if r.IntN(2) == 0 {
			b.Kind, b.Namespace, b.Owner, b.Name = a.Kind, a.Namespace, a.Owner, a.Name
		}
		if got, want := a.Compare(b), strings.Compare(a.Key(), b.Key()); got != want {
			t.Fatalf("%+v and %+v: %d, their keys %d", a, b, got, want)
		}
	}
}

// TestMakeLabels: in whatever order labels come, each key is there once, with its smallest value, in the order of keys.
func TestMakeLabels(t *testing.T) {
	for in, want := range map[string]string{
		"":                "",
		"a=1":             "a=1",
		"a=1 b=2 c":       "a=1 b=2 c",
		"b=2 a=1":         "a=1 b=2",
		"a=1 b=3 b=2 c=0": "a=1 b=2 c=0",
		"a=2 b=1 a=1":     "a=1 b=1",
		"a.b=1 a=2":       "a=2 a.b=1",
		"a a=1":           "a",
	} {
		given := strings.Fields(in)
		if got := strings.Join(MakeLabels(given), " "); got != want || strings.Join(given, " ") != in {
			t.Errorf("%s: %s, not %s; given back as %s", in, got, want, given)
		}
	}
}
