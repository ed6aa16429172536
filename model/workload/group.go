package workload

import (
	"maps"
	"slices"
	"strings"

	"sluice/model"
)

// group is a workload in the making.
type group struct {
	key    string // orders groups; unique in a space
	pods   []*pod
	sets   []model.Labels // distinct stable label sets of the pods whose labels are known, sorted
	common model.Labels   // what all of sets share
	odd    bool           // it bears an owner's name and is not one of its pods
	atomic bool           // formed by labels alone, because its owner's pods share none
	out    Workload
}

func newGroup(key string, pods []*pod, atomic bool) *group {
	g := &group{
		key:    key,
		pods:   pods,
		atomic: atomic,
		odd:    !slices.ContainsFunc(pods, func(p *pod) bool { return !p.odd }),
	}
	for _, p := range pods {
		if n := len(g.sets); len(p.Labels) > 0 && (n == 0 || !same(g.sets[n-1], p.stable)) {
			g.sets = append(g.sets, p.stable)
		}
	}
	g.sets = distinct(g.sets)
	g.common = intersection(g.sets)
	return g
}

// gather groups pods by owner, and those without by their stable labels. Pods that have neither are handed back.
// The pods of one owner that share no stable label (someone renamed them) form a group for each set.
func gather(pods []*pod) (groups []*group, rest []*pod) {
	by := map[string][]*pod{}
	for len(pods) > 0 {
		p, n := pods[0], 1
		for n < len(pods) && pods[n].owner == p.owner && pods[n].odd == p.odd && same(pods[n].stable, p.stable) {
			n++
		}
		k := ""
		switch {
		case p.odd:
			k = "0\x00" + p.owner.Name + "\x00" + p.owner.Kind + "\x01" + strings.Join(p.stable, "\x00")
		case p.owner.Name != "":
			k = "0\x00" + p.owner.Name + "\x00" + p.owner.Kind
		case len(p.stable) > 0:
			k = "1\x00" + strings.Join(p.stable, "\x00")
		}
		if k == "" {
			rest = append(rest, pods[:n]...)
		} else {
			by[k] = append(by[k], pods[:n]...)
		}
		pods = pods[n:]
	}
	for _, k := range slices.Sorted(maps.Keys(by)) {
		g := newGroup(k, by[k], by[k][0].odd)
		if len(g.common) == 0 && len(g.sets) > 1 {
			groups = append(groups, g.dissolve()...)
			continue
		}
		groups = append(groups, g)
	}
	return groups, rest
}

// dissolve splits a group into one for each stable label set. Pods of unknown labels stay with the largest set of
// labels, the smallest of equals: some group must answer for them.
func (g *group) dissolve() []*group {
	home := g.sets[0]
	by := map[string][]*pod{}
	for _, s := range g.sets {
		if len(s) > len(home) {
			home = s
		}
	}
	for _, p := range g.pods {
		s := p.stable
		if len(p.Labels) == 0 {
			s = home
		}
		k := g.key + "\x01" + strings.Join(s, "\x00")
		by[k] = append(by[k], p)
	}
	var out []*group
	for _, k := range slices.Sorted(maps.Keys(by)) {
		out = append(out, newGroup(k, by[k], true))
	}
	return out
}

// merge unites groups until no group's stable labels select pods of another. Where a union would share no label at
// all, its groups are dissolved first, so that only the label sets in conflict become one. Unions that share a label
// are made many at a time: what overlaps goes on doing so, in whatever order others are united. Labels of thousands of
// pods can be mixed so that this takes pair after pair: beyond maxHeld all that overlaps is united at once.
func merge(groups []*group) []*group {
	groups = equals(groups)
	for held := 0; ; {
		pairs, n := overlaps(groups, false)
		if held += n; held > maxHeld && len(pairs) > 0 {
			groups = tangles(groups)
			continue
		}
		if len(pairs) == 0 {
			return groups
		}
		gone := make([]bool, len(groups))
		var united []*group
		for n, p := range pairs {
			a, b := groups[min(p[0], p[1])], groups[max(p[0], p[1])]
			u := newGroup(a.key, slices.Concat(a.pods, b.pods), a.atomic && b.atomic)
			switch {
			case len(u.common) > 0 || u.atomic:
				united = append(united, u)
			case n > 0:
				continue // dissolved alone, in its turn
			default:
				for _, g := range []*group{a, b} {
					if g.atomic {
						united = append(united, g)
					} else {
						united = append(united, g.dissolve()...)
					}
				}
				pairs = pairs[:1]
			}
			gone[p[0]], gone[p[1]] = true, true
			if len(pairs) == 1 {
				break
			}
		}
		for i, g := range groups {
			if !gone[i] {
				united = append(united, g)
			}
		}
		groups = united
		slices.SortFunc(groups, func(x, y *group) int { return strings.Compare(x.key, y.key) })
	}
}

// maxHeld is how many times groups of a namespace are held against each other before what overlaps is one.
const maxHeld = 1_000_000

// tangles unites groups that hang together by labels of one that select pods of another.
func tangles(groups []*group) []*group {
	parent := make([]int, len(groups))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	pairs, _ := overlaps(groups, true)
	for _, p := range pairs {
		a, b := root(p[0]), root(p[1])
		parent[max(a, b)] = min(a, b)
	}
	pods, atomic := make([][]*pod, len(groups)), make([]bool, len(groups))
	for i, g := range groups {
		r := root(i)
		atomic[r] = g.atomic && (i == r || atomic[r])
		pods[r] = append(pods[r], g.pods...)
	}
	var out []*group
	for i, g := range groups {
		switch {
		case root(i) == i && len(pods[i]) > len(g.pods):
			out = append(out, newGroup(g.key, pods[i], atomic[i]))
		case root(i) == i:
			out = append(out, g)
		}
	}
	return out
}

// equals unites the groups of one and the same label set: merge would do so too, one pair at a time.
func equals(groups []*group) []*group {
	same := map[string][]*group{}
	var out []*group
	for _, g := range groups {
		if len(g.sets) != 1 || len(g.common) == 0 {
			out = append(out, g)
			continue
		}
		k := strings.Join(g.common, "\x00")
		same[k] = append(same[k], g)
	}
	for _, gs := range same {
		if len(gs) == 1 {
			out = append(out, gs[0])
			continue
		}
		var pods []*pod
		atomic := true
		for _, g := range gs {
			pods = append(pods, g.pods...)
			atomic = atomic && g.atomic
		}
		out = append(out, newGroup(gs[0].key, pods, atomic))
	}
	slices.SortFunc(out, func(x, y *group) int { return strings.Compare(x.key, y.key) })
	return out
}

// overlaps finds groups whose common labels select pods of another group, and those other groups: disjoint pairs, or
// all. It also says how often one would be held against another where only the rarest label tells which.
func overlaps(groups []*group, all bool) (pairs [][2]int, held int) {
	x := newSetIndex(groups)
	taken := make([]bool, len(groups))
	for i, g := range groups {
		if taken[i] || len(g.common) == 0 || g.odd {
			continue // what only an odd pod's labels select stays apart: the odd one goes without a selector
		}
		rarest := x.of(g.common[0])
		for _, kv := range g.common[1:] {
			if w := x.of(kv); w.groups < rarest.groups {
				rarest = w
			}
		}
		tried, last := rarest.groups, i
		for s := range x.having(g.common) {
			k := x.group[s]
			if k == i || k == last || taken[k] {
				continue
			}
			last = k
			pairs = append(pairs, [2]int{i, k})
			if !all {
				taken[i], taken[k] = true, true
				tried = x.upTo(rarest, k)
				break
			}
		}
		held += tried
	}
	return pairs, held
}

func distinct(sets []model.Labels) []model.Labels {
	if len(sets) < 2 {
		return sets
	}
	out := slices.Clone(sets)
	sortByLabels(out, 0, func(l model.Labels) model.Labels { return l }, func(a, b model.Labels) int { return 0 })
	return slices.CompactFunc(out, func(a, b model.Labels) bool { return same(a, b) || slices.Equal(a, b) })
}

func intersection(sets []model.Labels) model.Labels {
	if len(sets) == 0 {
		return nil
	}
	out := slices.Clone(sets[0])
	for _, s := range sets[1:] {
		next := 0 // where the next one mostly stands, since all have one order
		out = slices.DeleteFunc(out, func(kv string) bool {
			at := next
			if at >= len(s) || s[at] != kv {
				at = slices.Index(s, kv)
			}
			if at >= 0 {
				next = at + 1
			}
			return at < 0
		})
	}
	return out
}

// contains reports whether all labels of want are in set. Both have one label for a key at most.
func contains(set, want model.Labels) bool {
	for _, kv := range want {
		if !slices.Contains(set, kv) {
			return false
		}
	}
	return true
}
