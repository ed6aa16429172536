package store

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
	"github.com/google/go-cmp/cmp"
)

// TestNumbersAsTheLibrary: what we write of a column with nulls is what the library writes of it, to the byte.
func TestNumbersAsTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 3000 {
		all := make([]int32, 1+r.IntN(3000))
		stay := []int{1, 2, 3, 8, 9, 20, 1000}[r.IntN(7)] // how long runs are, about
		null := r.IntN(2) == 0
		for i := range all {
			if r.IntN(stay) == 0 {
				null = !null
			}
			if !null {
				all[i] = 1 + r.Int32N(50)
			}
		}
		values, levels := dropZeros(all, make([]int16, len(all)))
		raw, stats := arrow.Int32Traits.CastToBytes(values), func(c *chunk) metadata.TypedStatistics {
			s := metadata.NewInt32Statistics(c.meta.Descr(), c.props.Allocator())
			s.Update(values, int64(len(levels)-len(values)))
			return s
		}
		ours := oneColumn(t, len(levels), func(c *chunk) error {
			return c.numbers(raw, arrow.Int32SizeBytes, len(levels), levels, stats(c))
		})
		library := oneColumn(t, len(levels), func(c *chunk) error {
			return byLibrary(c, func(w file.ColumnChunkWriter) error {
				_, err := w.(*file.Int32ColumnChunkWriter).WriteBatch(values, levels, nil)
				return err
			})
		})
		if !bytes.Equal(ours, library) {
			t.Fatalf("other bytes for levels %v", levels)
		}
	}
}

// byLibrary has the library write the values of a column.
func byLibrary(c *chunk, write func(file.ColumnChunkWriter) error) error {
	w := file.NewColumnChunkWriter(c.meta, c.pages, c.props)
	if err := write(w); err != nil {
		return err
	}
	err := w.Close()
	c.size = w.TotalBytesWritten()
	return err
}

// TestLabelsAsTheLibrary: the pages that we write of labels are those that the library writes of them, and what is said
// of them is the same, but that we don't say that the texts of a column are 0 different ones.
func TestLabelsAsTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	text := func() string {
		long := 0
		if r.IntN(50) == 0 { // such are no bounds of a column
			long = 5000
		}
		return strings.Repeat("\xff", r.IntN(2)) + strings.Repeat("a", long) + strings.Repeat(string(rune(r.IntN(0x300))), r.IntN(9))
	}
	for range 100 {
		rows := make([]label, 1+r.IntN(300))
		some := 1 + r.IntN(9) // of how many texts one is there
		for i := range rows {
			l := &rows[i]
			l.id, l.marks = uint32(i), uint16(r.Uint32())
			for c := range l.texts {
				if r.IntN(some) == 0 {
					l.texts[c] = text()
				}
			}
			for c := range l.lists {
				for range r.IntN(9) / some {
					l.lists[c] = append(l.lists[c], text())
				}
			}
		}
		var ours, library bytes.Buffer
		must(t, writeLabels(newEncoder(), &ours, rows))
		must(t, newEncoder().write(&library, labelsKind, labelsSchema(), nil, func(p *parquetFile) error {
			return p.group(len(rows), func(i int, c *chunk) error {
				return byLibrary(c, func(w file.ColumnChunkWriter) error { return libraryLabels(w, i, rows) })
			})
		}))
		if d := cmp.Diff(columnsOf(t, library.Bytes()), columnsOf(t, ours.Bytes())); d != "" {
			t.Fatalf("-library +ours:\n%.2000s", d)
		}
	}
}

// columnsOf returns what is in the columns of a file of one row group.
func columnsOf(t *testing.T, data []byte) (columns []any) {
	t.Helper()
	f, err := file.NewParquetReader(bytes.NewReader(data))
	must(t, err)
	g := f.RowGroup(0)
	for i := range g.NumColumns() {
		meta, err := g.MetaData().ColumnChunk(i)
		must(t, err)
		stats, err := meta.Statistics()
		must(t, err)
		about, err := stats.Encode()
		must(t, err)
		pages, err := g.GetColumnPageReader(i)
		must(t, err)
		if !pages.Next() {
			t.Fatalf("column %d has no page", i)
		}
		p := pages.Page()
		columns = append(columns, p.NumValues(), string(p.Data()), meta.NumValues(), meta.Encodings(),
			about.HasMin, string(about.Min), about.HasMax, string(about.Max), stats.NullCount())
		if pages.Next() {
			t.Fatalf("column %d has more than a page", i)
		}
	}
	return columns
}

// libraryLabels writes a column of labels.
func libraryLabels(w file.ColumnChunkWriter, column int, rows []label) error {
	var numbers []int32
	var texts []parquet.ByteArray
	var defined, repeated []int16
	for i := range rows {
		l := &rows[i]
		switch {
		case column == 0:
			numbers = append(numbers, int32(l.id))
		case column == 1:
			numbers = append(numbers, int32(l.marks))
		case column < 2+numTexts:
			s := l.texts[column-2]
			if s != "" {
				texts = append(texts, []byte(s))
			}
			defined = append(defined, int16(min(len(s), 1)))
		default:
			list := l.lists[column-2-numTexts]
			if len(list) == 0 {
				defined, repeated = append(defined, 0), append(repeated, 0)
			}
			for j, s := range list {
				texts, defined, repeated = append(texts, []byte(s)), append(defined, 1), append(repeated, int16(min(j, 1)))
			}
		}
	}
	var err error
	if numbers != nil {
		_, err = w.(*file.Int32ColumnChunkWriter).WriteBatch(numbers, nil, nil)
	} else {
		_, err = w.(*file.ByteArrayColumnChunkWriter).WriteBatch(texts, defined, repeated)
	}
	return err
}

// oneColumn returns a file of one nullable column of numbers.
func oneColumn(t *testing.T, rows int, write func(*chunk) error) []byte {
	t.Helper()
	kind := schema.NewIntLogicalType(32, false)
	n := schema.Must(schema.NewPrimitiveNodeLogical("n", parquet.Repetitions.Optional, kind, parquet.Types.Int32, 0, -1))
	root := schema.MustGroup(schema.NewGroupNode("one", parquet.Repetitions.Required, schema.FieldList{n}, -1))
	var out bytes.Buffer
	err := newEncoder().write(&out, flowsKind, root, nil, func(p *parquetFile) error {
		return p.group(rows, func(_ int, c *chunk) error { return write(c) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
