package store

import (
	"io"
	"math"

	"sluice/model"
)

// segmentRows is how many rows a segment has at most: readers hold the file of one in memory.
const segmentRows = 1 << 20

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
	s.clusters(t.endpoints, w.home)
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
	name := segmentName(cluster, first, last, w.numbered(len(w.done)+1))
	g := Segment{Path: name + flowsSuffix, Labels: name + labelsSuffix,
		Cluster: cluster, Day: dayOf(first), Rows: int64(len(order))}
	g.First, g.Last = span(rows, order)
	g.Peers = w.sorter.peers(order)
	l := newLocal(t, rows, order)
	labels, err := w.put(g.Labels, func(out io.Writer) error { return writeLabels(w.enc, out, l.labels(t)) })
	if err != nil {
		return err
	}
	flows, err := w.put(g.Path, func(out io.Writer) error {
		return w.flows.write(w.enc, out, len(order), func(i int, r *model.Observation) {
			*r = rows[order[i].row]
			l.apply(r)
		})
	})
	if err != nil {
		return err
	}
	g.Bytes = labels.size + flows.size
	g.SHA256, g.LabelsSHA256 = flows.digest, labels.digest
	w.done = append(w.done, g)
	return nil
}

func span(rows []model.Observation, order []entry) (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	for _, e := range order {
		first, last = min(first, rows[e.row].First), max(last, rows[e.row].Last)
	}
	return first, last
}
