package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	"sluice/model"
)

// bufferRows is how many rows a Writer holds before it writes segments: 14 MiB, and 8 MiB to sort them.
const bufferRows = 1 << 18

// WriterOptions are the choices of a Writer.
type WriterOptions struct {
	// Sorted holds all rows until Commit, so that the same observations give the same bytes whatever order and
	// partial sums they came in. Memory then grows with the distinct observations.
	Sorted bool
	// Cluster is the name of the cluster that the rows are of, where they do not say it: its pods, services, hosts and
	// network sets have it then, and rows of other ends are filed under it. "default" says nothing: clusters that
	// nobody named are called so. "": as they are.
	Cluster string
	// HoursFrom is from how many rows held at once on they are added up by the hour too; 0: 4,096.
	HoursFrom int
}

// Writer writes one commit. It serves one goroutine, and must end with Commit or Abort. After an error only Abort is
// left to do.
type Writer struct {
	store  *Store
	opts   WriterOptions
	number int
	most   int   // bytes that the commit may have, MaxCommit
	term   int64 // of the right to write
	now    func() (time.Time, error)
	unlock func(clean bool) error // nil when the writer is closed
	err    error
	home   string // the cluster of rows whose ends name none, "": nobody knows
	tables *tables
	rows   []model.Observation // held
	sorter sorter
	flows  flowWriter
	enc    *encoder
	done   []Segment
	hours  []Hours
	ids    int      // files of ids
	files  []string // that no commit names yet
	dirty  bool     // files are left for the next writer to clean up
	// of a compaction
	kept     []Segment // segments taken over from the commits it replaces
	keptSums []Hours   // and sums of these
	replaces ranges
	level    int
}

// lockFile is the right to write.
const lockFile = version + "/lock"

// Writer begins a commit and takes the store's lock; the error is ErrLocked where another process has it. Files that a
// killed writer left are removed.
func (s *Store) Writer(opts WriterOptions) (*Writer, error) {
	right, err := s.files.Lock(lockFile)
	if err != nil {
		return nil, fmt.Errorf("write store %s: %w", s.files, err)
	}
	if err = s.prepare(&right); err != nil {
		return nil, errors.Join(fmt.Errorf("write store %s: %w", s.files, err), right.Unlock(false))
	}
	return &Writer{store: s, opts: opts, number: s.newest() + 1, most: MaxCommit, term: right.Term, now: right.now,
		unlock: right.Unlock, home: opts.Cluster, tables: newTables(opts.Cluster), enc: newEncoder()}, nil
}

// prepare brings the store into the state that a writer begins with. The store must be locked.
func (s *Store) prepare(right *Right) error {
	if err := s.resolve(right); err != nil {
		return err
	}
	if err := s.reload(); err != nil {
		return err
	}
	if slices.ContainsFunc(s.snapshot(), func(c commit) bool { return c.newest > c.Number }) {
		return fmt.Errorf("an earlier sluice unpacked it, and files written now would take the names of those that are there: "+
			"carry it over first, sluice store pack %s | sluice store unpack ANOTHER", s.files)
	}
	if err := s.writeHead(); err != nil {
		return err
	}
	if right.Killed || !s.searched && right.Term == 0 {
		err := s.sweep(right)
		s.searched = err == nil
		return err
	}
	return nil
}

// resolve undoes a commit of this process that failed in a way that left it open whether it was made. Once others have
// built on it, or may have since they had the right in between, it stays, and then what was written by it must not be
// written again.
func (s *Store) resolve(right *Right) error {
	if s.doubt == "" {
		return nil
	}
	names, err := listCommits(s.files, s.newest())
	if err != nil {
		return err
	}
	h, err := readHead(s.files)
	if err != nil {
		return err
	}
	n, _ := commitNumber(s.doubt)
	seen := h.number >= n || right.Term > s.doubtTerm+1
	switch i := slices.Index(names, s.doubt); {
	case i < 0 && (len(names) > 0 || h.number >= n), i >= 0 && (len(names) > 1 || seen):
		return fmt.Errorf("commit %d may have been made although writing it failed: open the store again", n)
	case i >= 0:
		if err := s.files.Remove(path.Join(commitsDir, s.doubt)); err != nil {
			return err
		}
	}
	s.doubt = ""
	return nil
}

// sweep removes what writers that died before their commit left. Such files carry the number of the commit that comes
// next; files of a later one tell that commits are missing, as do those of the next if nobody died, and others are
// never touched. Where files are shared, one whose right has ended may still be writing: there only files of an age are
// removed, of any number, that no commit names.
func (s *Store) sweep(right *Right) error {
	next, shared := s.newest()+1, right.Term > 0
	names, err := s.files.List(version)
	if err != nil {
		return err
	}
	var left []string
	for _, name := range names {
		switch n, ok := commitOf(path.Base(name)); {
		case ok && (n > next || n == next && !right.Killed):
			return lostCommit(n, s.files, name)
		case ok && (n == next || shared):
			left = append(left, name)
		}
	}
	if shared {
		if left, err = s.abandoned(left, right); err != nil {
			return err
		}
	}
	return errors.Join(s.files.Remove(left...), s.files.Tidy())
}

// abandonedAfter is the age from which a file in shared files that no commit names is of no writer.
const abandonedAfter = 24 * time.Hour

// abandoned returns those of the files that no commit names, and that were put long ago by the clock of where they lie:
// a clock of this machine that is ahead would take the files of who is writing.
func (s *Store) abandoned(names []string, right *Right) (out []string, err error) {
	now, err := right.now()
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	s.mu.RLock()
	for _, c := range slices.Concat(s.commits, s.dead) {
		for _, f := range c.files() {
			used[f] = true
		}
	}
	s.mu.RUnlock()
	for _, name := range names {
		if used[name] {
			continue
		}
		at, err := s.files.Modified(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if now.Sub(at) > abandonedAfter {
			out = append(out, name)
		}
	}
	return out, nil
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
			n = min(n, bufferRows-len(w.rows))
		}
		w.hold(t, rows[:n])
		rows = rows[n:]
		if len(w.rows) >= bufferRows && !w.opts.Sorted {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// hold adds rows to the buffer, which grows by doubling: large slices grow by a quarter, and copying them shows.
func (w *Writer) hold(t model.Tables, rows []model.Observation) {
	old := len(w.rows)
	if need := old + len(rows); need > cap(w.rows) {
		size := 2 * cap(w.rows)
		if !w.opts.Sorted {
			size = min(size, bufferRows)
		}
		w.rows = append(make([]model.Observation, 0, max(need, size)), w.rows...)
	}
	w.rows = append(w.rows, rows...)
	for i := range rows {
		w.tables.own(t, &w.rows[old+i])
	}
}

// flush writes the rows held as segments, not yet visible.
func (w *Writer) flush() error {
	if w.err = w.writeSegments(); w.err != nil {
		w.err = fmt.Errorf("write store %s: %w", w.store.files, w.err)
	}
	w.letGo()
	return w.err
}

// letGo lets go of the rows held.
func (w *Writer) letGo() {
	w.tables = newTables(w.opts.Cluster)
	w.rows = w.rows[:0]
}

// setHome says under which cluster rows are filed whose ends name none.
func (w *Writer) setHome(cluster string) {
	if w.home = cluster; cluster == UnknownCluster {
		w.home = ""
	}
}

// put stores a file that the commit will name. One of that name is what a writer that was killed left.
func (w *Writer) put(name string, write func(io.Writer) error) (content, error) {
	w.files = append(w.files, name)
	c, err := put(w.store.files, name, write)
	if errors.Is(err, fs.ErrExist) {
		if err = w.store.files.Remove(name); err == nil {
			c, err = put(w.store.files, name, write)
		}
	}
	return c, err
}

// Commit makes everything written visible at once and durable, with the sources it came from, and ends the writer. On
// an error nothing of it is visible to who opens the store after the next writer. A source that another writer stored
// meanwhile is ErrSourceStored.
func (w *Writer) Commit(sources []Source) error {
	if w.err != nil {
		return errors.Join(w.err, w.Abort())
	}
	if err := w.commit(sources); err != nil {
		return errors.Join(fmt.Errorf("commit to store %s: %w", w.store.files, err), w.Abort())
	}
	// The commit is there for good: no error from here on may make the caller repeat it, and what is left to do the
	// next writer does, or tells that it cannot be done.
	if w.store.reload() == nil {
		_ = w.store.writeHead()
	}
	_ = w.Abort()
	return nil
}

func (w *Writer) commit(sources []Source) error {
	seen := map[string]bool{}
	for _, src := range sources {
		if src.Digest != "" && w.replaces == nil && (w.store.HasSource(src.Digest) || seen[src.Digest]) {
			return fmt.Errorf("%s: %w", src.Name, ErrSourceStored)
		}
		seen[src.Digest] = true
	}
	if err := w.checkTerms(sources); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	c := commit{Format: formatName, Number: w.number, Segments: slices.Concat([]Segment{}, w.kept, w.done),
		Hours: slices.Concat(w.keptSums, w.hours), Sources: slices.Concat([]Source{}, sources), Replaces: w.replaces,
		Level: w.level}
	if w.replaces == nil {
		for i := range c.Sources {
			src := &c.Sources[i]
			src.Cluster = SourceCluster(c.Segments, src.Cluster)
			if src.Stream == nil && src.First == 0 {
				src.First, src.Last = timeOf(c.Segments)
			}
		}
	}
	name, data, err := c.content()
	if err == nil && len(data) > w.most {
		err = fmt.Errorf("%d bytes say what is in it, and no reader takes more than %d", len(data), w.most)
	}
	if err != nil {
		return err
	}
	err = w.store.files.Put(name, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
	if errors.Is(err, fs.ErrExist) && w.term > 0 {
		return fmt.Errorf("%w: it was faster, commit %d is its own", ErrLocked, w.number)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if w.term > 0 { // another may have seen it, and built on it
			w.store.doubt, w.store.doubtTerm = path.Base(name), w.term
			w.dirty, w.files = true, nil
			return err
		}
		if undoErr := w.store.files.Remove(name); undoErr != nil {
			w.store.doubt, w.dirty = path.Base(name), true
			w.files = nil // the commit may be there
			return errors.Join(err, fmt.Errorf("undo: %w", undoErr))
		}
	}
	if err == nil {
		w.files = nil
	}
	return err
}

// Abort returns up what was written since the last Commit and the lock. It does nothing after Commit.
func (w *Writer) Abort() error {
	if w.unlock == nil {
		return nil
	}
	err := w.store.files.Remove(w.files...)
	err = errors.Join(err, w.unlock(err == nil && !w.dirty))
	w.done, w.hours, w.files, w.unlock = nil, nil, nil, nil
	w.rows, w.sorter, w.tables, w.flows, w.enc = nil, sorter{}, nil, flowWriter{}, nil
	w.err = errors.Join(w.err, errClosed)
	return err
}
