package store

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v15/parquet/compress"
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

// parquetReader is a file of our kind that lies in memory.
type parquetReader struct {
	meta *metadata.FileMetaData
	data []byte
}

// rowGroup is a row group of such a file.
type rowGroup struct {
	*metadata.RowGroupMetaData
	data []byte // of the file
}

// openParquet opens a file of our kind that lies in memory, with so many rows in a group at most. Its digest must have
// been checked: the library does not survive every damaged file.
func openParquet(data []byte, kind string, root *schema.GroupNode, groupRows int64) (f *parquetReader, err error) {
	defer recovered(&err)
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if v := r.MetaData().KeyValueMetadata().FindValue(footerKey); v == nil || *v != kind {
		return nil, fmt.Errorf("not a file of kind %s: %w", kind, ErrDamaged)
	}
	if !r.MetaData().Schema.Equals(schema.NewSchema(root)) {
		return nil, fmt.Errorf("other columns than %s has: %w", kind, ErrDamaged)
	}
	f = &parquetReader{r.MetaData(), data}
	return f, f.believable(groupRows)
}

// groups is how many row groups there are.
func (f *parquetReader) groups() int { return len(f.meta.RowGroups) }

func (f *parquetReader) group(i int) rowGroup { return rowGroup{f.meta.RowGroup(i), f.data} }

// believable is the error for a footer that cannot be that of the file: memory is made for what it says.
func (f *parquetReader) believable(groupRows int64) error {
	var rows int64
	for i := range f.groups() {
		g := f.group(i)
		n := g.NumRows()
		if n < 0 || n > groupRows {
			return fmt.Errorf("row group of %d rows: %w", n, ErrDamaged)
		}
		rows += n
		for c := range g.NumColumns() {
			if _, err := g.column(c); err != nil {
				return err
			}
		}
	}
	if n := f.meta.GetNumRows(); n != rows {
		return fmt.Errorf("%d rows in groups of %d: %w", n, rows, ErrDamaged)
	}
	return nil
}

// column returns the bytes of a column.
func (g rowGroup) column(i int) ([]byte, error) {
	chunk, err := g.ColumnChunk(i)
	if err != nil {
		return nil, err
	}
	begin, bytes, size := chunk.DataPageOffset(), chunk.TotalCompressedSize(), int64(len(g.data))
	if begin < 0 || bytes < 0 || begin > size || bytes > size-begin {
		return nil, fmt.Errorf("column %d of %d bytes from byte %d on in a file of %d: %w", i, bytes, begin, size, ErrDamaged)
	}
	if codec := chunk.Compression(); codec != compress.Codecs.Zstd {
		return nil, fmt.Errorf("column %d is packed with %s: %w", i, codec, ErrDamaged)
	}
	return g.data[begin : begin+bytes], nil
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
