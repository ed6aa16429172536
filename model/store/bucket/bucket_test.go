package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"sluice/model"
	"sluice/model/store"
	"sluice/model/store/storetest"
)

// shared is a bucket that several processes have open.
type shared struct{ bucket *blob.Bucket }

// testBeat is long enough for a process on a busy machine not to miss two of them.
const testBeat = 100 * time.Millisecond

// open opens it anew, as a process of its own.
func (s *shared) open(t testing.TB) *process {
	ctx, kill := context.WithCancel(t.Context())
	f := newFiles(ctx, s.bucket, "mem://test")
	f.beat = testBeat
	return &process{f, kill}
}

// process is one that can be killed: it no longer renews what it holds.
type process struct {
	*Files
	kill context.CancelFunc
}

// Kill ends the process.
func (p *process) Kill() { p.kill() }

func memory(testing.TB) *shared { return &shared{bucket: memblob.OpenBucket(nil)} }

func place(t *testing.T) func() store.Files {
	s := memory(t)
	return func() store.Files { return s.open(t) }
}

func TestFiles(t *testing.T) { storetest.Files(t, place) }

func TestStore(t *testing.T) { storetest.Store(t, place) }

func TestFaults(t *testing.T) { storetest.Faults(t, storetest.Faulty(place)) }

// TestPacked: the content of a commit is packed in a bucket; one of a former version, and what is no content at all, are
// read as they are.
func TestPacked(t *testing.T) {
	s := memory(t)
	text := strings.Repeat(`{"sha256":"0123456789abcdef"}`, 1000)
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := z.EncodeAll(make([]byte, store.MaxCommit+1), nil) // some kilobytes that unpack to more than a commit may have
	for number, put := range map[int]func(name string) error{
		1: func(name string) error {
			return s.open(t).Put(name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
		},
		2: func(name string) error {
			return s.bucket.WriteAll(t.Context(), commitsDir+"/00000002", []byte("00000002-a.json\n"+text), nil)
		},
		3: func(name string) error {
			return s.bucket.WriteAll(t.Context(), commitsDir+"/00000003", append([]byte("00000003-a.json\n"), packed...), nil)
		},
		4: func(name string) error {
			return s.bucket.WriteAll(t.Context(), commitsDir+"/00000004", append([]byte("00000004-a.json\n"), bomb...), nil)
		},
	} {
		name := fmt.Sprintf("%s/%08d-a.json", commitsDir, number)
		if err := put(name); err != nil {
			t.Fatal(err)
		}
		want := text
		switch number {
		case 3:
			want = string(packed)
		case 4:
			want = string(bomb)
		}
		for _, listed := range []bool{false, true} {
			f := s.open(t)
			if listed { // which reads commits as well
				if _, err := f.List(commitsDir); err != nil {
					t.Fatal(err)
				}
			}
			r, size, err := f.Get(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if string(got) != want || size != int64(len(want)) || err != nil {
				t.Errorf("commit %d, listed %v: %d bytes, size %d, %v", number, listed, len(got), size, err)
			}
		}
	}
	a, err := s.bucket.Attributes(t.Context(), commitsDir+"/00000001")
	if err != nil || a.Size > int64(len(text)/50) {
		t.Errorf("%d bytes, %v", a.Size, err)
	}
}

// TestSleeper: a process that slept through the end of its right stores nothing over what another has stored, and
// takes nothing from it.
func TestSleeper(t *testing.T) {
	for _, test := range []struct {
		name         string
		sleeperFirst bool
	}{{"AfterTheOther", false}, {"BeforeTheOther", true}} {
		t.Run(test.name, func(t *testing.T) {
			s := memory(t)
			asleep, awake := s.open(t), s.open(t)
			asleep.beat = time.Hour
			a, err := store.CreateFiles(asleep)
			must(t, err)
			b, err := store.OpenFiles(awake)
			must(t, err)
			commits := []*store.Writer{begin(t, a, "a"), begin(t, b, "b")}
			names := []string{"a", "b"}
			if !test.sleeperFirst {
				slices.Reverse(commits)
				slices.Reverse(names)
			}
			must(t, commits[0].Commit(sourceOf(names[0])))
			if err := commits[1].Commit(sourceOf(names[1])); !errors.Is(err, store.ErrLocked) {
				t.Errorf("the second commit of one number: %v", err)
			}
			now, err := store.OpenFiles(s.open(t))
			must(t, err)
			if got := now.Sources(); len(got) != 1 || got[0].Name != names[0] {
				t.Errorf("sources %v", got)
			}
			found, err := store.Check(t.Context(), s.open(t))
			if must(t, err); len(found.Problems) > 0 {
				t.Error(found.Problems)
			}
		})
	}
}

// TestSleepingCollector: the collector of a stream that slept stores no part after that of its successor.
func TestSleepingCollector(t *testing.T) {
	s := memory(t)
	asleep, awake := s.open(t), s.open(t)
	asleep.beat = time.Hour
	a, err := store.CreateFiles(asleep)
	must(t, err)
	_, err = a.LockStream("hubble://relay")
	must(t, err)
	b, err := store.OpenFiles(awake)
	must(t, err)
	_, err = b.LockStream("hubble://relay")
	must(t, err)
	part := func() []store.Source {
		return []store.Source{{Name: "hubble://relay", Records: 1, Stream: &store.Stream{Watermark: 1, Opened: 1}}}
	}
	must(t, begin(t, b, "b").Commit(part()))
	if err := begin(t, a, "a").Commit(part()); !errors.Is(err, store.ErrStreamLocked) {
		t.Errorf("the part of the sleeper: %v", err)
	}
	must(t, begin(t, b, "b").Commit(part()))
}

// TestAnswerLost: a client that got no answer to its commit puts it again, and finds its own.
func TestAnswerLost(t *testing.T) {
	f := memory(t).open(t)
	one := func(w io.Writer) error {
		_, err := io.WriteString(w, "one")
		return err
	}
	name := "v1/commits/00000001-0123456789abcdef.json"
	must(t, errors.Join(f.Put(name, one), f.Put(name, one)))
	if err := f.Put("v1/commits/00000001-fedcba9876543210.json", one); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another commit of this number: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sourceOf(name string) []store.Source {
	return []store.Source{{Name: name, Digest: name, Records: 1, Bytes: 1}}
}

// begin returns a writer with a row of a namespace.
func begin(t *testing.T, s *store.Store, namespace string) *store.Writer {
	t.Helper()
	w, err := s.Writer(store.WriterOptions{})
	must(t, err)
	tables := model.NewTables()
	id := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: namespace})
	must(t, w.Write(tables, []model.Observation{{Window: 29_000_000, Src: id, Dst: id, Records: 1,
		First: 29_000_000 * 60e6, Last: 29_000_000 * 60e6}}))
	return w
}

// TestTraffic: who asks for one of many clusters pays for that one, and is read several files at once. A file that is
// gone is an error wherever it stands in the order.
func TestTraffic(t *testing.T) {
	const clusters, commits = 20, 4
	s := memory(t)
	all, err := store.CreateFiles(s.open(t))
	must(t, err)
	tables := model.NewTables()
	for c := range clusters {
		tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Cluster: fmt.Sprint("c", c), Namespace: "shop"})
	}
	for n := range commits {
		w, err := all.Writer(store.WriterOptions{})
		must(t, err)
		for c := range clusters {
			id := model.EndpointID(c)
			must(t, w.Write(tables, []model.Observation{{Window: uint32(29_000_000 + n), Src: id, Dst: id, Records: 1,
				First: int64(29_000_000+n) * 60e6, Last: int64(29_000_000+n) * 60e6}}))
		}
		must(t, w.Commit(sourceOf(fmt.Sprint(n))))
	}
	files := s.open(t)
	st, err := store.OpenFiles(files)
	must(t, err)
	rows := 0
	count := func(_ model.Tables, r []model.Observation) error { rows += len(r); return nil }
	before, bytesBefore := files.Traffic()
	must(t, st.Scan(t.Context(), store.ScanOptions{Cluster: "c7"}, count))
	requests, bytes := files.Traffic()
	requests, bytes = requests-before, bytes-bytesBefore
	if rows != commits || requests != 2*commits {
		t.Errorf("%d rows with %d requests, want %d with %d", rows, requests, commits, 2*commits)
	}
	must(t, st.Scan(t.Context(), store.ScanOptions{}, count))
	if _, whole := files.Traffic(); whole-bytesBefore < clusters*bytes {
		t.Errorf("%d bytes for a cluster, %d for all", bytes, whole-bytesBefore)
	}
	for _, g := range st.Segments() {
		must(t, s.bucket.Delete(t.Context(), g.Path))
		if err := st.Scan(t.Context(), store.ScanOptions{Cluster: g.Cluster}, count); !errors.Is(err, store.ErrDamaged) {
			t.Fatalf("without %s: %v", g.Path, err)
		}
	}
}

// TestKept: of what a listing reads of commits no more is kept than one commit may have; the rest is read again.
func TestKept(t *testing.T) {
	s, name := memory(t), commitsDir+"/00000001-a.json"
	must(t, s.open(t).Put(name, func(w io.Writer) error { _, err := io.WriteString(w, "{}"); return err }))
	for _, kept := range []int{0, store.MaxCommit} {
		f := s.open(t)
		f.kept = kept
		_, err := f.List(commitsDir)
		must(t, err)
		key, _ := key(name)
		if body := f.listed(key, name); (body == nil) != (kept > 0) || f.kept != kept {
			t.Errorf("kept %d: %q, then %d", kept, body, f.kept)
		}
		r, _, err := f.Get(name)
		must(t, err)
		if text, err := io.ReadAll(r); string(text) != "{}" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	}
}
