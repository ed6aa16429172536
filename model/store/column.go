package store

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"sluice/model"
)

// column is one column of the flows. All values are whole numbers; where zero means "none" it is stored as null.
type column struct {
	name   string
	bits   int8 // unsigned integer of this width; 0: a time in microseconds UTC
	null   bool
	ids    func(*local) []uint32 // nil: it refers to nothing
	load32 func(rows []model.Observation, out []int32)
	save32 func(rows []model.Observation, in []int32)
	load64 func(rows []model.Observation, out []int64)
	save64 func(rows []model.Observation, in []int64)
}

// flowColumns are the columns in the order they are stored in.
var flowColumns = []column{
	minutes("window", &sample.Window),
	referring(number("src", 32, false, &sample.Src), endpointIDs),
	referring(number("dst", 32, false, &sample.Dst), endpointIDs),
	number("src_port", 16, true, &sample.SrcPort),
	number("port", 16, false, &sample.Port),
	number("proto", 8, false, &sample.Proto),
	number("verdict", 8, false, &sample.Verdict),
	number("observer", 8, false, &sample.Observer),
	number("fate", 8, false, &sample.Fate),
	number("reason", 8, false, &sample.Reason),
	number("marks", 16, false, &sample.Marks),
	number("records", 32, false, &sample.Records),
	number("conns", 32, true, &sample.Conns),
	micros("first", &sample.First),
	micros("last", &sample.Last),
	referring(number("src_pod", 32, true, &sample.SrcPod), nameIDs),
	referring(number("dst_pod", 32, true, &sample.DstPod), nameIDs),
}

// sample is a row that fields are told by: they lie in all rows where they lie in it.
var sample model.Observation

// place is where a field of sample lies in a row.
func place[T any](field *T) uintptr {
	return uintptr(unsafe.Pointer(field)) - uintptr(unsafe.Pointer(&sample))
}

// at is the field of a row at a place. Columns are filled row by row: calling what knows the field would cost more than
// the field.
func at[T any](r *model.Observation, place uintptr) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(r), place))
}

func number[T ~uint8 | ~uint16 | ~uint32](name string, bits int8, null bool, field *T) column {
	p := place(field)
	return column{name: name, bits: bits, null: null,
		load32: func(rows []model.Observation, out []int32) {
			for i := range rows {
				out[i] = int32(*at[T](&rows[i], p))
			}
		},
		save32: func(rows []model.Observation, in []int32) {
			for i := range rows {
				*at[T](&rows[i], p) = T(in[i])
			}
		}}
}

// referring is a column of ids of the tables that a segment has its own of.
func referring(c column, ids func(*local) []uint32) column {
	c.ids = ids
	return c
}

func endpointIDs(l *local) []uint32 { return l.endpoints }

func nameIDs(l *local) []uint32 { return l.names }

func micros(name string, field *int64) column {
	p := place(field)
	return column{name: name,
		load64: func(rows []model.Observation, out []int64) {
			for i := range rows {
				out[i] = *at[int64](&rows[i], p)
			}
		},
		save64: func(rows []model.Observation, in []int64) {
			for i := range rows {
				*at[int64](&rows[i], p) = in[i]
			}
		}}
}

// minutes stores minutes as microseconds, the unit of the other times.
func minutes(name string, field *uint32) column {
	p := place(field)
	return column{name: name,
		load64: func(rows []model.Observation, out []int64) {
			for i := range rows {
				out[i] = int64(*at[uint32](&rows[i], p)) * 60e6
			}
		},
		save64: func(rows []model.Observation, in []int64) {
			for i := range rows {
				*at[uint32](&rows[i], p) = uint32(in[i] / 60e6)
			}
		}}
}

func (c *column) node() schema.Node {
	rep := parquet.Repetitions.Required
	if c.null {
		rep = parquet.Repetitions.Optional
	}
	if c.bits == 0 {
		ts := schema.NewTimestampLogicalType(true, schema.TimeUnitMicros)
		return schema.Must(schema.NewPrimitiveNodeLogical(c.name, rep, ts, parquet.Types.Int64, 0, -1))
	}
	kind := schema.NewIntLogicalType(c.bits, false)
	return schema.Must(schema.NewPrimitiveNodeLogical(c.name, rep, kind, parquet.Types.Int32, 0, -1))
}

// scratch is memory for the values of one column, kept from column to column.
type scratch struct {
	i32    []int32
	i64    []int64
	levels []int16
}

func newScratch(rows int) *scratch {
	return &scratch{make([]int32, rows), make([]int64, rows), make([]int16, rows)}
}

// write writes the column of rows, which refer to l.
func (c *column) write(w *chunk, rows []model.Observation, l *local, s *scratch) error {
	if c.bits == 0 {
		c.load64(rows, s.i64)
		values, stats := s.i64[:len(rows)], metadata.NewInt64Statistics(w.meta.Descr(), w.props.Allocator())
		stats.Update(values, 0)
		return w.plain(arrow.Int64Traits.CastToBytes(values), len(rows), stats)
	}
	c.load32(rows, s.i32)
	values := s.i32[:len(rows)]
	if c.ids != nil {
		renumber(values, c.ids(l))
	}
	if !c.null {
		stats := metadata.NewInt32Statistics(w.meta.Descr(), w.props.Allocator())
		stats.Update(values, 0)
		return w.plain(arrow.Int32Traits.CastToBytes(values), len(rows), stats)
	}
	values, levels := dropZeros(values, s.levels[:len(rows)])
	return w.levelled(func(w file.ColumnChunkWriter) error {
		_, err := w.(*file.Int32ColumnChunkWriter).WriteBatch(values, levels, nil)
		return err
	})
}

// dropZeros moves the other values together and tells by level 1 where they were.
func dropZeros(values []int32, levels []int16) ([]int32, []int16) {
	n := 0
	for i, v := range values {
		levels[i] = 0
		if v != 0 {
			levels[i] = 1
			values[n] = v
			n++
		}
	}
	return values[:n], levels
}

// spreadZeros is the reverse: it moves the first values of out to where levels are 1.
func spreadZeros(out []int32, n int, levels []int16) {
	for i := len(levels) - 1; i >= 0; i-- {
		if levels[i] == 0 {
			out[i] = 0
			continue
		}
		n--
		out[i] = out[n]
	}
}

// read fills the column of rows from its reader.
func (c *column) read(r file.ColumnChunkReader, rows []model.Observation, s *scratch) error {
	for at := 0; at < len(rows); {
		n, err := c.readSome(r, rows[at:], s)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
		if n == 0 {
			return fmt.Errorf("column %s ends early: %w", c.name, ErrDamaged)
		}
		at += n
	}
	return nil
}

func (c *column) readSome(r file.ColumnChunkReader, rows []model.Observation, s *scratch) (int, error) {
	if c.bits == 0 {
		n, _, err := r.(*file.Int64ColumnChunkReader).ReadBatch(int64(len(rows)), s.i64, nil, nil)
		c.save64(rows[:n], s.i64)
		return int(n), err
	}
	var levels []int16
	if c.null {
		levels = s.levels
	}
	n, values, err := r.(*file.Int32ColumnChunkReader).ReadBatch(int64(len(rows)), s.i32, levels, nil)
	if c.null {
		spreadZeros(s.i32[:n], values, levels[:n])
	}
	c.save32(rows[:n], s.i32)
	return int(n), err
}
