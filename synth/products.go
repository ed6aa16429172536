package synth

import (
	"cmp"
	"maps"
	"slices"

	"sluice/model/graph"
	"sluice/synth/policy"
)

// product is a selector over some namespaces: it selects what has its labels in any of them.
type product struct {
	sel        policy.Selector
	namespaces []string
}

// products finds few products that together select exactly some workloads: each selects no workload beside them.
// Namespaces are always named, so that a namespace to come is in none. None crosses: in each of its namespaces there
// is a workload for each of its values, so that nobody can get in by a name that is allowed in another namespace.
// Where WidenProducts is asked for some may, as long as no workload that was seen gets in.
func (s *selecting) products(of []graph.WorkloadID) []product {
	find := s.whole
	if s.cfg.widens(WidenProducts) {
		find = s.grow
	}
	wanted := map[graph.WorkloadID]bool{}
	for _, w := range of {
		wanted[w] = true
	}
	var out []product
	left := slices.Clone(of)
	for len(left) > 1 {
		var best growth
		for _, k := range s.keysOf(left) {
			if g := find(k, left, wanted); len(g.covers) > len(best.covers) {
				best = g
			}
		}
		if len(best.covers) < 2 {
			break
		}
		out = append(out, best.product())
		left = slices.DeleteFunc(left, func(w graph.WorkloadID) bool { return best.covers[w] })
	}
	for _, i := range left {
		w := &s.g.Workloads[i]
		sel := s.own(i)
		if k := slices.IndexFunc(out, func(p product) bool { return p.sel.Compare(sel) == 0 }); k >= 0 {
			out[k].namespaces = append(out[k].namespaces, w.Namespace)
			continue
		}
		out = append(out, product{sel, []string{w.Namespace}})
	}
	return out
}

// keysOf returns the keys that the workloads are selected by, those of most of them first.
func (s *selecting) keysOf(workloads []graph.WorkloadID) []string {
	count := map[string]int{}
	for _, w := range workloads {
		for k := range s.g.Workloads[w].Selector {
			count[k]++
		}
	}
	var out []string
	for k, n := range count {
		if n > 1 {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(count[b]-count[a], cmp.Compare(a, b)) })
	return out
}

// growth is a product by one key in the making.
type growth struct {
	key        string
	namespaces map[string]bool
	values     map[string]bool
	covers     map[graph.WorkloadID]bool
}

// whole takes workloads that are selected by a key into the largest product that has one of them for each of its
// namespaces and values.
func (s *selecting) whole(key string, workloads []graph.WorkloadID, wanted map[graph.WorkloadID]bool) growth {
	type group struct {
		values     string
		namespaces []string
		covers     []graph.WorkloadID
	}
	in := map[string]map[string][]graph.WorkloadID{} // by namespace and value
	others := map[string]map[string]bool{}           // namespaces of what is not wanted, by value
	for _, i := range workloads {
		w := &s.g.Workloads[i]
		v := w.Selector[key]
		if others[v] == nil {
			others[v] = map[string]bool{}
			for _, j := range s.having[key][v] {
				if !wanted[j] {
					others[v][s.g.Workloads[j].Namespace] = true
				}
			}
		}
		if v == "" || others[v][w.Namespace] {
			continue
		}
		if in[w.Namespace] == nil {
			in[w.Namespace] = map[string][]graph.WorkloadID{}
		}
		in[w.Namespace][v] = append(in[w.Namespace][v], i)
	}
	groups := map[string]*group{}
	var best *group
	for _, ns := range slices.Sorted(maps.Keys(in)) {
		values := keyOf(slices.Sorted(maps.Keys(in[ns])))
		if groups[values] == nil {
			groups[values] = &group{values: values}
		}
		g := groups[values]
		g.namespaces = append(g.namespaces, ns)
		for _, list := range in[ns] {
			g.covers = append(g.covers, list...)
		}
		if best == nil || len(g.covers) > len(best.covers) {
			best = g
		}
	}
	out := growth{key, map[string]bool{}, map[string]bool{}, map[graph.WorkloadID]bool{}}
	if best == nil {
		return out
	}
	for _, ns := range best.namespaces {
		out.namespaces[ns] = true
	}
	for _, i := range best.covers {
		out.covers[i], out.values[s.g.Workloads[i].Selector[key]] = true, true
	}
	return out
}

// grow takes workloads that are selected by a key into one product, as long as it selects nothing that is not wanted.
// Those of the namespaces with most of them come first.
func (s *selecting) grow(key string, workloads []graph.WorkloadID, wanted map[graph.WorkloadID]bool) growth {
	g := growth{key, map[string]bool{}, map[string]bool{}, map[graph.WorkloadID]bool{}}
	var list []graph.WorkloadID
	size := map[string]int{}
	for _, i := range workloads {
		if w := &s.g.Workloads[i]; w.Selector[key] != "" {
			list = append(list, i)
			size[w.Namespace]++
		}
	}
	slices.SortStableFunc(list, func(a, b graph.WorkloadID) int {
		x, y := s.g.Workloads[a].Namespace, s.g.Workloads[b].Namespace
		return cmp.Or(size[y]-size[x], cmp.Compare(x, y))
	})
	for _, i := range list {
		w := &s.g.Workloads[i]
		if s.fits(&g, w.Namespace, w.Selector[key], wanted) {
			g.namespaces[w.Namespace], g.values[w.Selector[key]], g.covers[i] = true, true, true
		}
	}
	return g
}

// fits reports whether a product still selects only what is wanted once it has a namespace and a value more.
func (s *selecting) fits(g *growth, namespace, value string, wanted map[graph.WorkloadID]bool) bool {
	other := func(value string, in func(string) bool) bool {
		return slices.ContainsFunc(
			s.having[g.key][value],
			func(i graph.WorkloadID) bool { return !wanted[i] && in(s.g.Workloads[i].Namespace) },
		)
	}
	if other(value, func(ns string) bool { return ns == namespace || g.namespaces[ns] }) {
		return false
	}
	if g.namespaces[namespace] {
		return true
	}
	for v := range g.values {
		if other(v, func(ns string) bool { return ns == namespace }) {
			return false
		}
	}
	return true
}

func (g *growth) product() product {
	r := policy.Requirement{Key: g.key, Op: policy.In}
	for v := range g.values {
		r.Values = append(r.Values, v)
	}
	var p product
	for ns := range g.namespaces {
		p.namespaces = append(p.namespaces, ns)
	}
	slices.Sort(p.namespaces)
	p.sel = policy.Selector{r}.Canonical()
	return p
}
