package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"sluice/model"
)

const (
	// mergeAt is how many commits in a row of one level are merged into one of the next, if nothing else is asked for.
	mergeAt = 32
	// Grace is how long readers of a store may take, where nobody says it.
	Grace = 10 * time.Minute
	// wholeRows is the size from which a segment is taken over as it is, not written again.
	wholeRows = 1 << 16
)

// CompactOptions are the choices of a compaction.
type CompactOptions struct {
	// Keep drops segments whose last record is older by more than this than the newest time that more than one record in
	// a thousand reaches, and than the clock; 0 drops none. A segment covers at most a day, and goes as a whole.
	Keep time.Duration
	// KeepBytes drops the oldest segments as long as all together have more bytes; 0 drops none. The newest stays.
	KeepBytes int64
	// Grace is how long files stay after they were replaced, for readers that opened the store before.
	Grace time.Duration
	// Run is how many commits in a row become one; 0: 32.
	Run int
	// HoursFrom is that of the writer.
	HoursFrom int
	// Now is the clock; the zero time: that of this machine, and of where the files lie for how old these are.
	Now time.Time
}

func (o *CompactOptions) now() time.Time {
	if o.Now.IsZero() {
		return time.Now()
	}
	return o.Now
}

// Compaction is what a compaction did.
type Compaction struct {
	Merged  int   // commits that became fewer
	Dropped int64 // rows that were too old, or too many
	Removed int   // commits whose files were removed
	// Ahead are rows of times after the clock and a day after all others, counted where something is to be dropped. They
	// do not decide what is old.
	Ahead int64
}

// Compact merges runs of small commits into larger ones, drops what is too old, and removes files that were replaced
// some time ago. The rows of the store stay the same sums, but for those dropped. It takes the store's lock only where
// there is something to do; the error is ErrLocked where another process has it. Killed at any moment it leaves the
// store as it was, or as it was to be.
func (s *Store) Compact(ctx context.Context, o CompactOptions) (c Compaction, err error) {
	for {
		if s.mergeable(o).run == nil {
			break
		}
		if err := s.merge(ctx, o, &c); err != nil {
			return c, err
		}
	}
	if o.Keep > 0 || o.KeepBytes > 0 {
		c.Ahead = newRetention(s.Segments(), o.now()).aheadRows()
	}
	return c, s.removeDead(&o, &c)
}

// mergeable is what to do next.
type mergeable struct {
	run  []commit        // to merge into one
	drop map[string]bool // the names of all segments to drop
	end  model.Micros    // what was lost before it goes with them
}

// mergeable returns a single commit with losses to drop: that comes first, since with the last segments it is
// forgotten how far back they reach. Else the newest commits, as soon as enough of them were merged equally often, or a
// single one that holds segments to drop.
func (s *Store) mergeable(o CompactOptions) (m mergeable) {
	live := s.snapshot()
	if o.Keep > 0 || o.KeepBytes > 0 {
		r := newRetention(segmentsOf(live), o.now())
		m.drop = r.drop(&o)
		m.end = r.end(&o, m.drop)
	}
	forget := func(c commit) bool {
		return m.end > 0 && slices.ContainsFunc(c.Sources, func(s Source) bool { return s.beyond(m.end, 0) })
	}
	if i := slices.IndexFunc(live, forget); i >= 0 {
		m.run = live[i : i+1]
		return m
	}
	need := mergeAt
	if o.Run > 1 {
		need = o.Run
	}
	top := 0
	for _, c := range live {
		top = max(top, c.Level)
	}
	for level := 0; level <= top; level++ {
		from := len(live)
		for from > 0 && live[from-1].Level <= level {
			from--
		}
		if len(live)-from >= need {
			m.run = live[from:]
			return m
		}
	}
	dropped := func(c commit) bool {
		return slices.ContainsFunc(c.Segments, func(g Segment) bool { return m.drop[g.Path] })
	}
	if i := slices.IndexFunc(live, dropped); i >= 0 {
		m.run = live[i : i+1]
	}
	return m
}

// merge writes one commit in the place of several.
func (s *Store) merge(ctx context.Context, o CompactOptions, c *Compaction) error {
	w, err := s.Writer(WriterOptions{HoursFrom: o.HoursFrom})
	if err != nil {
		return err
	}
	m := s.mergeable(o) // again, with the lock
	run := m.run
	if run == nil {
		return w.Abort()
	}
	before, dropped := len(run), int64(0)
	if err := w.mergeRun(ctx, run, m.drop, &dropped); err != nil {
		return errors.Join(fmt.Errorf("compact store %s: %w", s.files, err), w.Abort())
	}
	var all []Source
	for _, c := range run {
		all = append(all, c.Sources...)
	}
	sources := MergeSources(all)
	for i := range sources {
		sources[i].KeepWithin(m.end, 0)
	}
	for _, src := range sources {
		if src.Stream == nil || len(run) == 1 {
			continue
		}
		if err := w.joinSeen(src.Stream); err != nil {
			return errors.Join(fmt.Errorf("compact store %s: %w", s.files, err), w.Abort())
		}
	}
	if err := w.Commit(sources); err != nil {
		return err
	}
	if before > 1 {
		c.Merged += before
	}
	c.Dropped += dropped
	return nil
}

func (w *Writer) mergeRun(ctx context.Context, run []commit, drop map[string]bool, dropped *int64) error {
	sc := scan{
		files: w.store.files,
		fn:    func(t model.Tables, rows []model.Observation) error { return w.Write(t, rows) },
	}
	var small []Segment
	for _, c := range run {
		w.replaces = w.replaces.union(c.Replaces).union(ranges{{c.Number, c.Number}})
		w.level = max(w.level, c.Level)
		whole, sums := c.whole(drop)
		for _, g := range c.Segments {
			switch {
			case drop[g.Path]:
				*dropped += g.Rows
			case whole[g.Path] || len(run) == 1:
				w.kept = append(w.kept, g)
			default:
				small = append(small, g)
			}
		}
		for i := range sums {
			if !whole[sums[i].Of[0]] && len(run) > 1 {
				continue
			}
			if err := w.keepSum(ctx, &sums[i]); err != nil {
				return err
			}
		}
	}
	if len(run) > 1 {
		w.level++
	}
	return w.mergeSegments(ctx, &sc, small)
}

// whole returns the names of the segments that are large enough to be taken over as they are, and what stays of the
// sums without those to drop. Segments of one sum are taken over together, or none of them.
func (c *commit) whole(drop map[string]bool) (out map[string]bool, sums []remaining) {
	sums = c.remaining(drop)
	rows := map[string]int64{}
	for i := range c.Segments {
		rows[c.Segments[i].Path] = c.Segments[i].Rows
	}
	for i := range sums {
		sum := int64(0)
		for _, of := range sums[i].Of {
			sum += rows[of]
		}
		for _, of := range sums[i].Of {
			rows[of] = sum
		}
	}
	out = map[string]bool{}
	for name, n := range rows {
		out[name] = n >= wholeRows
	}
	return out, sums
}

// mergeSegments reads segments, one cluster after the other: its rows stay filed under it.
func (w *Writer) mergeSegments(ctx context.Context, sc *scan, small []Segment) error {
	slices.SortStableFunc(small, func(a, b Segment) int { return cmp.Compare(a.Cluster, b.Cluster) })
	for i := range small {
		g := &small[i]
		if i > 0 && g.Cluster != small[i-1].Cluster {
			if err := w.flush(); err != nil {
				return err
			}
		}
		w.setHome(g.Cluster)
		if err := sc.segment(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// MergeSources returns sources of which the parts of one stream have become one.
func MergeSources(all []Source) (out []Source) {
	at := map[[2]string]int{}
	for _, src := range all {
		key := [2]string{src.Name, src.Format}
		i, ok := at[key]
		if src.Stream == nil || !ok {
			if src.Stream != nil {
				at[key] = len(out)
				src.Logged = maps.Clone(src.Logged)
				src.Stream = src.Stream.clone()
				src.Rejected, src.LostHours = addCounts(nil, src.Rejected), src.LostHours.Clone()
			}
			out = append(out, src)
			continue
		}
		out[i].addPart(&src)
	}
	return out
}

// addPart adds a later part of the same stream.
func (s *Source) addPart(o *Source) {
	switch { // a part without a record does not tell of which cluster it is
	case s.Cluster == o.Cluster || o.Records == 0:
	case s.Records == 0:
		s.Cluster = o.Cluster
	default:
		s.Cluster = ""
	}
	s.Records += o.Records
	s.Bytes += o.Bytes
	s.Lost += o.Lost
	s.LostHours.Merge(o.LostHours)
	s.Rejected = addCounts(s.Rejected, o.Rejected)
	s.Logged.Merge(o.Logged)
	var names model.PolicyNames
	names.Add(s.Policies...)
	names.Add(o.Policies...)
	s.Policies = names.List()
	if o.First != 0 && (s.First == 0 || o.First < s.First) {
		s.First = o.First
	}
	s.Last = max(s.Last, o.Last)
	s.Stream.add(o.Stream)
}

func addCounts(to, from map[string]int64) map[string]int64 {
	for k, n := range from {
		if to == nil {
			to = map[string]int64{}
		}
		to[k] += n
	}
	return to
}

// removeDead removes commits that were replaced some time ago, and the files that only they name.
func (s *Store) removeDead(o *CompactOptions, c *Compaction) error {
	s.mu.RLock()
	n := len(s.dead)
	s.mu.RUnlock()
	if n == 0 {
		return nil
	}
	w, err := s.Writer(WriterOptions{}) // for its lock
	if err != nil {
		return err
	}
	now := o.Now
	if now.IsZero() {
		now, err = w.now()
	}
	if err == nil {
		err = s.removeOld(now.Add(-o.Grace), c)
	}
	return errors.Join(err, w.Abort())
}

func (s *Store) removeOld(before time.Time, done *Compaction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := map[string]bool{}
	for _, c := range s.commits {
		for _, f := range c.files() {
			used[f] = true
		}
	}
	var old, rest []commit
	for _, c := range s.dead {
		if s.replacedBefore(c.Number, before) {
			old = append(old, c)
			continue
		}
		rest = append(rest, c)
		for _, f := range c.files() {
			used[f] = true
		}
	}
	s.dead = rest
	for _, c := range old {
		if err := s.remove(&c, used); err != nil {
			return err
		}
		done.Removed++
	}
	return nil
}

// replacedBefore reports whether the commit that replaces another one was made before a time. Its file is what tells:
// processes come and go.
func (s *Store) replacedBefore(number int, t time.Time) bool {
	for _, list := range [][]commit{s.dead, s.commits} {
		for _, c := range list {
			if c.Replaces.has(number) {
				at, err := s.files.Modified(path.Join(commitsDir, c.file))
				return err == nil && at.Before(t)
			}
		}
	}
	return true
}

// remove removes the files of a commit, and then the commit: a half of that is done again by the next writer.
func (s *Store) remove(c *commit, used map[string]bool) error {
	var names []string
	for _, f := range c.files() {
		if !used[f] {
			names = append(names, f)
		}
	}
	if err := s.files.Remove(names...); err != nil {
		return err
	}
	return s.files.Remove(path.Join(commitsDir, c.file))
}
