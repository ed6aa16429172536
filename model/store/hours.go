package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"sluice/model"
)

// Who reads a store builds edges, and these know hours, not minutes. So a commit of some size also holds the sums of
// its rows by the hour, of many days in one pair of files. Who asks for whole hours reads those in the place of the
// segments, which stay for other engines and for who asks for a part of an hour.

// hoursFrom is from how many rows on a writer adds them up by the hour: what is smaller is soon merged with others.
const hoursFrom = 1 << 12

const (
	hoursDir    = version + "/hours"
	hourMinutes = 60
)

// Hours is a pair of files with the rows of segments of one cluster and commit, added up by the hour. Its Day is empty:
// it may be of many.
type Hours struct {
	Segment
	// Of are the paths of the segments, sorted: all that they hold is in the sums, and nothing else.
	Of []string `json:"of"`
}

// writeHours writes rows, of segments from the given one on, once more as sums of hours, as far as that makes less to
// read of them: fewer files, or half of the rows. It leaves the rows as sums.
func (w *Writer) writeHours(t *ranked, rows []model.Observation, from int) error {
	s := &w.sorter
	if len(rows) < cmp.Or(w.opts.HoursFrom, hoursFrom) {
		return nil
	}
	minutes := make([]int, len(s.names)) // rows, by cluster
	for i := range rows {
		minutes[s.clusterOf(&rows[i])]++
	}
	if !s.byHour(rows) {
		return nil
	}
	rows = merge(rows, addHours)
	for len(rows) > 0 {
		cluster := s.clusterOf(&rows[0])
		n := 1
		for n < len(rows) && s.clusterOf(&rows[n]) == cluster {
			n++
		}
		h := Hours{}
		for _, g := range w.done[from:] {
			if g.Cluster == s.names[cluster] {
				h.Of = append(h.Of, g.Path)
			}
		}
		if n <= segmentRows && (len(h.Of) > 1 || 2*n <= minutes[cluster]) {
			var err error
			if h.Segment, err = w.writePair(t, s.names[cluster], hoursDir, rows[:n]); err != nil {
				return err
			}
			h.Day = ""
			slices.Sort(h.Of)
			w.hours = append(w.hours, h)
		}
		rows = rows[n:]
	}
	return nil
}

// byHour puts rows into the first minute of their hour, in order again; false: they were there. That rows of one key
// come in the order of time spares most of the sorting.
func (s *sorter) byHour(rows []model.Observation) (moved bool) {
	for i := range rows {
		r := &rows[i]
		moved = moved || r.Window%hourMinutes != 0
		r.Window -= r.Window % hourMinutes
	}
	if moved {
		s.sort(rows)
	}
	return moved
}

// addHours is Add, but not of rows that say what came back and others that do not: the sum would say of all that they
// do.
func addHours(a, b *model.Observation) bool {
	return (a.Marks^b.Marks)&model.MarkNoted == 0 && Add(a, b)
}

// covers reports whether all of what lies between the first and the last record is asked for.
func (o *ScanOptions) covers(first, last int64) bool {
	return (o.Since == 0 || first >= o.Since) && (o.Until == 0 || last < o.Until)
}

// reads returns what a scan reads of commits: sums of hours where all that they are of is asked for, else segments.
func (o *ScanOptions) reads(commits []commit) (out []Segment) {
	n := newNear(segmentsOf(commits), o.Cluster)
	for i := range commits {
		c := &commits[i]
		done := map[string]bool{}
		for j := range c.Hours {
			h := &c.Hours[j]
			if n.segment(&h.Segment) && o.covers(h.First, h.Last) {
				out = append(out, h.Segment)
				for _, of := range h.Of {
					done[of] = true
				}
			}
		}
		for j := range c.Segments {
			g := &c.Segments[j]
			if n.segment(g) && o.Overlaps(g.First, g.Last) && !done[g.Path] {
				out = append(out, *g)
			}
		}
	}
	return out
}

// checkHours returns an error if sums of hours are not of segments of the commit, each in one of them.
func (c *commit) checkHours() error {
	left := map[string]string{}
	for i := range c.Segments {
		left[c.Segments[i].Path] = c.Segments[i].Cluster
	}
	for i := range c.Hours {
		h := &c.Hours[i]
		for _, of := range h.Of {
			if cluster, ok := left[of]; !ok || cluster != h.Cluster {
				return fmt.Errorf("%s is the sum of %s: %w", h.Path, of, ErrDamaged)
			}
			delete(left, of)
		}
	}
	return nil
}

// remaining is what stays of a sum of hours once some of its segments are dropped.
type remaining struct {
	Hours                 // of the segments that stay
	days  map[string]bool // of which rows stay; nil: of all
}

// remaining returns what stays of the sums of hours without the segments to drop. Nothing does of a sum that holds more
// of a day than what stays of it: there the minutes of the others are read.
func (c *commit) remaining(drop map[string]bool) (out []remaining) {
	day := map[string]string{}
	for i := range c.Segments {
		day[c.Segments[i].Path] = c.Segments[i].Day
	}
	for _, h := range c.Hours {
		r, gone := remaining{Hours: h, days: map[string]bool{}}, map[string]bool{}
		r.Of = nil
		for _, of := range h.Of {
			if drop[of] {
				gone[day[of]] = true
				continue
			}
			r.Of, r.days[day[of]] = append(r.Of, of), true
		}
		if len(gone) == 0 {
			r.days = nil
		}
		split := false
		for d := range gone {
			split = split || r.days[d]
		}
		if len(r.Of) > 0 && !split {
			out = append(out, r)
		}
	}
	return out
}

// keepSum takes over what stays of a sum of hours. Nothing is held before and after.
func (w *Writer) keepSum(ctx context.Context, r *remaining) error {
	if r.days == nil {
		w.keptSums = append(w.keptSums, r.Hours)
		return nil
	}
	w.setHome(r.Cluster)
	sc := scan{files: w.store.files, fn: func(t model.Tables, rows []model.Observation) error {
		w.hold(t, slices.DeleteFunc(rows, func(o model.Observation) bool { return !r.days[dayOf(o.Window)] }))
		return nil
	}}
	if err := sc.segment(ctx, &r.Segment); err != nil {
		return err
	}
	t, rows := w.arrange(addHours)
	h := Hours{Of: r.Of}
	var err error
	if h.Segment, err = w.writePair(t, r.Cluster, hoursDir, rows); err != nil {
		return err
	}
	h.Day = ""
	w.hours = append(w.hours, h)
	w.letGo()
	return nil
}

// share gives the segments of a commit, which are changed, their parts of what the sums of hours take, by their rows.
func share(segments []Segment, hours []Hours) {
	at := map[string]*Segment{}
	for i := range segments {
		at[segments[i].Path] = &segments[i]
	}
	for i := range hours {
		h := &hours[i]
		left, rows := h.Bytes, int64(0)
		for _, of := range h.Of {
			rows += at[of].Rows
		}
		for _, of := range h.Of {
			g := at[of]
			part := int64(math.Round(float64(left) * float64(g.Rows) / float64(rows)))
			g.Bytes, left, rows = g.Bytes+part, left-part, rows-g.Rows
		}
	}
}
