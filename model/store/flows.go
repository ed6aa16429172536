package store

import (
	"io"
	"slices"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"sluice/model"
)

// groupRows is the size of a row group: what is read, or passed over by its statistics, at once.
const groupRows = 1 << 17

func flowsSchema() *schema.GroupNode {
	var fields schema.FieldList
	for i := range flowColumns {
		fields = append(fields, flowColumns[i].node())
	}
	return schema.MustGroup(schema.NewGroupNode("flows", parquet.Repetitions.Required, fields, -1))
}

// steppedColumns are the names of the columns that are stored as steps.
func steppedColumns() (names []string) {
	for i := range flowColumns {
		if flowColumns[i].steps {
			names = append(names, flowColumns[i].name)
		}
	}
	return names
}

// flowWriter writes flows with memory as large as the largest row group so far.
type flowWriter struct{ scratch *scratch }

// write writes a file of rows, which refer to l.
func (f *flowWriter) write(e *encoder, w io.Writer, rows []model.Observation, l *local) error {
	if size := min(len(rows), groupRows); f.scratch == nil || len(f.scratch.i32) < size {
		f.scratch = newScratch(size)
	}
	return e.write(w, flowsKind, flowsSchema(), steppedColumns(), func(p *parquetFile) error {
		for part := range slices.Chunk(rows, groupRows) {
			err := p.group(len(part), func(c int, w *chunk) error {
				return flowColumns[c].write(w, part, l, f.scratch)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// flowReader reads the row groups of one file.
type flowReader struct {
	file *parquetReader
	rows []model.Observation
	s    *scratch
}

// group reads a row group; the rows are valid until the next one is read.
func (f *flowReader) group(i int) (rows []model.Observation, err error) {
	defer recovered(&err)
	g := f.file.group(i)
	n := int(g.NumRows())
	if len(f.rows) < n {
		f.rows, f.s = make([]model.Observation, n), newScratch(n)
	}
	rows = f.rows[:n]
	for c := range flowColumns {
		if err := flowColumns[c].read(g, c, rows, f.s); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// span returns the times of the first and last record in a row group, by its statistics; false where it has none.
func (f *flowReader) span(i int) (first, last int64, ok bool) {
	var lo, hi bool
	g := f.file.group(i)
	for c := range flowColumns {
		switch flowColumns[c].name {
		case "first":
			first, _, lo = int64Range(g, c)
		case "last":
			_, last, hi = int64Range(g, c)
		}
	}
	return first, last, lo && hi
}

func int64Range(g rowGroup, column int) (lo, hi int64, ok bool) {
	c, err := g.ColumnChunk(column)
	if err != nil {
		return 0, 0, false
	}
	s, err := c.Statistics()
	if err != nil || s == nil || !s.HasMinMax() {
		return 0, 0, false
	}
	t, ok := s.(*metadata.Int64Statistics)
	if !ok {
		return 0, 0, false
	}
	return t.Min(), t.Max(), true
}
