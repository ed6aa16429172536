package show

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/cmd/sluice/internal/text"
)

// wholeCell is the limit of cells that are not cut, save that no stranger fills a disk with one.
const wholeCell = 1 << 16

// table prints aligned columns, or CSV. Cells are made printable: logs hold names that strangers chose.
type table struct {
	out   *bufio.Writer
	limit int         // of a cell
	csv   *csv.Writer // nil: aligned
	lines columns
}

func newTable(w io.Writer, head ...string) *table {
	t := &table{out: bufio.NewWriterSize(w, 1<<16), limit: 120}
	t.texts(head...)
	return t
}

// newCSV returns a table that prints comma-separated values.
func newCSV(w io.Writer, head []string) *table {
	out := bufio.NewWriterSize(w, 1<<16)
	t := &table{out: out, limit: wholeCell, csv: csv.NewWriter(out)}
	_ = t.csv.Write(head) // flush returns the error
	return t
}

func (t *table) row(cells ...any) {
	list := make([]string, len(cells))
	for i, c := range cells {
		if s, ok := c.(string); ok {
			list[i] = s
		} else {
			list[i] = fmt.Sprint(c)
		}
	}
	t.texts(list...)
}

// texts is row of cells that are texts.
func (t *table) texts(cells ...string) {
	if t.csv != nil {
		t.values(cells)
		return
	}
	for i, c := range cells {
		t.lines.add(text.Printable(c, t.limit), i, i == len(cells)-1)
	}
}

// values writes a line of CSV. What a spreadsheet would take for a formula is none.
func (t *table) values(cells []string) {
	line := make([]string, len(cells))
	for i, c := range cells {
		line[i] = text.Printable(c, t.limit)
		if line[i] != "" && line[i] != "-" && strings.ContainsRune("=+-@", rune(line[i][0])) {
			line[i] = "'" + line[i]
		}
	}
	_ = t.csv.Write(line)
}

func (t *table) flush() error {
	if t.csv != nil {
		t.csv.Flush()
		if err := t.csv.Error(); err != nil {
			return err
		}
		return t.out.Flush()
	}
	t.lines.print(t.out)
	return t.out.Flush()
}

// columns are the lines of a table. They wait until all are known, since the widest cell of a column says where the
// next one begins: their texts beside each other, in blocks, so that nothing moves as they become more.
type columns struct {
	blocks []block
	widths []int // of columns that others follow, in characters
}

type block struct {
	text  []byte
	cells []tableCell
}

// tableCell is one behind another.
type tableCell struct {
	size  uint32 // bytes
	width int32  // characters; -1: it ends the line
}

// Sizes of a block.
const (
	blockText  = 1 << 14
	blockCells = 1 << 11
	columnGap  = 2
)

// add adds a cell of a column, the last one of a line or not.
func (l *columns) add(s string, column int, last bool) {
	n := len(l.blocks) - 1
	if n < 0 || len(l.blocks[n].cells) == blockCells || len(l.blocks[n].text)+len(s) > blockText {
		l.blocks = append(l.blocks, block{make([]byte, 0, max(len(s), blockText)), make([]tableCell, 0, blockCells)})
		n++
	}
	b, width := &l.blocks[n], -1
	if !last {
		width = utf8.RuneCountInString(s)
		if column == len(l.widths) {
			l.widths = append(l.widths, 0)
		}
		l.widths[column] = max(l.widths[column], width)
	}
	b.text, b.cells = append(b.text, s...), append(b.cells, tableCell{uint32(len(s)), int32(width)})
}

// join adds the lines of another one behind its own.
func (l *columns) join(more *columns) {
	l.blocks = append(l.blocks, more.blocks...)
	for i, w := range more.widths {
		if i == len(l.widths) {
			l.widths = append(l.widths, 0)
		}
		l.widths[i] = max(l.widths[i], w)
	}
}

// print writes them. The writer keeps its error.
func (l *columns) print(out *bufio.Writer) {
	blanks := strings.Repeat(" ", columnGap+slices.Max(append(l.widths, 0)))
	column := 0
	for i := range l.blocks {
		rest := l.blocks[i].text
		for _, c := range l.blocks[i].cells {
			_, _ = out.Write(rest[:c.size])
			rest = rest[c.size:]
			if c.width < 0 {
				_ = out.WriteByte('\n')
				column = 0
				continue
			}
			_, _ = out.WriteString(blanks[:columnGap+l.widths[column]-int(c.width)])
			column++
		}
	}
}
