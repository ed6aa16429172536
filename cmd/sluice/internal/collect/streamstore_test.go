package collect

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/run"
	"sluice/ingest"
	"sluice/ingest/live"
	"sluice/model"
	"sluice/model/store"
)

// batchOf is a batch with one row for a port.
func batchOf(port int) *live.Batch {
	t := model.NewTables()
	id := t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "a", Labels: []string{"app=x"}})
	var r ingest.Report
	r.Counts[model.Used][0] = 1
	return &live.Batch{Tables: t, Report: r, Rows: []model.Observation{{Window: 29_000_000, Src: id, Dst: id, Port: uint16(port), Proto: model.TCP, Fate: model.Used, Records: 1}},
		Nodes: map[string]live.NodeAccount{"n1": {Last: int64(port), Records: 1, Lost: map[string]uint64{"queue": 2}}}, Streams: 1, Watermark: int64(port),
		Gaps: []live.Gap{{Node: "n1", From: int64(port), To: int64(port + 1), Cause: live.GapResume}}, Seen: []uint64{uint64(port)}, SeenFrom: int64(port)}
}

// slowLock is a store whose rights take a while.
type slowLock struct {
	place.Store
	takes time.Duration
}

func (s slowLock) LockStream(name string) (place.Lock, error) {
	time.Sleep(s.takes)
	return s.Store.LockStream(name)
}

// TestWaitsForRight: who waits for the right to a stream is told so, and who has it at once is not.
func TestWaitsForRight(t *testing.T) {
	for takes, want := range map[time.Duration]int{0: 0, 25 * time.Second: 1} {
		synctest.Test(t, func(t *testing.T) {
			st, err := store.Create(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			l, err := lockStream(slowLock{place.InFiles(st), takes}, "hubble://1", slog.New(slog.NewTextHandler(&out, nil)))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // for who tells it
			if got := strings.Count(out.String(), "waiting to see whether another collector"); got != want {
				t.Errorf("%d of it in %q, want %d", got, out.String(), want)
			}
			if err := l.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTwice: a server that is collected by a second name is told once. One of another cluster may call its nodes alike.
func TestTwice(t *testing.T) {
	st, err := store.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		name string
		want int
	}{{"hubble://a", 0}, {"hubble://a", 0}, {"hubble://b", 1}, {"east: hubble://a", 1}, {"west: hubble://a", 1}} {
		var out bytes.Buffer
		s := &streamStore{store: place.InFiles(st), name: c.name, format: "hubble", log: slog.New(slog.NewTextHandler(&out, nil))}
		if _, err := s.position(); err != nil {
			t.Fatal(err)
		}
		for j := range 2 {
			if err := s.Commit(t.Context(), batchOf(10*i+j)); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(out.String(), "counts twice"); got != c.want {
			t.Errorf("%s is told %d times: %s", c.name, got, out.String())
		}
	}
	whole := store.Part{Sources: []store.Source{{Name: "goldmane://a", Format: "calico", Stream: &store.Stream{Last: map[string]int64{"": 2}}}}}
	if got := nodesBeside(whole, "goldmane://b"); len(got) != 1 {
		t.Errorf("nodes of Goldmane: %v", got)
	}
	if got := nodesBeside(whole, "east: goldmane://a"); len(got) != 1 {
		t.Errorf("nodes of Goldmane: %v", got)
	}
	only := store.Part{Sources: []store.Source{{Name: "east: hubble://a", Stream: &store.Stream{Last: map[string]int64{"n1": 1, "": 2}}}}}
	if got := nodesBeside(only, "west: hubble://a"); len(got) > 0 {
		t.Errorf("nodes of another cluster: %v", got)
	}
	if got := nodesBeside(only, "east: hubble://b"); len(got) != 1 {
		t.Errorf("nodes of the cluster: %v", got)
	}
}

// TestShare: collectors of different streams write to one store at once, each through a store of its own as processes
// have; nothing is lost, and each finds its own position again. A stream has one collector.
func TestShare(t *testing.T) {
	dir := t.TempDir()
	const each = 40
	var wg sync.WaitGroup
	for n := range 3 {
		st, err := store.Create(dir)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint("hubble://", n)
		lock, err := st.LockStream(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&Collection{store: place.InFiles(st)}).take([]*server{{name: name}}, live.DefaultConfig(), &Config{}); !errors.Is(err, store.ErrStreamLocked) {
			t.Errorf("a second collector: %v", err)
		}
		wg.Go(func() {
			s := &streamStore{store: place.InFiles(st), name: name, format: "hubble"}
			for i := range each {
				err := store.ErrLocked // a collector offers a batch until it is taken
				for errors.Is(err, store.ErrLocked) {
					err = s.Commit(t.Context(), batchOf(1000*n+i))
				}
				if err != nil {
					t.Error(err)
				}
			}
			if err := lock.Release(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Read as a log each stream is one source, in however many commits it came.
	l, err := run.Open(t.Context(), run.Sources{Store: dir, Workers: 1}, &run.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Sources) != 3 {
		t.Errorf("%d sources, want 3", len(l.Sources))
	}
	ports := map[uint16]uint32{}
	err = st.Scan(t.Context(), store.ScanOptions{}, func(_ model.Tables, rows []model.Observation) error {
		for _, r := range rows {
			ports[r.Port] += r.Records
		}
		return nil
	})
	if err != nil || len(ports) != 3*each {
		t.Errorf("%d ports, want %d: %v", len(ports), 3*each, err)
	}
	for n := range 3 {
		s := &streamStore{store: place.InFiles(st), name: fmt.Sprint("hubble://", n)}
		at, err := s.position()
		if err != nil || at.Last["n1"] != int64(1000*n+each-1) || len(at.Seen) != each || !slices.IsSorted(at.Seen) || at.SeenFrom != int64(1000*n) || at.Watermark != at.Last["n1"] {
			t.Errorf("stream %d: %+v: %v", n, at, err)
		}
		if sum := st.Stream(s.name); len(sum.Gaps) != each || sum.Lost[0] != (store.Lost{Node: "n1", Cause: "queue", Events: 2 * each}) || sum.Opened != each {
			t.Errorf("stream %d: %+v", n, sum)
		}
	}
}

// TestClusters: servers of several clusters have one address, each in its own. Collectors that are told their cluster
// are of different streams, and what they store is of it.
func TestClusters(t *testing.T) {
	dir := t.TempDir()
	for n, cluster := range []string{"east", "west"} {
		c := &Collection{store: place.InFiles(mustCreate(t, dir))}
		log := slog.New(slog.DiscardHandler)
		each := live.DefaultConfig()
		each.Log = log
		if err := c.take([]*server{{name: "hubble://relay:80", format: "hubble"}}, each, &Config{Cluster: cluster}); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := c.release(); err != nil {
				t.Error(err)
			}
		}()
		s := &streamStore{store: c.store, name: c.sources[0].Name, cluster: cluster, format: "hubble", log: log}
		if err := s.Commit(t.Context(), batchOf(n)); err != nil {
			t.Fatal(err)
		}
	}
	for _, of := range mustCreate(t, dir).Part("").ByCluster() {
		if len(of.Sources) != 1 || of.Sources[0].Name != of.Cluster+": hubble://relay:80" || len(of.Segments) != 1 {
			t.Errorf("%s: %+v", of.Cluster, of)
		}
	}
}

func mustCreate(t *testing.T, dir string) *store.Store {
	t.Helper()
	st, err := store.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	return st
}
