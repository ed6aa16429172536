package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
)

// columnOf returns what reads a column with levels. Its pages are looked at before the library has them.
func columnOf(g *file.RowGroupReader, i int) (file.ColumnChunkReader, error) {
	pages, err := g.GetColumnPageReader(i)
	if err != nil {
		return nil, err
	}
	d := g.MetaData().Schema.Column(i)
	whole := &wholePages{PageReader: pages, most: [2]int16{d.MaxRepetitionLevel(), d.MaxDefinitionLevel()}}
	return file.NewColumnReader(d, whole, memory.DefaultAllocator, nil), nil // the pool is for skipping
}

// wholePages are pages with a level for each value. The library tries for ever to read one that is not there.
type wholePages struct {
	file.PageReader
	most [2]int16 // the highest repetition and definition level
	err  error
}

// Next is false for a page that lacks levels.
func (w *wholePages) Next() bool {
	if w.err != nil || !w.PageReader.Next() {
		return false
	}
	if p, ok := w.Page().(*file.DataPageV1); ok {
		levels := p.Data()
		as := [...]parquet.Encoding{p.RepetitionLevelEncoding(), p.DefinitionLevelEncoding()}
		for i, most := range w.most {
			if most == 0 {
				continue
			}
			if as[i] != parquet.Encodings.RLE || !hasLevels(&levels, int64(p.NumValues()), bits.Len16(uint16(most))) {
				w.err = fmt.Errorf("a page lacks levels of its %d values: %w", p.NumValues(), ErrDamaged)
			}
		}
	} else if _, ok := w.Page().(*file.DictionaryPage); !ok {
		w.err = fmt.Errorf("a page of a kind that is not written: %w", ErrDamaged)
	}
	return w.err == nil
}

// Err is why there is no next page.
func (w *wholePages) Err() error { return cmp.Or(w.err, w.PageReader.Err()) }

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
