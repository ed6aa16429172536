package store

import (
	"encoding/binary"
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
	steps  bool                  // it is stored as the steps from one to the next; else its values are
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
	stepped(referring(endpointIDs, number("dst", 32, false, func(r *model.Observation) *model.EndpointID { return &r.Dst }))),
	number("src_port", 16, true, func(r *model.Observation) *uint16 { return &r.SrcPort }),
	number("port", 16, false, func(r *model.Observation) *uint16 { return &r.Port }),
	number("proto", 8, false, func(r *model.Observation) *model.Proto { return &r.Proto }),
	number("verdict", 8, false, func(r *model.Observation) *model.Verdict { return &r.Verdict }),
	stepped(number("observer", 8, false, func(r *model.Observation) *model.Observer { return &r.Observer })),
	stepped(number("fate", 8, false, func(r *model.Observation) *model.Fate { return &r.Fate })),
	number("reason", 8, false, func(r *model.Observation) *model.Reason { return &r.Reason }),
	stepped(number("marks", 16, false, func(r *model.Observation) *model.Marks { return &r.Marks })),
	stepped(number("records", 32, false, func(r *model.Observation) *uint32 { return &r.Records })),
	number("conns", 32, true, func(r *model.Observation) *uint32 { return &r.Conns }),
	stepped(micros("first", func(r *model.Observation) *int64 { return &r.First })),
	stepped(micros("last", func(r *model.Observation) *int64 { return &r.Last })),
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

// stepped is a column without nulls of which steps take less than values: those of a key lie near each other, and zstd
// does not find out of noise what its upper bytes are.
func stepped(c column) column {
	c.steps = true
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
		values := s.i64[:len(rows)]
		stats := metadata.NewInt64Statistics(w.meta.Descr(), w.props.Allocator())
		stats.Update(values, 0)
		if c.steps {
			return w.steps(appendDelta(w.room(), values), len(rows), stats)
		}
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
	if c.steps {
		return w.steps(appendDelta(w.room(), values), len(rows), stats)
	}
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

// read fills the column of rows from the i-th of a row group.
func (c *column) read(g rowGroup, i int, rows []model.Observation, s *scratch) error {
	next, err := c.reader(g, i, s)
	for at := 0; at < len(rows) && err == nil; {
		var n int
		if n, err = next(rows[at:]); n == 0 && err == nil {
			err = fmt.Errorf("it ends early: %w", ErrDamaged)
		}
		at += n
	}
	if err != nil {
		return fmt.Errorf("column %s: %w", c.name, err)
	}
	return nil
}

// reader returns what fills the next rows, and says how many they are.
func (c *column) reader(g rowGroup, i int, s *scratch) (func([]model.Observation) (int, error), error) {
	if !c.null {
		pages, err := pagesOf(g, i)
		return func(rows []model.Observation) (int, error) { return c.readPage(pages, rows, s) }, err
	}
	r, err := columnOf(g, i)
	return func(rows []model.Observation) (int, error) {
		n, values, err := r.(*file.Int32ColumnChunkReader).ReadBatch(int64(len(rows)), s.i32, s.levels, nil)
		spreadZeros(s.i32[:n], values, s.levels[:n])
		c.save32(rows[:n], s.i32)
		return int(n), err
	}, err
}

// readPage fills rows from the next page of a column without nulls: of steps the library takes six times as long.
func (c *column) readPage(pages *pages, rows []model.Observation, s *scratch) (int, error) {
	if !pages.Next() {
		return 0, pages.Err()
	}
	p, ok := pages.Page().(*file.DataPageV1)
	if !ok || int(p.NumValues()) > len(rows) {
		return 0, ErrDamaged
	}
	rows = rows[:p.NumValues()]
	if c.bits == 0 {
		values := s.i64[:len(rows)]
		err := readNumbers(p, values, arrow.Int64Traits.CastToBytes(values))
		c.save64(rows, values)
		return len(rows), err
	}
	values := s.i32[:len(rows)]
	err := readNumbers(p, values, arrow.Int32Traits.CastToBytes(values))
	c.save32(rows, values)
	return len(rows), err
}

// readNumbers reads the values of a page into out, which has its memory at raw.
func readNumbers[T int32 | int64](p *file.DataPageV1, out []T, raw []byte) error {
	switch e := parquet.Encoding(p.Encoding()); {
	case e == parquet.Encodings.DeltaBinaryPacked:
		return readDelta(p.Data(), out)
	case e != parquet.Encodings.Plain || len(p.Data()) != len(raw):
		return fmt.Errorf("%d values as %d bytes, %s: %w", len(out), len(p.Data()), e, ErrDamaged)
	}
	copy(raw, p.Data())
	lowestFirst(raw, binary.Size(T(0)))
	return nil
}
