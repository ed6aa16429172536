package scan

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSet: a set holds its strings in any order, and no others.
func TestSet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seed := maphash.MakeSeed()
	parts := func(items []string) (p Parts, sum uint64) {
		for _, i := range items {
			p.Add([]byte(i))
		}
		return p, p.Sum(seed)
	}
	for n := range MaxSet + 3 {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprint("k", i, "=", i%3))
		}
		p, sum := parts(items)
		set, ok := NewSet(p.Strings(), &p)
		if want := n >= 2 && n <= MaxSet; ok != want {
			t.Fatalf("%d strings: %v", n, ok)
		}
		if !ok {
			continue
		}
		order := slices.Clone(items)
		r.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
		q, same := parts(order)
		if same != sum || !set.Holds(&q) {
			t.Fatalf("%d strings in another order are not the same", n)
		}
		at := r.IntN(n)
		for _, other := range [][]string{
			order[1:], append(slices.Clone(order), "more"), append(slices.Clone(order), order[at]),
			append(slices.Delete(slices.Clone(order), at, at+1), "other"),
			append(slices.Delete(slices.Clone(order), at, at+1), order[(at+1)%n]),
		} {
			if q, _ := parts(other); set.Holds(&q) {
				t.Fatalf("%q is held by the set of %q", other, items)
			}
		}
		p, _ = parts(append(slices.Clone(items)[:n-1], items[0]))
		if _, ok := NewSet(p.Strings(), &p); ok {
			t.Fatalf("%d strings, one of them twice, are a set", n)
		}
	}
}

// TestStrings: each array gives its own strings, also where it has some in common with those before or shares some, and what was given
// stays as it was.
func TestStrings(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	seed := maphash.MakeSeed()
	var p Parts
	var given, want [][]string
	for range 2_000 {
		var items []string
		for range r.IntN(20) {
			items = append(items, fmt.Sprint("key", r.IntN(30), "=", r.IntN(200)))
		}
		if r.IntN(10) == 0 {
			items = append(items, "", "")
		}
		p.Reset()
		var texts [][]byte
		for _, i := range items {
			texts = append(texts, []byte(i))
			if r.IntN(3) == 0 {
				p.Share(texts[len(texts)-1], i)
			} else {
				p.Add(texts[len(texts)-1])
			}
		}
		if r.IntN(3) > 0 {
			p.Sum(seed)
		}
		given, want = append(given, p.Strings()), append(want, items)
		for _, text := range texts { // as a buffer is written over
			clear(text)
		}
	}
	for i := range given {
		if !slices.Equal(given[i], want[i]) {
			t.Fatalf("%q came as %q", want[i], given[i])
		}
	}
}

// TestSetAgain: an order is known the second time, unless many others came meanwhile.
func TestSetAgain(t *testing.T) {
	var s Set
	for h := uint64(1); h <= 4; h++ {
		if s.Again(h) {
			t.Errorf("%d is known", h)
		}
	}
	for h := uint64(1); h <= 4; h++ {
		if !s.Again(h) {
			t.Errorf("%d is forgotten", h)
		}
	}
	if s.Again(5) || s.Again(1) {
		t.Error("more are kept than there is room for")
	}
}
