package workload

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sluice/model"
)

// pod is one endpoint of kind pod. Several real pods can be behind it, all with the same identity.
type pod struct {
	*model.Endpoint
	index   int          // unseenPod: it is only in a manifest
	samples []string     // names of real pods, sorted
	owner   model.Owner  // the controller, run ids and hashes stripped; zero if unknown
	core    model.Labels // its labels but for those that nothing is learned of, see judge.cores
	stable  model.Labels // those that can be relied on
	// first and last are when it was seen, microseconds since 1970 UTC; 0: not known
	first, last model.Micros
	odd         bool   // it bears its owner's name and is not one of its pods, see outliers
	why         string // of a refused pod: advice
}

// space is one namespace of one cluster. Selectors cannot reach over its border, so spaces are worked on alone.
type space struct {
	cluster, namespace string
	pods               []*pod
	groups             []*group
	refused            []*pod
	declared           []*Declared
	learned            map[string]Why // keys that its pods showed to be volatile
}

// split sorts the pods into spaces. The cluster counts only where the log names two or more of them: a record that
// leaves it out would otherwise split its workload.
func split(eps []*model.Endpoint, samples func(int) []string, times func(int) (first, last model.Micros)) []*space {
	clusters, n := map[string]bool{}, 0
	for i := range eps {
		if eps[i].Kind != model.KindPod {
			continue
		}
		if n++; eps[i].Cluster != "" {
			clusters[eps[i].Cluster] = true
		}
	}
	room := make([]pod, n)
	type id struct{ cluster, namespace string }
	spaces := map[id]*space{}
	var sp *space
	var last id // of sp
	for i := range eps {
		if eps[i].Kind != model.KindPod {
			continue
		}
		k := id{"", eps[i].Namespace}
		if len(clusters) > 1 {
			k.cluster = eps[i].Cluster
		}
		if sp == nil || k != last {
			if sp, last = spaces[k], k; sp == nil {
				sp = &space{cluster: k.cluster, namespace: k.namespace}
				spaces[k] = sp
			}
		}
		p := &room[0]
		room = room[1:]
		p.Endpoint, p.index = eps[i], i
		if times != nil {
			p.first, p.last = times(i)
		}
		sp.pods = append(sp.pods, p)
	}
	out := slices.Collect(maps.Values(spaces))
	model.Each(len(out), func(i int) {
		for _, p := range out[i].pods {
			p.samples = samples(p.index)
			slices.Sort(p.samples)
			p.samples = slices.Compact(p.samples)
		}
		out[i].sort()
		controllers(out[i].pods)
	})
	return out
}

// sort brings the pods into an order that does not depend on that of the input: that of their keys, which begin with
// owner, name and labels.
func (sp *space) sort() {
	owners := func(a, b *pod) int {
		if c := strings.Compare(a.Owner.Name, b.Owner.Name); c != 0 {
			return c
		}
		return cmp.Or(strings.Compare(a.Owner.Kind, b.Owner.Kind), strings.Compare(a.Name, b.Name))
	}
	labels := func(p *pod) model.Labels { return p.Labels }
	slices.SortFunc(sp.pods, owners)
	inRuns(sp.pods, owners, func(pods []*pod) {
		sortByLabels(pods, 0, labels, func(a, b *pod) int {
			return cmp.Or(a.Compare(b.Endpoint), slices.Compare(a.samples, b.samples))
		})
	})
}

// sortByLabels sorts a list by labels, all of which have the first i in common, and then by the rest. Where many have
// most labels in common each label is looked at about once, and not in each comparison.
func sortByLabels[T any](list []T, i int, labels func(T) model.Labels, rest func(a, b T) int) {
	if len(list) < 2 {
		return
	}
	first := labels(list[0])
	all, same := len(first), true // how many labels all have in common, and whether none has more
	for _, v := range list[1:] {
		l, n := labels(v), i
		for n < min(all, len(l)) && l[n] == first[n] {
			n++
		}
		same = same && n == len(first) && n == len(l)
		all = n
	}
	if i = all; same {
		slices.SortFunc(list, rest)
		return
	}
	at := func(a, b T) int {
		x, y := labels(a), labels(b)
		if i < len(x) && i < len(y) {
			return strings.Compare(x[i], y[i])
		}
		return cmp.Compare(min(len(x), i+1), min(len(y), i+1))
	}
	slices.SortFunc(list, at)
	inRuns(list, at, func(of []T) { sortByLabels(of, i, labels, rest) })
}

// inRuns calls each with those that are equal, of a list that is sorted.
func inRuns[T any](list []T, compare func(a, b T) int, each func(of []T)) {
	for len(list) > 0 {
		n := 1
		for n < len(list) && compare(list[0], list[n]) == 0 {
			n++
		}
		each(list[:n])
		list = list[n:]
	}
}

func (sp *space) refuse(p *pod, why string) {
	p.why = why
	sp.refused = append(sp.refused, p)
}

// form makes the groups of the space.
func (sp *space) form(j *judge) {
	if sp.namespace == "" {
		for _, p := range sp.pods {
			sp.refuse(p, "the log does not name its namespace")
		}
		return
	}
	s := sieve{judge: j, space: sp}
	for _, p := range sp.pods {
		p.stable = s.stable(p.core)
	}
	sp.outliers()
	var nameless []*pod
	sp.groups, nameless = gather(sp.pods)
	sp.groups = merge(sp.groups)
	sp.join(nameless)
}
