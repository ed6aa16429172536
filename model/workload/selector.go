package workload

import (
	"cmp"
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

// ofMany reports whether a key says who made a thing, where, or of what kind it is: many others have its value as well.
func ofMany(key string) bool {
	last := key[strings.LastIndexByte(key, '/')+1:]
	for _, end := range []string{"-ns", "namespace", "type", "kind"} {
		if strings.HasSuffix(last, end) {
			return true
		}
	}
	return slices.Contains(makers, last)
}

// place orders the labels that a selector may have: the preferred ones by their rank; among them, after those that name
// the application, any whose value is the owner's name, as operators write them; then all others, those of many last.
func place(label, owner string) int {
	k, value, _ := strings.Cut(label, "=")
	switch r := rank(k); {
	case r > rank("k8s-app") && value == owner && owner != "":
		return 2*rank("k8s-app") + 1
	case r == lastRank && ofMany(k):
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
	suffice := func(picked []int) bool {
		sel := slices.Clone(chosen)
		for _, i := range picked {
			sel = append(sel, cands[i])
		}
		return x.exact(sel, g)
	}
	picked, ok := []int(nil), false
	if len(cands) <= maxExact {
		picked, ok = smallest(len(cands), plain, suffice)
	}
	if !ok {
		picked = without(x.greedy(chosen, cands, g), suffice)
	}
	for _, i := range picked {
		chosen = append(chosen, cands[i])
	}
	return chosen
}

// smallest returns the best of the choices among n that suffice: first the fewest of those from plain on, then the
// fewest of those before, then the earliest. false: it takes more than maxOthers of the former.
func smallest(n, plain int, suffice func([]int) bool) ([]int, bool) {
	for others := 0; others <= min(maxOthers, n-plain); others++ {
		for first := 0; first <= plain; first++ {
			if got, ok := pick(0, plain, n, first, others, suffice, nil); ok {
				return got, true
			}
		}
	}
	return nil, false
}

// pick adds first more of from to plain and then others of plain to n to got, in lexicographic order.
func pick(from, plain, n, first, others int, suffice func([]int) bool, got []int) ([]int, bool) {
	if first == 0 && others == 0 {
		return got, suffice(got)
	}
	end := plain
	if first == 0 {
		from, end = max(from, plain), n
	}
	for i := from; i < end; i++ {
		f, o := first-1, others
		if first == 0 {
			f, o = 0, others-1
		}
		if out, ok := pick(i+1, plain, n, f, o, suffice, append(got, i)); ok {
			return out, true
		}
	}
	return nil, false
}

// greedy takes the label that leaves the fewest sets of others, the earliest of equals, until none is left or no label
// helps.
func (x *setIndex) greedy(chosen, cands []string, g int) (got []int) {
	left := x.open(chosen, g)
	n := left.count()
	for open := n; open > 0; {
		best, fewest := -1, n
		for i, c := range cands {
			if slices.Contains(got, i) {
				continue
			}
			if k := x.common(left, c); k < fewest {
				best, fewest = i, k
			}
		}
		if best < 0 {
			return got
		}
		got, open = append(got, best), fewest
		x.narrow(left, cands[best])
	}
	return got
}

// without drops what can be spared, from the last one on, and sorts the rest.
func without(got []int, suffice func([]int) bool) []int {
	for i := len(got) - 1; i >= 0; i-- {
		if less := slices.Delete(slices.Clone(got), i, i+1); suffice(less) {
			got = less
		}
	}
	slices.Sort(got)
	return got
}

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
