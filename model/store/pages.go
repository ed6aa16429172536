package store

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"
	"github.com/klauspost/compress/zstd"
)

// mostTexts are the bytes that a page of texts may have. Writers stay far below (labelGroupBytes).
const mostTexts = 256 << 20

// pages are the pages of a column of our kind. The library's own makes memory for whatever a page claims to be.
type pages struct {
	file.PageReader // none: what is not here is not asked for
	d               *schema.Column
	rest            []byte // of the column
	rows            int64
	page            *file.DataPageV1
	err             error
}

// pagesOf returns the pages of a column.
func pagesOf(g rowGroup, i int) (*pages, error) {
	data, err := g.column(i)
	return &pages{d: g.Schema.Column(i), rest: data, rows: g.NumRows()}, err
}

// Next reads the next page; it is false where there is none, and for one that cannot be.
func (p *pages) Next() bool {
	if p.err != nil || len(p.rest) == 0 {
		return false
	}
	p.page, p.err = p.next()
	return p.err == nil
}

// Page is the page that was read.
func (p *pages) Page() file.Page { return p.page }

// Err is why there is no next page.
func (p *pages) Err() error { return p.err }

func (p *pages) next() (*file.DataPageV1, error) {
	h, rest, ok := readPageHeader(p.rest)
	if !ok || h.kind != 0 {
		return nil, fmt.Errorf("a page of a kind that is not written: %w", ErrDamaged)
	}
	size, values := p.most(h.size)
	if h.packed < 0 || h.packed > int64(len(rest)) || h.size < 0 || h.size > size || h.values < 0 || h.values > values {
		return nil, fmt.Errorf("a page that claims %d values in %d bytes, packed %d, where %d, %d and %d can be: %w",
			h.values, h.size, h.packed, values, size, len(rest), ErrDamaged)
	}
	data, err := unpack(rest[:h.packed], int(h.size))
	if err != nil {
		return nil, fmt.Errorf("a page of %d bytes: %w: %w", h.size, err, ErrDamaged)
	}
	p.rest = rest[h.packed:]
	return file.NewDataPageV1(memory.NewBufferBytes(data), int32(h.values), parquet.Encoding(h.encoding),
		parquet.Encoding(h.defined), parquet.Encoding(h.repeated), int32(h.size)), nil
}

// most is how large a page may be, and how many values one of a size may have.
func (p *pages) most(size int64) (bytes, values int64) {
	const (
		length = 4       // before each text
		widest = 16      // bytes: no number takes more, with its level or step
		heads  = 1 << 10 // of a page of numbers
	)
	if p.d.PhysicalType() == parquet.Types.ByteArray {
		return mostTexts, p.rows + size/length
	}
	return widest*p.rows + heads, p.rows
}

// unpacker unpacks into the memory that it is given: frames of a page may claim to be more than the page.
var unpacker = sync.OnceValue(func() *zstd.Decoder {
	d, _ := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true)) // no option here can be wrong
	return d
})

// unpack returns packed bytes, which must be so many.
func unpack(packed []byte, size int) ([]byte, error) {
	const room = 16 // with so much behind it the library copies faster
	var about zstd.Header
	if err := about.Decode(packed); err != nil {
		return nil, err
	}
	if about.HasFCS && about.FrameContentSize > uint64(size) {
		return nil, zstd.ErrDecoderSizeExceeded
	}
	data, err := unpacker().DecodeAll(packed, make([]byte, 0, size+room))
	if err == nil && len(data) != size {
		err = fmt.Errorf("%d bytes are in it", len(data))
	}
	return data, err
}

// columnOf returns what reads a column with levels.
func columnOf(g rowGroup, i int) (file.ColumnChunkReader, error) {
	p, err := pagesOf(g, i)
	return file.NewColumnReader(p.d, wholePages{p}, memory.DefaultAllocator, nil), err // the pool is for skipping
}

// wholePages are pages with a level for each value, as the library reads them: it tries for ever to read one that is
// not there.
type wholePages struct{ *pages }

// Next is false for a page that lacks levels.
func (w wholePages) Next() bool {
	if !w.pages.Next() {
		return false
	}
	p := w.page
	levels := p.Data()
	as := [...]parquet.Encoding{p.RepetitionLevelEncoding(), p.DefinitionLevelEncoding()}
	for i, most := range [...]int16{w.d.MaxRepetitionLevel(), w.d.MaxDefinitionLevel()} {
		if most == 0 {
			continue
		}
		if as[i] != parquet.Encodings.RLE || !hasLevels(&levels, int64(p.NumValues()), bits.Len16(uint16(most))) {
			w.err = fmt.Errorf("a page lacks levels of its %d values: %w", p.NumValues(), ErrDamaged)
		}
	}
	if e := parquet.Encoding(p.Encoding()); e != parquet.Encodings.Plain {
		w.err = fmt.Errorf("a page of values as %s: %w", e, ErrDamaged)
	}
	return w.err == nil
}

// hasLevels reports whether data begins with so many levels of a width in bits, as runs, and takes them away.
func hasLevels(data *[]byte, want int64, width int) bool {
	const sized = 4
	if len(*data) < sized {
		return false
	}
	size, rest := int64(binary.LittleEndian.Uint32(*data)), (*data)[sized:]
	if size > int64(len(rest)) {
		return false
	}
	runs := rest[:size]
	*data = rest[size:]
	for want > 0 {
		head, n := binary.Uvarint(runs)
		if n <= 0 || head > 1<<31 {
			return false
		}
		runs = runs[n:]
		levels, bytes := int64(head>>1), 1 // of one that repeats
		if head&1 == 1 {                   // of eights, one after the other
			levels, bytes = 8*levels, int(levels)*width
		}
		if bytes > len(runs) {
			return false
		}
		want, runs = want-levels, runs[bytes:]
	}
	return true
}
