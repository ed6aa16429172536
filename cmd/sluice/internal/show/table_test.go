package show

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"
)

// randomRows are rows of so many cells: of any width, none among them, some of characters of several bytes, and now and
// then one that is longer than a block.
func randomRows(r *rand.Rand, rows, cells int) [][]string {
	out := make([][]string, rows)
	for i := range out {
		for range cells {
			c := strings.Repeat([]string{"x", "é", "漢", "y z"}[r.IntN(4)], r.IntN(12))
			if r.IntN(2000) == 0 {
				c = strings.Repeat("long", blockText/4+r.IntN(3))
			}
			out[i] = append(out[i], c)
		}
	}
	return out
}

// TestTableAligns compares the columns of a table with those of the library, which holds and writes every cell by
// itself.
func TestTableAligns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{0, 3}, {1, 1}, {5, 1}, {3, 4}, {blockCells/4 + 1, 4}, {700, 10}} {
		rows := randomRows(r, size[0], size[1])
		var want bytes.Buffer
		tw := tabwriter.NewWriter(&want, 0, 8, columnGap, ' ', 0)
		head := strings.Split("A,longer head,,D,E,F,G,H,I,J", ",")[:size[1]]
		for _, row := range slices.Insert(slices.Clone(rows), 0, head) {
			fmt.Fprintln(tw, strings.Join(row, "\t"))
		}
		if err := tw.Flush(); err != nil {
			t.Fatal(err)
		}
		l := list[[]string]{head: head, row: func(t *table, v []string) { t.texts(v...) }}
		var one, parts bytes.Buffer
		if err := l.print(&one, Wide, slices.Values(rows)); err != nil {
			t.Fatal(err)
		}
		if err := l.aligned(&parts, Wide, len(rows), func(i int) []string { return rows[i] }); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want.String(), one.String()); d != "" {
			t.Fatalf("%d rows of %d cells (-library +one by one):\n%.2000s", size[0], size[1], d)
		}
		if !bytes.Equal(one.Bytes(), parts.Bytes()) {
			t.Fatalf("%d rows of %d cells: on all processors others are printed", size[0], size[1])
		}
	}
}
