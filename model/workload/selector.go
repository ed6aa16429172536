package workload

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"sluice/model"
)

// preferred are the keys made to name an application, the most telling first.
var preferred = []string{"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component", "app",
	"k8s-app", "component", "tier", "role", "name"}

var lastRank = len(preferred)

// rank is the place of a key among the preferred ones, lastRank for all others.
func rank(key string) int {
	if i := slices.Index(preferred, key); i >= 0 {
		return i
	}
	return lastRank
}

// makers are the last parts of keys that say who made, runs or holds a thing, which many others have as well.
var makers = []string{"managed", "managed-by", "created-by", "part-of", "heritage", "tlsMode", "inject", "rev",
	"environment", "env", "stage", "team", "owner", "zone", "region", "memberOf"}

// place orders the labels that a selector may have: the preferred ones by their rank; among them, after those that name
// the application, any whose value is the owner's name, as operators write them; then all others, those of makers last.
func place(label, owner string) int {
	k, value, _ := strings.Cut(label, "=")
	switch r := rank(k); {
	case r > rank("k8s-app") && value == owner && owner != "":
		return 2*rank("k8s-app") + 1
	case r == lastRank && slices.Contains(makers, k[strings.LastIndexByte(k, '/')+1:]):
		return 2*lastRank + 1
	default:
		return 2 * r
	}
}

// maxOthers is the number of labels outside the preferred ones up to which the search is exact; workloads that need
// more get a greedy choice.
const maxOthers = 2

// maxExact is the number of candidate labels up to which the search is exact.
const maxExact = 24

// selectorFor chooses from the stable labels of a workload the fewest that none of the other label sets has all of.
// app.kubernetes.io/name and instance are always among them where there are such labels: they are what the
// application is called, and keep the selector from taking in the next one's "component: database". Preferred keys
// go before all others, and so does one that has the name of the owner, "" if there is none. The caller has made sure
// that all labels together suffice.
func (x *setIndex) selectorFor(labels model.Labels, owner string, g int) []string {
	if len(labels) == 0 {
		return nil
	}
	cands := slices.Clone([]string(labels))
	slices.SortFunc(cands, func(a, b string) int {
		return cmp.Or(place(a, owner)-place(b, owner), strings.Compare(a, b))
	})
	var chosen []string
	for len(cands) > 0 && rank(key(cands[0])) <= rank("app.kubernetes.io/instance") {
		chosen = append(chosen, cands[0])
		cands = cands[1:]
	}
	if len(chosen) > 0 && (x.exact(chosen, g) || len(cands) == 0) {
		return chosen
	}
	plain := slices.IndexFunc(cands, func(c string) bool { return place(c, owner) >= 2*lastRank })
	if plain < 0 {
		plain = len(cands)
	}
	// One label is the usual choice, and needs no search. Several preferred ones go before a label that is none.
	for i, c := range cands {
		if i == plain && i > 1 && x.exact(slices.Concat(chosen, cands[:plain]), g) {
			break
		}
		if one := append(slices.Clone(chosen), c); x.exact(one, g) {
			return one
		}
	}
	open := x.open(chosen, g)
	hits := make([]hitSet, len(cands))
	for i, c := range cands {
		hits[i] = x.hits(open, c)
	}
	picked, ok := []int(nil), false
	if len(cands) <= maxExact {
		picked, ok = smallest(hits, plain, len(open))
	}
	if !ok {
		picked = greedy(hits, len(open))
	}
	for _, i := range picked {
		chosen = append(chosen, cands[i])
	}
	return chosen
}

// smallest returns the best choice that hits all of n sets: first the fewest of hits[plain:], then the fewest of
// hits[:plain], then the earliest. false: it takes more than maxOthers of the former.
func smallest(hits []hitSet, plain, n int) ([]int, bool) {
	for others := 0; others <= min(maxOthers, len(hits)-plain); others++ {
		for first := 0; first <= plain; first++ {
			if got, ok := pick(hits, 0, plain, first, others, n, nil); ok {
				return got, true
			}
		}
	}
	return nil, false
}

// pick adds first more of hits[from:plain] and then others of hits[plain:] to got, in lexicographic order.
func pick(hits []hitSet, from, plain, first, others, n int, got []int) ([]int, bool) {
	if first == 0 && others == 0 {
		return got, covers(hits, got, n)
	}
	end := plain
	if first == 0 {
		from, end = max(from, plain), len(hits)
	}
	for i := from; i < end; i++ {
		f, o := first-1, others
		if first == 0 {
			f, o = 0, others-1
		}
		if out, ok := pick(hits, i+1, plain, f, o, n, append(got, i)); ok {
			return out, true
		}
	}
	return nil, false
}

// greedy takes the label that hits most of what is left, the earliest of equals, and then drops what it can.
func greedy(hits []hitSet, n int) []int {
	var got []int
	for !covers(hits, got, n) {
		best, most := -1, 0
		for i := range hits {
			if gain := union(hits, append(got, i)).count(); !slices.Contains(got, i) && gain > most {
				best, most = i, gain
			}
		}
		if best < 0 || len(got) == len(hits) {
			return got
		}
		got = append(got, best)
	}
	for i := len(got) - 1; i >= 0; i-- {
		if less := slices.Delete(slices.Clone(got), i, i+1); covers(hits, less, n) {
			got = less
		}
	}
	slices.Sort(got)
	return got
}

// hitSet marks the label sets that lack a label.
type hitSet []uint64

func (h hitSet) count() int {
	n := 0
	for _, w := range h {
		n += bits.OnesCount64(w)
	}
	return n
}

func union(hits []hitSet, picked []int) hitSet {
	out := make(hitSet, len(hits[0]))
	for _, i := range picked {
		for w := range out {
			out[w] |= hits[i][w]
		}
	}
	return out
}

func covers(hits []hitSet, picked []int, n int) bool { return union(hits, picked).count() == n }

func key(label string) string {
	k, _, _ := strings.Cut(label, "=")
	return k
}

// label writes a label the way model.Labels does.
func label(key, value string) string {
	if value == "" {
		return key
	}
	return key + "=" + value
}
