package policy

import (
	"cmp"
	"slices"
)

// isSet reports whether a list is sorted and has no repetitions, and is nil when empty.
func isSet[S ~[]E, E any](s S, compare func(a, b E) int) bool {
	if len(s) == 0 {
		return s == nil
	}
	for i := 1; i < len(s); i++ {
		if compare(s[i-1], s[i]) >= 0 {
			return false
		}
	}
	return true
}

// sortedSet returns the list sorted and without repetitions, nil when empty.
func sortedSet[S ~[]E, E any](s S, compare func(a, b E) int) S {
	switch {
	case len(s) == 0:
		return nil
	case isSet(s, compare):
		return slices.Clip(s)
	}
	return makeSet(slices.Clone(s), compare)
}

// makeSet makes a list that nobody else has a sorted one without repetitions, nil when empty.
func makeSet[S ~[]E, E any](s S, compare func(a, b E) int) S {
	switch len(s) {
	case 0:
		return nil
	case 1:
		return s
	}
	slices.SortFunc(s, compare)
	return slices.CompactFunc(s, func(a, b E) bool { return compare(a, b) == 0 })
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareOrders puts nil last, where Calico evaluates it.
func compareOrders(a, b *float64) int {
	if a == nil || b == nil {
		return compareBools(a == nil, b == nil)
	}
	return cmp.Compare(*a, *b)
}
