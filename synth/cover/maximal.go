package cover

import (
	"cmp"
	"slices"
)

// maxRects is how many maximal rectangles a search may choose from, and maxWords how much of sets it may look at to
// find them.
const (
	maxRects = 20_000
	maxWords = 20_000_000
)

// maximal lists the maximal rectangles of a part: those that no row and no column can be added to. false: there are
// more than maxRects, or it takes too long to say. Their column sets are exactly the intersections of rows.
func (p *part) maximal() ([]rect, bool) {
	index := map[string]bool{}
	var found []set
	add := func(cols set) {
		if k := string(cols.bytes()); !cols.empty() && !index[k] {
			index[k] = true
			found = append(found, cols)
		}
	}
	words := 0
	for _, i := range p.in {
		known := len(found)
		words += known * len(p.rows[i])
		add(p.rows[i].clone())
		for n := range known {
			cols := found[n].clone()
			cols.and(p.rows[i])
			add(cols)
			if len(found) > maxRects || words > maxWords {
				return nil, false
			}
		}
	}
	out := make([]rect, len(found))
	for n, cols := range found {
		out[n] = rect{p.having(cols), cols}
	}
	slices.SortFunc(
		out,
		func(a, b rect) int { return cmp.Or(slices.Compare(a.rows, b.rows), slices.Compare(a.cols, b.cols)) },
	)
	return out, true
}

func (s set) bytes() []byte {
	out := make([]byte, 0, 8*len(s))
	for _, w := range s {
		for n := range 8 {
			out = append(out, byte(w>>(8*n)))
		}
	}
	return out
}

// having returns the rows that have all of some columns.
func (p *part) having(cols set) set {
	rows := newSet(len(p.rows))
	for _, i := range p.in {
		if cols.within(p.rows[i]) {
			rows.add(i)
		}
	}
	return rows
}

// shared returns the columns that all of some rows have.
func (p *part) shared(rows set) set {
	cols := newSet(p.cols)
	for i := range cols {
		cols[i] = ^uint64(0)
	}
	for _, i := range rows.list() {
		cols.and(p.rows[i])
	}
	return cols
}

// around lists a few maximal rectangles for each one: as wide as its row, as high as its column, and grown from
// there. It is what a search chooses from where there are too many of all.
func (p *part) around() []rect {
	index := map[string]bool{}
	var out []rect
	add := func(cols set) {
		rows := p.having(cols)
		r := rect{rows, p.shared(rows)}
		if k := r.key(); !index[k] {
			index[k] = true
			out = append(out, r)
		}
	}
	words := 0
	for _, i := range p.in {
		add(p.rows[i])
		if words += len(p.in) * (len(p.in) + p.cols) / 64; words > maxWords {
			continue
		}
		for _, k := range p.in {
			cols := p.rows[i].clone()
			if cols.and(p.rows[k]); !cols.empty() {
				add(cols)
			}
		}
	}
	for _, o := range p.ones {
		rows := newSet(len(p.rows))
		for _, i := range p.in {
			if p.rows[i].has(o.col) {
				rows.add(i)
			}
		}
		add(p.shared(rows))
	}
	return out
}
