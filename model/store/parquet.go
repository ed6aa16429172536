package store

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// footerKey marks Parquet files as ours; its value is the kind of file.
const footerKey = "sluice"

const (
	flowsKind  = version + "/flows"
	labelsKind = version + "/labels"
)

// openParquet opens a file of our kind that lies in memory. Its digest must have been checked: the library does not
// survive every damaged file.
func openParquet(data []byte, kind string, root *schema.GroupNode) (r *file.Reader, err error) {
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
	return r, nil
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
