package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sluice/model"
)

// crashDir names the store that this process, a child of TestKill, writes to until it is killed.
const crashDir = "SLUICE_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := writeForever(dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// compacting is what such a child says before it makes several commits one.
const compacting = "compacting"

// crashRows are the rows of the n-th source: as many keys as its number tells.
func crashRows(n int) (model.Tables, []model.Observation) {
	t := model.NewTables()
	rows := make([]model.Observation, 100+n)
	for i := range rows {
		src := t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: fmt.Sprint("source-", n), Name: fmt.Sprint(i)})
		rows[i] = model.Observation{Window: 29_000_000 + uint32(i%3)*minutesADay, Src: src, Dst: src, Records: 1}
	}
	return t, rows
}

// writeForever commits one source after the other and prints what is acknowledged.
func writeForever(dir string) error {
	s, err := Create(dir)
	if err != nil {
		return err
	}
	for n := len(s.Sources()); ; n++ {
		t, rows := crashRows(n)
		w, err := s.Writer(WriterOptions{})
		if err != nil {
			return err
		}
		if err := w.Write(t, rows); err != nil {
			return err
		}
		if err := w.Commit([]Source{{Name: fmt.Sprint(n), Digest: fmt.Sprint(n)}}); err != nil {
			return err
		}
		fmt.Println(n)
		o := CompactOptions{Run: 4}
		if s.mergeable(o).run != nil {
			fmt.Println(compacting)
		}
		if _, err := s.Compact(context.Background(), o); err != nil {
			return err
		}
		fmt.Println("compacted")
	}
}

// childOutput is what a child prints, and tells of compactions.
type childOutput struct {
	text       bytes.Buffer
	compacting chan struct{}
}

func (o *childOutput) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(compacting)) {
		select {
		case o.compacting <- struct{}{}:
		default:
		}
	}
	return o.text.Write(b)
}

// TestKill kills writers at random moments, twenty of them amid a compaction: every source is there whole or not at all,
// and what was acknowledged is there.
func TestKill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("locks outlive a killed process here")
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(5, uint64(time.Now().UnixNano())))
	orphans, kills, amid := 0, 0, 0
	for ; amid < 20; kills++ {
		if kills == 200 {
			t.Fatalf("only %d of %d kills fell into a compaction", amid, kills)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		out := childOutput{compacting: make(chan struct{}, 1)}
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if kills < 15 {
			time.Sleep(time.Duration(5+r.IntN(60)) * time.Millisecond)
		} else {
			select {
			case <-out.compacting:
				time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
			case <-time.After(10 * time.Second):
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if strings.HasSuffix(out.text.String(), compacting+"\n") {
			amid++
		}
		orphans += checkCrashed(t, dir, lastLine(t, &out.text))
	}
	s := mustCreate(t, dir)
	commitRows(t, s, WriterOptions{}, model.NewTables(), nil)
	if _, err := s.Compact(t.Context(), CompactOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := checkCrashed(t, dir, -1); n > 0 {
		t.Errorf("%d files are left that no commit names", n)
	}
	checkNoEmptyDirs(t, dir)
	t.Logf("%d kills, %d amid a compaction; %d sources, %d files left behind by the killed", kills, amid,
		len(mustCreate(t, dir).Sources()), orphans)
}

// lastLine returns the last source acknowledged, -1 for none.
func lastLine(t *testing.T, out *bytes.Buffer) int {
	last := -1
	for sc := bufio.NewScanner(out); sc.Scan(); {
		if strings.HasPrefix(sc.Text(), "error:") {
			t.Fatal(sc.Text())
		}
		fmt.Sscan(sc.Text(), &last)
	}
	return last
}

// checkCrashed compares the store with the sources it claims and gives the number of files that no commit names.
func checkCrashed(t *testing.T, dir string, acknowledged int) int {
	t.Helper()
	s, err := Open(dir)
	if errors.Is(err, ErrNoStore) && acknowledged < 0 {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	sources := len(s.Sources())
	if acknowledged >= sources {
		t.Fatalf("source %d was acknowledged, %d are there", acknowledged, sources)
	}
	want := 0
	for n := range sources {
		want += 100 + n
	}
	if _, rows := scanned(t, s, ScanOptions{}); len(rows) != want {
		t.Fatalf("%d rows of %d sources, want %d", len(rows), sources, want)
	}
	known := map[string]bool{"lock": true}
	for _, g := range s.Segments() {
		known[filepath.Base(g.Path)], known[filepath.Base(g.Labels)] = true, true
	}
	orphans := 0
	for name := range files(t, dir) {
		if !known[filepath.Base(name)] && !strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, headDir) {
			orphans++
		}
	}
	return orphans
}

// TestDamage: a file that is not the one committed is an error naming it, never a panic and never fewer rows.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	tables := traffic(r, 30, 10)
	rows := someRows(r, tables, 300, 10)
	dir := t.TempDir()
	s := mustCreate(t, dir)
	commitRows(t, s, WriterOptions{}, tables, rows, Source{Name: "a", Digest: "b"})
	for name, content := range files(t, dir) {
		if filepath.Base(name) == "lock" || strings.HasPrefix(name, headDir) {
			continue
		}
		for i := range 30 {
			b := []byte(content)
			switch i % 3 {
			case 0:
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			case 1:
				b = b[:r.IntN(len(b))]
			case 2:
				b = append(b, "x"...)
			}
			overwrite(t, filepath.Join(dir, name), b)
			err := scanAll(dir)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), filepath.Base(name)) {
				t.Fatalf("%s, way %d: error %v", name, i%3, err)
			}
		}
		overwrite(t, filepath.Join(dir, name), []byte(content))
		if err := scanAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func overwrite(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func scanAll(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	return s.Scan(context.Background(), ScanOptions{}, func(model.Tables, []model.Observation) error { return nil })
}

// TestMissing: a committed file that is gone, or a commit that is gone, is an error.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	for range 2 {
		tables, rows := crashRows(1)
		commitRows(t, s, WriterOptions{}, tables, rows)
	}
	if err := os.Remove(filepath.Join(dir, s.Segments()[0].Labels)); err != nil {
		t.Fatal(err)
	}
	if err := scanAll(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("labels gone: %v", err)
	}
	first, _ := filepath.Glob(filepath.Join(dir, commitsDir, "00000001-*"))
	if err := os.Remove(first[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("commit gone: %v", err)
	}
}

// TestLoss: whichever file of a store is lost, it is an error that names what is missing, or the store answers whole;
// for a reader, for the next writer, and where a whole directory is lost. So it is while the head is one behind, since
// the writer was killed before it wrote it, and the next one has been there.
func TestLoss(t *testing.T) {
	for _, behind := range []bool{false, true} {
		dir := t.TempDir()
		s := mustCreate(t, dir)
		for n := range 6 {
			tables, rows := crashRows(n)
			commitStream(t, s, tables, rows, n)
			if n == 3 {
				if _, err := s.Compact(t.Context(), CompactOptions{Run: 4, Grace: time.Hour}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if behind {
			setHead(t, dir, 1)
			w, err := s.Writer(WriterOptions{})
			if err := errors.Join(err, w.Abort()); err != nil {
				t.Fatal(err)
			}
		}
		all := files(t, dir)
		want := len(scannedRows(t, dir))
		refused := 0
		lost := map[string]bool{commitsDir: true, version: true}
		for name := range all {
			lost[name] = true
		}
		for name := range lost {
			copied := t.TempDir()
			for n, content := range all {
				if n != name && !strings.HasPrefix(n, name+"/") {
					must(t, os.MkdirAll(filepath.Dir(filepath.Join(copied, n)), 0o777))
					overwrite(t, filepath.Join(copied, n), []byte(content))
				}
			}
			err := scanAll(copied)
			if err == nil {
				_, _, err = mustCreate(t, copied).SeenIDs(mustCreate(t, copied).Stream("hubble://a"))
			}
			if err == nil {
				if got := len(scannedRows(t, copied)); got != want {
					t.Errorf("without %s %d rows of %d", name, got, want)
				}
				continue
			}
			refused++
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNoStore) {
				t.Errorf("without %s: %v", name, err)
			}
			if strings.HasPrefix(name, commitsDir) {
				if _, err := Create(copied); !errors.Is(err, ErrDamaged) {
					t.Errorf("written to without %s: %v", name, err)
				}
			}
		}
		if refused < 10 {
			t.Errorf("%d losses were errors", refused)
		}
	}
}

// TestFormerVersion: a store without a head opens, and has one after the next commit.
func TestFormerVersion(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	tables, rows := crashRows(1)
	commitRows(t, s, WriterOptions{}, tables, rows)
	must(t, os.RemoveAll(filepath.Join(dir, headDir)))
	if got := scannedRows(t, dir); len(got) != len(rows) {
		t.Errorf("%d rows", len(got))
	}
	commitRows(t, mustCreate(t, dir), WriterOptions{}, tables, rows)
	newest, _ := filepath.Glob(filepath.Join(dir, commitsDir, "00000002-*"))
	must(t, os.Remove(newest[0]))
	if _, err := Open(dir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "commit 2 is missing") {
		t.Errorf("newest commit gone: %v", err)
	}
}

// TestFormerVersionLoss: where no head tells, what a writer that comes after the next one wrote does.
func TestFormerVersionLoss(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	tables, rows := crashRows(1)
	for range 3 {
		commitRows(t, s, WriterOptions{}, tables, rows)
	}
	must(t, os.RemoveAll(filepath.Join(dir, headDir)))
	for _, n := range []string{"00000002-*", "00000003-*"} {
		lost, _ := filepath.Glob(filepath.Join(dir, commitsDir, n))
		must(t, os.Remove(lost[0]))
	}
	overwrite(t, filepath.Join(dir, version, "lock"), []byte("w"))
	before := len(files(t, dir))
	if _, err := mustCreate(t, dir).Writer(WriterOptions{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("writer: %v", err)
	}
	if n := len(files(t, dir)); n < before {
		t.Errorf("%d of %d files left", n, before)
	}
}

// TestOpenBesideWriter: who opens a store while another writes to it never takes what is being written for what a lost
// commit left.
func TestOpenBesideWriter(t *testing.T) {
	dir := t.TempDir()
	tables, rows := crashRows(1)
	s := mustCreate(t, dir)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 60 {
			w, err := s.Writer(WriterOptions{})
			if err == nil && n%3 == 0 {
				err = errors.Join(w.Write(tables, rows), w.flush(), w.Abort())
			} else if err == nil {
				err = errors.Join(w.Write(tables, rows), w.Commit(nil))
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for n := 0; ; n++ {
		if _, err := Open(dir); err != nil {
			t.Fatalf("opened the %d-th time: %v", n, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// setHead makes the head name an earlier commit, as a writer does that is killed.
func setHead(t *testing.T, dir string, number int) {
	t.Helper()
	must(t, os.RemoveAll(filepath.Join(dir, headDir)))
	must(t, os.Mkdir(filepath.Join(dir, headDir), 0o777))
	found, _ := filepath.Glob(filepath.Join(dir, commitsDir, fmt.Sprintf("%08d-*", number)))
	overwrite(t, filepath.Join(dir, headDir, strings.TrimSuffix(filepath.Base(found[0]), commitSuffix)), nil)
}

func scannedRows(t *testing.T, dir string) []model.Observation {
	t.Helper()
	_, rows := scanned(t, mustCreate(t, dir), ScanOptions{})
	return rows
}

func checkNoEmptyDirs(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if entries, _ := os.ReadDir(p); len(entries) == 0 {
			t.Errorf("%s is empty", p)
		}
		return nil
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTwoWriters: one writer at a time, and a source that another process stored meanwhile is refused.
func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	a, b := mustCreate(t, dir), mustCreate(t, dir)
	w, err := a.Writer(WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Writer(WriterOptions{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("second writer: %v", err)
	}
	tables, rows := crashRows(1)
	if err := errors.Join(w.Write(tables, rows), w.Commit([]Source{{Digest: "x"}})); err != nil {
		t.Fatal(err)
	}
	if b.HasSource("x") {
		t.Fatal("b saw a commit without opening anew")
	}
	if w, err = b.Writer(WriterOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(tables, rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit([]Source{{Digest: "x"}}); !errors.Is(err, ErrSourceStored) {
		t.Fatalf("stored twice: %v", err)
	}
	if _, got := scanned(t, b, ScanOptions{}); len(got) != len(rows) {
		t.Errorf("%d rows, want %d", len(got), len(rows))
	}
}

// TestAbort: nothing is left of an aborted or failed commit, and the store can be written again.
func TestAbort(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, dir)
	tables, rows := crashRows(1)
	w, err := s.Writer(WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(tables, rows), w.flush(), w.Abort(), w.Abort()); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(tables, rows); err == nil {
		t.Error("write after abort")
	}
	if f := files(t, dir); len(f) != 2 {
		t.Errorf("files left beside the lock and the head: %d", len(f))
	}
	// A file in the place of a directory fails the commit at one of its segments.
	day := filepath.Join(dir, version, "cluster=unknown", "day="+dayOf(rows[1].Window))
	must(t, os.Mkdir(filepath.Dir(day), 0o777))
	overwrite(t, day, nil)
	commitErr := func() error {
		w, err := s.Writer(WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return errors.Join(w.Write(tables, rows), w.Commit([]Source{{Digest: "x"}}))
	}
	if err := commitErr(); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(day); err != nil {
		t.Fatal(err)
	}
	if err := commitErr(); err != nil {
		t.Fatal(err)
	}
	if _, got := scanned(t, s, ScanOptions{}); len(got) != len(rows) {
		t.Errorf("%d rows, want %d", len(got), len(rows))
	}
}

// full is a disk of n bytes.
type full struct{ n int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestDiskFull: wherever the disk is full, the error of the write comes back.
func TestDiskFull(t *testing.T) {
	tables, rows := crashRows(1)
	ids := newLocal(&ranked{endpoints: make([]*model.Endpoint, tables.Endpoints.Len()), names: make([]string, tables.Names.Len())}, rows)
	for n := 0; ; n += 50 {
		f := full{n}
		err := (&flowWriter{}).write(newEncoder(), &f, rows, ids)
		if err == nil {
			break
		}
		if !errors.Is(err, errFull) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		if n > 1<<20 {
			t.Fatal("never done")
		}
	}
	l := endpointLabel(0, tables.Endpoints.Get(0))
	if err := writeLabels(newEncoder(), &full{100}, []label{l}); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
}
