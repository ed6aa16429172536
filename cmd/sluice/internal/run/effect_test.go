package run

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/synth/decision"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

// learned learns a bundle in dir from the capture that ships with sluice, with decisions.
func learned(t *testing.T, dir, dialect string, list []decision.Decision) (*Log, *Policies) {
	t.Helper()
	cfg := &Config{}
	for _, d := range list {
		cfg.Decisions = append(cfg.Decisions, decisionConfig{Source: d.Source, Destination: d.Destination, Port: d.Port,
			Verdict: d.Verdict.String(), Reason: d.Reason})
	}
	l, err := Open(t.Context(), Sources{Args: []string{"../../../../testdata/flows/online-boutique.jsonl.gz"}, Workers: 2}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	learn := LearnConfig{Out: dir, Given: Given{MinWatch: true}}
	learn.Namespaces = []string{"default"}
	if learn.Dialect, err = all.Named(dialect); err != nil {
		t.Fatal(err)
	}
	if _, err := Learn(t.Context(), l, learn); err != nil {
		t.Fatal(err)
	}
	p, err := OpenPolicies(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l, p
}

// denied lists the edges that worked and that policies deny, whatever anybody decided.
func denied(t *testing.T, l *Log, p *Policies) []string {
	t.Helper()
	judge, err := l.judging(&Policies{Set: p.Set}, VerifyConfig{CNI: p.Bundle.Verification.Semantics, Namespaces: []string{"default"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify.Verify(t.Context(), l.Graph, p.Set, judge)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range r.Cases {
		if c.Verdict == verify.Lost {
			out = append(out, fmt.Sprintf("%s -> %s %s", c.Src, c.Dst, c.Port))
		}
	}
	slices.Sort(out)
	return out
}

// TestEffectAgrees: what trying a decision says would be denied is what the policies deny that are learned with it, in
// every dialect, for every edge and for some together.
func TestEffectAgrees(t *testing.T) {
	for _, dialect := range all.Names() {
		l, p := learned(t, filepath.Join(t.TempDir(), "bundle"), dialect, nil)
		d, err := Decide(t.Context(), l, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := Verify(t.Context(), l, p, VerifyConfig{CNI: p.Bundle.Verification.Semantics})
		if err != nil {
			t.Fatal(err)
		}
		var counts verify.Counts
		for _, v := range d.before.Verdicts {
			counts[v]++
		}
		if counts != whole.Connections {
			t.Errorf("%s: the quick replay has %v, the whole one %v", dialect, counts, whole.Connections)
		}
		var each [][]decision.Decision
		var together []decision.Decision
		for i, e := range p.Bundle.Edges {
			x := decision.Decision{Source: e.Source, Destination: e.Destination, Port: e.Port, Verdict: decision.Reject, Reason: "r"}
			if dialect == all.Names()[0] || i%8 == 0 {
				each = append(each, []decision.Decision{x})
			}
			if i%3 == 0 {
				together = append(together, x)
			}
		}
		for _, list := range append(each, together, []decision.Decision{{Source: "default/frontend", Destination: "*", Port: "*", Verdict: decision.Ignore, Reason: "r"}}) {
			e, err := d.Try(t.Context(), list, nil)
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, x := range e.Lost {
				said = append(said, fmt.Sprintf("%s -> %s %s", x.Source, x.Destination, x.Port))
			}
			slices.Sort(said)
			again, after := learned(t, filepath.Join(t.TempDir(), "bundle"), dialect, list)
			if is := denied(t, again, after); !slices.Equal(said, is) || len(e.Beside) > 0 {
				t.Errorf("%s, %s: tried: %q beside %v\nlearned: %q", dialect, &list[0], said, e.Beside, is)
			}
		}
	}
}

// TestEffectOpens: what was denied and is accepted, or was never seen and is widened, is told as opened; what cannot be
// tried is said.
func TestEffectOpens(t *testing.T) {
	l, p := learned(t, filepath.Join(t.TempDir(), "bundle"), "kubernetes", nil)
	d, err := Decide(t.Context(), l, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		decision.Decision
		opened int
		note   string
	}{
		{decision.Decision{Source: "sandbox/debug", Destination: "default/redis-cart", Port: "6379/tcp", Verdict: decision.Accept}, 1, ""},
		{decision.Decision{Source: "default/frontend", Destination: "default/adservice", Port: "9555/tcp", Verdict: decision.Accept}, 0, ""},
		{decision.Decision{Source: "default/adservice", Destination: "default/redis-cart", Port: "6379/tcp", Verdict: decision.Widen}, 0, "opens 1 connection that was never seen"},
		{decision.Decision{Source: "sandbox/debug", Destination: "default/redis-cart", Port: "6370-6380/tcp", Verdict: decision.Widen}, 1, "opens 10 connections that were never seen"},
		{decision.Decision{Source: "default/adservice", Destination: "default/nobody", Port: "6379/tcp", Verdict: decision.Widen}, 0, "one of the ends was never seen"},
	} {
		c.Reason = "r"
		e, err := d.Try(t.Context(), []decision.Decision{c.Decision}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Opened) != c.opened || len(e.Lost) != 0 || !strings.Contains(strings.Join(e.Notes, "\n"), c.note) {
			t.Errorf("%s: opened %v, lost %v, notes %q", &c.Decision, e.Opened, e.Lost, e.Notes)
		}
	}
}

// TestEffectOfTakingBack: taking a decision out of the configuration does what learning without it does: a rejected edge
// that worked is allowed again, an accepted one that never worked loses its rule, and the next decision that names the
// edge counts for it.
func TestEffectOfTakingBack(t *testing.T) {
	reject := decision.Decision{Source: "default/frontend", Destination: "default/adservice", Port: "9555/tcp", Verdict: decision.Reject, Reason: "r"}
	accept := decision.Decision{Source: "sandbox/debug", Destination: "default/redis-cart", Port: "6379/tcp", Verdict: decision.Accept, Reason: "r"}
	all := decision.Decision{Source: "default/frontend", Destination: "*", Port: "9555/tcp", Verdict: decision.Ignore, Reason: "r"}
	for _, c := range []struct {
		standing                  []decision.Decision
		without                   []int
		freed, opened, lost, gone int
	}{
		{[]decision.Decision{reject, accept}, nil, 0, 0, 0, 0},
		{[]decision.Decision{reject, accept}, []int{0}, 1, 1, 0, 0},
		{[]decision.Decision{accept, reject}, []int{0}, 1, 0, 1, 0}, // the rule has others
		{[]decision.Decision{reject, all}, []int{0}, 1, 0, 0, 0},    // denied all the same
		{[]decision.Decision{reject, all}, []int{0, 1}, 1, 1, 0, 0},
	} {
		l, p := learned(t, filepath.Join(t.TempDir(), "bundle"), "cilium", c.standing)
		d, err := Decide(t.Context(), l, p, c.standing)
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.Try(t.Context(), nil, c.without)
		if err != nil {
			t.Fatal(err)
		}
		if e.Freed != c.freed || len(e.Opened) != c.opened || len(e.Lost) != c.lost || len(e.Gone) != c.gone || len(e.Beside) > 0 {
			t.Errorf("%v without %v: %+v", c.standing, c.without, e)
		}
	}
}
