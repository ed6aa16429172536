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
	load32 func(r rows, out []int32)
	save32 func(r rows, in []int32)
	load64 func(r rows, out []int64)
	save64 func(r rows, in []int64)
}

// rows are what columns are of.
type rows = []model.Observation

// flowColumns are the columns in the order they are stored in. Each has loops of its own: a call for each value would
// cost more than the value.
var flowColumns = []column{
	{
		name: "window",
		load64: func(r rows, out []int64) {
			for i := range r {
				out[i] = int64(r[i].Window) * 60e6
			}
		},
		save64: func(r rows, in []int64) {
			for i := range r {
				r[i].Window = uint32(in[i] / 60e6)
			}
		},
	},
	{
		name: "src", bits: 32, ids: endpointIDs,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Src)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Src = model.EndpointID(in[i])
			}
		},
	},
	{
		name: "dst", bits: 32, ids: endpointIDs,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Dst)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Dst = model.EndpointID(in[i])
			}
		},
	},
	{
		name: "src_port", bits: 16, null: true,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].SrcPort)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].SrcPort = uint16(in[i])
			}
		},
	},
	{
		name: "port", bits: 16,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Port)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Port = uint16(in[i])
			}
		},
	},
	{
		name: "proto", bits: 8,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Proto)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Proto = model.Proto(in[i])
			}
		},
	},
	{
		name: "verdict", bits: 8,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Verdict)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Verdict = model.Verdict(in[i])
			}
		},
	},
	{
		name: "observer", bits: 8,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Observer)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Observer = model.Observer(in[i])
			}
		},
	},
	{
		name: "fate", bits: 8,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Fate)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Fate = model.Fate(in[i])
			}
		},
	},
	{
		name: "reason", bits: 8,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Reason)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Reason = model.Reason(in[i])
			}
		},
	},
	{
		name: "marks", bits: 16,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Marks)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Marks = model.Marks(in[i])
			}
		},
	},
	{
		name: "records", bits: 32,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Records)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Records = uint32(in[i])
			}
		},
	},
	{
		name: "conns", bits: 32, null: true,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].Conns)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].Conns = uint32(in[i])
			}
		},
	},
	{
		name: "first",
		load64: func(r rows, out []int64) {
			for i := range r {
				out[i] = r[i].First
			}
		},
		save64: func(r rows, in []int64) {
			for i := range r {
				r[i].First = in[i]
			}
		},
	},
	{
		name: "last",
		load64: func(r rows, out []int64) {
			for i := range r {
				out[i] = r[i].Last
			}
		},
		save64: func(r rows, in []int64) {
			for i := range r {
				r[i].Last = in[i]
			}
		},
	},
	{
		name: "src_pod", bits: 32, null: true, ids: nameIDs,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].SrcPod)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].SrcPod = model.NameID(in[i])
			}
		},
	},
	{
		name: "dst_pod", bits: 32, null: true, ids: nameIDs,
		load32: func(r rows, out []int32) {
			for i := range r {
				out[i] = int32(r[i].DstPod)
			}
		},
		save32: func(r rows, in []int32) {
			for i := range r {
				r[i].DstPod = model.NameID(in[i])
			}
		},
	},
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
