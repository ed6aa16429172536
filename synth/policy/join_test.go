package policy

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestJoin: of two objects with one name the later one stays, at its own place, also within what is joined.
func TestJoin(t *testing.T) {
	services := func(texts ...string) (out []Service) {
		for _, s := range texts {
			out = append(out, Service{Namespace: s[:1], Name: s[1:2], External: s[2:] == "!"})
		}
		return out
	}
	for _, c := range []struct{ list, more, want []string }{
		{nil, []string{"ax", "ay"}, []string{"ax", "ay"}},
		{[]string{"ax", "ay"}, nil, []string{"ax", "ay"}},
		{[]string{"ax", "ay", "bx"}, []string{"ax!", "az"}, []string{"ay", "bx", "ax!", "az"}},
		{[]string{"ax", "ay"}, []string{"az", "ay", "ax", "az!"}, []string{"ay", "ax", "az!"}},
	} {
		m := Manifests{Services: services(c.list...)}
		m.Join(Manifests{Services: services(c.more...)})
		if diff := cmp.Diff(services(c.want...), m.Services); diff != "" {
			t.Errorf("%v and %v: %s", c.list, c.more, diff)
		}
	}
}

// TestRenewMany: what replaces others asks each for its name a few times, however many there are: a cluster has tens of
// thousands.
func TestRenewMany(t *testing.T) {
	const n = 10_000
	asked := 0
	name := func(i *int) [3]string { asked++; return [3]string{strconv.Itoa(*i)} }
	var list, more []int
	for i := range n {
		list, more = append(list, i), append(more, i+n/2)
	}
	if got := renew(list, more, name); len(got) != n+n/2 || asked > 5*n {
		t.Errorf("%d objects, asked %d times", len(got), asked)
	}
}
