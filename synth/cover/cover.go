package cover

import (
	"cmp"
	"slices"
)

func compareRects(a, b Rect) int {
	return cmp.Or(slices.Compare(a.Rows, b.Rows), slices.Compare(a.Cols, b.Cols))
}

// DefaultBudget is the number of search nodes for one matrix: some hundred milliseconds at most.
const DefaultBudget = 50_000

// Options adjust a search.
type Options struct {
	Budget int // search nodes for the whole matrix, 0 for DefaultBudget
	// Base is a former cover: of equally small covers the one that keeps most of its rectangles is chosen.
	Base []Rect
}

// Cover finds the fewest rectangles that cover the ones of a matrix: rows[i] lists the columns, from 0, in which row i
// has a one, in any order. Of equally small covers it prefers those that keep Base, then those with the fewest rows and
// columns in all rectangles together.
func Cover(rows [][]int, o Options) Result {
	if o.Budget == 0 {
		o.Budget = DefaultBudget
	}
	s := &searcher{budget: o.Budget}
	ones := 0
	for _, r := range rows {
		ones += len(r)
	}
	find := small
	if ones > maxOnes {
		find = large
	}
	r := find(rows, o.Base, s)
	slices.SortFunc(r.Rects, compareRects)
	return r
}
