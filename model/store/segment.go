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
	if len(w.rows) == 0 {
		return nil
	}
	t, rows := w.arrange(Add)
	all, from := rows, len(w.done)
	for len(rows) > 0 {
		cluster, day := w.sorter.clusterOf(&rows[0]), rows[0].Window/minutesADay
		n := 1
		for n < min(len(rows), segmentRows) && rows[n].Window/minutesADay == day && w.sorter.clusterOf(&rows[n]) == cluster {
			n++
		}
		g, err := w.writePair(t, w.sorter.names[cluster], version, rows[:n])
		if err != nil {
			return err
		}
		w.done = append(w.done, g)
		rows = rows[n:]
	}
	return w.writeHours(t, all, from)
}

// arrange brings the rows held in order, and has add add them up.
func (w *Writer) arrange(add func(a, b *model.Observation) bool) (*ranked, []model.Observation) {
	t := w.tables.sorted()
	for i := range w.rows {
		t.apply(&w.rows[i])
	}
	w.sorter.clusters(t.endpoints, w.home)
	w.sorter.sort(w.rows)
	return t, merge(w.rows, add)
}

// writePair writes the pair of files for rows of one cluster, in order, below a directory.
func (w *Writer) writePair(t *ranked, cluster, dir string, rows []model.Observation) (Segment, error) {
	first, last := rows[0].Window, rows[len(rows)-1].Window
	name := segmentName(dir, cluster, first, last, w.numbered(len(w.done)+len(w.hours)+1))
	g := Segment{Path: name + flowsSuffix, Labels: name + labelsSuffix,
		Cluster: cluster, Day: dayOf(first), Rows: int64(len(rows))}
	g.First, g.Last = span(rows)
	g.Peers = w.sorter.peers(rows)
	l := newLocal(t, rows)
	labels, err := w.put(g.Labels, func(out io.Writer) error { return writeLabels(w.enc, out, l.labels(t)) })
	if err != nil {
		return g, err
	}
	flows, err := w.put(g.Path, func(out io.Writer) error { return w.flows.write(w.enc, out, rows, l) })
	if err != nil {
		return g, err
	}
	g.Bytes = labels.size + flows.size
	g.SHA256, g.LabelsSHA256 = flows.digest, labels.digest
	return g, nil
}

func span(rows []model.Observation) (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	for i := range rows {
		first, last = min(first, rows[i].First), max(last, rows[i].Last)
	}
	return first, last
}

// timeOf returns the times of the earliest and the latest record of segments, 0 where there are none.
func timeOf(segments []Segment) (first, last int64) {
	for i := range segments {
		if g := &segments[i]; i == 0 || g.First < first {
			first = g.First
		}
		last = max(last, segments[i].Last)
	}
	return first, last
}
