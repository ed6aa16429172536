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
	t, order := w.arrange(merge)
	all, from := order, len(w.done)
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
		g, err := w.writePair(t, s.names[cluster], version, order[:n])
		if err != nil {
			return err
		}
		w.done = append(w.done, g)
		order = order[n:]
	}
	return w.writeHours(t, all, from)
}

// arrange brings the rows held in order, and adds them up.
func (w *Writer) arrange(add func([]model.Observation, []entry) []entry) (*ranked, []entry) {
	s := &w.sorter
	t := w.tables.sorted()
	for i := range s.rows {
		t.apply(&s.rows[i])
	}
	s.clusters(t.endpoints, w.home)
	return t, add(s.rows, s.sort())
}

// writePair writes the pair of files for rows of one cluster below a directory.
func (w *Writer) writePair(t *ranked, cluster, dir string, order []entry) (Segment, error) {
	rows := w.sorter.rows
	first, last := rows[order[0].row].Window, rows[order[len(order)-1].row].Window
	name := segmentName(dir, cluster, first, last, w.numbered(len(w.done)+len(w.hours)+1))
	g := Segment{Path: name + flowsSuffix, Labels: name + labelsSuffix,
		Cluster: cluster, Day: dayOf(first), Rows: int64(len(order))}
	g.First, g.Last = span(rows, order)
	g.Peers = w.sorter.peers(order)
	l := newLocal(t, rows, order)
	labels, err := w.put(g.Labels, func(out io.Writer) error { return writeLabels(w.enc, out, l.labels(t)) })
	if err != nil {
		return g, err
	}
	flows, err := w.put(g.Path, func(out io.Writer) error {
		return w.flows.write(w.enc, out, len(order), func(i int, r *model.Observation) {
			*r = rows[order[i].row]
			l.apply(r)
		})
	})
	if err != nil {
		return g, err
	}
	g.Bytes = labels.size + flows.size
	g.SHA256, g.LabelsSHA256 = flows.digest, labels.digest
	return g, nil
}

func span(rows []model.Observation, order []entry) (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	for _, e := range order {
		first, last = min(first, rows[e.row].First), max(last, rows[e.row].Last)
	}
	return first, last
}
