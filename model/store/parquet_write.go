package store

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/endian"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
	"github.com/klauspost/compress/zstd"
)

// magic begins and ends a Parquet file.
const magic = "PAR1"

// properties: plain values under zstd, or the steps between them in the columns of these names. Dictionaries of
// integers and delta encoding of nullable columns make the library panic, and zstd finds the same repetitions.
func properties(steps []string) *parquet.WriterProperties {
	o := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDictionaryDefault(false),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithStats(true),
		parquet.WithCreatedBy("sluice")}
	for _, name := range steps {
		o = append(o, parquet.WithEncodingFor(name, parquet.Encodings.DeltaBinaryPacked))
	}
	return parquet.NewWriterProperties(o...)
}

// encoder writes Parquet files one after the other with one compressor. The library's own file writer makes a new
// compressor for every page, with 5 MiB of memory to clear, which cost more than the rest of writing.
type encoder struct {
	zstd *zstd.Encoder
	out  []byte
	page []byte // of levels and values
}

func newEncoder() *encoder {
	// No option here can be wrong.
	z, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
	return &encoder{zstd: z}
}

// parquetFile is a file of our kind that is being written.
type parquetFile struct {
	sink  *sink
	meta  *metadata.FileMetaDataBuilder
	props *parquet.WriterProperties
	enc   *encoder
	count int16 // row groups
}

// write writes one file of our kind, with the columns of these names as steps; body writes its row groups.
func (e *encoder) write(
	w io.Writer, kind string, root *schema.GroupNode, steps []string, body func(*parquetFile) error,
) (err error) {
	s := &sink{w: w}
	defer func() {
		if s.err != nil {
			err = s.err // the library's account of it says less
		}
	}()
	defer recovered(&err)
	kv := metadata.KeyValueMetadata{}
	if err := kv.Append(footerKey, kind); err != nil {
		return err
	}
	f := &parquetFile{sink: s, props: properties(steps), enc: e}
	f.meta = metadata.NewFileMetadataBuilder(schema.NewSchema(root), f.props, kv)
	if _, err := io.WriteString(s, magic); err != nil {
		return err
	}
	if err := body(f); err != nil {
		return err
	}
	return f.footer()
}

func (f *parquetFile) footer() error {
	meta, err := f.meta.Finish()
	if err != nil {
		return err
	}
	n, err := meta.WriteTo(f.sink, nil)
	if err != nil {
		return err
	}
	_, err = f.sink.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(n)), magic...))
	return err
}

// group writes a row group; column writes the i-th column of it.
func (f *parquetFile) group(rows int, column func(i int, w *chunk) error) error {
	g := f.meta.AppendRowGroup()
	var size int64
	for i := range g.NumColumns() {
		meta := g.NextColumnChunk()
		p, err := file.NewPageWriter(
			f.sink,
			compress.Codecs.Zstd,
			0,
			meta,
			f.count,
			int16(i),
			f.props.Allocator(),
			false,
			nil,
			nil,
		)
		if err != nil {
			return err
		}
		c := &chunk{meta, pager{p, f.enc}, f.props, 0}
		if err := column(i, c); err != nil {
			return err
		}
		size += c.size
	}
	g.SetNumRows(rows)
	f.count++
	return g.Finish(size, f.count-1)
}

// chunk is a column of a row group that is being written.
type chunk struct {
	meta  *metadata.ColumnChunkMetaDataBuilder
	pages pager
	props *parquet.WriterProperties
	size  int64
}

// numbers writes the values of a column of numbers, each of so many bytes, as they lie in memory: the library would
// copy them twice to get there. levels are 1 in rows that have a value, nil: all of them have. stats are of the values.
func (c *chunk) numbers(values []byte, width, rows int, levels []int16, stats metadata.TypedStatistics) error {
	lowestFirst(values, width)
	if levels != nil {
		values = append(appendSized(c.room(), levels), values...)
		c.pages.enc.page = values
	}
	return c.page(values, parquet.Encodings.Plain, rows, stats)
}

// steps writes a column without nulls of which the steps from value to value stand in its room.
func (c *chunk) steps(page []byte, rows int, stats metadata.TypedStatistics) error {
	c.pages.enc.page = page
	return c.page(page, parquet.Encodings.DeltaBinaryPacked, rows, stats)
}

// texts writes a column of texts, or of lists of them.
func (c *chunk) texts(v *levelled) error {
	page := c.room()
	if v.lists {
		page = appendSized(page, v.repeated)
	}
	page = appendSized(page, v.defined)
	for _, s := range v.values {
		page = append(binary.LittleEndian.AppendUint32(page, uint32(len(s))), s...)
	}
	c.pages.enc.page = page
	return c.page(page, parquet.Encodings.Plain, len(v.defined), v)
}

// room is memory for a page.
func (c *chunk) room() []byte { return c.pages.enc.page[:0] }

// page writes the one page of a column, of so many values and nulls.
func (c *chunk) page(page []byte, e parquet.Encoding, levels int, stats interface {
	Encode() (metadata.EncodedStatistics, error)
}) error {
	about, err := stats.Encode()
	if err != nil {
		return err
	}
	about.ApplyStatSizeLimits(int(c.props.MaxStatsSizeFor(c.meta.Descr().Path())))
	about.Signed = c.meta.Descr().SortOrder() == schema.SortSIGNED
	data := c.pages.Compress(nil, page)
	p := file.NewDataPageV1WithStats(memory.NewBufferBytes(data), int32(levels), e,
		parquet.Encodings.RLE, parquet.Encodings.RLE, int32(len(page)), about)
	defer p.Release()
	if c.size, err = c.pages.WriteDataPage(p); err != nil {
		return err
	}
	c.meta.SetStats(about)
	return c.pages.Close(false, false)
}

// lowestFirst turns numbers of so many bytes from the order that they have in memory into Parquet's, with the lowest
// byte first, or back.
func lowestFirst(numbers []byte, width int) {
	if endian.IsBigEndian {
		for v := range slices.Chunk(numbers, width) {
			slices.Reverse(v)
		}
	}
}

// appendSized appends levels behind the number of bytes that they take.
func appendSized(b []byte, levels []int16) []byte {
	at := len(b)
	b = appendLevels(append(b, 0, 0, 0, 0), levels)
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// appendLevels appends levels, each 0 or 1, as Parquet's mix of runs and packed bits: eight that are equal begin a run,
// others are packed by eights.
func appendLevels(b []byte, levels []int16) []byte {
	const most = 63  // eights that one byte can count
	head, n := -1, 0 // of packed bits: where they are counted, and how many eights they are
	for len(levels) > 0 {
		part := levels[:min(8, len(levels))]
		run := 1
		for run < len(levels) && levels[run] == levels[0] {
			run++
		}
		if run >= 8 || run == len(part) && head < 0 {
			b = append(binary.AppendUvarint(b, uint64(run)<<1), byte(levels[0]))
			levels, head = levels[run:], -1
			continue
		}
		if head < 0 {
			head, n, b = len(b), 0, append(b, 0)
		}
		packed := byte(0)
		for i, l := range part {
			packed |= byte(l) << i
		}
		b = append(b, packed)
		n++
		b[head] = byte(n<<1 | 1)
		if n == most {
			head = -1
		}
		levels = levels[len(part):]
	}
	return b
}

// pager is the library's writer of pages with our compressor.
type pager struct {
	file.PageWriter
	enc *encoder
}

// Compress returns the compressed bytes of a page, valid until the next.
func (p pager) Compress(_ *bytes.Buffer, src []byte) []byte {
	p.enc.out = p.enc.zstd.EncodeAll(src, p.enc.out[:0])
	return p.enc.out
}

// sink counts what is written and remembers the first error.
type sink struct {
	w   io.Writer
	n   int64
	err error
}

// Write writes to the file.
func (s *sink) Write(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(b)
	s.n += int64(n)
	s.err = err
	return n, err
}

// Tell is the offset in the file.
func (s *sink) Tell() int64 { return s.n }
