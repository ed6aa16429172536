package collect

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/cmd/sluice/internal/place"
	"sluice/ingest/live"
	"sluice/model/store"
)

// streamStore is a live.Store: the part of a store that one stream writes. Several collectors take turns with the
// store's lock.
type streamStore struct {
	store   place.Store
	name    string
	cluster string // "": as the flows say
	format  string
	keep    Retention
	log     *slog.Logger
	others  map[string]string // of a stream that the store has not: the nodes of others, and a stream that has them
	ahead   int64             // rows of times after the clock, as last told
	pruned  time.Time         // when old rows were looked for last
}

// position is where the stream stands in the store.
func (s *streamStore) position() (p live.Position, err error) {
	part := s.store.Part("")
	st := part.Stream(s.name)
	if st == nil {
		s.others = nodesBeside(part, s.name)
		return p, nil
	}
	p.Last, p.Watermark = st.Last, st.Watermark
	p.Seen, p.SeenFrom, err = s.store.SeenIDs(s.name)
	return p, err
}

// clusterMark stands in the name of a stream between the cluster that was given and the server.
const clusterMark = ": "

// calicoFormat is the format of Goldmane and Whisker.
const calicoFormat = "calico"

// nodesBeside returns the nodes of the streams of a store, each with one that has it, but for those of other clusters:
// two clusters may call their nodes alike.
func nodesBeside(p store.Part, name string) map[string]string {
	nodes := map[string]string{}
	cluster, _, ours := strings.Cut(name, clusterMark)
	for i := range p.Sources {
		src := &p.Sources[i]
		if src.Stream == nil {
			continue
		}
		if other, _, theirs := strings.Cut(src.Name, clusterMark); ours && theirs && other != cluster {
			continue
		}
		for node := range src.Stream.Last {
			if node != "" || src.Format == calicoFormat { // whose server tells of all nodes, and names none
				nodes[node] = src.Name
			}
		}
	}
	return nodes
}

// tellTwice tells once that a new stream has a node of another one: the same server has two names, a node sends to two
// servers, or two clusters call their nodes alike.
func (s *streamStore) tellTwice(b *live.Batch) {
	for _, node := range slices.Sorted(maps.Keys(b.Nodes)) {
		if other, ok := s.others[node]; ok {
			s.log.Warn("another stream of the store has flows of a node of this name: of one server, what both were sent "+
				"counts twice; of two clusters, their pods are taken for those of one. Collect a server by one address, and "+
				"each of several clusters with its --cluster, from the first day on", "node", node, "other", other)
			s.others = nil
		}
	}
}

const (
	lockPatience = 3 * time.Second
	lockPause    = 5 * time.Millisecond
)

// writer waits a little for others that write to the store.
func (s *streamStore) writer() (place.Writer, error) {
	for end := time.Now().Add(lockPatience); ; time.Sleep(lockPause) {
		w, err := s.store.Writer(store.WriterOptions{Cluster: s.cluster})
		if err == nil || !errors.Is(err, store.ErrLocked) || time.Now().After(end) {
			return w, err
		}
	}
}

// Commit stores a batch.
func (s *streamStore) Commit(_ context.Context, b *live.Batch) error {
	w, err := s.writer()
	if err != nil {
		return err
	}
	if err := w.Write(b.Tables, b.Rows); err != nil {
		return errors.Join(err, w.Abort())
	}
	src := s.sourceOf(b)
	if len(b.Seen) > 0 {
		seen, err := w.Seen(b.Seen, b.SeenFrom)
		if err != nil {
			return errors.Join(err, w.Abort())
		}
		src.Stream.Seen = []store.Seen{seen}
	}
	if err := w.Commit([]store.Source{src}); err != nil {
		return err
	}
	s.tellTwice(b)
	s.compact()
	return nil
}

// Retention is how much of a store is kept; the zero value keeps all.
type Retention struct {
	Age   time.Duration // of rows, beside the newest
	Bytes int64
}

const pruneEvery = 10 * time.Minute

// compact keeps the store small. What it cannot do now it does after one of the next commits.
func (s *streamStore) compact() {
	o := store.CompactOptions{Grace: store.Grace}
	if s.keep != (Retention{}) && (s.pruned.IsZero() || time.Since(s.pruned) >= pruneEvery) {
		s.pruned = time.Now()
		o.Keep, o.KeepBytes = s.keep.Age, s.keep.Bytes
	}
	c, err := s.store.Compact(context.Background(), o)
	switch {
	case errors.Is(err, store.ErrLocked):
	case err != nil:
		s.log.Warn("the store could not be compacted", "error", err)
	case c.Dropped > 0:
		s.log.Info("dropped the oldest rows, as --keep and --keep-bytes ask for", "rows", c.Dropped)
	}
	if c.Ahead > s.ahead {
		s.log.Warn("rows of times after the clock do not count for --keep", "rows", c.Ahead)
	}
	s.ahead = max(s.ahead, c.Ahead)
}

func (s *streamStore) sourceOf(b *live.Batch) store.Source {
	st := &store.Stream{Watermark: b.Watermark, Resent: int64(b.Resent), Opened: int64(b.Streams)}
	for name, n := range b.Nodes {
		if st.Last == nil {
			st.Last = map[string]int64{}
		}
		st.Last[name] = n.Last
		if n.Breaks > 0 {
			if st.Breaks == nil {
				st.Breaks = map[string]int64{}
			}
			st.Breaks[name] = int64(n.Breaks)
		}
		for cause, events := range n.Lost {
			st.Lost = append(st.Lost, store.Lost{Node: name, Cause: cause, Events: int64(events)})
		}
	}
	for _, g := range b.Gaps {
		st.Gaps = append(st.Gaps, store.Gap(g))
	}
	src := store.Source{
		Name:      s.name,
		Cluster:   s.cluster,
		Format:    s.format,
		Records:   int64(b.Report.Total()),
		Bytes:     int64(b.Bytes),
		Lost:      int64(b.Report.Lost),
		LostHours: b.Report.LostHours,
		Logged:    b.Report.Logged,
		Policies:  b.Report.Policies.List(),
		First:     b.Report.First,
		Last:      b.Report.Last,
		Rejected:  b.Report.Rejected.Texts(),
		Stream:    st,
	}
	return src
}
