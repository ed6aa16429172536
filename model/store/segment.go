package store

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"sluice/model"
)

// segmentRows is how many rows a segment has at most: readers hold the file of one in memory.
const segmentRows = 1 << 20

// segment is a pair of files under temporary names.
type segment struct {
	meta          Segment
	flows, labels *pending
}

// writeSegments writes the buffer as segments, one or more for each cluster and day.
func (w *Writer) writeSegments() error {
	s := &w.sorter
	if len(s.rows) == 0 {
		return nil
	}
	t := w.tables.sorted()
	for i := range s.rows {
		t.apply(&s.rows[i])
	}
	s.clusters(t.endpoints)
	order := merge(s.rows, s.sort())
	partition := func(e entry) (uint32, uint32) {
		r := &s.rows[e.row]
		return s.clusterOf(r), r.Window / minutesADay
	}
	for len(order) > 0 {
		cluster, day := partition(order[0])
		n := 1
		for ; n < min(len(order), segmentRows); n++ {
			if c, d := partition(order[n]); c != cluster || d != day {
				break
			}
		}
		if err := w.writeSegment(t, s.names[cluster], order[:n]); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// writeSegment writes the pair of files for rows of one cluster and day.
func (w *Writer) writeSegment(t *ranked, cluster string, order []entry) error {
	rows := w.sorter.rows
	first, last := rows[order[0].row].Window, rows[order[len(order)-1].row].Window
	name := segmentName(cluster, first, last, w.number, len(w.done)+1)
	if err := makeDir(w.store.dir, filepath.Dir(name)); err != nil {
		return err
	}
	g := &segment{meta: Segment{Path: name + flowsSuffix, Labels: name + labelsSuffix,
		Cluster: cluster, Day: dayOf(first), Rows: int64(len(order))}}
	w.done = append(w.done, g)
	g.meta.First, g.meta.Last = span(rows, order)
	l := newLocal(t, rows, order)
	var err error
	if g.labels, err = create(w.path(g.meta.Labels)); err != nil {
		return err
	}
	if err := writeLabels(w.enc, g.labels, l.labels(t)); err != nil {
		return err
	}
	if g.flows, err = create(w.path(g.meta.Path)); err != nil {
		return err
	}
	err = w.flows.write(w.enc, g.flows, len(order), func(i int, r *model.Observation) {
		*r = rows[order[i].row]
		l.apply(r)
	})
	if err != nil {
		return err
	}
	return g.seal()
}

func (w *Writer) path(rel string) string {
	return filepath.Join(w.store.dir, filepath.FromSlash(rel)) + tmpSuffix
}

func span(rows []model.Observation, order []entry) (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	for _, e := range order {
		first, last = min(first, rows[e.row].First), max(last, rows[e.row].Last)
	}
	return first, last
}

func (g *segment) seal() error {
	if err := errors.Join(g.labels.seal(), g.flows.seal()); err != nil {
		return err
	}
	g.meta.Bytes = g.labels.size + g.flows.size
	g.meta.SHA256, g.meta.LabelsSHA256 = g.flows.digest(), g.labels.digest()
	return nil
}

func (g *segment) publish() error {
	return errors.Join(g.labels.publish(), g.flows.publish())
}

// discard removes the files, under whichever name they have.
func (g *segment) discard() error {
	var errs []error
	for _, p := range []*pending{g.labels, g.flows} {
		if p != nil {
			errs = append(errs, remove(p))
		}
	}
	return errors.Join(errs...)
}

// remove discards a file that may have its final name already.
func remove(p *pending) error {
	err := p.discard()
	if final := os.Remove(strings.TrimSuffix(p.f.Name(), tmpSuffix)); !errors.Is(final, fs.ErrNotExist) {
		err = errors.Join(err, final)
	}
	return err
}
