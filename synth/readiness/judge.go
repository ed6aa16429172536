package readiness

import (
	"math"
	"slices"

	"sluice/model"
)

// history is what was seen, in the order of time.
type history struct {
	in    Input
	cfg   Config
	edges []timeline
	watch
	sides  []sideHistory
	spaces []spaceHistory
}

// sideHistory is a workload and direction.
type sideHistory struct {
	workload  int
	namespace string
	ingress   bool
	set       set
	track     track
	stable    []int64 // ends of days at which it was Stable
	now       counts
	guards    guards
	chance    float64
}

// spaceHistory is a namespace.
type spaceHistory struct {
	name   string
	set    set
	sides  []int
	from   int // its workloads, which are beside each other
	to     int // exclusive
	track  track
	stable []int64 // ends of days at which it was Stable
	now    counts
}

// Judge replays what was seen up to a time, day by day: the verdict depends on nothing but what is given.
func Judge(in Input, asOf int64, cfg Config) *Report {
	h := newHistory(in, asOf, cfg)
	if len(h.hours) == 0 {
		return &Report{AsOf: asOf, Config: cfg}
	}
	var m *moment
	var shared map[string]rates
	var total rates
	first := hourStart(h.first)
	for at := dayEnd(first + 1); at <= asOf; at += dayMicros {
		m = h.moment(at)
		shared, total = h.step(m, (*track).day)
		for i := range h.sides {
			if s := &h.sides[i]; s.now.edges > 0 && s.track.state == Stable {
				s.stable = append(s.stable, at)
			}
		}
		for i := range h.spaces {
			if s := &h.spaces[i]; s.now.edges > 0 && s.track.state == Stable {
				s.stable = append(s.stable, at)
			}
		}
	}
	if asOf%dayMicros != 0 {
		m = h.moment(asOf)
		shared, total = h.step(m, (*track).within)
	}
	return h.report(m, shared, total)
}

func newHistory(in Input, asOf int64, cfg Config) *history {
	h := &history{in: in.sorted(), cfg: cfg}
	h.watch = newWatch(h.in.Hours, h.in.Silent, asOf)
	for i := range h.in.Edges {
		h.edges = append(h.edges, newTimeline(&h.in.Edges[i]))
	}
	var out, into = make([][]int, len(h.in.Workloads)), make([][]int, len(h.in.Workloads))
	for i := range h.in.Edges {
		e := &h.in.Edges[i]
		if e.Src >= 0 {
			out[e.Src] = append(out[e.Src], i)
		}
		if e.Dst >= 0 {
			into[e.Dst] = append(into[e.Dst], i)
		}
	}
	for i := range h.in.Workloads {
		w := &h.in.Workloads[i]
		if n := len(h.spaces); n == 0 || h.spaces[n-1].name != w.Namespace {
			h.spaces = append(h.spaces, spaceHistory{name: w.Namespace, from: i})
		}
		s := &h.spaces[len(h.spaces)-1]
		s.to = i + 1
		if w.First != 0 && (s.set.first == 0 || w.First < s.set.first) {
			s.set.first = w.First
		}
		s.set.edges = append(s.set.edges, out[i]...)
		s.set.edges = append(s.set.edges, into[i]...)
		for _, d := range []struct {
			ingress bool
			edges   []int
		}{{true, into[i]}, {false, out[i]}} {
			if len(d.edges) > 0 {
				s.sides = append(s.sides, len(h.sides))
				h.sides = append(
					h.sides,
					sideHistory{workload: i, namespace: w.Namespace, ingress: d.ingress, set: set{w.First, d.edges}},
				)
			}
		}
	}
	for i := range h.spaces {
		e := h.spaces[i].set.edges
		slices.Sort(e) // by the time of the first record, as the edges are
		h.spaces[i].set.edges = slices.Compact(e)
	}
	return h
}

// step judges everything at a time and moves the states. It gives the rates that namespaces' workloads, and namespaces,
// borrowed.
func (h *history) step(m *moment, move func(*track, int64, guards, float64, *Config)) (map[string]rates, rates) {
	for i := range h.edges {
		h.edges[i].upTo(m.at)
	}
	var all totals
	by := map[string]*totals{}
	for i := range h.sides {
		s := &h.sides[i]
		s.now = counts{}
		if s.set.first >= m.at {
			continue
		}
		if s.now = h.count(&s.set, m.at); s.now.edges > 0 {
			all.add(&s.now)
			if by[s.namespace] == nil {
				by[s.namespace] = &totals{}
			}
			by[s.namespace].add(&s.now)
		}
	}
	m.slow = all.late >= 1
	cluster := all.cluster()
	out := map[string]rates{}
	for ns, t := range by {
		out[ns] = t.namespace(cluster)
	}
	for i := range h.sides {
		s := &h.sides[i]
		if s.now.edges > 0 {
			s.chance = s.now.side(out[s.namespace], week, m.loss).slow.some()
			s.guards = m.guards(s, &s.now)
			move(&s.track, m.at, s.guards, s.chance, &h.cfg)
		}
	}
	var seen []counts
	for i := range h.spaces {
		s := &h.spaces[i]
		if s.now = (counts{}); s.set.first != 0 && s.set.first < m.at {
			s.now = h.count(&s.set, m.at)
			seen = append(seen, s.now)
		}
	}
	total := among(seen)
	for i := range h.spaces {
		if s := &h.spaces[i]; s.now.edges > 0 {
			s.track.to(h.spaceState(m, s, total), m.at)
		}
	}
	return out, total
}

// spaceState is the state of a namespace: it has no memory of its own.
func (h *history) spaceState(m *moment, s *spaceHistory, r rates) State {
	state := Stable
	for _, i := range s.sides {
		if x := &h.sides[i]; x.now.edges > 0 {
			state = min(state, x.track.state)
		}
	}
	for i := s.from; i < s.to; i++ {
		if h.unseenAt(&h.in.Workloads[i], m.at) {
			return Learning
		}
	}
	if m.lossy() || s.now.doubled(r, m.loss) > namespaceRisk {
		state = min(state, Stabilizing)
	}
	return state
}

// doubled is the chance of a slow edge within a week at twice the rate of the forecast, which is too sure for a whole
// namespace.
func (c *counts) doubled(r rates, loss float64) float64 {
	return 1 - math.Pow(c.whole(r, week, loss).slow.none(), 2)
}

func (s *sideHistory) direction() model.Direction {
	if s.ingress {
		return model.Ingress
	}
	return model.Egress
}
