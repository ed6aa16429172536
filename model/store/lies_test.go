package store

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/model"
)

// smallStore is a store of one commit, and its directory.
func smallStore(t *testing.T) (dir string, s *Store) {
	t.Helper()
	r := rand.New(rand.NewPCG(6, 6))
	tables := traffic(r, 40, 3)
	dir = t.TempDir()
	s = mustCreate(t, dir)
	commitRows(t, s, WriterOptions{}, tables, someRows(r, tables, 61, 3), Source{Name: "a", Digest: "b"})
	return dir, s
}

// TestLies: whoever may write to a store can give a file that lies the digest that its commit has. For numbers of rows and
// sizes in its footer that cannot be those of the file no memory is made.
func TestLies(t *testing.T) {
	dir, s := smallStore(t)
	g := s.snapshot()[0].Segments[0]
	for _, c := range []struct {
		name string
		read func([]byte) error
	}{
		{g.Labels, func(b []byte) error { _, err := readLabels(b); return err }},
		{g.Path, readFlowGroups},
	} {
		whole, err := os.ReadFile(filepath.Join(dir, c.name))
		must(t, err)
		must(t, c.read(whole))
		told := 0
		for _, rows := range []uint64{1 << 31, 1 << 40, 1 << 62, 1<<64 - 1} {
			for _, lie := range lies(whole, rows) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				done := make(chan error, 1)
				go func() { done <- c.read(lie) }()
				select {
				case err := <-done:
					if err != nil {
						told++
					}
				case <-time.After(10 * time.Second):
					t.Fatalf("%s: %d rows: it comes to no end", c.name, rows)
				}
				runtime.ReadMemStats(&after)
				if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
					t.Errorf("%s: %d rows: %d bytes of memory", c.name, rows, n)
				}
			}
		}
		if told < 4 {
			t.Errorf("%s: %d lies were told", c.name, told)
		}
	}
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
	for i := range f.NumRowGroups() {
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

// TestForgedPages: whatever a byte of a page says, of levels that are not there or of their runs, reading ends.
func TestForgedPages(t *testing.T) {
	dir, s := smallStore(t)
	whole, err := os.ReadFile(filepath.Join(dir, s.snapshot()[0].Segments[0].Labels))
	must(t, err)
	for at := range len(whole) / 2 {
		forged := slices.Clone(whole)
		forged[at] = 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = readLabels(forged)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("byte %d: it comes to no end", at)
		}
	}
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
