package workload

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/model"
)

// TestBeyond: of two sets of labels, what one has and the other lacks; what all pods share is found likewise.
func TestBeyond(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	some := func() model.Labels {
		var kv []string
		for _, k := range []string{"a", "a-b", "a.b/c", "app", "b", "tier", "z"} {
			if n := r.IntN(4); n > 0 {
				kv = append(kv, fmt.Sprintf("%s=%d", k, n))
			} else if r.IntN(3) == 0 {
				kv = append(kv, k)
			}
		}
		return model.MakeLabels(kv)
	}
	for range 2000 {
		pods := []*pod{{core: some()}, {core: some()}, {core: some()}}
		l, known := pods[0].core, pods[1].core
		want := slices.DeleteFunc(slices.Clone(l), func(kv string) bool { return slices.Contains(known, kv) })
		if got := beyond(nil, l, known); !slices.Equal(got, want) {
			t.Fatalf("%q beyond %q: %q, want %q", l, known, got, want)
		}
		want = slices.DeleteFunc(slices.Clone(l), func(kv string) bool {
			return !slices.Contains(known, kv) || !slices.Contains(pods[2].core, kv)
		})
		if got := shared(pods); !slices.Equal(got, want) {
			t.Fatalf("shared by %q, %q and %q: %q, want %q", l, known, pods[2].core, got, want)
		}
	}
}
