package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/model"
)

// bufferRows is how many rows a Writer holds before it writes segments: 14 MiB, and 8 MiB to sort them.
const bufferRows = 1 << 18

// WriterOptions are the choices of a Writer.
type WriterOptions struct {
	// Sorted holds all rows until Commit, so that the same observations give the same bytes whatever order and
	// partial sums they came in. Memory then grows with the distinct observations.
	Sorted bool
}

// Writer writes one commit. It serves one goroutine, and must end with Commit or Abort. After an error only Abort is
// left to do.
type Writer struct {
	store  *Store
	opts   WriterOptions
	number int
	lock   *lock
	err    error
	tables *tables
	sorter sorter
	flows  flowWriter
	enc    *encoder
	done   []*segment
	ids    []*pending // files of ids
	// of a compaction
	kept     []Segment // segments taken over from the commits it replaces
	replaces ranges
	level    int
}

// Writer begins a commit and takes the store's lock; the error is ErrLocked where another process has it. Files that a
// killed writer left are removed.
func (s *Store) Writer(opts WriterOptions) (*Writer, error) {
	l, err := acquire(filepath.Join(s.dir, version, "lock"))
	if err != nil {
		return nil, fmt.Errorf("write store %s: %w", s.dir, err)
	}
	if err = s.reload(); err == nil {
		err = s.writeHead()
	}
	if err == nil && l.dirty {
		err = s.sweep()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write store %s: %w", s.dir, err), l.release(false))
	}
	return &Writer{store: s, opts: opts, number: s.newest() + 1, lock: l, tables: newTables(), enc: newEncoder()}, nil
}

// sweep removes what writers that died before their commit left, and directories that nothing is left in. Such files carry
// the number of the commit that comes next; files of a later one tell that commits are missing, and others are never
// touched.
func (s *Store) sweep() error {
	next := s.newest() + 1
	var remove, dirs []string
	err := filepath.WalkDir(filepath.Join(s.dir, version), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			dirs = append(dirs, p)
			return nil
		}
		n, ok := commitOf(d.Name())
		torn := strings.HasSuffix(d.Name(), commitSuffix+tmpSuffix) && filepath.Base(filepath.Dir(p)) == filepath.Base(commitsDir)
		switch {
		case ok && n > next:
			return fmt.Errorf("commit %d is %w: it wrote %s: %w", n, errMissing, p, ErrDamaged)
		case ok && n == next || torn:
			remove = append(remove, p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range remove {
		if err := os.Remove(p); err != nil {
			return err
		}
	}
	for _, p := range slices.Backward(dirs) {
		if base := filepath.Base(p); strings.HasPrefix(base, "day=") || strings.HasPrefix(base, "cluster=") {
			_ = os.Remove(p) // not if something is in it
		}
	}
	return nil
}

// Write adds rows, which refer to t. They become part of the store with Commit; rows of one key are added up where they
// meet. rows may be reused after the call, what t holds must not change.
func (w *Writer) Write(t model.Tables, rows []model.Observation) error {
	if w.err != nil {
		return w.err
	}
	for len(rows) > 0 {
		n := len(rows)
		if !w.opts.Sorted {
			n = min(n, bufferRows-len(w.sorter.rows))
		}
		w.hold(t, rows[:n])
		rows = rows[n:]
		if len(w.sorter.rows) >= bufferRows && !w.opts.Sorted {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// hold adds rows to the buffer, which grows by doubling: large slices grow by a quarter, and copying them shows.
func (w *Writer) hold(t model.Tables, rows []model.Observation) {
	s := &w.sorter
	old := len(s.rows)
	if need := old + len(rows); need > cap(s.rows) {
		size := 2 * cap(s.rows)
		if !w.opts.Sorted {
			size = min(size, bufferRows)
		}
		s.rows = append(make([]model.Observation, 0, max(need, size)), s.rows...)
	}
	s.rows = append(s.rows, rows...)
	for i := range rows {
		w.tables.own(t, &s.rows[old+i])
	}
}

// flush writes the rows held as segments, not yet visible.
func (w *Writer) flush() error {
	if w.err = w.writeSegments(); w.err != nil {
		w.err = fmt.Errorf("write store %s: %w", w.store.dir, w.err)
	}
	w.tables = newTables()
	w.sorter.rows = w.sorter.rows[:0]
	return w.err
}

// Commit makes everything written visible at once and durable, with the sources it came from, and ends the writer. On
// an error nothing is visible, unless the error is of the very last sync: then it is open whether a crash undoes the
// commit. A source that another writer stored meanwhile is ErrSourceStored.
func (w *Writer) Commit(sources []Source) error {
	if w.err != nil {
		return errors.Join(w.err, w.Abort())
	}
	if err := w.commit(sources); err != nil {
		return errors.Join(fmt.Errorf("commit to store %s: %w", w.store.dir, err), w.Abort())
	}
	return w.Abort()
}

func (w *Writer) commit(sources []Source) error {
	seen := map[string]bool{}
	for _, src := range sources {
		if src.Digest != "" && w.replaces == nil && (w.store.HasSource(src.Digest) || seen[src.Digest]) {
			return fmt.Errorf("%s: %w", src.Name, ErrSourceStored)
		}
		seen[src.Digest] = true
	}
	if err := w.flush(); err != nil {
		return err
	}
	c := commit{Format: formatName, Number: w.number, Segments: append([]Segment{}, w.kept...), Sources: append([]Source{}, sources...),
		Replaces: w.replaces, Level: w.level}
	dirs := map[string]bool{}
	for _, g := range w.done {
		if err := g.publish(); err != nil {
			return err
		}
		dirs[filepath.Dir(g.flows.f.Name())] = true
		c.Segments = append(c.Segments, g.meta)
	}
	for _, f := range w.ids {
		if err := f.publish(); err != nil {
			return err
		}
		dirs[filepath.Dir(f.f.Name())] = true
	}
	for d := range dirs {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	if err := c.publish(w.store.dir); err != nil {
		return err
	}
	w.done, w.ids = nil, nil // visible now: no error from here on may remove them
	if err := syncDir(filepath.Join(w.store.dir, commitsDir)); err != nil {
		return err
	}
	if err := w.store.reload(); err != nil {
		return err
	}
	_ = w.store.writeHead() // the commit is there and must not be made again; the next writer tells if this fails again
	return nil
}

// Abort gives up what was written since the last Commit and the lock. It does nothing after Commit.
func (w *Writer) Abort() error {
	if w.lock == nil {
		return nil
	}
	var errs []error
	for _, g := range w.done {
		errs = append(errs, g.discard())
	}
	for _, f := range w.ids {
		errs = append(errs, remove(f))
	}
	errs = append(errs, w.lock.release(errors.Join(errs...) == nil))
	w.ids = nil
	w.done, w.lock, w.sorter, w.tables, w.flows, w.enc = nil, nil, sorter{}, nil, flowWriter{}, nil
	w.err = errors.Join(w.err, errClosed)
	return errors.Join(errs...)
}
