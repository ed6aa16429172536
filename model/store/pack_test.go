package store

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sluice/model"
)

// TestPack: what is unpacked is what was there, from any commits, and a slice of it is what a scan of it opens.
func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 6))
	tables := traffic(r, 40, 10)
	s := mustCreate(t, t.TempDir())
	for n := range 3 {
		commitStream(t, s, tables, someRows(r, tables, 60, 4000), n)
	}
	all, want := scanned(t, s, ScanOptions{})
	from, to := want[0].First, want[len(want)-1].Last
	for _, o := range []ScanOptions{{}, {Cluster: "east"}, {Since: from + (to-from)/2}, {Until: from + 1}} {
		var pack bytes.Buffer
		if err := s.Pack(t.Context(), &pack, o); err != nil {
			t.Fatal(err)
		}
		got, err := Unpack(t.Context(), &pack, Dir(t.TempDir()), maxFile)
		if err != nil {
			t.Fatal(err)
		}
		if o == (ScanOptions{}) && !reflect.DeepEqual(plainRows(scanned(t, got, o)), plainRows(all, want)) {
			t.Error("other rows")
		}
		if !reflect.DeepEqual(plainRows(scanned(t, got, o)), plainRows(scanned(t, s, o))) {
			t.Errorf("%+v: other rows", o)
		}
		if found, err := Check(t.Context(), got.files); err != nil || len(found.Problems)+len(found.Unnamed) > 0 {
			t.Errorf("%+v: %v, %+v", o, err, found)
		}
		if src := got.Sources(); len(src) != len(s.Part(o.Cluster).Sources) || src[0].Lost == 0 {
			t.Errorf("%+v: sources %+v", o, src)
		}
		ids, from, err := s.SeenIDs(s.Stream("hubble://a"))
		if err != nil {
			t.Fatal(err)
		}
		gotIDs, gotFrom, err := got.SeenIDs(got.Stream("hubble://a"))
		if err != nil || len(ids) == 0 || !slices.Equal(gotIDs, ids) || gotFrom != from {
			t.Errorf("%+v: a collector goes on with %d ids from %d, want %d from %d: %v", o, len(gotIDs), gotFrom, len(ids), from, err)
		}
		if got.Stream("hubble://a").Watermark != 2 {
			t.Errorf("%+v: %+v", o, got.Stream("hubble://a"))
		}
	}
}

// TestUnpackedGrows: what is written to a store that was unpacked, in a directory of its own or after a kill, takes nothing
// away from what is there: its files have other names. So it is with a pack of a former version, whose one commit is the
// first; a store that such a version unpacked is not written to.
func TestUnpackedGrows(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	tables := traffic(r, 20, 5)
	s := mustCreate(t, t.TempDir())
	rows := someRows(r, tables, 30, 2000) // of the same minutes each time: names have these, too
	for n := range 5 {
		commitStream(t, s, tables, rows, n)
	}
	former := func(c *commit) {
		c.Number, c.Replaces = 1, nil
		for i := range c.Sources {
			c.Sources[i].Stream.Term = 9 // of a bucket
		}
	}
	for name, change := range map[string]func(*commit){"own": func(*commit) {}, "of a former version": former} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			got, err := Unpack(t.Context(), repacked(t, s, change), Dir(dir), maxFile)
			if err != nil {
				t.Fatal(err)
			}
			if term := got.Stream("hubble://a").Term; term != 0 {
				t.Errorf("term %d of another place", term)
			}
			want := records(t, got)
			for n := range 7 {
				for _, o := range rows {
					want += uint64(o.Records)
				}
				commitStream(t, got, tables, rows, 5+n)
				if n == 3 { // as a kill leaves it
					if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(lockFile)+".dirty"), nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if got, err = Open(dir); err != nil {
					t.Fatal(err)
				}
			}
			if have := records(t, got); have != want {
				t.Errorf("%d records, want %d", have, want)
			}
			if found, err := Check(t.Context(), got.files); err != nil || len(found.Problems) > 0 {
				t.Errorf("%v, %d problems", err, len(found.Problems))
			}
		})
	}
	dir := t.TempDir()
	old, err := Unpack(t.Context(), repacked(t, s, former), Dir(dir), maxFile)
	if err != nil {
		t.Fatal(err)
	}
	c := old.snapshot()[0]
	if err := old.files.Remove(path.Join(commitsDir, c.file)); err != nil {
		t.Fatal(err)
	}
	former(&c)
	file, text, err := c.content()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put(old.files, file, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(headDir))); err != nil {
		t.Fatal(err)
	}
	if old, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := old.Writer(WriterOptions{}); err == nil || !strings.Contains(err.Error(), "carry it over first") {
		t.Errorf("written to: %v", err)
	}
}

// entriesOf returns the files of a pack.
func entriesOf(t *testing.T, pack []byte) (headers []*tar.Header, bodies [][]byte) {
	t.Helper()
	for archive := tar.NewReader(bytes.NewReader(pack)); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return headers, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		headers, bodies = append(headers, h), append(bodies, body)
	}
}

// repacked is a pack of a store, with its commit changed.
func repacked(t *testing.T, s *Store, change func(*commit)) io.Reader {
	t.Helper()
	var pack, out bytes.Buffer
	if err := s.Pack(t.Context(), &pack, ScanOptions{}); err != nil {
		t.Fatal(err)
	}
	to := tar.NewWriter(&out)
	headers, bodies := entriesOf(t, pack.Bytes())
	for i, body := range bodies {
		name := headers[i].Name
		if isCommit(name) {
			c, err := parseCommit(name, body)
			if err != nil {
				t.Fatal(err)
			}
			change(&c)
			if name, body, err = c.content(); err != nil {
				t.Fatal(err)
			}
		}
		if err := putTar(to, name, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

// records counts those of a store.
func records(t *testing.T, s *Store) (n uint64) {
	t.Helper()
	err := s.Scan(t.Context(), ScanOptions{}, func(_ model.Tables, rows []model.Observation) error {
		for _, o := range rows {
			n += uint64(o.Records)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestUnpackDamaged: whatever happens to a pack, it is whole or nothing: cut anywhere, with any byte changed, with files
// twice, missing or from elsewhere.
func TestUnpackDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	tables := traffic(r, 10, 4)
	s := mustCreate(t, t.TempDir())
	commitRows(t, s, WriterOptions{}, tables, someRows(r, tables, 30, 3), Source{Name: "f", Digest: "f"})
	var pack bytes.Buffer
	if err := s.Pack(t.Context(), &pack, ScanOptions{}); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, data []byte) {
		t.Helper()
		d := Dir(t.TempDir())
		_, err := Unpack(t.Context(), bytes.NewReader(data), d, maxFile)
		names, listErr := d.List(version)
		if err == nil || listErr != nil || len(names) > 0 {
			t.Errorf("%s: %v, left %v, %v", what, err, names, listErr)
		}
	}
	end := pack.Len() - 1024 // two blocks of zeros end an archive
	for range 60 {
		n := r.IntN(end - 512)
		refused(fmt.Sprint("cut at ", n), pack.Bytes()[:n])
	}
	headers, bodies := entriesOf(t, pack.Bytes())
	var all []int // their places
	for i := range headers {
		all = append(all, i)
	}
	build := func(order []int, change func(i int, h *tar.Header, body []byte) []byte) []byte {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		for _, i := range order {
			h := *headers[i]
			body := change(i, &h, slices.Clone(bodies[i]))
			h.Size = int64(len(body))
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(body); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	same := func(_ int, _ *tar.Header, body []byte) []byte { return body }
	last := len(headers) - 1
	for i := range all {
		refused("without "+headers[i].Name, build(slices.Delete(slices.Clone(all), i, i+1), same))
		refused("changed "+headers[i].Name, build(all, func(j int, _ *tar.Header, body []byte) []byte {
			if j == i {
				body[r.IntN(len(body))] ^= 1 << r.IntN(8)
			}
			return body
		}))
		if i != last {
			refused("twice "+headers[i].Name, build(append([]int{i}, all...), same))
			for _, name := range []string{"../x", "/etc/x", "v1/../../x", "v2/x", "v1/cluster=x/more.parquet"} {
				refused("named "+name, build(append([]int{i}, all...), func(j int, h *tar.Header, body []byte) []byte {
					if j == i {
						h.Name = name
					}
					return body
				}))
			}
		}
	}
}

// TestEndlessCommit: a pack whose commit does not end is refused once it has more bytes than a commit may have.
func TestEndlessCommit(t *testing.T) {
	var begin bytes.Buffer
	w := tar.NewWriter(&begin)
	if err := w.WriteHeader(&tar.Header{Name: commitsDir + "/00000001-x.json", Mode: 0o600, Size: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	_, err := Unpack(t.Context(), io.MultiReader(&begin, blanks{}), Dir(t.TempDir()), maxFile)
	if !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

// TestPackTooMuch: a pack is refused before the file that is too much is read, be it large or one of too many.
func TestPackTooMuch(t *testing.T) {
	for _, c := range []struct {
		name string
		most int64
		size int64 // of each file, of which there is no end
		want error
	}{
		{"large files", 10 << 20, 1 << 20, ErrTooLarge},
		{"a file that is large at once", 10 << 20, maxFile, ErrTooLarge},
		{"a file that is larger than any", 1 << 50, maxFile + 1, ErrDamaged},
		{"files without content and with long names", 10 << 20, 0, ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, w := io.Pipe()
			defer r.Close()
			go func() {
				out := tar.NewWriter(w)
				for n, err := 0, error(nil); err == nil; n++ {
					name := fmt.Sprintf("v1/%s%d", strings.Repeat("long/", 1000), n)
					if err = out.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: c.size}); err == nil {
						_, err = io.CopyN(out, blanks{}, c.size)
					}
				}
			}()
			f := &counted{}
			u := &unpacking{files: f, got: map[string]content{}, left: c.most, unnamed: 1 << 20}
			if err := u.all(t.Context(), tar.NewReader(r)); !errors.Is(err, c.want) || f.bytes > c.most {
				t.Errorf("%v after %d bytes", err, f.bytes)
			}
		})
	}
}

// counted are files whose bytes are counted and not kept.
type counted struct {
	Files
	bytes int64
}

func (c *counted) Put(_ string, write func(io.Writer) error) error {
	n := &counter{w: io.Discard}
	err := write(n)
	c.bytes += n.n
	return err
}

// blanks never end.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
