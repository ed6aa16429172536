package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"sluice/model/store"
)

// A commit is a row of its own that says which batches of a writer count, and what is in them. It is one insert, so it
// is there or not. A later version of the row, with what came on top, takes the place of an earlier one.

// state is what a row of commits stands for.
type state uint8

const (
	prepared state = iota + 1 // its sources are about to be stored
	made
	withdrawn // nothing of it counts
)

// closedVersion is that of a row after which its writer can commit nothing: another took the stream over.
const closedVersion = math.MaxUint32

// content is what counts of a writer.
type content struct {
	Batches uint32         `json:"batches"`          // number of the newest that counts
	Failed  []uint32       `json:"failed,omitempty"` // those before it that do not
	Parts   []part         `json:"parts"`
	Sources []store.Source `json:"sources"`
}

// part is what a writer has stored of an hour of a cluster.
type part struct {
	Cluster string   `json:"cluster"`
	Hour    uint32   `json:"hour"` // since 1970 UTC
	Rows    int64    `json:"rows"`
	First   int64    `json:"first"` // microseconds since 1970 UTC of the earliest record
	Last    int64    `json:"last"`
	Peers   []string `json:"peers,omitempty"` // other clusters that its rows lead to
}

// slot is an hour of a cluster.
type slot struct {
	cluster string
	hour    uint32
}

func (p *part) slot() slot { return slot{p.Cluster, p.Hour} }

// add adds what is in the same slot.
func (p *part) add(o *part) {
	if p.Rows == 0 || o.First < p.First {
		p.First = o.First
	}
	p.Rows, p.Last = p.Rows+o.Rows, max(p.Last, o.Last)
	for _, peer := range o.Peers {
		if i, ok := slices.BinarySearch(p.Peers, peer); !ok {
			p.Peers = slices.Insert(slices.Clip(p.Peers), i, peer)
		}
	}
}

// addParts adds parts slot by slot.
func addParts(to []part, more []part) []part {
	at := map[slot]int{}
	for i := range to {
		at[to[i].slot()] = i
	}
	for i := range more {
		n, ok := at[more[i].slot()]
		if !ok {
			n = len(to)
			at[more[i].slot()] = n
			to = append(to, part{Cluster: more[i].Cluster, Hour: more[i].Hour})
		}
		to[n].add(&more[i])
	}
	return to
}

// row is one of commits.
type row struct {
	writer  uint64
	version uint32
	state   state
	stream  string
	content content
}

// has reports whether a batch counts.
func (r *row) has(batch uint32) bool {
	return r.state == made && batch <= r.content.Batches && !slices.Contains(r.content.Failed, batch)
}

// Store is a store in ClickHouse.
type Store struct {
	db     *database
	layout Layout
	ctx    context.Context
	last   context.Context // outlasts ctx, for what a collector has received when it is told to end

	mu      sync.Mutex
	rows    map[uint64]*row
	merged  []part               // their parts by the hour, days that were dropped aside; nil: not known
	dropped string               // the newest day that was dropped: with all before it, at once; "": none
	ended   map[string]time.Time // of dropped days, those that have a partition left, and since when this process knows
	bytes   map[string]int64     // what days take on the servers, nil: nobody knows
	sent    map[endpointID]bool
	held    map[string]*Lock // streams that this process collects
	forgot  time.Time        // when ids were removed last
}

// Open opens the store at a URL; the error is store.ErrNoStore where its tables are not there.
func Open(ctx context.Context, at string) (*Store, error) {
	db, err := connect(at)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, ctx: ctx, last: outlasting(ctx, farewell), sent: map[endpointID]bool{}, held: map[string]*Lock{},
		ended: map[string]time.Time{}}
	if err := db.known(); err != nil {
		return nil, err
	}
	if s.layout, err = db.current(ctx); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.reload(ctx); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.measure(ctx); err != nil && !isException(err) { // who may not see the sizes can read all the same
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// farewell is how long a collector that is told to end may take to store what it has, and to give its stream back.
const farewell = 10 * time.Second

// outlasting returns a context that ends some time after another.
func outlasting(ctx context.Context, d time.Duration) context.Context {
	last, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(d, end) })
	return last
}

// context is that of commits: of a stream, or of files, which end with who stores them.
func (s *Store) context(stream bool) context.Context {
	if stream {
		return s.last
	}
	return s.ctx
}

// Name is what a store at a URL is called: the URL without its parameters.
func Name(at string) string {
	a, err := parseAddress(at)
	if a == nil || err != nil {
		return "the store in ClickHouse"
	}
	return a.text
}

// reload reads what counts.
func (s *Store) reload(ctx context.Context) error {
	rows, err := s.read(ctx, "")
	if err != nil {
		return err
	}
	var newest time.Time
	var n uint64
	days := s.db.conn.QueryRow(ctx, "SELECT count(), max(day) FROM "+s.db.table("dropped"))
	if err := days.Scan(&n, &newest); err != nil {
		return s.db.say(err)
	}
	dropped := ""
	if n > 0 {
		dropped = newest.Format(time.DateOnly)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows, s.dropped, s.merged = rows, max(s.dropped, dropped), nil // a replica may be behind what this process wrote
	return nil
}

// read reads the newest row of each writer that a condition names, "" for all.
func (s *Store) read(ctx context.Context, where string) (map[uint64]*row, error) {
	if where != "" {
		where = " WHERE " + where
	}
	// Names of results must not be those of columns: an older server takes the one for the other.
	query := fmt.Sprintf("SELECT writer, max(version), argMax(state, version), any(stream), argMax(content, version) "+
		"FROM %s%s GROUP BY writer", s.db.table("commits"), where)
	result, err := s.db.conn.Query(ctx, query)
	if err != nil {
		return nil, s.db.say(err)
	}
	defer result.Close()
	out := map[uint64]*row{}
	for result.Next() {
		r := &row{}
		var st uint8
		var text string
		if err := result.Scan(&r.writer, &r.version, &st, &r.stream, &text); err != nil {
			return nil, s.db.say(err)
		}
		if err := json.Unmarshal([]byte(text), &r.content); err != nil {
			return nil, fmt.Errorf("%s: commit of writer %d: %w", s.db.text, r.writer, store.ErrDamaged)
		}
		r.state = state(st)
		out[r.writer] = r
	}
	return out, s.db.say(result.Err())
}

// put stores a row of commits.
func (s *Store) put(ctx context.Context, r *row) error {
	text, err := json.Marshal(r.content)
	if err != nil {
		return err
	}
	return s.db.insert(ctx, "commits", "writer, version, state, stream, content, at", func(b columns) columns {
		return b.add([]uint64{r.writer}).add([]uint32{r.version}).add([]uint8{uint8(r.state)}).add([]string{r.stream}).
			add([]string{string(text)}).add([]time.Time{time.Now()})
	})
}

// live returns the rows that count, in an order that does not change.
func (s *Store) live() []*row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made()
}

// made returns the rows that count. The store must be locked.
func (s *Store) made() (out []*row) {
	for _, r := range s.rows {
		if r.state == made {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *row) int { return cmp.Compare(a.writer, b.writer) })
	return out
}

// parts returns what counts of each hour, days that were dropped aside. Nobody may change it: of a fleet it is large,
// and made once.
func (s *Store) parts() []part {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.merged == nil {
		var all []part
		for _, r := range s.made() {
			all = append(all, r.content.Parts...)
		}
		s.merged = slices.DeleteFunc(addParts(nil, all), func(p part) bool { return dayOf(p.Hour) <= s.dropped })
		slices.SortFunc(s.merged, comparePlace)
	}
	return s.merged
}

// comparePlace orders parts as they are read.
func comparePlace(a, b part) int {
	return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Cluster, b.Cluster))
}

func dayOf(hour uint32) string { return time.Unix(int64(hour)*3600, 0).UTC().Format(time.DateOnly) }

// Part returns what is there of a cluster, "" for all. A segment is a day of a cluster.
func (s *Store) Part(cluster string) store.Part {
	type key struct{ cluster, day string }
	days := map[key]*part{}
	for _, p := range s.parts() {
		k := key{p.Cluster, dayOf(p.Hour)}
		if days[k] == nil {
			days[k] = &part{Cluster: p.Cluster}
		}
		days[k].add(&p)
	}
	var out store.Part
	for k, p := range days {
		g := store.Segment{Path: "cluster=" + k.cluster + "/day=" + k.day, Cluster: k.cluster, Day: k.day, Rows: p.Rows,
			First: p.First, Last: p.Last, Peers: append([]string{}, p.Peers...)}
		if len(g.Peers) > store.MaxPeers {
			g.Peers = nil
		}
		out.Segments = append(out.Segments, g)
	}
	slices.SortFunc(out.Segments, func(a, b store.Segment) int { return cmp.Compare(a.Path, b.Path) })
	s.apportion(out.Segments)
	for _, r := range s.live() {
		out.Sources = append(out.Sources, r.content.Sources...)
	}
	slices.SortStableFunc(out.Sources, func(a, b store.Source) int { return cmp.Compare(a.First, b.First) })
	out.Sources = store.MergeSources(out.Sources)
	s.endLosses(out.Sources)
	return out.Of(cluster)
}

// Digests returns how many bytes the sources had, by digest.
func (s *Store) Digests() map[string]int64 {
	out := map[string]int64{}
	for _, r := range s.live() {
		for i := range r.content.Sources {
			if src := &r.content.Sources[i]; src.Digest != "" {
				out[src.Digest] = src.Bytes
			}
		}
	}
	return out
}

// Traffic returns nothing: what a server reads is its own business.
func (s *Store) Traffic() (requests, bytes int64) { return 0, 0 }

// Saved returns nothing: there is no cache.
func (s *Store) Saved() (files, bytes int64, err error) { return 0, 0, nil }

// digests are those of sources.
func digests(sources []store.Source) map[string]bool {
	out := map[string]bool{}
	for i := range sources {
		if d := sources[i].Digest; d != "" {
			out[d] = true
		}
	}
	return out
}

// share reports whether two have a digest in common.
func share(a, b map[string]bool) bool {
	for d := range maps.Keys(a) {
		if b[d] {
			return true
		}
	}
	return false
}
