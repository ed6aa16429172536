package synth

import (
	"cmp"
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
	var out []product
	left := of
	if len(of) > 1 {
		out, left = s.joined(of)
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

// joined finds the products of two workloads or more, and returns the workloads that are in none.
func (s *selecting) joined(of []graph.WorkloadID) (out []product, left []graph.WorkloadID) {
	find := s.whole
	if s.cfg.widens(WidenProducts) {
		find = s.grow
	}
	wanted := slices.Sorted(slices.Values(of))
	for left = of; len(left) > 1; {
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
		slices.Sort(best.covers)
		left = slices.DeleteFunc(slices.Clone(left), func(w graph.WorkloadID) bool { return has(best.covers, w) })
	}
	return out, left
}

// has reports whether a sorted list has a workload.
func has(sorted []graph.WorkloadID, w graph.WorkloadID) bool {
	_, ok := slices.BinarySearch(sorted, w)
	return ok
}

// keysOf returns the keys that the workloads are selected by, those of most of them first.
func (s *selecting) keysOf(workloads []graph.WorkloadID) []string {
	type counted struct {
		key string
		n   int
	}
	var count []counted // few: they are those of selectors
	for _, w := range workloads {
		for _, r := range s.own(w) {
			at := slices.IndexFunc(count, func(c counted) bool { return c.key == r.Key })
			if at < 0 {
				at, count = len(count), append(count, counted{key: r.Key})
			}
			count[at].n++
		}
	}
	slices.SortFunc(count, func(a, b counted) int { return cmp.Or(b.n-a.n, cmp.Compare(a.key, b.key)) })
	var out []string
	for _, c := range count {
		if c.n > 1 {
			out = append(out, c.key)
		}
	}
	return out
}

// growth is a product by one key in the making, or a finished one.
type growth struct {
	key        string
	namespaces []string // each once, as are the values
	values     []string
	covers     []graph.WorkloadID
}

// whole takes workloads that are selected by a key into the largest product that has one of them for each of its
// namespaces and values.
func (s *selecting) whole(key string, workloads, wanted []graph.WorkloadID) growth {
	type one struct {
		namespace, value string
		of               graph.WorkloadID
	}
	var list []one
	for _, i := range workloads {
		ns, v := s.g.Workloads[i].Namespace, s.value(i, key)
		if v != "" && !s.others(key, v, ns, wanted) {
			list = append(list, one{ns, v, i})
		}
	}
	slices.SortFunc(list, func(a, b one) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.value, b.value), cmp.Compare(a.of, b.of))
	})
	groups := map[string]*growth{} // by the values that are in a namespace
	best := &growth{key: key}
	for len(list) > 0 {
		ns, n := list[0].namespace, 0
		var values []string
		for n < len(list) && list[n].namespace == ns {
			values = append(values, list[n].value)
			n++
		}
		values = slices.Compact(values)
		k := keyOf(values)
		g := groups[k]
		if g == nil {
			g = &growth{key: key, values: values}
			groups[k] = g
		}
		g.namespaces = append(g.namespaces, ns)
		for _, x := range list[:n] {
			g.covers = append(g.covers, x.of)
		}
		if len(g.covers) > len(best.covers) {
			best = g
		}
		list = list[n:]
	}
	return *best
}

// others reports whether a label selects a workload of a namespace that is not wanted.
func (s *selecting) others(key, value, namespace string, wanted []graph.WorkloadID) bool {
	list := s.having[key][value]
	at, _ := slices.BinarySearchFunc(list, namespace, func(i graph.WorkloadID, ns string) int {
		return cmp.Compare(s.g.Workloads[i].Namespace, ns)
	})
	for _, i := range list[at:] {
		if s.g.Workloads[i].Namespace != namespace {
			break
		}
		if !has(wanted, i) {
			return true
		}
	}
	return false
}

// grow takes workloads that are selected by a key into one product, as long as it selects nothing that is not wanted.
// Those of the namespaces with most of them come first.
func (s *selecting) grow(key string, workloads, wanted []graph.WorkloadID) growth {
	g := growth{key: key}
	var list []graph.WorkloadID
	size := map[string]int{}
	for _, i := range workloads {
		if s.value(i, key) != "" {
			list = append(list, i)
			size[s.g.Workloads[i].Namespace]++
		}
	}
	slices.SortStableFunc(list, func(a, b graph.WorkloadID) int {
		x, y := s.g.Workloads[a].Namespace, s.g.Workloads[b].Namespace
		return cmp.Or(size[y]-size[x], cmp.Compare(x, y))
	})
	namespaces, values := map[string]bool{}, map[string]bool{}
	for _, i := range list {
		ns, v := s.g.Workloads[i].Namespace, s.value(i, key)
		if !s.fits(&g, namespaces[ns], ns, v, wanted) {
			continue
		}
		g.covers = append(g.covers, i)
		if !namespaces[ns] {
			namespaces[ns], g.namespaces = true, append(g.namespaces, ns)
		}
		if !values[v] {
			values[v], g.values = true, append(g.values, v)
		}
	}
	return g
}

// fits reports whether a product still selects only what is wanted once it has a namespace and a value more; there: it
// has the namespace.
func (s *selecting) fits(g *growth, there bool, namespace, value string, wanted []graph.WorkloadID) bool {
	other := func(ns string) bool { return s.others(g.key, value, ns, wanted) }
	if other(namespace) || slices.ContainsFunc(g.namespaces, other) {
		return false
	}
	return there ||
		!slices.ContainsFunc(g.values, func(v string) bool { return s.others(g.key, v, namespace, wanted) })
}

func (g *growth) product() product {
	slices.Sort(g.namespaces)
	sel := policy.Selector{{Key: g.key, Op: policy.In, Values: g.values}}
	return product{sel.Canonical(), g.namespaces}
}
