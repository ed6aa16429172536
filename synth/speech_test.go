package synth

import (
	"math/rand/v2"
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
