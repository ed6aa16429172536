package clickhouse

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sluice/model"
	"sluice/model/store"
)

// endpointID is what rows refer to: the start of the SHA-256 of an endpoint's key.
type endpointID [16]byte

func idOf(key string) endpointID {
	sum := sha256.Sum256([]byte(key))
	return endpointID(sum[:16])
}

// columns are those of a block that is filled, in their order.
type columns struct {
	batch driver.Batch
	next  int
	err   error
}

func (c columns) add(values any) columns {
	if c.err == nil {
		c.err = c.batch.Column(c.next).Append(values)
	}
	c.next++
	return c
}

// tries is how often a block is sent: each time it has the same name, and counts once.
const tries = 4

// insert sends one block. A connection that breaks is not known to have sent it or not, so it is sent again.
func (d *database) insert(ctx context.Context, table, names string, fill func(columns) columns) error {
	var err error
	for n := range tries {
		if n > 0 {
			if err := pause(ctx, time.Duration(n*n)*200*time.Millisecond); err != nil {
				return err
			}
		}
		if err = d.insertOnce(ctx, table, names, fill); err == nil || !broken(err) {
			break
		}
	}
	return d.say(err)
}

// broken reports whether a connection broke, or none could be made to a server that answered before: one that is
// started again. Another may do.
func broken(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op)
}

func (d *database) insertOnce(ctx context.Context, table, names string, fill func(columns) columns) error {
	b, err := d.conn.PrepareBatch(ctx, fmt.Sprintf("INSERT INTO %s (%s)", d.table(table), names))
	if err != nil {
		return err
	}
	if c := fill(columns{batch: b}); c.err != nil {
		return errors.Join(c.err, b.Abort())
	}
	return b.Send()
}

const (
	// blockRows is how many rows are sent at once.
	blockRows = 1 << 17
	// blockDays is of how many days those may be: a server makes a file for each and refuses a hundred.
	blockDays = 50
)

// Writer writes one commit. It serves one goroutine, and must end with Commit or Abort.
type Writer struct {
	store  *Store
	opts   store.WriterOptions
	writer uint64
	batch  uint32

	rows   []flow
	n      uint32 // rows of the batch
	parts  []part
	seen   []seenIDs
	closed bool
	whole  bool // rows are held until Commit names the batch
	// ends of the tables that rows came with last, by their ids
	from model.Tables
	ends []end
	news []*model.Endpoint // that the servers may not have
}

// end is an endpoint as rows have it.
type end struct {
	known    bool
	id       endpointID
	endpoint *model.Endpoint
}

// flow is a row to be sent.
type flow struct {
	model.Observation
	src, dst       endpointID
	cluster, peer  string
	srcPod, dstPod string
	n              uint32
}

type seenIDs struct {
	ids  []uint64
	from int64
}

// Writer begins a commit. Any number may write at a time: what one has sent counts for nothing before its commit.
func (s *Store) Writer(o store.WriterOptions) (*Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Writer{store: s, opts: o, writer: newWriter(), batch: 1, whole: len(s.held) > 0}, nil
}

func newWriter() uint64 { return rand.Uint64() }

// Write adds rows, which refer to t.
func (w *Writer) Write(t model.Tables, rows []model.Observation) error {
	if t != w.from {
		w.from, w.ends = t, w.ends[:0]
	}
	for i := range rows {
		f := flow{Observation: rows[i], srcPod: t.Names.Get(rows[i].SrcPod), dstPod: t.Names.Get(rows[i].DstPod)}
		src, dst := w.end(rows[i].Src), w.end(rows[i].Dst)
		f.src, f.dst = src.id, dst.id
		f.cluster, f.peer = store.Filed(src.endpoint, dst.endpoint, w.opts.Cluster)
		w.rows = append(w.rows, f)
		if len(w.rows) == blockRows && !w.whole {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// end returns an endpoint of the tables that rows come with.
func (w *Writer) end(id model.EndpointID) end {
	for int(id) >= len(w.ends) {
		w.ends = append(w.ends, end{})
	}
	e := &w.ends[id]
	if !e.known {
		e.known, e.endpoint = true, store.InCluster(w.from.Endpoints.Get(id), w.opts.Cluster)
		e.id = idOf(e.endpoint.Key())
		w.store.mu.Lock()
		if !w.store.sent[e.id] {
			w.news = append(w.news, e.endpoint)
		}
		w.store.mu.Unlock()
	}
	return *e
}

// flush sends the rows held: endpoints first, so that no row refers to what is not there.
func (w *Writer) flush() error {
	if err := w.store.putEndpoints(w.store.context(w.whole), w.news); err != nil {
		return err
	}
	w.news = w.news[:0]
	slices.SortStableFunc(w.rows, func(a, b flow) int { return int(int64(a.Window/1440) - int64(b.Window/1440)) })
	var more []part
	for i := range w.rows {
		f := &w.rows[i]
		w.n++
		f.n = w.n
		p := part{Cluster: f.cluster, Hour: f.Window / 60, Rows: 1, First: f.First, Last: f.Last}
		if f.peer != "" {
			p.Peers = []string{f.peer}
		}
		more = append(more, p)
	}
	w.parts = addParts(w.parts, more)
	for len(w.rows) > 0 {
		n, days := 1, 1
		for ; n < len(w.rows); n++ {
			if w.rows[n].Window/1440 != w.rows[n-1].Window/1440 {
				if days++; days > blockDays {
					break
				}
			}
		}
		if err := w.send(w.rows[:n]); err != nil {
			return err
		}
		w.rows = w.rows[n:]
	}
	w.rows = nil
	return nil
}

const flowColumns = hourKey + ", minute, marks, records, conns, first, last, src_pod, dst_pod, writer, batch, n"

func (w *Writer) send(rows []flow) error {
	return w.store.db.insert(w.store.context(w.whole), "flows", flowColumns, func(c columns) columns {
		u8 := func(of func(*flow) uint8) { c = c.add(column(rows, of)) }
		u16 := func(of func(*flow) uint16) { c = c.add(column(rows, of)) }
		u32 := func(of func(*flow) uint32) { c = c.add(column(rows, of)) }
		text := func(of func(*flow) string) { c = c.add(column(rows, of)) }
		c = c.add(column(rows, func(f *flow) time.Time { return time.Unix(int64(f.Window/1440)*86400, 0).UTC() }))
		u32(func(f *flow) uint32 { return f.Window / 60 })
		text(func(f *flow) string { return f.cluster })
		text(func(f *flow) string { return f.peer })
		text(func(f *flow) string { return string(f.src[:]) })
		text(func(f *flow) string { return string(f.dst[:]) })
		u16(func(f *flow) uint16 { return f.SrcPort })
		u16(func(f *flow) uint16 { return f.Port })
		u8(func(f *flow) uint8 { return uint8(f.Proto) })
		u8(func(f *flow) uint8 { return uint8(f.Verdict) })
		u8(func(f *flow) uint8 { return uint8(f.Observer) })
		u8(func(f *flow) uint8 { return uint8(f.Fate) })
		u8(func(f *flow) uint8 { return uint8(f.Reason) })
		u32(func(f *flow) uint32 { return f.Window })
		u16(func(f *flow) uint16 { return uint16(f.Marks) })
		u32(func(f *flow) uint32 { return f.Records })
		u32(func(f *flow) uint32 { return f.Conns })
		c = c.add(column(rows, func(f *flow) int64 { return f.First }))
		c = c.add(column(rows, func(f *flow) int64 { return f.Last }))
		text(func(f *flow) string { return f.srcPod })
		text(func(f *flow) string { return f.dstPod })
		c = c.add(column(rows, func(*flow) uint64 { return w.writer }))
		u32(func(*flow) uint32 { return w.batch })
		u32(func(f *flow) uint32 { return f.n })
		return c
	})
}

func column[T any](rows []flow, of func(*flow) T) []T {
	out := make([]T, len(rows))
	for i := range rows {
		out[i] = of(&rows[i])
	}
	return out
}

const endpointColumns = "id, cluster, namespace, name, kind, owner_kind, owner, service_account, address, labels, " +
	"namespace_labels, entities, names, marks"

// The numbers of texts and of lists in endpointColumns.
const (
	numTexts = 8
	numLists = 4
)

// putEndpoints sends endpoints. One that is there already is the same.
func (s *Store) putEndpoints(ctx context.Context, list []*model.Endpoint) error {
	for part := range slices.Chunk(list, blockRows) {
		var ids []string
		var texts [numTexts][]string
		var lists [numLists][][]string
		var marks []uint16
		for _, e := range part {
			id := idOf(e.Key())
			ids, marks = append(ids, string(id[:])), append(marks, uint16(e.Marks))
			t, l := store.EndpointTexts(e)
			for i := range t {
				texts[i] = append(texts[i], t[i])
			}
			for i := range l {
				lists[i] = append(lists[i], append([]string{}, l[i]...))
			}
		}
		err := s.db.insert(ctx, "endpoints", endpointColumns, func(c columns) columns {
			c = c.add(ids)
			for i := range texts {
				c = c.add(texts[i])
			}
			for i := range lists {
				c = c.add(lists[i])
			}
			return c.add(marks)
		})
		if err != nil {
			return err
		}
		s.mu.Lock()
		for _, id := range ids {
			s.sent[endpointID([]byte(id))] = true
		}
		s.mu.Unlock()
	}
	return nil
}

// Seen stores the ids of records of a stream, with the commit.
func (w *Writer) Seen(ids []uint64, from int64) (store.Seen, error) {
	w.seen = append(w.seen, seenIDs{ids, from})
	return store.Seen{Count: len(ids), From: from}, nil
}

// Commit makes everything written count at once, with the sources it came from, and ends the writer. On an error
// nothing of it counts. A source that another writer stored meanwhile is store.ErrSourceStored.
func (w *Writer) Commit(sources []store.Source) error {
	defer func() { _ = w.Abort() }()
	if w.closed {
		return errors.New("the writer is closed")
	}
	err := w.commit(sources)
	if err != nil {
		err = fmt.Errorf("commit to store: %w", err)
	}
	return err
}

func (w *Writer) commit(sources []store.Source) error {
	if len(sources) == 1 && sources[0].Stream != nil {
		return w.commitStream(&sources[0])
	}
	if err := w.flush(); err != nil {
		return err
	}
	r := &row{writer: w.writer, version: 1, state: prepared}
	r.content = content{Batches: w.batch, Parts: w.parts, Sources: placed(w.parts, sources)}
	return w.store.claim(r)
}

// placed returns the sources of parts with the cluster that they are of.
func placed(parts []part, sources []store.Source) []store.Source {
	var segments []store.Segment
	for i := range parts {
		segments = append(segments, store.Segment{Cluster: parts[i].Cluster, Peers: append([]string{}, parts[i].Peers...)})
	}
	out := slices.Clone(sources)
	for i := range out {
		out[i].Cluster = store.SourceCluster(segments, out[i].Cluster)
	}
	return out
}

// Abort leaves what was sent without a commit. It does nothing after Commit.
func (w *Writer) Abort() error {
	w.closed, w.rows, w.news, w.from, w.ends = true, nil, nil, model.Tables{}, nil
	return nil
}

const (
	claimPause = 200 * time.Millisecond
	// replicaPatience is how long what was stored may take to be read back.
	replicaPatience = time.Minute
)

// patience is how long a writer that said what it is about to store may do no more: six beats, a minute.
func (s *Store) patience() time.Duration { return 6 * s.db.beat }

// claim commits files so that each is stored once, however many read it: it says first what it is about to store, then
// looks who else does, and then makes its commit. Of two that see each other the one with the smaller number goes on,
// and the other gives up; one that only prepared, and did no more for as long as it may, is put out.
func (s *Store) claim(r *row) error {
	ctx, mine := s.ctx, digests(r.content.Sources)
	if len(mine) > 0 {
		if err := s.await(r.writer, mine); err != nil {
			return err
		}
		if err := s.put(ctx, r); err != nil {
			return err
		}
		if s.layout.Replicated { // another replica may show it to a rival later
			if err := pause(ctx, replicaDelay); err != nil {
				return errors.Join(err, s.withdraw(r))
			}
		}
		for began := time.Now(); ; {
			other, err := s.rival(r.writer, mine)
			if err != nil {
				return errors.Join(err, s.withdraw(r))
			}
			if other == nil {
				break
			}
			if other.state == made || other.writer < r.writer && time.Since(began) < s.patience() {
				return errors.Join(s.withdraw(r), store.ErrSourceStored)
			}
			if time.Since(began) > s.patience() {
				if err := s.withdraw(other); err != nil {
					return err
				}
			}
			if err := pause(ctx, claimPause); err != nil {
				return errors.Join(err, s.withdraw(r))
			}
		}
	}
	r.version, r.state = 2, made
	if err := s.put(ctx, r); err != nil {
		return errors.Join(err, s.withdraw(r))
	}
	return s.own(r)
}

// withdraw takes back what a writer is about to store, for good.
func (s *Store) withdraw(r *row) error {
	r.version, r.state, r.content = closedVersion, withdrawn, content{}
	return s.put(context.WithoutCancel(s.ctx), r)
}

// await waits until nobody is about to store what has one of these digests. Who was killed over it is put out: nobody
// could ever store it otherwise.
func (s *Store) await(writer uint64, mine map[string]bool) error {
	for began := time.Now(); ; {
		other, err := s.rival(writer, mine)
		switch {
		case err != nil || other == nil:
			return err
		case other.state == made:
			return store.ErrSourceStored
		case time.Since(began) > s.patience():
			err = s.withdraw(other)
		default:
			err = pause(s.ctx, claimPause)
		}
		if err != nil {
			return err
		}
	}
}

// rival returns another writer that stores, or has stored, a source of these digests; one that has comes first.
func (s *Store) rival(writer uint64, mine map[string]bool) (found *row, err error) {
	rows, err := s.read(s.ctx, "stream = ''")
	for _, r := range rows {
		if r.writer == writer || r.state == withdrawn || !share(mine, digests(r.content.Sources)) {
			continue
		}
		if found == nil || r.state == made || found.state != made && r.writer < found.writer {
			found = r
		}
	}
	return found, err
}

// pause waits, or returns why it was interrupted.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// settled reads a commit back, which a replica may have a little later.
func (s *Store) settled(r *row) (*row, error) {
	ctx := s.context(r.stream != "")
	for began := time.Now(); ; {
		rows, err := s.read(ctx, fmt.Sprintf("writer = %d", r.writer))
		if err != nil {
			return nil, err
		}
		if now := rows[r.writer]; now != nil && now.version >= r.version {
			return now, nil
		}
		if time.Since(began) > replicaPatience {
			return nil, fmt.Errorf("%s: what was stored cannot be read back: look at the replicas", s.db.text)
		}
		if err := pause(ctx, claimPause); err != nil {
			return nil, err
		}
	}
}

// own reads a commit back: if another has put its writer out, it does not count.
func (s *Store) own(r *row) error {
	now, err := s.settled(r)
	if err != nil {
		return err
	}
	if now.version != r.version {
		if r.stream != "" {
			return fmt.Errorf("%s: %w, and has taken it over", r.stream, store.ErrStreamLocked)
		}
		return store.ErrSourceStored
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[r.writer], s.merged = r, nil
	return nil
}

// quote writes a text as SQL does.
func quote(s string) string {
	out := []byte{'\''}
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '\'' && c != '\\' {
			out = append(out, c)
		} else {
			out = fmt.Appendf(out, `\x%02x`, c)
		}
	}
	return string(append(out, '\''))
}
