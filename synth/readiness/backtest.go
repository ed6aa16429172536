package readiness

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Cause says why an edge was not known at a time.
type Cause uint8

// The causes, and in what order they are thought of.
const (
	NewWorkload Cause = iota // an end of it was never seen before
	// it was known, but pods of an end carry labels that the selector of that time does not match
	LabelDrift
	RareSchedule // it runs by a schedule that had not come round
	Change       // it did not exist: it came later and talks ever since
	AddressDrift // another outside address of what was known
	NewEdge      // it talks seldom
	NumCauses
)

// String is the name.
func (c Cause) String() string {
	return [...]string{"new workload", "label drift", "rare schedule", "change", "address drift", "new edge"}[c]
}

// Trial says what a backtest tries.
type Trial struct {
	AsOf   int64
	Step   int64                // microseconds between two cuts; 0: a day
	Chosen func(ns string) bool // namespaces whose pods would have been isolated; nil: all
	// Drifted gives the names of edges that were known at a time and that pods would lose later for their labels; nil:
	// none.
	Drifted func(at int64) map[string]bool
}

// Backtest is what would have been lost, had the rest been denied at an earlier time.
type Backtest struct {
	First, AsOf int64
	Cuts        []Cut
	Lost        []Lost // every edge that any cut loses, in the order they came
	Record      Record
}

// Cut is a time at which the rest is denied: what came afterwards is lost.
type Cut struct {
	At          int64
	Known       int // edges known by then
	Edges       [NumCauses]int
	Connections int // pairs of endpoints behind the lost edges
	Records     uint64
	// Stable is how many workloads and directions were called so at the time; Surprised how many of them saw a new edge
	// within a week, -1 where that week is not over. Both are of the ends of days.
	Stable, Surprised int
}

// Total is the number of edges that a cut loses.
func (c *Cut) Total() (n int) {
	for _, k := range c.Edges {
		n += k
	}
	return n
}

// Lost is an edge that a cut loses.
type Lost struct {
	Name  string
	First int64
	Cause Cause // at the last cut before it came
}

// Try cuts the log at every step: one pass over the times at which edges were first seen.
func Try(in Input, cfg Config, t Trial) *Backtest {
	if t.Step == 0 {
		t.Step = dayMicros
	}
	h := newHistory(in, t.AsOf, cfg)
	b := &Backtest{AsOf: t.AsOf}
	if len(h.hours) == 0 {
		return b
	}
	b.First = hourStart(h.first)
	c := h.causes(t)
	last := map[int]Cause{} // of lost edges
	for at := b.First + t.Step - b.First%t.Step; at <= t.AsOf; at += t.Step {
		b.Cuts = append(b.Cuts, c.cut(at, t, last))
	}
	for i, cause := range last {
		b.Lost = append(b.Lost, Lost{h.edges[i].Name, h.edges[i].First, cause})
	}
	slices.SortFunc(
		b.Lost,
		func(x, y Lost) int { return cmp.Or(cmp.Compare(x.First, y.First), cmp.Compare(x.Name, y.Name)) },
	)
	r := Judge(in, t.AsOf, cfg)
	b.Record = r.Record
	b.replay(r, h, t)
	return b
}

// causes knows of every edge what it would be lost for.
type causes struct {
	h      *history
	chosen []int            // edges with an end in a chosen namespace, in the order they came
	fixed  map[int]Cause    // those that do not depend on the time
	known  map[string]int64 // when the first address of a service came
	owners map[owner]int64  // when the first workload came of which one has the pods
}

// owner is what runs pods.
type owner struct{ namespace, name string }

func (h *history) causes(t Trial) *causes {
	c := &causes{h: h, fixed: map[int]Cause{}, known: map[string]int64{}, owners: map[owner]int64{}}
	for i := range h.in.Workloads {
		w := &h.in.Workloads[i]
		o := owner{w.Namespace, w.Owner}
		if first, ok := c.owners[o]; w.Owner != "" && w.First != 0 && (!ok || w.First < first) {
			c.owners[o] = w.First
		}
	}
	for i := range h.edges {
		e := &h.edges[i]
		if e.First >= t.AsOf {
			break
		}
		e.upTo(t.AsOf)
		if first, ok := c.known[e.Service]; !ok || e.First < first {
			c.known[e.Service] = e.First
		}
		if t.Chosen == nil || slices.ContainsFunc(h.ends(e), func(w *Workload) bool { return t.Chosen(w.Namespace) }) {
			c.chosen = append(c.chosen, i)
		}
	}
	for i := range h.sides {
		s := &h.sides[i]
		for _, k := range s.set.edges {
			if e := &h.edges[k]; e.First < t.AsOf && isChange(e, s.set.first, t.AsOf) {
				c.fixed[k] = Change
			}
		}
	}
	for _, i := range c.chosen {
		e := &h.edges[i]
		if slices.ContainsFunc(h.ends(e), scheduled) || regular(e) {
			c.fixed[i] = RareSchedule
		}
	}
	return c
}

// ends are the workloads of an edge.
func (h *history) ends(e *timeline) (out []*Workload) {
	for _, w := range []int{e.Src, e.Dst} {
		if w >= 0 {
			out = append(out, &h.in.Workloads[w])
		}
	}
	return out
}

// scheduled reports whether a workload runs by a schedule.
func scheduled(w *Workload) bool {
	return w.Kind == "CronJob" || w.Kind == "Job" || w.Declared != nil && w.Declared.cron()
}

// regular reports whether an edge came at least three times, at even distances of more than a day and a half.
func regular(e *timeline) bool { return e.blocks >= 3 && e.period() > 0 }

// cut tries one time, and notes what each lost edge is lost for.
func (c *causes) cut(at int64, t Trial, last map[int]Cause) Cut {
	cut := Cut{At: at, Surprised: -1}
	var drifted map[string]bool
	if t.Drifted != nil {
		drifted = t.Drifted(at)
	}
	for _, i := range c.chosen {
		e := &c.h.edges[i]
		cause := c.of(i, at)
		if e.First < at {
			cut.Known++
			if !drifted[e.Name] {
				continue
			}
			cause = LabelDrift
		}
		last[i] = cause
		cut.Edges[cause]++
		cut.Connections += e.Connections
		cut.Records += e.Records
	}
	return cut
}

func (c *causes) of(i int, at int64) Cause {
	e := &c.h.edges[i]
	for _, w := range []int{e.Src, e.Dst} {
		switch {
		case w < 0 || c.h.in.Workloads[w].First < at:
		case c.relabelled(&c.h.in.Workloads[w], at):
			return LabelDrift
		default:
			return NewWorkload
		}
	}
	if cause, ok := c.fixed[i]; ok {
		return cause
	}
	if first, ok := c.known[e.Service]; e.Service != "" && ok && first < at {
		return AddressDrift
	}
	return NewEdge
}

// relabelled reports whether a workload that came after a time is one that was there under labels of which it has none.
func (c *causes) relabelled(w *Workload, at int64) bool {
	first, ok := c.owners[owner{w.Namespace, w.Owner}]
	return ok && first < at
}

// replay says at every cut that is the end of a day what was called Stable then, and what became of it.
func (b *Backtest) replay(r *Report, h *history, t Trial) {
	at := map[int64]int{}
	for i := range b.Cuts {
		c := &b.Cuts[i]
		at[c.At] = i
		if c.At%dayMicros == 0 && c.At+int64(week)*dayMicros <= t.AsOf {
			c.Surprised = 0
		}
	}
	first := map[string][]int64{} // times at which edges of a side came
	for i := range h.sides {
		s := &h.sides[i]
		key := h.in.Workloads[s.workload].ID + " " + s.direction().String()
		for _, k := range s.set.edges {
			first[key] = append(first[key], h.edges[k].First)
		}
	}
	for i := range r.Sides {
		s := &r.Sides[i]
		if t.Chosen != nil && !t.Chosen(s.Namespace) {
			continue
		}
		times := first[s.ID+" "+s.Direction.String()]
		for _, day := range s.Stable {
			k, ok := at[day]
			if !ok {
				continue
			}
			c := &b.Cuts[k]
			c.Stable++
			n, _ := slices.BinarySearch(times, day)
			if c.Surprised >= 0 && n < len(times) && times[n] < day+int64(week)*dayMicros {
				c.Surprised++
			}
		}
	}
}

// Quiet says from when on nothing of the log would have been lost.
func (b *Backtest) Quiet() string {
	last := -1
	for i := range b.Cuts {
		if b.Cuts[i].Total() > 0 {
			last = i
		}
	}
	switch {
	case len(b.Cuts) == 0:
		return "The log is shorter than one step: there is nothing to try."
	case last+1 == len(b.Cuts):
		return "At every time tried something that came later would have been lost."
	case last < 0:
		return "At no time tried would anything have been lost that this log shows. Of what came after it, it says nothing."
	}
	return fmt.Sprintf(
		"Denied from %s on, nothing would have been lost that this log shows. Of what came after it, it says nothing.",
		time.UnixMicro(b.Cuts[last+1].At).UTC().Format(time.RFC3339),
	)
}
