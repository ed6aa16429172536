// Package readinesstest draws clusters whose edges are known, shows what a flow log would show of them, and says what
// really comes afterwards. It is for tests only: the clusters are invented, and what holds for them ranks methods and
// promises nothing about a real one.
package readinesstest

import (
	"math"
	"math/rand/v2"
	"time"
)

// Days are how long a world lasts: 60 days of watching, 30 of future and one of slack.
const Days = 91

const hours = Days * 24

// Kind is what makes an edge talk.
type Kind uint8

// The kinds.
const (
	Always Kind = iota
	Poisson
	Business
	Hourly
	Daily
	Weekly
	Monthly
	Failover
	Incident
	Yearly
	Uneven   // gaps spread over decades, of one median
	OnOff    // days of work, then days or weeks of none
	Seasonal // on one weekday, in some weeks
	Once     // one hour, and never again
	Drift    // a rate that grows or falls tenfold in a month
	Storm    // woken with others of all namespaces at once
	Dormant  // silent for days to months, then days of work
	numKinds
)

// Edge is a dependency as it really is, and what was seen of it. Hours count from the start of the world.
type Edge struct {
	Src, Dst int // indices into World.Workloads, -1 for an end outside
	Kind     Kind
	Born     int      // hour from which it exists
	talks    []uint16 // hours in which it talks
	seen     []uint16 // those in which a record of it was kept
	first    int32    // minute of the first record, -1 for none
}

// Workload is one of a world.
type Workload struct {
	Namespace int
	Born      int // hour
	CronJob   bool
	period    int   // of a CronJob: days between runs
	first     int32 // minute of the first record, -1 for none
}

// World is a cluster.
type World struct {
	Family    Family
	Workloads []Workload
	Edges     []Edge
	start     time.Time
	lost      [hours]bool // hours without any record
	storms    []int       // hours of events of the whole cluster
	rand      *rand.Rand
	out, into [][]int // edges by workload
}

// New draws a cluster: the same for the same seed.
func New(f Family, seed uint64) *World {
	w := &World{Family: f, rand: rand.New(rand.NewPCG(seed, 77))}
	w.start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(w.rand.IntN(365*24)) * time.Hour)
	for day := 0.0; f.outages > 0 && day < Days; {
		day += w.rand.ExpFloat64() / f.outages
		for i, n := 0, 1+w.rand.IntN(6); i < n && int(day*24)+i < hours; i++ {
			w.lost[int(day*24)+i] = true
		}
	}
	for t := 0.0; f.storms > 0 && t < hours; {
		t += w.rand.ExpFloat64() * f.storms * 24
		w.storms = append(w.storms, int(t))
	}
	for n := range f.namespaces {
		w.namespace(n)
	}
	w.finish()
	return w
}

// space is a namespace while it is drawn.
type space struct {
	number  int
	first   int // its first workload
	mix     [numKinds]float64
	rollout float64 // days between rollouts, 0: never
	events  []int   // hours of incidents
}

func (w *World) namespace(number int) {
	f, r := &w.Family, w.rand
	s := space{number: number, first: len(w.Workloads), mix: f.mix}
	tilt := math.Exp(f.tilt * r.NormFloat64())
	for _, k := range []Kind{Weekly, Monthly, Failover, Incident, Yearly, Daily} {
		s.mix[k] *= tilt
	}
	if f.rollout > 0 && r.Float64() < 0.8 {
		s.rollout = f.rollout * math.Exp(0.7*r.NormFloat64())
	}
	for t := 0.0; f.incidents > 0 && t < hours; {
		t += r.ExpFloat64() * f.incidents * 24
		s.events = append(s.events, int(t))
	}
	for range f.workloads {
		w.Workloads = append(w.Workloads, Workload{Namespace: number, first: -1})
	}
	for t := 0.0; f.newWorkload > 0; {
		if t += r.ExpFloat64() * 24 / f.newWorkload; t >= hours {
			break
		}
		w.Workloads = append(w.Workloads, Workload{Namespace: number, Born: int(t), first: -1})
	}
	for i, last := s.first, len(w.Workloads); i < last; i++ {
		w.workload(&s, i)
	}
}

// target draws the far end of an edge: mostly a neighbour, else something of a namespace before, else outside.
func (w *World) target(s *space) int {
	switch u := w.rand.Float64(); {
	case u < 0.6:
		return s.first + w.rand.IntN(w.Family.workloads)
	case u < 0.75 && s.first > 0:
		return w.rand.IntN(s.first)
	}
	return -1
}

// workload draws the edges of a workload.
func (w *World) workload(s *space, i int) {
	f, r := &w.Family, w.rand
	born := w.Workloads[i].Born
	rate := math.Exp(0.6*r.NormFloat64() - 0.18)
	for range 1 + w.poisson((f.egress-1)*rate) {
		kind := w.pick(s.mix)
		when := w.schedule()
		if kind >= Daily && kind <= Monthly && r.Float64() < f.declared {
			w.cronJob(s, born, kind, when)
			continue
		}
		w.add(s, i, w.target(s), born, kind, when)
	}
	for range 1 + r.IntN(2) { // from outside: a gateway, monitoring
		kind := Always
		if r.Float64() < 0.3 {
			kind = w.pick(s.mix)
		}
		w.add(s, -1, i, born, kind, w.schedule())
	}
	for t := float64(born); s.rollout > 0; {
		if t += r.ExpFloat64() * s.rollout * 24; t >= hours {
			break
		}
		if r.Float64() < f.rolloutNew {
			target := w.target(s)
			kind := w.pick(s.mix)
			w.add(s, i, target, int(t), kind, w.schedule())
		}
	}
}

// cronJob makes a CronJob of its own, with one to three edges.
func (w *World) cronJob(s *space, born int, kind Kind, when schedule) {
	c := len(w.Workloads)
	w.Workloads = append(
		w.Workloads,
		Workload{Namespace: s.number, Born: born, CronJob: true, first: -1, period: []int{1, 7, 31}[kind-Daily]},
	)
	for range 1 + w.rand.IntN(3) {
		w.add(s, c, w.target(s), born, kind, when)
	}
}

// add makes an edge: when it talks, and what is seen of that.
func (w *World) add(s *space, src, dst, born int, kind Kind, when schedule) {
	e := Edge{Src: src, Dst: dst, Kind: kind, Born: born, first: -1}
	perHour := w.talk(&e, s, when)
	w.see(&e, perHour)
	w.Edges = append(w.Edges, e)
}

// see draws what is seen of an edge that has so many records in an hour.
func (w *World) see(e *Edge, perHour float64) {
	loss := w.Family.loss
	e.seen = make([]uint16, 0, len(e.talks))
	for _, h := range e.talks {
		if w.lost[h] {
			continue
		}
		if loss > 0 && perHour < 30 {
			n := 1 + w.poisson(perHour-1)
			if w.rand.Float64() < math.Pow(loss, float64(n)) {
				continue
			}
		}
		if e.first < 0 {
			minute := w.rand.Float64() * 60
			if e.Kind == Always {
				minute = math.Min(59, w.rand.ExpFloat64()*5)
			}
			e.first = int32(h)*60 + int32(minute)
		}
		e.seen = append(e.seen, h)
	}
}

// finish notes when workloads were first seen, and their edges.
func (w *World) finish() {
	w.out, w.into = make([][]int, len(w.Workloads)), make([][]int, len(w.Workloads))
	for i := range w.Edges {
		e := &w.Edges[i]
		if e.Src >= 0 {
			w.out[e.Src] = append(w.out[e.Src], i)
		}
		if e.Dst >= 0 {
			w.into[e.Dst] = append(w.into[e.Dst], i)
		}
		for _, x := range []int{e.Src, e.Dst} {
			if x >= 0 && e.first >= 0 && (w.Workloads[x].first < 0 || e.first < w.Workloads[x].first) {
				w.Workloads[x].first = e.first
			}
		}
	}
}
