package workload

import (
	"cmp"
	"maps"
	"slices"

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
	clusters := map[string]bool{}
	for i := range eps {
		if eps[i].Kind == model.KindPod && eps[i].Cluster != "" {
			clusters[eps[i].Cluster] = true
		}
	}
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
		p := &pod{Endpoint: eps[i], index: i}
		if times != nil {
			p.first, p.last = times(i)
		}
		sp.pods = append(sp.pods, p)
	}
	out := slices.Collect(maps.Values(spaces))
	model.Each(len(out), func(i int) {
		for _, p := range out[i].pods {
			p.samples = slices.Clone(samples(p.index))
			slices.Sort(p.samples)
			p.samples = slices.Compact(p.samples)
		}
		out[i].sort()
		controllers(out[i].pods)
	})
	return out
}

// sort brings the pods into an order that does not depend on that of the input.
func (sp *space) sort() {
	slices.SortFunc(sp.pods, func(a, b *pod) int {
		return cmp.Or(a.Compare(b.Endpoint), slices.Compare(a.samples, b.samples))
	})
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
