package clickhouse

import (
	"context"
	"errors"
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
	if o.KeepBytes > 0 {
		return c, errors.New("--keep-bytes is not for a store in ClickHouse, which packs as it likes: give --keep")
	}
	if o.Keep > 0 {
		if err := s.drop(ctx, o, &c); err != nil {
			return c, err
		}
	}
	return c, s.forget(ctx)
}

// drop drops the days that are too old. That they do not count is said first: killed between, the next one goes on.
func (s *Store) drop(ctx context.Context, o store.CompactOptions, c *store.Compaction) error {
	old, ahead := store.Expired(s.days(), o)
	c.Ahead = ahead
	for _, g := range s.days() {
		if !old[g.Path] {
			continue
		}
		day, err := time.Parse(time.DateOnly, g.Day)
		if err != nil {
			return err
		}
		err = s.db.insert(ctx, "dropped", "day", func(b columns) columns { return b.add([]time.Time{day}) })
		if err != nil {
			return err
		}
		for _, table := range []string{"flows", "flows_by_hour"} {
			line := fmt.Sprintf("ALTER TABLE %s%s DROP PARTITION '%s'", localTable(s.db.database, s.layout, table),
				(&script{layout: s.layout}).onCluster(), g.Day)
			if err := s.db.exec(ctx, line); err != nil {
				return err
			}
		}
		c.Dropped += g.Rows
	}
	if c.Dropped > 0 {
		return s.reload(ctx)
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
	for _, g := range days {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b store.Segment) int { return int(a.First - b.First) })
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
