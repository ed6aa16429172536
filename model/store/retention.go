package store

import (
	"cmp"
	"slices"
	"time"

	"sluice/model"
)

// A record may have any date, and a clock may jump. So what is old is measured from a time that the rows agree on: one
// that more than one row in a thousand, and more than one row, reach. It is never after the clock. A clock that jumps
// ahead drops nothing that is not old beside what is stored, and a store that gets no new rows keeps what it has.

// maxAhead is how far after the time that the rows agree on others may lie: a segment covers a day.
const maxAhead = 24 * time.Hour

// retention is what decides which segments go.
type retention struct {
	all    []Segment    // those with the newest records first
	agreed model.Micros // the newest time that the rows agree on, 0 if there is none
	now    model.Micros
}

// Expired returns the names of those of all segments that are too old, or too many, and how many rows are of times
// after the clock and a day after all others.
func Expired(all []Segment, o CompactOptions) (drop map[string]bool, ahead int64) {
	r := newRetention(all, o.now())
	return r.drop(&o), r.aheadRows()
}

func newRetention(all []Segment, now time.Time) *retention {
	r := &retention{all: slices.Clone(all), now: now.UnixMicro()}
	rows := int64(0)
	for i := range all {
		rows += all[i].Rows
	}
	slices.SortFunc(r.all, func(a, b Segment) int {
		return cmp.Or(cmp.Compare(b.Last, a.Last), cmp.Compare(b.Path, a.Path))
	})
	above := int64(0)
	for _, g := range r.all {
		if above += g.Rows; above > max(rows/1000, 1) {
			r.agreed = g.Last
			break
		}
	}
	return r
}

// ahead reports whether all records of a segment lie after the clock and after what the rows agree on.
func (r *retention) ahead(g *Segment) bool {
	return g.First > max(r.now, r.agreed+maxAhead.Microseconds())
}

// aheadRows counts the rows of such segments.
func (r *retention) aheadRows() (rows int64) {
	for i := range r.all {
		if r.ahead(&r.all[i]) {
			rows += r.all[i].Rows
		}
	}
	return rows
}

// drop returns the names of the segments that are too old, or too many. Where room is short those of lying times go
// first: they would never be the oldest.
func (r *retention) drop(o *CompactOptions) map[string]bool {
	out := map[string]bool{}
	size, kept, full := int64(0), 0, false
	for _, lying := range []bool{false, true} {
		for i := range r.all {
			g := &r.all[i]
			if r.ahead(g) != lying {
				continue
			}
			old := o.Keep > 0 && g.Last < min(r.agreed, r.now)-o.Keep.Microseconds()
			full = full || o.KeepBytes > 0 && size+g.Bytes > o.KeepBytes && kept > 0
			if old || full {
				out[g.Path] = true
				continue
			}
			size, kept = size+g.Bytes, kept+1
		}
	}
	return out
}
