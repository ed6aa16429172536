package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/parquet/schema"

	"sluice/model"
)

// segmentFile is a file of a segment, and what reads such files.
type segmentFile struct {
	name  string
	whole []byte
	read  func([]byte) error
}

// smallFiles are both files of a segment of a small store.
func smallFiles(t *testing.T) []segmentFile {
	t.Helper()
	r := rand.New(rand.NewPCG(6, 6))
	tables := traffic(r, 40, 3)
	dir := t.TempDir()
	s := mustCreate(t, dir)
	commitRows(t, s, WriterOptions{}, tables, someRows(r, tables, 61, 3), Source{Name: "a", Digest: "b"})
	g := s.snapshot()[0].Segments[0]
	files := []segmentFile{
		{name: g.Labels, read: func(b []byte) error { _, err := readLabels(b); return err }},
		{name: g.Path, read: readFlowGroups},
	}
	for i := range files {
		var err error
		files[i].whole, err = os.ReadFile(filepath.Join(dir, files[i].name))
		must(t, err)
	}
	return files
}

// TestLies: whoever may write to a store can give a file that lies the digest that its commit has. For numbers of rows and
// sizes in its footer that cannot be those of the file no memory is made.
func TestLies(t *testing.T) {
	for _, c := range smallFiles(t) {
		must(t, c.read(c.whole))
		told := 0
		for _, rows := range []uint64{1 << 31, 1 << 40, 1 << 62, 1<<64 - 1} {
			for _, lie := range lies(c.whole, rows) {
				if err := cheap(t, fmt.Sprintf("%s: %d rows", c.name, rows), func() error { return c.read(lie) }); err != nil {
					told++
				}
			}
		}
		if told < 4 {
			t.Errorf("%s: %d lies were told", c.name, told)
		}
	}
}

// cheap returns what read does, which must come to an end and take little memory.
func cheap(t *testing.T, of string, read func() error) (err error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan error, 1)
	go func() { done <- read() }()
	select {
	case err = <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: it comes to no end", of)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
		t.Errorf("%s: %d bytes of memory", of, n)
	}
	return err
}

// lies are a Parquet file with a number of rows for each number in its footer that may be its own.
func lies(whole []byte, rows uint64) (out [][]byte) {
	const tail = 8 // the length of the footer, and the magic
	n := len(whole)
	length := int(binary.LittleEndian.Uint32(whole[n-tail:]))
	begin := n - tail - length
	number := binary.AppendVarint(nil, int64(rows))
	const i64 = 0x16 // the next field is a number of 64 bits
	for i := begin; i < n-tail-1; i++ {
		if whole[i] != i64 || whole[i+1]&0x80 != 0 {
			continue
		}
		b := slices.Concat(whole[:i+1], number, whole[i+2:])
		binary.LittleEndian.PutUint32(b[len(b)-tail:], uint32(length+len(number)-1))
		out = append(out, b)
	}
	return out
}

func readFlowGroups(b []byte) error {
	f, err := openParquet(b, flowsKind, flowsSchema(), groupRows)
	if err != nil {
		return err
	}
	r := flowReader{file: f}
	for i := range f.groups() {
		_, _, _ = r.span(i)
		_, e := r.group(i)
		err = errors.Join(err, e)
	}
	return err
}

// endless is a place whose files go on without end after what was put.
type endless struct{ Files }

func (e endless) Get(name string) (io.ReadCloser, int64, error) {
	r, size, err := e.Files.Get(name)
	if err != nil || strings.HasPrefix(name, commitsDir) {
		return r, size, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(r, blanks{}), r}, 1 << 40, nil
}

// TestEndlessFile: of a file that does not end, or of a size that cannot be, no more is read than its commit says.
func TestEndlessFile(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	tables := traffic(r, 40, 3)
	dir := t.TempDir()
	w := mustCreate(t, dir)
	commitStream(t, w, tables, someRows(r, tables, 61, 3), 0)
	s, err := OpenFiles(endless{Dir(dir)})
	must(t, err)
	err = s.Scan(t.Context(), ScanOptions{}, func(model.Tables, []model.Observation) error { return nil })
	if !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if err := s.Pack(t.Context(), io.Discard, ScanOptions{}); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	st := &Stream{Seen: []Seen{{Path: s.Segments()[0].Path, Count: -1 << 40}}}
	if _, _, err := s.SeenIDs(st); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

// TestForgedPages: whatever a byte of a page, of its header or of the footer says, of sizes, of values, of levels that are
// not there or of their runs, reading ends, and no memory is made for what is not there.
func TestForgedPages(t *testing.T) {
	for _, c := range smallFiles(t) {
		for at := range c.whole {
			for _, now := range []byte{0, 0x7f, 0xff} {
				forged := slices.Clone(c.whole)
				forged[at] = now
				_ = cheap(t, fmt.Sprintf("%s: byte %d is %d", c.name, at, now), func() error { return c.read(forged) })
			}
			// The largest number of 32 bits, and the largest length of a text or list, over whatever follows.
			for _, large := range [][]byte{binary.AppendVarint(nil, math.MaxInt32), binary.AppendUvarint(nil, math.MaxInt32)} {
				forged := slices.Clone(c.whole)
				copy(forged[at:], large)
				_ = cheap(t, fmt.Sprintf("%s: byte %d begins %x", c.name, at, large), func() error { return c.read(forged) })
			}
		}
	}
}

// TestPageClaims: a page that claims more than can be there is damaged.
func TestPageClaims(t *testing.T) {
	page := appendSized(nil, []int16{1, 1, 0, 1})
	for _, text := range []string{"a", "b", "c"} {
		page = append(binary.LittleEndian.AppendUint32(page, 1), text...)
	}
	whole := newEncoder().zstd.EncodeAll(page, nil)
	large := newEncoder().zstd.EncodeAll(make([]byte, 1<<24), nil)
	d := schema.NewSchema(labelsSchema()).Column(2)
	for _, c := range []struct {
		about  string
		header pageHeader
		packed []byte
		whole  bool
	}{
		{"as it is", pageHeader{0, 21, 0, 4, 0, 3, 3}, whole, true},
		{"larger", pageHeader{0, 22, 0, 4, 0, 3, 3}, whole, false},
		{"smaller", pageHeader{0, 20, 0, 4, 0, 3, 3}, whole, false},
		{"far larger", pageHeader{0, math.MaxInt32, 0, 4, 0, 3, 3}, whole, false},
		{"negative", pageHeader{0, -1, 0, 4, 0, 3, 3}, whole, false},
		{"packed into more than there is", pageHeader{0, 21, 1 << 30, 4, 0, 3, 3}, whole, false},
		{"packed into less", pageHeader{0, 21, -1, 4, 0, 3, 3}, whole, false},
		{"of a frame that has more", pageHeader{0, 21, 0, 4, 0, 3, 3}, large, false},
		{"of two frames that have more", pageHeader{0, 21, 0, 4, 0, 3, 3}, slices.Concat(whole, large), false},
		{"of many values", pageHeader{0, 21, 0, math.MaxInt32, 0, 3, 3}, whole, false},
		{"of negative values", pageHeader{0, 21, 0, -4, 0, 3, 3}, whole, false},
		{"of a dictionary", pageHeader{2, 21, 0, 4, 0, 3, 3}, whole, false},
		{"with values as steps", pageHeader{0, 21, 0, 4, 5, 3, 3}, whole, false},
		{"with levels as bits", pageHeader{0, 21, 0, 4, 0, 4, 4}, whole, false},
		{"of no frame", pageHeader{0, 21, 0, 4, 0, 3, 3}, page, false},
	} {
		c.header.packed += int64(len(c.packed))
		data := append(c.header.append(nil), c.packed...)
		p := wholePages{&pages{d: d, rest: data, rows: 4}}
		var ok bool
		_ = cheap(t, c.about, func() error { ok = p.Next(); return nil })
		if err := p.Err(); ok != c.whole || ok != (err == nil) || !ok && !errors.Is(err, ErrDamaged) {
			t.Errorf("a page %s: %v, %v", c.about, ok, err)
		}
	}
}

// append appends a header, with statistics that nobody needs.
func (h *pageHeader) append(b []byte) []byte {
	numbers := func(of ...int64) {
		for _, n := range of {
			b = binary.AppendVarint(append(b, 1<<4|thriftInt32), n)
		}
	}
	numbers(h.kind, h.size, h.packed)
	b = append(b, 2<<4|thriftStruct)
	numbers(h.values, h.encoding, h.defined, h.repeated)
	b = append(b, 1<<4|thriftStruct, 1<<4|thriftBinary, 2, 'a', 'b', 2<<4|thriftInt64, 6, 1<<4|thriftTrue, 0)
	return append(b, 0, 0)
}

// TestLargeLabels: labels with so many texts that one page could not have them are read as they were written.
func TestLargeLabels(t *testing.T) {
	rows := make([]label, 9)
	for i := range rows {
		rows[i].id, rows[i].texts[textKind] = uint32(i), model.KindPod.String()
		rows[i].lists[listLabels] = []string{"a=" + strings.Repeat(string(rune('a'+i)), labelGroupBytes/2)}
	}
	var out bytes.Buffer
	must(t, writeLabels(newEncoder(), &out, rows))
	f, err := openParquet(out.Bytes(), labelsKind, labelsSchema(), labelGroup)
	must(t, err)
	if n := f.groups(); n < 4 {
		t.Errorf("%d row groups", n)
	}
	tables, err := readLabels(out.Bytes())
	must(t, err)
	for i := range rows {
		if !slices.Equal(tables.Endpoints.Get(model.EndpointID(i)).Labels, rows[i].lists[listLabels]) {
			t.Errorf("other labels of endpoint %d", i)
		}
	}
}

// TestLevelsOfPages: a page has a level for each value, or it has not.
func TestLevelsOfPages(t *testing.T) {
	for _, c := range []struct {
		runs  string // with their length before them
		want  int64
		width int
		has   bool
	}{
		{"\x02\x00\x00\x00\x0a\x01", 5, 1, true},
		{"\x02\x00\x00\x00\x0a\x01", 6, 1, false},
		{"\x02\x00\x00\x00\x03\xff", 8, 1, true},
		{"\x02\x00\x00\x00\x03\xff", 9, 1, false},
		{"\x02\x00\x00\x00\x03\xff", 8, 2, false},
		{"\x04\x00\x00\x00\x00\x00\x02\x01", 1, 1, true},
		{"\x03\x00\x00\x00\x00\x00\x00", 1, 1, false},
		{"\x06\x00\x00\x00\x80\x80\x80\x80\x20\x01", 1, 1, false},
		{"\x09\x00\x00\x00\x02\x01", 1, 1, false},
		{"\x02\x00", 0, 1, false},
	} {
		if data := []byte(c.runs); hasLevels(&data, c.want, c.width) != c.has {
			t.Errorf("%q: %d levels of %d bits: %v", c.runs, c.want, c.width, !c.has)
		}
	}
}
