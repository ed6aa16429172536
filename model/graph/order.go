package graph

import (
	"cmp"
	"slices"

	"sluice/model"
)

// divide returns a list in the order of n classes, within each as it was, and calls each with those of every class, on
// all processors.
func divide[T any](list []T, n int, class func(*T) int, each func(of []T)) []T {
	first := make([]int, n+1)
	for i := range list {
		first[class(&list[i])+1]++
	}
	for c := range n {
		first[c+1] += first[c]
	}
	out, next := make([]T, len(list)), slices.Clone(first)
	for i := range list {
		c := class(&list[i])
		out[next[c]] = list[i]
		next[c]++
	}
	model.Each(n, func(c int) { each(out[first[c]:first[c+1]]) })
	return out
}

// arrange returns items in the order of edges and connections.
func arrange(items []item, peers int) []item {
	return divide(items, peers, func(it *item) int { return int(it.peers >> 32) }, func(of []item) {
		slices.SortFunc(of, func(x, y item) int {
			return cmp.Or(cmp.Compare(x.peers, y.peers), cmp.Compare(x.port, y.port), cmp.Compare(x.ranks, y.ranks))
		})
	})
}

// ranks returns the places of endpoints in the order of n classes, and within each in that of their keys. Ids depend on
// the order of the log; ranks do not. Endpoints of class -1 have none. Endpoints of one class that have places are in
// their order.
func ranks[C ~int](b *Builder, classes []C, n int, places []uint32) []uint32 {
	eps := b.tables.Endpoints.Snapshot()
	list := make([]int, 0, len(classes))
	for id, c := range classes {
		if c >= 0 {
			list = append(list, id)
		}
	}
	list = divide(list, n, func(id *int) int { return int(classes[*id]) }, func(of []int) {
		slices.SortFunc(of, func(x, y int) int {
			if places != nil && places[x] > 0 && places[y] > 0 {
				return cmp.Compare(places[x], places[y])
			}
			return eps[x].Compare(eps[y])
		})
	})
	out := make([]uint32, len(classes))
	for n, id := range list {
		out[id] = uint32(n)
	}
	return out
}

// spaces are classes of the endpoints that are wanted, with their number: ranks by them are the order of keys, which
// begin with kind and namespace.
func (b *Builder) spaces(wanted []bool) (classes []int, n int) {
	type space struct {
		kind      model.Kind
		namespace string
	}
	eps, number := b.tables.Endpoints.Snapshot(), map[space]int{}
	var list []space
	for id := range eps {
		s := space{eps[id].Kind, eps[id].Namespace}
		if _, ok := number[s]; !ok && wanted[id] {
			number[s] = 0
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(x, y space) int {
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.namespace, y.namespace))
	})
	for i, s := range list {
		number[s] = i
	}
	classes = make([]int, len(eps))
	for id := range eps {
		classes[id] = -1
		if wanted[id] {
			classes[id] = number[space{eps[id].Kind, eps[id].Namespace}]
		}
	}
	return classes, len(list)
}
