package model_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// TestNodeHours: what a store keeps of nodes is what they were, as JSON too, and within a time what lies there.
func TestNodeHours(t *testing.T) {
	const hour = model.Micros(3600e6)
	r := rand.New(rand.NewPCG(1, 7))
	for range 500 {
		var all model.Nodes
		for range r.IntN(40) {
			all.Add([]string{"a", "b", "east/c"}[r.IntN(3)], 480_000+r.Uint32N(30), 1+r.Uint64N(9))
		}
		text, err := json.Marshal(all.Stretches())
		if err != nil {
			t.Fatal(err)
		}
		var kept model.NodeHours
		if err := json.Unmarshal(text, &kept); err != nil {
			t.Fatal(err)
		}
		var since, until model.Micros
		if r.IntN(2) == 0 {
			since = 479_999*hour + r.Int64N(33*int64(hour))
		}
		if r.IntN(2) == 0 {
			until = 479_999*hour + r.Int64N(33*int64(hour))
		}
		var got, want model.Nodes
		for name, hours := range all {
			for h, n := range hours {
				if from := model.Micros(h) * hour; from+hour > since && (until == 0 || from < until) {
					want.Add(name, h, n)
				}
			}
		}
		within := kept.Within(since, until)
		if got.Take(within); !cmp.Equal(got, want) {
			t.Fatalf("%s within %d and %d: %s", text, since, until, cmp.Diff(want, got))
		}
		if n := within.Hours(); n != len(want["a"])+len(want["b"])+len(want["east/c"]) {
			t.Fatalf("%d hours of %v", n, want)
		}
	}
}

// TestNodeHoursOfOthers: what nobody wrote who counts hours gives none.
func TestNodeHoursOfOthers(t *testing.T) {
	var got model.Nodes
	got.Take(model.NodeHours{"a": {{}, {480_000}, {math.MaxUint64, 1, 1}, {1<<32 - 1, 1}, {1<<31 - 2, 1}, {480_001, 0, 3}}, "b": nil, "c": {{}}})
	if len(got) != 1 || !maps.Equal(got["a"], map[uint32]uint64{480_002: 3}) {
		t.Errorf("%v", got)
	}
	if kept := (model.NodeHours{"a": {{}}, "b": nil}); kept.Hours() != 0 || len(kept.Within(1, 2)) != 0 {
		t.Errorf("%d hours", kept.Hours())
	}
}

// TestNodesBounds: of more nodes, and of more hours, than are counted the same ones count, whoever comes first.
func TestNodesBounds(t *testing.T) {
	const nodes, hours = 3 * model.MaxNodes, 40_000
	r := rand.New(rand.NewPCG(2, 7))
	var first model.Nodes
	for try := range 3 {
		var parts [2]model.Nodes
		for _, i := range r.Perm(nodes) {
			parts[r.IntN(2)].Add(fmt.Sprintf("node-%05d", i), 480_000, uint64(i))
		}
		for _, h := range r.Perm(hours) {
			parts[r.IntN(2)].Add("a", uint32(h), 1)
		}
		parts[0].Merge(parts[1])
		all := parts[0].Bounded()
		if try == 0 {
			first = all
		}
		if !maps.EqualFunc(all, first, maps.Equal) || len(all) != model.MaxNodes || all["node-00007"][480_000] != 7 || all["a"][0] != 1 {
			t.Fatalf("try %d: %d nodes, %d hours of one, not those of before", try, len(all), len(all["a"]))
		}
	}
}
