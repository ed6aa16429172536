package store

import (
	"cmp"
	"math"
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

// end is the time before which nothing is left, once segments were dropped: what was lost in hours before it goes with
// their rows. 0: it is not known.
func (r *retention) end(o *CompactOptions, drop map[string]bool) (end model.Micros) {
	first := model.Micros(math.MaxInt64)
	for i := range r.all {
		if g := &r.all[i]; !drop[g.Path] {
			first = min(first, g.First)
		}
	}
	if o.Keep > 0 {
		end = min(r.agreed, r.now) - o.Keep.Microseconds()
	}
	if o.KeepBytes > 0 && len(drop) > 0 {
		end = first
	}
	return max(0, min(end, first))
}

// KeepWithin forgets what was lost, and which nodes wrote records, in hours that do not reach into a time: from the one
// on, before the other; 0 is no bound. So it does the nodes of a stream whose newest record lies before it: they come
// and go, and no row is left of them. What has no time stays, as does what nodes say they lost where only a part of it
// is forgotten.
func (s *Source) KeepWithin(from, to model.Micros) {
	if !s.beyond(from, to) {
		return
	}
	s.Nodes = s.Nodes.Within(from, to)
	kept := s.lostHours().Within(from, to)
	gone := min(s.Lost, int64(s.lostHours().Events()-kept.Events()))
	if s.LostHours != nil || len(kept) == 0 {
		s.LostHours, s.Lost = kept, s.Lost-gone
	}
	if s.Stream == nil {
		return
	}
	s.Stream = s.Stream.clone()
	s.Stream.Gaps = slices.DeleteFunc(s.Stream.Gaps, func(g Gap) bool { return g.beyond(from, to) })
	for _, node := range s.Stream.gone(from) {
		delete(s.Stream.Last, node)
		delete(s.Stream.Breaks, node)
		s.Stream.Lost = slices.DeleteFunc(s.Stream.Lost, func(l Lost) bool { return l.Node == node })
	}
	switch l := s.Stream.Lost; {
	case s.Lost == 0:
		s.Stream.Lost = nil
	case len(l) == 1 && gone > 0:
		l[0].Events = max(0, l[0].Events-gone)
	}
}

// beyond reports whether a source has something to forget that lies before the one time, or from the other on.
func (s *Source) beyond(from, to model.Micros) bool {
	hours := s.lostHours()
	kept := hours.Within(from, to)
	if len(kept) < len(hours) && (s.LostHours != nil || len(kept) == 0) {
		return true
	}
	if s.Nodes.Within(from, to).Hours() < s.Nodes.Hours() {
		return true
	}
	return s.Stream != nil && (len(s.Stream.gone(from)) > 0 ||
		slices.ContainsFunc(s.Stream.Gaps, func(g Gap) bool { return g.beyond(from, to) }))
}

// gone are the nodes of which no record, and no gap, is as young as a time. The one with the newest record of all is
// none of them: it says where the stream stands.
func (s *Stream) gone(from model.Micros) (nodes []string) {
	newest, gaps := int64(0), map[string]bool{}
	for _, last := range s.Last {
		newest = max(newest, last)
	}
	for i := range s.Gaps {
		if g := &s.Gaps[i]; !g.beyond(from, 0) {
			gaps[g.Node] = true
		}
	}
	for node, last := range s.Last {
		if 0 < last && last < min(from, newest) && !gaps[node] {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// lostHours are the hours in which a source lost something: of one of a former version any from its first record to its
// last, which go together.
func (s *Source) lostHours() model.Losses {
	hours := s.LostHours
	if hours == nil && s.Lost > 0 {
		hours.Add(s.First, s.Last, uint64(s.Lost))
	}
	return hours
}

func (g *Gap) beyond(from, to model.Micros) bool {
	return max(g.From, g.To) < from || to != 0 && g.From >= to
}
