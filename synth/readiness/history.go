package readiness

import (
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
		away := newAbsence(h.edges, h.lost, out[i], into[i])
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
					sideHistory{workload: i, namespace: w.Namespace, ingress: d.ingress, set: set{w.First, d.edges, away}},
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

func (s *sideHistory) direction() model.Direction {
	if s.ingress {
		return model.Ingress
	}
	return model.Egress
}
