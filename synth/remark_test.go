package synth

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOwners(t *testing.T) {
	for _, c := range []struct{ names, want []string }{
		{[]string{"a.example.com", "b.example.com"}, []string{"example.com"}},
		{[]string{"example.com", "evil.net"}, []string{"evil.net", "example.com"}},
		{[]string{"a.co.uk", "b.co.uk"}, []string{"a.co.uk", "b.co.uk"}},
		{[]string{"one.github.io", "two.github.io"}, []string{"one.github.io", "two.github.io"}},
		{[]string{"co.uk", "db.internal"}, []string{"co.uk", "db.internal"}},
		{nil, nil},
	} {
		if d := cmp.Diff(c.want, ownersOf(c.names)); d != "" {
			t.Errorf("%v: (-want +got)\n%s", c.names, d)
		}
	}
}
