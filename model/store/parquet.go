package store

import (
	"bytes"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/parquet"
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

// properties: plain values under zstd. Dictionaries of integers and delta encoding of nullable columns make the library
// panic, and zstd finds the same repetitions.
func properties() *parquet.WriterProperties {
	return parquet.NewWriterProperties(
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDictionaryDefault(false),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(1),
		parquet.WithStats(true),
		parquet.WithBatchSize(16<<10),
		parquet.WithDataPageSize(1<<30), // a page a column of a row group: those are small
		parquet.WithCreatedBy("sluice"))
}

// writeParquet writes one file of our kind; body writes its row groups. The library panics on errors of w.
func writeParquet(w io.Writer, kind string, root *schema.GroupNode, body func(*file.Writer) error) (err error) {
	defer recovered(&err)
	meta := metadata.KeyValueMetadata{}
	if err := meta.Append(footerKey, kind); err != nil {
		return err
	}
	// Without Close on w: sealing the file is its owner's.
	f := file.NewParquetWriter(struct{ io.Writer }{w}, root, file.WithWriterProps(properties()), file.WithWriteMetadata(meta))
	if err := body(f); err != nil {
		return err
	}
	return f.Close()
}

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
