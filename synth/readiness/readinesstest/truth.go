package readinesstest

import (
	"fmt"
	"slices"
	"time"

	"sluice/model"
	"sluice/synth/readiness"
)

const minute = int64(60e6)

// epoch is where the days of a world begin, so that they are days of the calendar.
func (w *World) epoch() int64 { return w.start.Truncate(24 * time.Hour).UnixMicro() }

// End is the end of a day, the first being 1, in microseconds since 1970.
func (w *World) End(day int) int64 { return w.epoch() + int64(day)*24*60*minute }

// Day is the day that ends at a time.
func (w *World) Day(at int64) int { return int((at - w.epoch()) / (24 * 60 * minute)) }

// ID names a workload.
func (w *World) ID(i int) string {
	return fmt.Sprintf("n%d/w%04d", w.Workloads[i].Namespace, i)
}

// Input is what the log and the manifests show, of all days.
func (w *World) Input() readiness.Input {
	var in readiness.Input
	for i := range w.Workloads {
		x := &w.Workloads[i]
		o := readiness.Workload{ID: w.ID(i), Namespace: w.ID(i)[:2], Name: w.ID(i)[3:]}
		if x.first >= 0 {
			o.First = w.epoch() + int64(x.first)*minute
		}
		if x.CronJob {
			o.Declared = &readiness.Declared{
				Kind:   "CronJob",
				Since:  w.epoch() + int64(x.Born)*60*minute,
				Period: time.Duration(x.period) * 24 * time.Hour,
			}
		}
		in.Workloads = append(in.Workloads, o)
	}
	base := uint32(w.epoch() / (60 * minute))
	for i := range w.Edges {
		e := &w.Edges[i]
		if e.first < 0 {
			continue
		}
		o := readiness.Edge{
			Name:  fmt.Sprintf("%05d", i),
			Src:   e.Src,
			Dst:   e.Dst,
			First: w.epoch() + int64(e.first)*minute,
			Hours: make([]uint32, len(e.seen)),
		}
		for k, h := range e.seen {
			o.Hours[k] = base + uint32(h)
		}
		in.Edges = append(in.Edges, o)
	}
	for h := range hours {
		if !w.lost[h] {
			lost := uint64(1000 * w.Family.loss)
			in.Hours = append(in.Hours, readiness.Hour{Hour: base + uint32(h), Records: 1000 - lost, Lost: lost})
		}
	}
	return in
}

// Side returns the edges of a workload, by its ID, in a direction.
func (w *World) Side(id string, d model.Direction) []int {
	var i int
	if _, err := fmt.Sscanf(id[4:], "%d", &i); err != nil {
		panic(err)
	}
	if d == model.Ingress {
		return w.into[i]
	}
	return w.out[i]
}

// Namespace returns the edges of a namespace, each once.
func (w *World) Namespace(name string) []int {
	var out []int
	for i := range w.Workloads {
		if w.ID(i)[:2] == name {
			out = append(append(out, w.out[i]...), w.into[i]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Born is the day on which a workload was first seen, counted from 0 and fractional; -1 for never.
func (w *World) Born(id string) float64 {
	var i int
	if _, err := fmt.Sscanf(id[4:], "%d", &i); err != nil {
		panic(err)
	}
	if f := w.Workloads[i].first; f >= 0 {
		return float64(f) / (24 * 60)
	}
	return -1
}

// Coming counts the edges among some that were never seen by the end of a day and really talk within the days after it:
// all, and those that exist already.
func (w *World) Coming(edges []int, day, days int) (all, old int) {
	return w.ComingAfter(edges, day*24*60, days)
}

// ComingAfter is Coming after a minute of the world.
func (w *World) ComingAfter(edges []int, minute, days int) (all, old int) {
	hour := minute / 60
	for _, i := range edges {
		e := &w.Edges[i]
		if e.first >= 0 && int(e.first) < minute || !e.talksIn(hour, hour+days*24) {
			continue
		}
		all++
		if e.Born <= hour {
			old++
		}
	}
	return all, old
}

// Seen returns the minutes at which edges were first seen, sorted.
func (w *World) Seen(edges []int) (minutes []int) {
	for _, i := range edges {
		if f := w.Edges[i].first; f >= 0 {
			minutes = append(minutes, int(f))
		}
	}
	slices.Sort(minutes)
	return minutes
}

// talksIn reports whether an edge really talks from one hour up to another.
func (e *Edge) talksIn(from, to int) bool {
	i, _ := slices.BinarySearch(e.talks, uint16(from))
	return i < len(e.talks) && int(e.talks[i]) < to
}

// Talking is the share of all talking, counted by days on which edges that exist by the end of a day talk, that edges
// do which were seen by then.
func (w *World) Talking(edges []int, day int) float64 {
	var known, all float64
	for _, i := range edges {
		e := &w.Edges[i]
		if e.Born > day*24 || len(e.talks) == 0 {
			continue
		}
		days, last := 0.0, -1
		for _, h := range e.talks {
			if int(h)/24 != last {
				days++
				last = int(h) / 24
			}
		}
		rate := days / (float64(hours-e.Born) / 24)
		all += rate
		if len(e.seen) > 0 && int(e.seen[0]) < day*24 {
			known += rate
		}
	}
	if all == 0 {
		return 1
	}
	return known / all
}

// CronJobUnseen reports whether a namespace has a CronJob by the end of a day of which no record was seen.
func (w *World) CronJobUnseen(namespace string, day int) bool {
	for i := range w.Workloads {
		x := &w.Workloads[i]
		if x.CronJob && w.ID(i)[:2] == namespace && x.Born < day*24 && (x.first < 0 || int(x.first) >= day*24*60) {
			return true
		}
	}
	return false
}
