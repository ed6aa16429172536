package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNumbersOnDisk pins what stores hold as numbers: a name that moves would give old rows another meaning.
func TestNumbersOnDisk(t *testing.T) {
	list := func(n int, name func(int) string) string {
		var names []string
		for i := range n {
			names = append(names, name(i))
		}
		return strings.Join(names, " ")
	}
	for _, c := range []struct{ kind, got, want string }{
		{"verdict", list(int(Translated)+1, func(i int) string { return Verdict(i).String() }),
			"unknown forwarded dropped error audit redirected traced translated"},
		{"observer", list(int(Elsewhere)+1, func(i int) string { return Observer(i).String() }),
			"destination to-proxy to-network to-overlay to-stack source policy-verdict drop l7 elsewhere"},
		{"fate", list(NumFates, func(i int) string { return Fate(i).String() }),
			"malformed used reply duplicate denied irrelevant refused undecided"},
		{"reason", list(NumReasons, func(i int) string { return Reason(i).String() }),
			" not-a-flow socket-event debug-event icmp-error neighbor-discovery health own-node self related" +
				" non-policy-drop auth-required verdict-other service-address transit ghost node-to-node tunnel-outer" +
				" field-masked empty-endpoint unknown-identity unlabelled undecided no-port bad-time no-address aggregated" +
				" unknown-verdict bad-json bad-value too-long truncated not-a-flow-log"},
		{"mark", list(16, func(i int) string { return Marks(1 << i).String() }),
			"syn world-pod host-network unmanaged   l7-denied staged-deny profile-only     policy-log aggregate "},
	} {
		if !strings.HasPrefix(c.got, c.want) {
			t.Errorf("%s: the numbers have moved: %s", c.kind, cmp.Diff(c.want, c.got))
		}
	}
}

func TestObservers(t *testing.T) {
	var s Observers
	if s.Names() == nil || s.String() != "" {
		t.Errorf("the empty set is %q", s.Names())
	}
	s.Add(AtL7)
	s.Add(ToStack)
	if !s.Has(AtL7) || s.Has(AtDrop) || s.String() != "to-stack,l7" {
		t.Errorf("the set is %q", s)
	}
}

// TestCounts: what a store keeps as text comes back, whatever else stands beside it.
func TestCounts(t *testing.T) {
	var c Counts
	c[Used][ReasonNone], c[Refused][BadTime], c[Refused][NoPort] = 3, 2, 1
	texts := c.Texts()
	if d := cmp.Diff(map[string]int64{"used": 3, "refused/bad-time": 2, "refused/no-port": 1}, texts); d != "" {
		t.Error(d)
	}
	texts["refused/of-a-later-version"] = 9
	if CountsOf(texts) != c {
		t.Error("the counts do not come back")
	}
	if c.Total() != 6 || c.Fate(Refused) != 3 {
		t.Errorf("%d in all, %d refused", c.Total(), c.Fate(Refused))
	}
	var reasons []string
	for r, n := range c.Reasons(Refused) {
		reasons = append(reasons, strings.Repeat(r.String()+" ", int(n)))
	}
	if !slices.Equal(reasons, []string{"no-port ", "bad-time bad-time "}) {
		t.Errorf("reasons %q", reasons)
	}
	sum := c
	if sum.Add(&c); sum.Total() != 12 {
		t.Errorf("twice is %d", sum.Total())
	}
}

func TestStamps(t *testing.T) {
	for at, want := range map[Micros][2]string{0: {"", ""}, 1: {"1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00Z"},
		1e6: {"1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z"}} {
		if got := [2]string{Stamp(at), StampSecond(at)}; got != want {
			t.Errorf("%d: %q", at, got)
		}
	}
}
