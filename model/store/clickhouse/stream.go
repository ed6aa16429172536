package clickhouse

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"sluice/model/store"
)

// A stream has one collector. Who takes it over first closes the commits of those before: whatever they send afterwards
// counts for nothing, and they learn that from reading their commits back. So the lease beneath is for order and not
// for safety: no clocks are compared, and one whose beats stand still for two and a half of them is taken.

const (
	// maxSeen is how many ids of a stream are kept: as many as a collector can remember.
	maxSeen = 1 << 20
	// A commit of a stream takes the place of the one before until it holds so much; then a new row begins.
	maxBatches = 600
	maxParts   = 200
	// still is how many beats a lease may stand still.
	still = 2.5
)

// Lock is the right to collect a stream. It ends with Release, or some beats after its process.
type Lock struct {
	store  *Store
	name   string
	term   uint64
	beat   uint32
	holder string
	stop   chan struct{}
	done   sync.WaitGroup

	row   *row   // the newest that counts, nil: none yet
	tried uint32 // the newest batch of its writer that was tried
}

// lease is what stands of a stream.
type lease struct {
	term   uint64
	beat   uint32
	held   uint8
	holder string
}

// LockStream takes the right to collect the live source of a name; the error is store.ErrStreamLocked where another
// process has it. Where one was killed, that takes two and a half beats to be known.
func (s *Store) LockStream(name string) (*Lock, error) {
	h := &Lock{store: s, name: name, stop: make(chan struct{})}
	host, _ := os.Hostname()
	h.holder = fmt.Sprintf("%s, process %d", host, os.Getpid())
	if err := h.take(); err != nil {
		return nil, fmt.Errorf("collect %s into %s: %w", name, s.db.text, err)
	}
	h.done.Go(h.renew)
	if err := s.fence(name); err != nil {
		return nil, errors.Join(fmt.Errorf("collect %s into %s: %w", name, s.db.text, err), h.Release())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = h
	return h, nil
}

func (h *Lock) take() error {
	beat := h.store.db.beat
	var last lease
	for stood := time.Now(); ; {
		l, err := h.newest()
		if err != nil {
			return err
		}
		if l != last {
			if last.held == 1 && l.term == last.term {
				return fmt.Errorf("%w: %s", store.ErrStreamLocked, l.holder)
			}
			last, stood = l, time.Now()
		}
		if l.held == 0 || time.Since(stood) > time.Duration(still*float64(beat)) {
			h.term, h.beat = l.term+1, 1
			return h.put(1)
		}
		select {
		case <-h.store.ctx.Done():
			return context.Cause(h.store.ctx)
		case <-time.After(beat / 20):
		}
	}
}

// newest returns the lease that counts, the zero one if there is none.
func (h *Lock) newest() (l lease, err error) {
	result, err := h.store.db.conn.Query(h.store.ctx, fmt.Sprintf("SELECT term, max(beat), argMax(held, beat), "+
		"argMax(holder, beat) FROM %s WHERE stream = %s GROUP BY term ORDER BY term DESC LIMIT 1",
		h.store.db.table("leases"), quote(h.name)))
	if err != nil {
		return l, h.store.db.say(err)
	}
	defer result.Close()
	for result.Next() {
		if err := result.Scan(&l.term, &l.beat, &l.held, &l.holder); err != nil {
			return l, h.store.db.say(err)
		}
	}
	return l, h.store.db.say(result.Err())
}

func (h *Lock) put(held uint8) error {
	return h.store.db.insert(h.store.last, "leases", "stream, term, beat, held, holder", func(c columns) columns {
		return c.add([]string{h.name}).add([]uint64{h.term}).add([]uint32{h.beat}).add([]uint8{held}).add([]string{h.holder})
	})
}

// renew says that the holder is alive. A beat that fails is followed by the next.
func (h *Lock) renew() {
	for {
		select {
		case <-h.stop:
			return
		case <-time.After(h.store.db.beat):
		}
		h.beat++
		_ = h.put(1)
	}
}

// Release gives the right back.
func (h *Lock) Release() error {
	close(h.stop)
	h.done.Wait()
	h.store.mu.Lock()
	delete(h.store.held, h.name)
	h.store.mu.Unlock()
	h.beat++
	return h.put(0)
}

// fence closes what other collectors of a stream have committed, and reads anew what counts.
func (s *Store) fence(name string) error {
	rows, err := s.read(s.ctx, "stream = "+quote(name))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.version == closedVersion {
			continue
		}
		closed := *r
		closed.version = closedVersion
		if err := s.put(s.ctx, &closed); err != nil {
			return err
		}
	}
	return s.reload(s.ctx)
}

// commitStream commits a batch of a stream.
func (w *Writer) commitStream(src *store.Source) error {
	s := w.store
	s.mu.Lock()
	h := s.held[src.Name]
	s.mu.Unlock()
	if h == nil {
		return fmt.Errorf("%s: nobody took the right to collect it", src.Name)
	}
	was := h.row
	if was == nil || was.content.Batches >= maxBatches || len(was.content.Parts) >= maxParts {
		was, h.tried = &row{writer: newWriter(), state: made, stream: src.Name}, 0
		h.row = was
	}
	h.tried++
	w.writer, w.batch = was.writer, h.tried
	if err := w.flush(); err != nil {
		return err
	}
	for _, seen := range w.seen {
		if err := s.putSeen(src.Name, w, seen); err != nil {
			return err
		}
	}
	next := was.with(w.batch, w.parts, placed(w.parts, []store.Source{*src}))
	if err := s.put(s.last, next); err != nil {
		return err
	}
	if err := s.own(next); err != nil {
		return err
	}
	h.row = next
	return nil
}

// with returns the row that takes the place of one when a batch is added; those between failed.
func (r *row) with(batch uint32, parts []part, sources []store.Source) *row {
	next := &row{writer: r.writer, version: batch, state: made, stream: r.stream}
	next.content = content{Batches: batch, Failed: slices.Clone(r.content.Failed)}
	for n := r.content.Batches + 1; n < batch; n++ {
		next.content.Failed = append(next.content.Failed, n)
	}
	next.content.Parts = addParts(slices.Clone(r.content.Parts), parts)
	next.content.Sources = store.MergeSources(append(slices.Clone(r.content.Sources), sources...))
	for i := range next.content.Sources {
		next.content.Sources[i].Stream.Seen = nil // a table of its own has them
	}
	return next
}

func (s *Store) putSeen(stream string, w *Writer, seen seenIDs) error {
	ids := make([]byte, 0, 8*len(seen.ids))
	for _, id := range seen.ids {
		ids = binary.LittleEndian.AppendUint64(ids, id)
	}
	return s.db.insert(s.last, "seen", "stream, writer, batch, since, ids", func(c columns) columns {
		return c.add([]string{stream}).add([]uint64{w.writer}).add([]uint32{w.batch}).add([]int64{seen.from}).
			add([]string{string(ids)})
	})
}

// SeenIDs returns the ids of a stream's newest records, oldest first, and the watermark that they reach back to: 0 if
// they are all there ever were.
func (s *Store) SeenIDs(stream string) (ids []uint64, from int64, err error) {
	var parts [][]uint64
	n := 0
	err = s.eachSeen(stream, func(since int64, text string) bool {
		part := make([]uint64, 0, len(text)/8)
		for b := []byte(text); len(b) >= 8; b = b[8:] {
			part = append(part, binary.LittleEndian.Uint64(b))
		}
		parts, from = append(parts, part), since
		n += len(part)
		return n < maxSeen
	})
	slices.Reverse(parts)
	return slices.Concat(parts...), from, err
}

// eachSeen goes over the ids of the batches of a stream that count, newest first.
func (s *Store) eachSeen(stream string, do func(since int64, ids string) bool) error {
	s.mu.Lock()
	rows := s.rows
	s.mu.Unlock()
	result, err := s.db.conn.Query(s.ctx, fmt.Sprintf("SELECT since, writer, batch, ids FROM %s WHERE stream = %s "+
		"ORDER BY since DESC, writer DESC, batch DESC", s.db.table("seen"), quote(stream)))
	if err != nil {
		return s.db.say(err)
	}
	defer result.Close()
	type name struct {
		writer uint64
		batch  uint32
	}
	var own, before name
	var since int64
	var ids string
	for result.Next() {
		if err := result.Scan(&since, &own.writer, &own.batch, &ids); err != nil {
			return s.db.say(err)
		}
		again := own == before
		before = own
		if r := rows[own.writer]; again || r == nil || !r.has(own.batch) {
			continue
		}
		if !do(since, ids) {
			return nil
		}
	}
	return s.db.say(result.Err())
}
