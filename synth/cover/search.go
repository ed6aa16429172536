package cover

import (
	"cmp"
	"maps"
	"slices"
)

// searcher solves the parts of one matrix within one budget: nodes of 500 ones each.
type searcher struct {
	budget int
	base   map[string]bool // rectangles of the former cover, by key
	former []rect
}

// search is the work on one part.
type search struct {
	*part
	rects  []rect
	covers []set   // ones of rects
	by     [][]int // one -> rects that cover it
	near   []set   // one -> ones that fit into one rectangle with it
	order  []int   // ones, those with the fewest rects first
	nodes  int     // left of the budget
	each   int     // what one node costs
	best   []int
	found  int // length of best
	// among covers as small as the best: how many rectangles the former one lacks, and their weight
	base   map[string]bool
	better bool // the second search, among equals
	cost   cost
}

type cost struct{ changed, weight int }

// solve returns the rectangles of a part and a lower bound of their number.
func (s *searcher) solve(p *part) ([]rect, int) {
	if len(p.in) == 1 {
		r := rect{newSet(len(p.rows)), p.rows[p.in[0]]}
		r.rows.add(p.in[0])
		return []rect{r}, 1
	}
	rects, all := p.maximal()
	if !all {
		rects = p.around()
	}
	for _, r := range s.former {
		if p.holds(r) && !slices.ContainsFunc(rects, func(m rect) bool { return m.key() == r.key() }) {
			rects = append(rects, r)
		}
	}
	x := newSearch(p, rects, s)
	whole := newSet(len(p.ones))
	for i := range p.ones {
		whole.add(i)
	}
	bound := x.fooling(whole)
	x.greedy(whole)
	x.byLines()
	done := true
	if x.found > bound {
		x.branch(whole.clone(), nil)
		done = x.nodes > 0
	}
	if all && done {
		bound = x.found
	}
	s.budget = max(0, x.nodes)
	if all && done {
		x.better, x.cost, x.nodes = true, x.price(x.best), maxBetter
		x.branch(whole, nil)
	}
	return x.trim(x.best), bound
}

// maxBetter bounds the search among covers that are equally small.
const maxBetter = 200

func newSearch(p *part, rects []rect, s *searcher) *search {
	x := &search{
		part:  p,
		rects: rects,
		nodes: s.budget,
		each:  1 + len(p.ones)*len(p.ones)/(500*500),
		base:  s.base,
		by:    make([][]int, len(p.ones)),
		near:  make([]set, len(p.ones)),
	}
	for n, r := range rects {
		c := p.covered(r)
		x.covers = append(x.covers, c)
		for _, o := range c.list() {
			x.by[o] = append(x.by[o], n)
		}
	}
	for i, a := range p.ones {
		x.near[i] = newSet(len(p.ones))
		for k, b := range p.ones {
			if p.together(a, b) {
				x.near[i].add(k)
			}
		}
	}
	for i := range p.ones {
		x.order = append(x.order, i)
	}
	slices.SortFunc(x.order, func(a, b int) int {
		return cmp.Or(
			cmp.Compare(len(x.by[a]), len(x.by[b])),
			cmp.Compare(x.near[a].count(), x.near[b].count()),
			compareOnes(p.ones[a], p.ones[b]),
		)
	})
	return x
}

// fooling returns the size of a set of open ones of which no two fit into one rectangle.
func (x *search) fooling(open set) int {
	left := open.clone()
	n := 0
	for _, o := range x.order {
		if left.has(o) {
			n++
			left.without(x.near[o])
		}
	}
	return n
}

// greedy takes the rectangle that covers most of what is open until nothing is.
func (x *search) greedy(whole set) {
	open := whole.clone()
	var picked []int
	for !open.empty() {
		best, gain := -1, 0
		for n := range x.rects {
			if g := x.covers[n].common(open); g > gain {
				best, gain = n, g
			}
		}
		picked = append(picked, best)
		open.without(x.covers[best])
	}
	x.best = x.irredundant(picked)
	x.found = len(x.best)
}

// byLines takes a rectangle for each row, or for each column, where that is better than the greedy choice.
func (x *search) byLines() {
	cols := newSet(x.cols)
	for _, i := range x.in {
		for k := range cols {
			cols[k] |= x.rows[i][k]
		}
	}
	if x.found <= min(len(x.in), cols.count()) {
		return
	}
	having := map[int]set{}
	for _, c := range cols.list() {
		one := newSet(x.cols)
		one.add(c)
		having[c] = x.having(one)
	}
	rows, columns := map[int]int{}, map[int]int{}
	for n, r := range x.rects {
		for _, i := range r.rows.list() {
			if x.rows[i].within(r.cols) {
				rows[i] = n
			}
		}
		for _, c := range r.cols.list() {
			if having[c].within(r.rows) {
				columns[c] = n
			}
		}
	}
	for _, way := range []struct {
		of   map[int]int
		want int
	}{{rows, len(x.in)}, {columns, cols.count()}} {
		if len(way.of) < way.want {
			continue
		}
		picked := slices.Compact(slices.Sorted(maps.Values(way.of)))
		if picked = x.irredundant(picked); len(picked) < x.found {
			x.best, x.found = picked, len(picked)
		}
	}
}

// irredundant leaves out rectangles that the others make needless, the last one picked first.
func (x *search) irredundant(picked []int) []int {
	for i := len(picked) - 1; i >= 0; i-- {
		open := x.covers[picked[i]].clone()
		for k, n := range picked {
			if k != i {
				open.without(x.covers[n])
			}
		}
		if open.empty() {
			picked = slices.Delete(picked, i, i+1)
		}
	}
	return picked
}

// branch covers what is open in every way that can beat the best, by the rectangles of its most constrained one.
func (x *search) branch(open set, picked []int) {
	if x.nodes <= 0 {
		return
	}
	x.nodes -= x.each
	if open.empty() {
		x.complete(picked)
		return
	}
	limit := x.found
	if x.better {
		limit++
	}
	if len(picked)+x.fooling(open) >= limit {
		return
	}
	o := x.tightest(open)
	for _, n := range x.candidates(o, open) {
		rest := open.clone()
		rest.without(x.covers[n])
		x.branch(rest, append(picked, n))
	}
}

func (x *search) complete(picked []int) {
	if !x.better {
		x.best = x.irredundant(slices.Clone(picked))
		x.found = len(x.best)
		return
	}
	c := x.price(picked)
	if cmp.Or(cmp.Compare(c.changed, x.cost.changed), cmp.Compare(c.weight, x.cost.weight)) < 0 {
		x.best, x.cost = slices.Clone(picked), c
	}
}

// tightest returns the open one that the fewest rectangles cover.
func (x *search) tightest(open set) int {
	for _, o := range x.order {
		if open.has(o) {
			return o
		}
	}
	return -1
}

// candidates are the rectangles over a one, those that cover most of what is open first. One whose share another one
// has as well is left out.
func (x *search) candidates(o int, open set) []int {
	list := slices.Clone(x.by[o])
	slices.SortStableFunc(list, func(a, b int) int { return x.covers[b].common(open) - x.covers[a].common(open) })
	if x.better {
		return list
	}
	var out []int
	for _, n := range list {
		if !slices.ContainsFunc(out, func(k int) bool { return x.covers[n].commonWithin(open, x.covers[k]) }) {
			out = append(out, n)
		}
	}
	return out
}

// price says what a cover costs beside its number.
func (x *search) price(picked []int) cost {
	var c cost
	for _, r := range x.trim(picked) {
		c.weight += x.weight(r)
		if !x.base[r.key()] {
			c.changed++
		}
	}
	return c
}

// kept is 1 for rectangles of the former cover.
func (x *search) kept(n int) int {
	if len(x.base) > 0 && x.base[x.rects[n].key()] {
		return 1
	}
	return 0
}

// trim makes rectangles, in their order and those of the former cover last, as small as the others allow: each row
// and column that is left has a one that no other rectangle covers.
func (x *search) trim(picked []int) []rect {
	picked = slices.Clone(picked)
	slices.SortFunc(picked, func(a, b int) int {
		return cmp.Or(cmp.Compare(x.kept(a), x.kept(b)), cmp.Compare(a, b))
	})
	count := make([]int, len(x.ones))
	out := make([]rect, len(picked))
	for i, n := range picked {
		out[i] = rect{x.rects[n].rows.clone(), x.rects[n].cols.clone()}
		for _, o := range x.covers[n].list() {
			count[o]++
		}
	}
	drop := func(lines, across set, at func(line, k int) int) {
		for _, line := range lines.list() {
			if needed := slices.ContainsFunc(across.list(), func(k int) bool { return count[at(line, k)] == 1 }); needed {
				continue
			}
			lines.remove(line)
			for _, k := range across.list() {
				count[at(line, k)]--
			}
		}
	}
	for i := range out {
		drop(out[i].rows, out[i].cols, func(r, c int) int { return x.index[one{r, c}] })
		drop(out[i].cols, out[i].rows, func(c, r int) int { return x.index[one{r, c}] })
	}
	return out
}

// Result is a cover and how good it is known to be.
type Result struct {
	Rects []Rect // sorted; no row or column of one can be left out
	// Bound is a proven lower bound of the number of rectangles: where they are as many, no smaller cover exists.
	Bound int
	// Rows and Cols are the size of the matrix once equal rows and equal columns are one.
	Rows, Cols int
}

// small covers a matrix that is small enough to be searched.
func small(rows [][]int, base []Rect, s *searcher) Result {
	m := collapse(rows)
	r := Result{Rows: len(m.rows), Cols: m.cols}
	s.base, s.former = map[string]bool{}, nil
	for _, b := range base {
		if x, ok := m.find(b); ok {
			s.former = append(s.former, x)
			s.base[x.key()] = true
		}
	}
	for _, part := range m.parts() {
		rects, bound := s.solve(part)
		r.Bound += bound
		for _, x := range rects {
			r.Rects = append(r.Rects, m.expand(x))
		}
	}
	return r
}
