package cover

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"
)

// random makes a matrix of at most h x w with some share of ones.
func random(g *rand.Rand, h, w int, share float64) [][]int {
	rows := make([][]int, 1+g.IntN(h))
	w = 1 + g.IntN(w)
	for i := range rows {
		for c := range w {
			if g.Float64() < share {
				rows[i] = append(rows[i], c)
			}
		}
	}
	return rows
}

// check wants rectangles within the ones that cover all of them, none of which can be left out or made smaller.
func check(t *testing.T, rows [][]int, r Result) {
	t.Helper()
	count := map[one]int{}
	for _, x := range r.Rects {
		if len(x.Rows) == 0 || len(x.Cols) == 0 || !slices.IsSorted(x.Rows) || !slices.IsSorted(x.Cols) {
			t.Fatalf("%v: rectangle %v", rows, x)
		}
		for _, i := range x.Rows {
			for _, c := range x.Cols {
				if !slices.Contains(rows[i], c) {
					t.Fatalf("%v: %v holds row %d column %d, which is no one", rows, x, i, c)
				}
				count[one{i, c}]++
			}
		}
	}
	for i, row := range rows {
		for _, c := range row {
			if count[one{i, c}] == 0 {
				t.Fatalf("%v: row %d column %d is not covered by %v", rows, i, c, r.Rects)
			}
		}
	}
	needed := func(line, across []int, at func(line, k int) one) bool {
		for _, l := range line {
			if !slices.ContainsFunc(across, func(k int) bool { return count[at(l, k)] == 1 }) {
				return false
			}
		}
		return true
	}
	for _, x := range r.Rects {
		if !needed(x.Rows, x.Cols, func(i, c int) one { return one{i, c} }) || !needed(x.Cols, x.Rows, func(c, i int) one { return one{i, c} }) {
			t.Fatalf("%v: %v can be smaller beside the others in %v", rows, x, r.Rects)
		}
	}
	if r.Bound > len(r.Rects) {
		t.Fatalf("%v: %d rectangles, but a bound of %d", rows, len(r.Rects), r.Bound)
	}
}

// fewest tries all covers of a matrix with at most 16 ones: by the least number of rectangles for each set of ones.
func fewest(rows [][]int) int {
	var ones []one
	for i, row := range rows {
		for _, c := range row {
			ones = append(ones, one{i, c})
		}
	}
	var rects []int
	for m := 1; m < 1<<len(rows); m++ {
		cols := map[int]int{}
		n := 0
		for i, row := range rows {
			if m>>i&1 == 0 {
				continue
			}
			n++
			for _, c := range row {
				cols[c]++
			}
		}
		mask := 0
		for k, o := range ones {
			if m>>o.row&1 != 0 && cols[o.col] == n {
				mask |= 1 << k
			}
		}
		rects = append(rects, mask)
	}
	least := make([]int, 1<<len(ones))
	for s := 1; s < len(least); s++ {
		least[s] = len(ones)
		for _, r := range rects {
			if r&s != 0 {
				least[s] = min(least[s], 1+least[s&^r])
			}
		}
	}
	return least[len(least)-1]
}

// TestFewest compares with brute force on small matrices.
func TestFewest(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 1))
	for tried := 0; tried < 1500; {
		rows := random(g, 5, 5, 0.2+0.6*g.Float64())
		n := 0
		for _, r := range rows {
			n += len(r)
		}
		if n > 13 {
			continue
		}
		tried++
		r := Cover(rows, Options{})
		check(t, rows, r)
		if want := fewest(rows); len(r.Rects) != want || r.Bound != want {
			t.Fatalf("%v: %d rectangles with bound %d, want %d: %v", rows, len(r.Rects), r.Bound, want, r.Rects)
		}
	}
}

// TestLarge wants valid covers and honest bounds where brute force ends, and the same whatever the order of columns.
func TestLarge(t *testing.T) {
	proven := 0
	const n = 200
	for seed := range uint64(n) {
		g := rand.New(rand.NewPCG(seed, 2))
		rows := random(g, 30, 20, 0.1+0.5*g.Float64())
		r := Cover(rows, Options{Budget: 2000})
		check(t, rows, r)
		if len(r.Rects) == r.Bound {
			proven++
		}
		for i := range rows {
			g.Shuffle(len(rows[i]), func(a, b int) { rows[i][a], rows[i][b] = rows[i][b], rows[i][a] })
		}
		if again := Cover(rows, Options{Budget: 2000}); !reflect.DeepEqual(again, r) {
			t.Fatalf("seed %d: another result", seed)
		}
	}
	t.Logf("%d of %d proven", proven, n)
}

// TestCover shows what is chosen.
func TestCover(t *testing.T) {
	rect := func(rows []int, cols ...int) Rect { return Rect{rows, cols} }
	for _, c := range []struct {
		name string
		rows [][]int
		base []Rect
		want []Rect
	}{
		{"nothing", nil, nil, nil},
		{"empty rows", [][]int{{}, {0}}, nil, []Rect{rect([]int{1}, 0)}},
		{"equal rows share", [][]int{{0, 1}, {1, 0}}, nil, []Rect{rect([]int{0, 1}, 0, 1)}},
		{"nothing in common", [][]int{{0}, {1}}, nil, []Rect{rect([]int{0}, 0), rect([]int{1}, 1)}},
		{"one within the other: no peer is listed twice", [][]int{{0, 1}, {0}}, nil, []Rect{rect([]int{0}, 1), rect([]int{0, 1}, 0)}},
		{"a port of several rules beats a rule for each port set", [][]int{{0, 1, 2, 3}, {0, 1}, {2, 3}}, nil,
			[]Rect{rect([]int{0, 1}, 0, 1), rect([]int{0, 2}, 2, 3)}},
		{"the crown needs four", [][]int{{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}}, nil, nil},
		{"the former cover is kept", [][]int{{0, 1}, {0}}, []Rect{rect([]int{0}, 0, 1), rect([]int{1}, 0)},
			[]Rect{rect([]int{0}, 0, 1), rect([]int{1}, 0)}},
	} {
		r := Cover(c.rows, Options{Base: c.base})
		check(t, c.rows, r)
		if c.want != nil && !reflect.DeepEqual(r.Rects, c.want) {
			t.Errorf("%s: %v, want %v", c.name, r.Rects, c.want)
		}
		if len(r.Rects) != r.Bound {
			t.Errorf("%s: not proven", c.name)
		}
	}
}

func FuzzCover(f *testing.F) {
	f.Add([]byte{0b11, 0b01}, uint16(0))
	f.Add([]byte{0b1110, 0b1101, 0b1011, 0b0111}, uint16(3))
	f.Fuzz(func(t *testing.T, b []byte, budget uint16) {
		rows := make([][]int, min(len(b), 40))
		for i := range rows {
			for c := range 8 {
				if b[i]>>c&1 != 0 {
					rows[i] = append(rows[i], c+i/8)
				}
			}
		}
		check(t, rows, Cover(rows, Options{Budget: 1 + int(budget)%1000}))
	})
}

func BenchmarkCover(b *testing.B) {
	for _, size := range []int{5, 10, 20, 40} {
		g := rand.New(rand.NewPCG(7, 7))
		rows := make([][]int, size)
		for i := range rows {
			for c := range size {
				if g.Float64() < 0.25 {
					rows[i] = append(rows[i], c)
				}
			}
		}
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				Cover(rows, Options{})
			}
		})
	}
}

// TestWork bounds what one matrix costs, whatever it looks like: the budget is of nodes, and what a node costs grows
// with the matrix. The shapes lie below and above what is searched.
func TestWork(t *testing.T) {
	var before syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		t.Fatal(err)
	}
	g := rand.New(rand.NewPCG(3, 3))
	matrix := func(rows, cols int, has func(i, c int) bool) [][]int {
		var out [][]int
		for i := range rows {
			var row []int
			for c := range cols {
				if has(i, c) {
					row = append(row, c)
				}
			}
			out = append(out, row)
		}
		return out
	}
	pairs := matrix(2000, 2000, func(i, c int) bool { return false })
	wide := matrix(1000, 60_000, func(i, c int) bool { return false })
	for i := range pairs {
		pairs[i] = []int{i, g.IntN(2000)}
	}
	for i := range wide {
		for range 50 {
			wide[i] = append(wide[i], g.IntN(60_000))
		}
	}
	for _, c := range []struct {
		name string
		rows [][]int
	}{
		{"half of 70 x 70", matrix(70, 70, func(i, c int) bool { return g.IntN(2) == 0 })},
		{"half of 200 x 200", matrix(200, 200, func(i, c int) bool { return g.IntN(2) == 0 })},
		{"a tenth of 200 x 200", matrix(200, 200, func(i, c int) bool { return g.IntN(10) == 0 })},
		{"all but the diagonal of 63", matrix(63, 63, func(i, c int) bool { return i != c })},
		{"steps of 88", matrix(88, 88, func(i, c int) bool { return i <= c })},
		{"a chain", matrix(1900, 1901, func(i, c int) bool { return c == i || c == i+1 })},
		{"16,000 of their own", matrix(0, 0, nil)},
		{"pairs", pairs},
		{"wide", wide},
	} {
		if c.rows == nil {
			for i := range 16_000 {
				c.rows = append(c.rows, []int{i})
			}
		}
		r := Cover(c.rows, Options{})
		t.Logf("%s: %d rectangles, bound %d", c.name, len(r.Rects), r.Bound)
		if len(c.rows) <= 200 {
			check(t, c.rows, r)
		}
		if len(r.Rects) > len(c.rows) {
			t.Errorf("%s: %d rectangles for %d rows", c.name, len(r.Rects), len(c.rows))
		}
	}
	var after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		t.Fatal(err)
	}
	if cpu := time.Duration(after.Utime.Nano() - before.Utime.Nano()); cpu > 10*time.Second*slower {
		t.Errorf("%v of CPU time for all", cpu)
	}
}
