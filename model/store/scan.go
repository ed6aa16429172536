package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"sluice/model"
)

// ScanOptions choose the rows of a scan. A row is a sum over its window: it is given whole if any time between its
// first and last record lies in the range.
type ScanOptions struct {
	Since int64 // microseconds since 1970 UTC, inclusive; 0: from the beginning
	Until int64 // exclusive; 0: to the end
	// Cluster leaves out what is of other clusters and of none that this one has to do with; "": nothing is left out. The
	// segments that are left are of whole clusters: how the rows lie in segments changes nothing.
	Cluster string
}

// Overlaps reports whether any time between the first and the last record of a row, or of many, is asked for.
func (o *ScanOptions) Overlaps(first, last int64) bool {
	return last >= o.Since && (o.Until == 0 || first < o.Until) || o.Since == 0 && o.Until == 0
}

// Scan hands all rows in the range to fn, sums over an hour or over a minute, in batches of at most 131,072 that refer
// to t; rows of one key may come more than once and add up. The batch is reused after fn returns, t is not. An error of
// fn ends the scan. A file that is missing, or is not the one that was committed, is an error that names it.
func (s *Store) Scan(ctx context.Context, o ScanOptions,
	fn func(t model.Tables, rows []model.Observation) error) error {
	segments := o.reads(s.snapshot())
	sc := scan{files: s.files, opts: o, fn: fn, fetch: readAhead(s.files, segments)}
	next, stop := sc.openAhead(segments)
	defer stop()
	for i := range segments {
		g := &segments[i]
		if err := sc.rows(ctx, g, next()); err != nil {
			if s.replaced(g) {
				return fmt.Errorf(
					"read %s: it was compacted for longer than its readers may take; read it again",
					s.files,
				)
			}
			return err
		}
	}
	return nil
}

// replaced reports whether a segment no longer belongs to the store, since it was merged with others.
func (s *Store) replaced(g *Segment) bool {
	names := func(c commit) bool { return slices.Contains(c.files(), g.Path) }
	return s.reload() == nil && !slices.ContainsFunc(s.snapshot(), names)
}

// scan is a running scan, with the memory that serves one segment after the other.
type scan struct {
	files Files
	opts  ScanOptions
	fn    func(model.Tables, []model.Observation) error
	fetch func(named) ([]byte, error) // nil: a file is read when it is needed
	data  [3]bytes.Buffer             // of labels, and of the flows of two segments
	read  flowReader
}

// opened is a segment of which the labels are read.
type opened struct {
	t     model.Tables
	flows *parquetReader
	err   error
}

// openAhead opens segments one after the other, each while the rows of the one before are handed out. stop is to be
// called in the end.
func (s *scan) openAhead(segments []Segment) (next func() opened, stop func()) {
	out, ended := make(chan opened), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range segments {
			select {
			case out <- s.open(&segments[i], &s.data[1+i%2]):
			case <-ended:
				return
			}
		}
	})
	return func() opened { return <-out }, func() { close(ended); wg.Wait() }
}

// open reads the labels of a segment, and its flows into memory.
func (s *scan) open(g *Segment, flows *bytes.Buffer) (o opened) {
	files := g.files()
	data, err := s.load(files[0], &s.data[0])
	if err != nil {
		return opened{err: err}
	}
	if o.t, err = readLabels(data); err != nil {
		return opened{err: fmt.Errorf("read %s: %w", g.Labels, err)}
	}
	if data, err = s.load(files[1], flows); err != nil {
		return opened{err: err}
	}
	if o.flows, err = openParquet(data, flowsKind, flowsSchema(), groupRows); err != nil {
		return opened{err: fmt.Errorf("read %s: %w", g.Path, err)}
	}
	return o
}

// segment hands out the rows of a segment.
func (s *scan) segment(ctx context.Context, g *Segment) error {
	return s.rows(ctx, g, s.open(g, &s.data[1]))
}

// rows hands out the rows of a segment that is opened.
func (s *scan) rows(ctx context.Context, g *Segment, o opened) error {
	if o.err != nil {
		return o.err
	}
	t := o.t
	s.read.file = o.flows
	for i := range s.read.file.groups() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if first, last, ok := s.read.span(i); ok && !s.opts.Overlaps(first, last) {
			continue
		}
		rows, err := s.read.group(i)
		if err == nil {
			rows, err = s.choose(t, rows)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", g.Path, err)
		}
		if len(rows) == 0 {
			continue
		}
		if err := s.fn(t, rows); err != nil {
			return err
		}
	}
	return nil
}

// choose keeps the rows in the range and makes their pods refer to the names of t.
func (s *scan) choose(t model.Tables, rows []model.Observation) ([]model.Observation, error) {
	endpoints, names := uint32(t.Endpoints.Len()), uint32(t.Names.Len())
	pod := func(id model.NameID) model.NameID {
		if id == 0 {
			return 0
		}
		return id - model.NameID(endpoints) + 1
	}
	n := 0
	for i := range rows {
		r := &rows[i]
		if !s.opts.Overlaps(r.First, r.Last) {
			continue
		}
		r.SrcPod, r.DstPod = pod(r.SrcPod), pod(r.DstPod)
		if uint32(r.Src) >= endpoints || uint32(r.Dst) >= endpoints ||
			uint32(r.SrcPod) >= names || uint32(r.DstPod) >= names {
			return nil, fmt.Errorf("row refers to a label that is not there: %w", ErrDamaged)
		}
		if r.Verdict > model.Translated || r.Observer > model.Elsewhere ||
			r.Fate > model.Undecided || int(r.Reason) >= model.NumReasons {
			return nil, fmt.Errorf("row has a verdict, observer, fate or reason of a newer version: %w", ErrDamaged)
		}
		if n != i {
			rows[n] = *r
		}
		n++
	}
	return rows[:n], nil
}

// load reads a file that a commit names.
func (s *scan) load(n named, into *bytes.Buffer) ([]byte, error) {
	if s.fetch != nil {
		return s.fetch(n)
	}
	err := read(s.files, n, into)
	return into.Bytes(), err
}
