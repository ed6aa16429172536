package store

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
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
			return c.texts(func(w file.ColumnChunkWriter) error {
				_, err := w.(*file.Int32ColumnChunkWriter).WriteBatch(values, levels, nil)
				return err
			})
		})
		if !bytes.Equal(ours, library) {
			t.Fatalf("other bytes for levels %v", levels)
		}
	}
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
