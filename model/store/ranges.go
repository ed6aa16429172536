package store

import "slices"

// ranges are numbers of commits: pairs of first and last, inclusive, sorted and apart.
type ranges [][2]int

func (r ranges) has(n int) bool { return r.through(n) > 0 }

// through returns the last number of the range that has n, 0 where none has.
func (r ranges) through(n int) int {
	for _, p := range r {
		if p[0] <= n && n <= p[1] {
			return p[1]
		}
	}
	return 0
}

// union returns the numbers of both.
func (r ranges) union(o ranges) ranges {
	all := slices.Concat(r, o)
	slices.SortFunc(all, func(a, b [2]int) int { return a[0] - b[0] })
	var out ranges
	for _, p := range all {
		if n := len(out); n > 0 && p[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], p[1])
			continue
		}
		out = append(out, p)
	}
	return out
}
