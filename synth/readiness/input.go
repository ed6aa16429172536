package readiness

import (
	"cmp"
	"slices"
	"time"
)

const (
	microsecond = int64(1)
	hourMicros  = 3600e6 * microsecond
	dayMicros   = 24 * hourMicros
	hoursOfWeek = 7 * 24
)

// Input is what was seen of one cluster. Its order means nothing.
type Input struct {
	Workloads []Workload
	Edges     []Edge
	// Hours are the records of the log by hour. An hour between the first and the last that is not among them, or has no
	// record, is lost: nobody watched.
	Hours []Hour
	// Silent are hours in which no node reported, though the log has a record of them.
	Silent []uint32
	// Caps say what the log leaves out for good, however long it is: nothing is Stable by it.
	Caps []string
}

// Workload is one that has records, or that only a manifest names.
type Workload struct {
	ID, Namespace, Name string // ID is unique
	Kind                string // of its owner, "" where it is not known
	First               int64  // microseconds since 1970 UTC of its first record in either direction, 0: never seen
	Owner               string // what runs its pods, by kind and name; "" where it is not known, or several do
	Declared            *Declared
}

// Declared is what manifests say of a workload.
type Declared struct {
	Kind     string // "CronJob", "Deployment", ...
	Since    int64  // microseconds since 1970 UTC from which it exists, 0: unknown, then always
	Idle     bool   // suspended, or without replicas: it is not waited for
	Schedule string // of a CronJob, as written
	Zone     string // time zone of the schedule, "" where the manifest leaves it to the controller
	// Period is the longest time between two runs, 0 where there is no schedule or it cannot be read.
	Period time.Duration
	// Next gives the first run after a time, 0 for none; nil where there is no schedule.
	Next func(after int64) int64
}

// cron reports whether it runs by a schedule.
func (d *Declared) cron() bool { return d.Kind == "CronJob" }

// Edge is a dependency that worked, named as a rule would name it.
type Edge struct {
	Name     string   // unique
	Src, Dst int      // indices into Input.Workloads, -1 for an end that is none
	First    int64    // microseconds since 1970 UTC
	Hours    []uint32 // hours since 1970 UTC in which it was seen, sorted
	// Connections are the pairs of endpoints behind it, Records the records.
	Connections int
	Records     uint64
	// Service is what all addresses that one end has outside the cluster have in common: the edge without its address.
	// "" where the end is not known by its address alone.
	Service string
}

// Hour is what the log has of an hour.
type Hour struct {
	Hour          uint32 // since 1970 UTC
	Records, Lost uint64 // records, and events that the log says it lost
}

// sorted is an Input in the order of its names: nothing depends on another.
func (in Input) sorted() Input {
	order := make([]int, len(in.Workloads))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &in.Workloads[a], &in.Workloads[b]
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.ID, y.ID))
	})
	out := Input{Edges: slices.Clone(in.Edges), Hours: slices.Clone(in.Hours), Silent: slices.Clone(in.Silent),
		Caps: in.Caps}
	place := make([]int, len(order))
	for i, w := range order {
		out.Workloads = append(out.Workloads, in.Workloads[w])
		place[w] = i
	}
	for i := range out.Edges {
		e := &out.Edges[i]
		if e.Src >= 0 {
			e.Src = place[e.Src]
		}
		if e.Dst >= 0 {
			e.Dst = place[e.Dst]
		}
	}
	slices.SortFunc(
		out.Edges,
		func(a, b Edge) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Name, b.Name)) },
	)
	for i := range out.Edges { // a workload is as old as its first edge, whatever else is known
		e := &out.Edges[i]
		for _, w := range []int{e.Src, e.Dst} {
			if w >= 0 && (out.Workloads[w].First == 0 || e.First < out.Workloads[w].First) {
				out.Workloads[w].First = e.First
			}
		}
	}
	slices.SortFunc(out.Hours, func(a, b Hour) int { return cmp.Compare(a.Hour, b.Hour) })
	slices.Sort(out.Silent)
	return out
}
