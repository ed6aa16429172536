package cover

import (
	"encoding/binary"
	"slices"
)

// maxOnes is how many ones a search looks at: it compares each with each. A piece of a matrix with more is covered by
// its rows or by its columns.
const maxOnes = 2500

// large covers a matrix of any size in time n log n, by lists instead of bits: equal rows and equal columns become one,
// what does not hang together is covered apart, and each piece is searched if it is small enough.
func large(rows [][]int, base []Rect, s *searcher) Result {
	rowsOf, reps := group(rows)
	colsOf, cols := group(transposed(reps))
	pieces := piecesOf(len(reps), cols)
	r := Result{Rows: len(reps), Cols: len(cols)}
	rowAt, colAt := members(rowsOf), members(colsOf)
	for _, p := range pieces {
		sub := make([][]int, len(p.rows))
		ones := 0
		local := map[int]int{}
		for i, n := range p.rows {
			local[n] = i
		}
		for k, c := range p.cols {
			for _, n := range cols[c] {
				sub[local[n]] = append(sub[local[n]], k)
				ones++
			}
		}
		found, bound := lines(sub, len(p.cols)), 1
		if ones <= maxOnes {
			x := small(sub, p.bases(base, rowAt, colAt), s)
			found, bound = x.Rects, x.Bound
		}
		r.Bound += bound
		for _, x := range found {
			r.Rects = append(r.Rects, Rect{expand(x.Rows, p.rows, rowsOf), expand(x.Cols, p.cols, colsOf)})
		}
	}
	return r
}

// lines covers each row by itself, or each column where they are fewer.
func lines(rows [][]int, cols int) []Rect {
	var out []Rect
	if len(rows) <= cols {
		for i, r := range rows {
			out = append(out, Rect{[]int{i}, r})
		}
		return out
	}
	for k, of := range transposed(rows) {
		out = append(out, Rect{of, []int{k}})
	}
	return out
}

// group makes one of equal lists, which it sorts; empty ones are in no group. Groups are in the order of their first
// member.
func group(lists [][]int) (of, reps [][]int) {
	index := map[string]int{}
	for i, l := range lists {
		if len(l) == 0 {
			continue
		}
		l = slices.Compact(slices.Sorted(slices.Values(l)))
		var key []byte
		for _, x := range l {
			key = binary.AppendUvarint(key, uint64(x))
		}
		n, ok := index[string(key)]
		if !ok {
			n = len(of)
			index[string(key)] = n
			of, reps = append(of, nil), append(reps, l)
		}
		of[n] = append(of[n], i)
	}
	return of, reps
}

// transposed lists for each column the rows that have it, sorted.
func transposed(rows [][]int) [][]int {
	var out [][]int
	for i, r := range rows {
		for _, c := range r {
			for len(out) <= c {
				out = append(out, nil)
			}
			out[c] = append(out[c], i)
		}
	}
	return out
}

// piece is a part of a matrix that shares no row and no column with the rest.
type piece struct{ rows, cols []int }

// piecesOf divides a matrix, given by the rows of each of its columns, in the order of the first rows.
func piecesOf(rows int, cols [][]int) []piece {
	parent := make([]int, rows)
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
	for _, of := range cols {
		for _, i := range of {
			a, b := root(of[0]), root(i)
			parent[max(a, b)] = min(a, b)
		}
	}
	at := map[int]int{}
	var out []piece
	for i := range rows {
		r := root(i)
		if r == i {
			at[r] = len(out)
			out = append(out, piece{})
		}
		out[at[r]].rows = append(out[at[r]].rows, i)
	}
	for c, of := range cols {
		p := &out[at[root(of[0])]]
		p.cols = append(p.cols, c)
	}
	return out
}

// bases are those of some rectangles of the caller that lie in the piece, in its own numbers.
func (p *piece) bases(all []Rect, rowAt, colAt map[int]int) []Rect {
	var out []Rect
	for _, b := range all {
		x := Rect{within(b.Rows, rowAt, p.rows), within(b.Cols, colAt, p.cols)}
		if len(x.Rows) > 0 && len(x.Cols) > 0 {
			out = append(out, x)
		}
	}
	return out
}

// within gives the places in sorted of what the members stand for, nil where one is not there.
func within(list []int, at map[int]int, sorted []int) []int {
	var out []int
	for _, m := range list {
		n, ok := at[m]
		k, in := slices.BinarySearch(sorted, n)
		if !ok || !in {
			return nil
		}
		out = append(out, k)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// members gives the group of each member.
func members(of [][]int) map[int]int {
	out := map[int]int{}
	for n, list := range of {
		for _, m := range list {
			out[m] = n
		}
	}
	return out
}

// expand gives the members of groups, which local numbers name.
func expand(local, global []int, of [][]int) []int {
	var out []int
	for _, i := range local {
		out = append(out, of[global[i]]...)
	}
	slices.Sort(out)
	return out
}
