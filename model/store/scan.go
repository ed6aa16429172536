package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"

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
// to t; rows of one key may come more than once and add up. While fn has a batch, the next is read; the batch is reused
// after fn returns, t is not. An error of fn ends the scan. A file that is missing, or is not the one that was
// committed, is an error that names it.
func (s *Store) Scan(ctx context.Context, o ScanOptions,
	fn func(t model.Tables, rows []model.Observation) error) error {
	segments := o.reads(s.snapshot())
	sc := scan{files: s.files, opts: o, fetch: readAhead(s.files, segments)}
	batches, wait := sc.readAll(ctx, segments)
	for b := range batches {
		if err := fn(b.t, b.rows); err != nil {
			wait()
			return err
		}
	}
	g, err := wait()
	if err != nil && s.replaced(g) {
		return fmt.Errorf("read %s: it was compacted for longer than its readers may take; read it again", s.files)
	}
	return err
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
	fetch func(name, digest string) ([]byte, error) // nil: a file is read when it is needed
	data  [2]bytes.Buffer                           // of the labels and the flows of a segment
	read  flowReader
}

// batch is rows that refer to t.
type batch struct {
	t    model.Tables
	rows []model.Observation
}

// readAll reads segments one after the other, each batch while the one before it is handed out. wait is to be called in
// the end: it stops reading and returns what failed, with the segment that it was at.
func (s *scan) readAll(ctx context.Context, segments []Segment) (batches <-chan batch, wait func() (*Segment, error)) {
	var (
		at     *Segment
		failed error
		spare  []model.Observation
	)
	out, done := make(chan batch), make(chan struct{})
	reading, stop := context.WithCancel(ctx)
	s.fn = func(t model.Tables, rows []model.Observation) error {
		select {
		case out <- batch{t, rows}: // what was handed out before is given back now
			s.read.rows, spare = spare, s.read.rows
			return nil
		case <-reading.Done():
			return reading.Err()
		}
	}
	go func() {
		defer close(done)
		defer close(out)
		for i := range segments {
			at = &segments[i]
			if failed = s.segment(reading, at); failed != nil {
				return
			}
		}
	}()
	return out, func() (*Segment, error) {
		stop()
		<-done
		return at, failed
	}
}

// segment hands out the rows of a segment.
func (s *scan) segment(ctx context.Context, g *Segment) error {
	data, err := s.load(g.Labels, g.LabelsSHA256, &s.data[0])
	if err != nil {
		return err
	}
	t, err := readLabels(data)
	if err != nil {
		return fmt.Errorf("read %s: %w", g.Labels, err)
	}
	if data, err = s.load(g.Path, g.SHA256, &s.data[1]); err != nil {
		return err
	}
	if s.read.file, err = openParquet(data, flowsKind, flowsSchema()); err != nil {
		return fmt.Errorf("read %s: %w", g.Path, err)
	}
	for i := range s.read.file.NumRowGroups() {
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
func (s *scan) load(name, digest string, into *bytes.Buffer) ([]byte, error) {
	if s.fetch != nil {
		return s.fetch(name, digest)
	}
	err := read(s.files, name, digest, into)
	return into.Bytes(), err
}
