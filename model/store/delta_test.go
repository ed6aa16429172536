package store

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// TestStepsAsTheLibrary: of the steps that we write the library reads the values, and so do we; of what the library
// writes, too.
func TestStepsAsTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 1000 {
		wide := make([]int64, 1+r.IntN([]int{3, 40, 300, 3000}[r.IntN(4)]))
		near, at := r.IntN(64), r.Int64() // bits that steps have, about
		for i := range wide {
			at += r.Int64() >> near >> r.IntN(3)
			if wide[i] = at; r.IntN(100) == 0 {
				wide[i] = []int64{math.MinInt64, math.MaxInt64, 0, math.MinInt32, math.MaxInt32}[r.IntN(5)]
			}
		}
		narrow := make([]int32, len(wide))
		for i, v := range wide {
			narrow[i] = int32(v)
		}
		theSame(t, parquet.Types.Int64, wide, func(w file.ColumnChunkWriter) {
			_, err := w.(*file.Int64ColumnChunkWriter).WriteBatch(wide, nil, nil)
			must(t, err)
		}, func(r file.ColumnChunkReader, out []int64) (int64, error) {
			n, _, err := r.(*file.Int64ColumnChunkReader).ReadBatch(int64(len(out)), out, nil, nil)
			return n, err
		})
		theSame(t, parquet.Types.Int32, narrow, func(w file.ColumnChunkWriter) {
			_, err := w.(*file.Int32ColumnChunkWriter).WriteBatch(narrow, nil, nil)
			must(t, err)
		}, func(r file.ColumnChunkReader, out []int32) (int64, error) {
			n, _, err := r.(*file.Int32ColumnChunkReader).ReadBatch(int64(len(out)), out, nil, nil)
			return n, err
		})
	}
}

// theSame writes values as steps and with the library, and reads both in both ways.
func theSame[T int32 | int64](t *testing.T, of parquet.Type, values []T, write func(file.ColumnChunkWriter),
	read func(file.ColumnChunkReader, []T) (int64, error)) {
	t.Helper()
	n := schema.Must(schema.NewPrimitiveNode("n", parquet.Repetitions.Required, of, -1, -1))
	root := schema.MustGroup(schema.NewGroupNode("one", parquet.Repetitions.Required, schema.FieldList{n}, -1))
	for _, column := range []func(*chunk) error{
		func(c *chunk) error {
			stats := metadata.NewStatistics(c.meta.Descr(), c.props.Allocator())
			return c.steps(appendDelta(c.room(), values), len(values), stats)
		},
		func(c *chunk) error {
			return byLibrary(c, func(w file.ColumnChunkWriter) error {
				write(w)
				return nil
			})
		},
	} {
		var out bytes.Buffer
		must(t, newEncoder().write(&out, flowsKind, root, []string{"n"}, func(p *parquetFile) error {
			return p.group(len(values), func(_ int, c *chunk) error { return column(c) })
		}))
		f, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
		must(t, err)
		r, err := f.RowGroup(0).Column(0)
		must(t, err)
		got := make([]T, len(values))
		if n, err := read(r, got); err != nil || int(n) != len(values) || !slices.Equal(got, values) {
			t.Fatalf("the library reads %d values, %v; %v of %v", n, err, got, values)
		}
		pages, err := f.RowGroup(0).GetColumnPageReader(0)
		must(t, err)
		if !pages.Next() {
			t.Fatal("no page")
		}
		clear(got)
		p := pages.Page().(*file.DataPageV1)
		if err := readNumbers(p, got, nil); err != nil || !slices.Equal(got, values) {
			t.Fatalf("%v; %v of %v", err, got, values)
		}
	}
}

// TestDamagedSteps: steps that were cut off or changed are an error or other values, and nothing worse.
func TestDamagedSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		values := make([]int64, 1+r.IntN(400))
		for i := range values {
			values[i] = r.Int64() >> r.IntN(64)
		}
		b, out := appendDelta(nil, values), make([]int64, len(values))
		for n := range b {
			if err := readDelta(b[:n], out); !errors.Is(err, ErrDamaged) {
				t.Fatalf("%d of %d bytes: %v", n, len(b), err)
			}
			changed := bytes.Clone(b)
			changed[n] ^= byte(1 + r.IntN(255))
			if err := readDelta(changed, out); err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
		}
		for _, n := range []int{len(values) - 1, len(values) + 1} {
			if err := readDelta(b, make([]int64, n)); !errors.Is(err, ErrDamaged) {
				t.Fatalf("%d values of %d: %v", n, len(values), err)
			}
		}
	}
}
