package synth

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/cluster"
	"sluice/synth/render/kubernetes"
)

// TestPlain: what is taken as plain without being asked after, every dialect takes when it is asked.
func TestPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	text := func() string {
		const letters = "abcxyz0129-"
		for {
			b := make([]byte, 1+r.IntN(40))
			for i := range b {
				b[i] = letters[r.IntN(len(letters))]
			}
			if plain(string(b)) {
				return string(b)
			}
		}
	}
	words := []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n", "e1", "nan", "inf", "x-1"}
	for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}, cluster.Dialect{}} {
		s := newSpeech(d)
		for i := range 100 {
			a, b := text(), text()
			if i < len(words) {
				a, b = words[i], words[i]
			}
			labels := map[string]string{a: b}
			for len(labels) < 1+r.IntN(8) {
				labels[[]string{"", "app.kubernetes.io/"}[r.IntN(2)]+text()] = text()
			}
			sel := policy.MatchLabels(labels)
			if !plain(a) || !plainly(sel) {
				t.Fatalf("%q is not plain", a)
			}
			if why := s.refuses(policy.DefaultDeny(a, true, true)); why != "" {
				t.Errorf("%s: namespace %q: %s", d.Name(), a, why)
			}
			if why := s.refuses(checking(sel)); why != "" {
				t.Errorf("%s: labels %v: %s", d.Name(), labels, why)
			}
		}
	}
	for _, not := range []string{"", "1a", "A", "a_b", "a/b", "a.b", "a-", "-a", "a b", "ä", "a\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		if plain(not) {
			t.Errorf("%q is plain", not)
		}
	}
}

// TestLabelsOfNoPod: a log may have labels that no pod can have. No dialect selects by them, and each says why.
func TestLabelsOfNoPod(t *testing.T) {
	for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}, cluster.Dialect{}} {
		s := newSpeech(d)
		for _, c := range []struct{ key, value, want string }{
			{"app", "web", ""}, {"App", "Web.1_2", ""}, {"app.example/name", "", ""}, {"app", strings.Repeat("x", 63), ""},
			{"app", "not a value!", "is not a label value"}, {"app", "a/b", "is not a label value"}, {"app", "-a", "is not a label value"},
			{"app", strings.Repeat("x", 64), "is not a label value"}, {"app", "ä", "is not a label value"},
			{"a/b/c", "web", "label"}, {"app-", "web", "label"}, {strings.Repeat("x", 64), "web", "label"},
		} {
			why := s.labels(policy.MatchLabels(map[string]string{c.key: c.value}))
			if (why == "") != (c.want == "") || !strings.Contains(why, c.want) {
				t.Errorf("%s: %s=%s: %q, want %q", d.Name(), c.key, c.value, why, c.want)
			}
		}
	}
}
