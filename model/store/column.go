package store

import (
	"fmt"

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
	minutes("window", func(r *model.Observation) *uint32 { return &r.Window }),
	referring(endpointIDs, number("src", 32, false, func(r *model.Observation) *model.EndpointID { return &r.Src })),
	referring(endpointIDs, number("dst", 32, false, func(r *model.Observation) *model.EndpointID { return &r.Dst })),
	number("src_port", 16, true, func(r *model.Observation) *uint16 { return &r.SrcPort }),
	number("port", 16, false, func(r *model.Observation) *uint16 { return &r.Port }),
	number("proto", 8, false, func(r *model.Observation) *model.Proto { return &r.Proto }),
	number("verdict", 8, false, func(r *model.Observation) *model.Verdict { return &r.Verdict }),
	number("observer", 8, false, func(r *model.Observation) *model.Observer { return &r.Observer }),
	number("fate", 8, false, func(r *model.Observation) *model.Fate { return &r.Fate }),
	number("reason", 8, false, func(r *model.Observation) *model.Reason { return &r.Reason }),
	number("marks", 16, false, func(r *model.Observation) *model.Marks { return &r.Marks }),
	number("records", 32, false, func(r *model.Observation) *uint32 { return &r.Records }),
	number("conns", 32, true, func(r *model.Observation) *uint32 { return &r.Conns }),
	micros("first", func(r *model.Observation) *int64 { return &r.First }),
	micros("last", func(r *model.Observation) *int64 { return &r.Last }),
	referring(nameIDs, number("src_pod", 32, true, func(r *model.Observation) *model.NameID { return &r.SrcPod })),
	referring(nameIDs, number("dst_pod", 32, true, func(r *model.Observation) *model.NameID { return &r.DstPod })),
}

func number[T ~uint8 | ~uint16 | ~uint32](name string, bits int8, null bool, field func(*model.Observation) *T) column {
	return column{name: name, bits: bits, null: null,
		load32: func(rows []model.Observation, out []int32) {
			for i := range rows {
				out[i] = int32(*field(&rows[i]))
			}
		},
		save32: func(rows []model.Observation, in []int32) {
			for i := range rows {
				*field(&rows[i]) = T(in[i])
			}
		}}
}

func micros(name string, field func(*model.Observation) *int64) column {
	return column{name: name,
		load64: func(rows []model.Observation, out []int64) {
			for i := range rows {
				out[i] = *field(&rows[i])
			}
		},
		save64: func(rows []model.Observation, in []int64) {
			for i := range rows {
				*field(&rows[i]) = in[i]
			}
		}}
}

// minutes stores minutes as microseconds, the unit of the other times.
func minutes(name string, field func(*model.Observation) *uint32) column {
	return column{name: name,
		load64: func(rows []model.Observation, out []int64) {
			for i := range rows {
				out[i] = int64(*field(&rows[i])) * 60e6
			}
		},
		save64: func(rows []model.Observation, in []int64) {
			for i := range rows {
				*field(&rows[i]) = uint32(in[i] / 60e6)
			}
		}}
}

// referring is a column of ids of the tables that a segment has its own of.
func referring(ids func(*local) []uint32, c column) column {
	c.ids = ids
	return c
}

func endpointIDs(l *local) []uint32 { return l.endpoints }

func nameIDs(l *local) []uint32 { return l.names }

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
		return w.numbers(arrow.Int64Traits.CastToBytes(values), arrow.Int64SizeBytes, len(rows), nil, stats)
	}
	c.load32(rows, s.i32)
	values, levels := s.i32[:len(rows)], []int16(nil)
	if c.ids != nil {
		renumber(values, c.ids(l))
	}
	if c.null {
		values, levels = dropZeros(values, s.levels[:len(rows)])
	}
	stats := metadata.NewInt32Statistics(w.meta.Descr(), w.props.Allocator())
	stats.Update(values, int64(len(rows)-len(values)))
	return w.numbers(arrow.Int32Traits.CastToBytes(values), arrow.Int32SizeBytes, len(rows), levels, stats)
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
