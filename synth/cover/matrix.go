package cover

import (
	"cmp"
	"fmt"
	"slices"
)

// Rect is a rectangle: every one of its rows has every one of its columns. Both are sorted and not empty.
type Rect struct{ Rows, Cols []int }

// matrix has no equal rows and no equal columns, nor empty ones.
type matrix struct {
	rows []set // of columns
	cols int
	// what each row and column stands for
	rowsOf, colsOf [][]int
}

// collapse makes one of equal rows, then of equal columns. A cover of the result is one of the whole: rows that are
// equal can share all rectangles.
func collapse(rows [][]int) *matrix {
	width := 0
	for _, r := range rows {
		for _, c := range r {
			width = max(width, c+1)
		}
	}
	full := make([]set, len(rows))
	byCol := make([]set, width)
	for c := range byCol {
		byCol[c] = newSet(len(rows))
	}
	for i, r := range rows {
		full[i] = newSet(width)
		for _, c := range r {
			full[i].add(c)
			byCol[c].add(i)
		}
	}
	m := &matrix{rowsOf: classes(full), colsOf: classes(byCol)}
	m.cols = len(m.colsOf)
	for _, of := range m.rowsOf {
		row := newSet(m.cols)
		for c, cols := range m.colsOf {
			if full[of[0]].has(cols[0]) {
				row.add(c)
			}
		}
		m.rows = append(m.rows, row)
	}
	return m
}

// classes groups equal sets that are not empty, each group and all of them in the order of their members.
func classes(sets []set) [][]int {
	index := map[string]int{}
	var out [][]int
	for i, s := range sets {
		if s.empty() {
			continue
		}
		k := fmt.Sprint(s)
		n, ok := index[k]
		if !ok {
			n = len(out)
			index[k] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

// rect is a rectangle of a matrix.
type rect struct{ rows, cols set }

// expand returns the rectangle in the numbers of the caller.
func (m *matrix) expand(r rect) Rect {
	var out Rect
	for _, i := range r.rows.list() {
		out.Rows = append(out.Rows, m.rowsOf[i]...)
	}
	for _, c := range r.cols.list() {
		out.Cols = append(out.Cols, m.colsOf[c]...)
	}
	slices.Sort(out.Rows)
	slices.Sort(out.Cols)
	return out
}

// find returns a rectangle of the caller in the collapsed matrix, false where it is none there.
func (m *matrix) find(r Rect) (rect, bool) {
	x := rect{newSet(len(m.rows)), newSet(m.cols)}
	for i, of := range m.rowsOf {
		if slices.Contains(r.Rows, of[0]) {
			x.rows.add(i)
		}
	}
	for c, of := range m.colsOf {
		if slices.Contains(r.Cols, of[0]) {
			x.cols.add(c)
		}
	}
	for _, i := range x.rows.list() {
		if !x.cols.within(m.rows[i]) {
			return x, false
		}
	}
	back := m.expand(x)
	return x, len(r.Rows) > 0 && len(r.Cols) > 0 && sameMembers(back.Rows, r.Rows) && sameMembers(back.Cols, r.Cols)
}

func sameMembers(sorted, list []int) bool {
	return slices.Equal(sorted, slices.Compact(slices.Sorted(slices.Values(list))))
}

func (r rect) key() string { return fmt.Sprint(r.rows, r.cols) }

// part is a connected piece of a matrix, in the numbers of the matrix.
type part struct {
	*matrix
	in    []int // its rows
	ones  []one
	index map[one]int
}

type one struct{ row, col int }

// parts splits the matrix where nothing hangs together.
func (m *matrix) parts() []*part {
	seen := newSet(max(1, len(m.rows)))
	var out []*part
	for i := range m.rows {
		if seen.has(i) {
			continue
		}
		seen.add(i)
		p := &part{matrix: m, in: []int{i}, index: map[one]int{}}
		for n := 0; n < len(p.in); n++ {
			for k := range m.rows {
				if !seen.has(k) && m.rows[p.in[n]].common(m.rows[k]) > 0 {
					seen.add(k)
					p.in = append(p.in, k)
				}
			}
		}
		slices.Sort(p.in)
		for _, r := range p.in {
			for _, c := range m.rows[r].list() {
				p.index[one{r, c}] = len(p.ones)
				p.ones = append(p.ones, one{r, c})
			}
		}
		out = append(out, p)
	}
	return out
}

// holds reports whether a rectangle lies in the part.
func (p *part) holds(r rect) bool { return slices.Contains(p.in, r.rows.list()[0]) }

// together reports whether one rectangle can hold both ones.
func (p *part) together(a, b one) bool { return p.rows[a.row].has(b.col) && p.rows[b.row].has(a.col) }

// covered returns the ones of a rectangle by number.
func (p *part) covered(r rect) set {
	s := newSet(len(p.ones))
	cols := r.cols.list()
	for _, i := range r.rows.list() {
		for _, c := range cols {
			s.add(p.index[one{i, c}])
		}
	}
	return s
}

// weight is how many rows and columns of the caller a rectangle lists.
func (m *matrix) weight(r rect) int {
	n := 0
	for _, i := range r.rows.list() {
		n += len(m.rowsOf[i])
	}
	for _, c := range r.cols.list() {
		n += len(m.colsOf[c])
	}
	return n
}

func compareOnes(a, b one) int { return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.col, b.col)) }
