package store

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// footerKey marks Parquet files as ours; its value is the kind of file.
const footerKey = "sluice"

const (
	flowsKind  = version + "/flows"
	labelsKind = version + "/labels"
)

// openParquet opens a file of our kind that lies in memory, with so many rows in a group at most. Its digest must have
// been checked: the library does not survive every damaged file.
func openParquet(data []byte, kind string, root *schema.GroupNode, groupRows int64) (r *file.Reader, err error) {
	defer recovered(&err)
	r, err = file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if v := r.MetaData().KeyValueMetadata().FindValue(footerKey); v == nil || *v != kind {
		return nil, fmt.Errorf("not a file of kind %s: %w", kind, ErrDamaged)
	}
	if !r.MetaData().Schema.Equals(schema.NewSchema(root)) {
		return nil, fmt.Errorf("other columns than %s has: %w", kind, ErrDamaged)
	}
	return r, believable(r.MetaData(), int64(len(data)), groupRows)
}

// believable is the error for a footer that cannot be that of a file of a size: memory is made for what it says.
func believable(m *metadata.FileMetaData, size, groupRows int64) error {
	var rows int64
	for i := range m.RowGroups {
		g := m.RowGroup(i)
		n := g.NumRows()
		if n < 0 || n > groupRows {
			return fmt.Errorf("row group of %d rows: %w", n, ErrDamaged)
		}
		rows += n
		for c := range g.NumColumns() {
			chunk, err := g.ColumnChunk(c)
			if err != nil {
				return err
			}
			begin, bytes := chunk.DataPageOffset(), chunk.TotalCompressedSize()
			if chunk.HasDictionaryPage() && chunk.DictionaryPageOffset() > 0 {
				begin = min(begin, chunk.DictionaryPageOffset())
			}
			if begin < 0 || bytes < 0 || begin > size || bytes > size-begin {
				return fmt.Errorf("column %d of %d bytes from byte %d on in a file of %d: %w", c, bytes, begin, size, ErrDamaged)
			}
		}
	}
	if m.GetNumRows() != rows {
		return fmt.Errorf("%d rows in groups of %d: %w", m.GetNumRows(), rows, ErrDamaged)
	}
	return nil
}

// recovered turns a panic of the library into an error.
func recovered(err *error) {
	switch p := recover().(type) {
	case nil:
	case error:
		*err = fmt.Errorf("parquet: %w", p)
	default:
		*err = fmt.Errorf("parquet: %v", p)
	}
}
