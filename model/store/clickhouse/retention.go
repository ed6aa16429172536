package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/model/store"
)

// forgetEvery is how often ids that no collector asks for again are removed.
const forgetEvery = 10 * time.Minute

// Compact drops days that are too old, whole partitions of the servers, and ids that no collector asks for again.
// Merging small parts is what the servers do by themselves.
func (s *Store) Compact(ctx context.Context, o store.CompactOptions) (c store.Compaction, err error) {
	if o.Keep > 0 || o.KeepBytes > 0 {
		if err := s.drop(ctx, o, &c); err != nil {
			return c, err
		}
	}
	if err := s.sweep(ctx, cmp.Or(s.db.grace, o.Grace)); err != nil {
		return c, err
	}
	return c, s.forget(ctx)
}

// drop says of the days that are too old, or too many, that they do not count any more. Their partitions stay for a
// while, for who opened the store before. One that may still go on stays: what does not count once never does again.
func (s *Store) drop(ctx context.Context, o store.CompactOptions, c *store.Compaction) error {
	if err := s.measure(ctx); err != nil && (o.KeepBytes > 0 || !isException(err)) {
		return fmt.Errorf("--keep-bytes: %w", err)
	}
	now := time.Now()
	if !o.Now.IsZero() {
		now = o.Now
	}
	all := s.days()
	old, ahead := store.Expired(all, o)
	c.Ahead = ahead
	var last time.Time
	var ended []string
	for _, g := range all {
		day, err := time.Parse(time.DateOnly, g.Day)
		if err != nil {
			return err
		}
		if old[g.Path] && now.After(day.Add(24*time.Hour)) {
			last, ended, c.Dropped = day, append(ended, g.Day), c.Dropped+g.Rows
		}
	}
	if c.Dropped > 0 { // one row, which is there or not: so no reader sees some of the days
		err := s.db.insert(ctx, "dropped", "day", func(b columns) columns { return b.add([]time.Time{last}) })
		if err != nil {
			return err
		}
		if err := s.reload(ctx); err != nil {
			return err
		}
	}
	s.end(ended)
	return nil
}

// endLosses leaves out what sources lost on days that were dropped.
func (s *Store) endLosses(sources []store.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	day, err := time.Parse(time.DateOnly, s.dropped)
	for i := range sources {
		if err == nil {
			sources[i].KeepWithin(day.AddDate(0, 0, 1).UnixMicro(), 0)
		}
	}
}

// end notes of days that do not count any more that their partitions are there, or there again: of those that this
// process has just dropped, oldest first, and of all that the servers told the size of. What the servers tell is not
// enough: the replica that was asked may be behind, or the user not allowed to ask.
func (s *Store) end(days []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(days); n > 0 {
		s.dropped, s.merged = max(s.dropped, days[n-1]), nil
	}
	for day := range s.bytes {
		if day <= s.dropped {
			days = append(days, day)
		}
	}
	for _, day := range days {
		if _, known := s.ended[day]; !known {
			s.ended[day] = time.Now()
		}
	}
}

// sweep drops the partitions of days that ended some time ago, by this process or by one that was killed before it had.
func (s *Store) sweep(ctx context.Context, grace time.Duration) error {
	s.mu.Lock()
	var due []string
	for day, at := range s.ended {
		if time.Since(at) >= grace {
			due = append(due, day)
		}
	}
	s.mu.Unlock()
	for _, day := range due {
		for _, table := range []string{"flows", "flows_by_hour"} {
			line := fmt.Sprintf("ALTER TABLE %s%s DROP PARTITION '%s'", localTable(s.db.database, s.layout, table),
				(&script{layout: s.layout}).onCluster(), day)
			if err := s.db.exec(ctx, line); err != nil {
				return err
			}
		}
		s.mu.Lock()
		delete(s.ended, day)
		delete(s.bytes, day)
		s.mu.Unlock()
	}
	return nil
}

// days are the days that count, as one segment each.
func (s *Store) days() []store.Segment {
	days := map[string]*store.Segment{}
	for _, p := range s.parts() {
		day := dayOf(p.Hour)
		g := days[day]
		if g == nil {
			g = &store.Segment{Path: day, Day: day, First: p.First}
			days[day] = g
		}
		g.Rows, g.First, g.Last = g.Rows+p.Rows, min(g.First, p.First), max(g.Last, p.Last)
	}
	var out []store.Segment
	for day, g := range days {
		g.Bytes = s.bytesOf(day)
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b store.Segment) int { return cmp.Compare(a.First, b.First) })
	return out
}

// forget removes ids of the streams that this process collects, beyond those that it may ask for.
func (s *Store) forget(ctx context.Context) error {
	s.mu.Lock()
	due := time.Since(s.forgot) >= forgetEvery && len(s.held) > 0
	first := s.forgot.IsZero()
	if due {
		s.forgot = time.Now()
	}
	var names []string
	for name := range s.held {
		names = append(names, name)
	}
	s.mu.Unlock()
	if !due || first {
		return nil
	}
	for _, name := range names {
		n, from, more := 0, int64(0), false
		err := s.eachSeen(name, func(since int64, ids string) bool {
			if n >= maxSeen {
				more = true
				return false
			}
			n, from = n+len(ids)/8, since
			return true
		})
		if err != nil || !more {
			return err
		}
		err = s.db.exec(ctx, fmt.Sprintf("ALTER TABLE %s%s DELETE WHERE stream = %s AND since < %d",
			localTable(s.db.database, s.layout, "seen"), (&script{layout: s.layout}).onCluster(), quote(name), from))
		if err != nil {
			return err
		}
	}
	return nil
}
