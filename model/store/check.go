package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"sluice/model"
)

// Checked is what a check of a store found.
type Checked struct {
	Commits  int
	Replaced int // commits that others replaced and that are still there
	Segments int
	Sources  int
	Rows     int64
	Records  int64    // that the rows sum up
	Bytes    int64    // of the segments
	Unnamed  []string // files that no commit names: of one that failed, or that is being made
	Problems []error  // what is not as it was committed, each with the name of a file
}

// Check reads all that a store holds: every commit, the digest of every file that counts, every row and what it refers
// to, whether counts and times are those of the commit, and whether hours add up. What is wrong is in Problems; the
// error is of an end before all was read.
func Check(ctx context.Context, f Files) (*Checked, error) {
	c := &Checked{}
	s, err := OpenFiles(f)
	switch {
	case errors.Is(err, ErrDamaged):
		c.Problems = append(c.Problems, err)
		return c, nil
	case err != nil:
		return nil, err
	}
	names, err := f.List(version)
	if err != nil {
		return nil, fmt.Errorf("check store %s: %w", f, err)
	}
	k := &checker{store: s, found: c, named: map[string]string{}}
	for _, live := range s.snapshot() {
		if err := k.commit(ctx, &live); err != nil {
			return nil, fmt.Errorf("check store %s: %w", f, err)
		}
	}
	k.unnamed(names)
	if err := s.reload(); err != nil && !errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("check store %s: %w", f, err)
	} else if err != nil {
		c.Problems = append(c.Problems, err)
	}
	return c, nil
}

// checker is a running check.
type checker struct {
	store *Store
	found *Checked
	named map[string]string // files, with the commit that names them
}

// commit checks one commit. Its error is one that says nothing about the store.
func (k *checker) commit(ctx context.Context, c *commit) error {
	k.found.Commits++
	for _, name := range c.files() {
		if other, ok := k.named[name]; ok {
			k.problem("%s is named by %s and by %s: %w", name, other, c.file, ErrDamaged)
		}
		k.named[name] = c.file
	}
	hours := map[string]*hourSums{}
	for i := range c.Hours {
		sums := newHourSums()
		for _, of := range c.Hours[i].Of {
			hours[of] = sums
		}
		hours[c.Hours[i].Path] = sums
	}
	for i := range c.Segments {
		k.found.Segments++
		g := &c.Segments[i]
		sums := hours[g.Path]
		if sums == nil {
			sums = newHourSums() // for nobody
		}
		if err := k.segment(ctx, c, g, sums); err != nil {
			return err
		}
	}
	for i := range c.Hours {
		if err := k.hours(ctx, c, &c.Hours[i], hours[c.Hours[i].Path]); err != nil {
			return err
		}
	}
	for i := range c.Sources {
		k.found.Sources++
		st := c.Sources[i].Stream
		if st == nil {
			continue
		}
		if _, _, err := k.store.SeenIDs(st); err != nil {
			if err := k.failed(c, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// failed takes the error of a file that a commit names. One that was replaced meanwhile may have lost its files.
func (k *checker) failed(c *commit, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	still := func(o commit) bool { return o.file == c.file }
	if k.store.reload() == nil && !slices.ContainsFunc(k.store.snapshot(), still) {
		return nil
	}
	k.found.Problems = append(k.found.Problems, err)
	return nil
}

// hourSum is what rows of an hour add up to.
type hourSum struct {
	records, conns uint64
	first, last    model.Micros
}

// hourSums are what rows add up to.
type hourSums struct {
	of     map[uint32]hourSum // by the hour
	unread bool               // not all rows could be read
}

func newHourSums() *hourSums { return &hourSums{of: map[uint32]hourSum{}} }

func (h *hourSums) add(r *model.Observation) {
	s, ok := h.of[r.Window/hourMinutes]
	if !ok || r.First < s.first {
		s.first = r.First
	}
	s.records, s.conns, s.last = s.records+uint64(r.Records), s.conns+uint64(r.Conns), max(s.last, r.Last)
	h.of[r.Window/hourMinutes] = s
}

// segment checks a segment, and adds its rows to sums if there are sums of it.
func (k *checker) segment(ctx context.Context, c *commit, g *Segment, sums *hourSums) error {
	rows, records, err := k.pair(ctx, c, g, sums)
	k.found.Rows += rows
	k.found.Records += records
	k.found.Bytes += g.Bytes
	return err
}

// hours checks sums: of each hour they are what the rows of their segments were.
func (k *checker) hours(ctx context.Context, c *commit, h *Hours, want *hourSums) error {
	got := newHourSums()
	_, _, err := k.pair(ctx, c, &h.Segment, got)
	k.found.Bytes += h.Bytes
	if !got.unread && !want.unread && !maps.Equal(got.of, want.of) {
		k.problem("%s does not add up to the rows of its segments: %w", h.Path, ErrDamaged)
	}
	return err
}

// pair reads all rows of a pair of files and returns how many there are, and how many records they sum up.
func (k *checker) pair(ctx context.Context, c *commit, g *Segment, sums *hourSums) (rows, records int64, err error) {
	var last model.Observation
	var first, end model.Micros
	ordered := true
	sc := scan{files: k.store.files, fn: func(_ model.Tables, batch []model.Observation) error {
		for i := range batch {
			r := &batch[i]
			if rows > 0 && compareKey(&last, r) > 0 || g.Day != "" && dayOf(r.Window) != g.Day {
				ordered = false
			}
			if rows == 0 || r.First < first {
				first = r.First
			}
			end = max(end, r.Last)
			rows++
			records += int64(r.Records)
			last = *r
			sums.add(r)
		}
		return nil
	}}
	err = sc.segment(ctx, g)
	sums.unread = sums.unread || err != nil
	switch {
	case err != nil:
		return rows, records, k.failed(c, err)
	case rows != g.Rows:
		k.problem("%s has %d rows, its commit says %d: %w", g.Path, rows, g.Rows, ErrDamaged)
	case first != g.First || end != g.Last:
		k.problem("%s has records from %s to %s, its commit says from %s to %s: %w", g.Path, model.Stamp(first),
			model.Stamp(end), model.Stamp(g.First), model.Stamp(g.Last), ErrDamaged)
	case !ordered:
		k.problem("%s has rows out of order, or of another day than %s: %w", g.Path, g.Day, ErrDamaged)
	}
	return rows, records, nil
}

// unnamed finds the files that no commit names. Those of commits that were replaced are still named.
func (k *checker) unnamed(names []string) {
	k.store.mu.RLock()
	defer k.store.mu.RUnlock()
	k.found.Replaced = len(k.store.dead)
	for _, c := range k.store.dead {
		for _, name := range c.files() {
			k.named[name] = c.file
		}
	}
	for _, name := range names {
		_, numbered := commitOf(path.Base(name))
		if numbered && k.named[name] == "" {
			k.found.Unnamed = append(k.found.Unnamed, name)
		}
	}
}

func (k *checker) problem(format string, args ...any) {
	k.found.Problems = append(k.found.Problems, fmt.Errorf(format, args...))
}
