package readiness

import (
	"math"
	"slices"
)

const (
	// blockHours is how long what an edge's first hour opens lasts: what comes later opens another block.
	blockHours = 12
	// together is how long after the arrival before one still counts as the same, in microseconds.
	together = 2 * hourMicros
	// surprise is how many blocks that should have been seen before make an edge a change: with e to the -3 all were
	// missed.
	surprise = 3
	// sleepDays is how long an edge must be silent to be asleep: longer than a weekend and a holiday.
	sleepDays = 4
	// mostRuns is up to how many blocks a rhythm is looked for: what comes oftener is known.
	mostRuns = 12
)

// counts are what the log shows of a set of edges up to a time.
type counts struct {
	edges, late, changes   int // edges seen; arrivals late and by changes
	lateEdges, changeEdges int
	lateSize, changeSize   float64 // mean size of the group that an edge arrived in, at least 1
	age                    float64 // days watched since the first record, lost hours aside
	full                   float64 // with them
	away                   float64 // days in which its pods were surely not there
	last                   int64   // when the newest edge came
}

// set is some edges that are judged together.
type set struct {
	first int64 // of the first record
	edges []int // into history.edges, in the order they came
	away  *absence
}

// timeline is an edge with its blocks.
type timeline struct {
	*Edge
	starts []uint32 // first hours of its blocks
	blocks int      // of those that began before the time looked at
}

func newTimeline(e *Edge) timeline {
	t := timeline{Edge: e, starts: make([]uint32, 0, min(len(e.Hours), 16+len(e.Hours)/blockHours))}
	for _, h := range e.Hours {
		if n := len(t.starts); n == 0 || h >= t.starts[n-1]+blockHours {
			t.starts = append(t.starts, h)
		}
	}
	return t
}

// upTo moves the timeline to a time.
func (t *timeline) upTo(at int64) {
	if n := t.blocks; n > 0 && hourStart(t.starts[n-1]) >= at {
		t.blocks = 0
	}
	for t.blocks < len(t.starts) && hourStart(t.starts[t.blocks]) < at {
		t.blocks++
	}
}

// count counts a set up to a time, to which its timelines were moved.
func (h *history) count(s *set, at int64) counts {
	c := counts{full: float64(at-s.first) / float64(dayMicros)}
	c.away = s.away.before(at)
	c.age = c.full - float64(h.lost.between(s.first, at))/24 - c.away
	var late, changes arrivals
	for _, i := range s.edges {
		e := &h.edges[i]
		if e.First >= at {
			break
		}
		c.edges++
		c.last = e.First
		switch {
		case isChange(e, s.first, at):
			changes.add(e.First)
		case e.First-s.first >= (at-s.first+1)/2:
			late.add(e.First)
		}
	}
	c.late, c.lateEdges, c.lateSize = late.groups, late.edges, late.size()
	c.changes, c.changeEdges, c.changeSize = changes.groups, changes.edges, changes.size()
	return c
}

// isChange reports whether an edge of a set with that first record appeared late and talks ever since: so often that
// it would hardly have been missed before. The edge was moved to the time.
func isChange(e *timeline, first, at int64) bool {
	before, after := float64(e.First-first)/float64(dayMicros), float64(at-e.First)/float64(dayMicros)
	return before >= 1 && e.blocks >= 2 && before*float64(e.blocks)/(after+0.5) > surprise && !e.stopped(at)
}

// stopped reports whether an edge was silent for longer, at a time, than it ever talked before, and for days: it is no
// change, but something that slept, and may sleep again.
func (t *timeline) stopped(at int64) bool {
	last := hourStart(t.starts[t.blocks-1])
	return at-last > sleepDays*dayMicros && at-last > last-t.First
}

// arrivals counts edges that come one after the other, those close together as one arrival.
type arrivals struct {
	edges, groups int
	last          int64
	group         int // edges of the last group
	squares       int // sum over the groups before it
}

func (a *arrivals) add(at int64) {
	if a.edges == 0 || at-a.last > together {
		a.groups++
		a.squares += a.group * a.group
		a.group = 0
	}
	a.edges++
	a.group++
	a.last = at
}

// size is the mean size of the group that an edge is in, drawn to 1 by two edges that came alone.
func (a *arrivals) size() float64 {
	return float64(a.squares+a.group*a.group+2) / float64(a.edges+2)
}

// rhythm is the longest time between runs that a set of edges suggests, in days, 0 for none.
func (h *history) rhythm(s *set) float64 {
	longest := 0.0
	for _, i := range s.edges {
		longest = math.Max(longest, h.edges[i].period())
	}
	return longest
}

// period is the time between runs that an edge suggests, in days, 0 for none: it was seen twice more than a day and a
// half apart, or oftener at even distances.
func (t *timeline) period() float64 {
	if t.blocks < 2 || t.blocks > mostRuns {
		return 0
	}
	shortest, longest := math.Inf(1), 0.0
	for k := 1; k < t.blocks; k++ {
		gap := float64(t.starts[k]-t.starts[k-1]) / 24
		shortest, longest = math.Min(shortest, gap), math.Max(longest, gap)
	}
	if shortest <= 1.5 || longest >= 1.15*shortest {
		return 0
	}
	return (shortest + longest) / 2
}

const (
	// awayTimes is how many times longer than usual a workload that talks often must be silent to have been away: scaled
	// to nothing, or not there between two releases.
	awayTimes = 10
	// awayBlocks is how many blocks it must have talked in before, to know what is usual.
	awayBlocks = 4
)

// absence are the hours in which a workload was back, and for how many watched hours before it was away. Of one that is
// not back yet nothing is said.
type absence struct{ back, hours []uint32 }

// newAbsence finds them in the blocks of the edges of a workload, nil for none.
func newAbsence(edges []timeline, lost lostHours, lists ...[]int) *absence {
	var starts []uint32
	for _, list := range lists {
		for _, i := range list {
			starts = append(starts, edges[i].starts...)
		}
	}
	slices.Sort(starts)
	var a *absence
	var usual []uint32 // silences so far, sorted
	for i := 1; i < len(starts); i++ {
		silent := starts[i] - starts[i-1]
		if silent < blockHours {
			continue
		}
		if n := len(usual); n >= awayBlocks && silent > sleepDays*24 && silent > awayTimes*usual[n/2] {
			from := hourStart(starts[i-1] + blockHours)
			away := silent - blockHours - uint32(lost.between(from, hourStart(starts[i])))
			if away > sleepDays*24 {
				if a == nil {
					a = &absence{}
				}
				a.back, a.hours = append(a.back, starts[i]), append(a.hours, away)
			}
			continue
		}
		at, _ := slices.BinarySearch(usual, silent)
		usual = slices.Insert(usual, at, silent)
	}
	return a
}

// before is for how many days it was away, and back before a time.
func (a *absence) before(at int64) float64 {
	hours := uint32(0)
	if a != nil {
		for i, back := range a.back {
			if hourStart(back) < at {
				hours += a.hours[i]
			}
		}
	}
	return float64(hours) / 24
}
