package graph

import "sluice/model"

// span is the time that a log covers, without the few records whose times lie.
type span struct {
	first, last uint32       // hours since 1970 UTC
	end         model.Micros // of nearly all records
}

// lies reports whether an hour is outside of the log, and by more than clocks differ.
func (s span) lies(hour uint32) bool { return hour+1 < s.first || hour > s.last+1 }

// cut reports whether the log ends right after a time, so that an answer may have come too late for it.
func (s span) cut(t model.Micros) bool { return t > s.end-cutOff && t <= s.end+cutOff }

// habit is what a log shows of answers at a kind of place in all the hours that it covers. Who picks an hour, by its
// clock or by waiting for one in which nobody else talks, must not pick what silence means.
type habit struct {
	answers
	told map[uint32]bool // of each hour, whether anybody was answered
	pods int             // that were answered
	// seldom says that hours in which nobody was answered are rare: the log as such has answers. Where they are not, a
	// change of the export may have left answers out.
	seldom bool
}

func (r *grader) habit(proto model.Proto, observer model.Observer) *habit {
	p := place{proto: proto, observer: observer}
	h := r.habits[p]
	if h == nil {
		h = &habit{told: map[uint32]bool{}}
		r.habits[p] = h
	}
	return h
}

// note takes an hour in which an edge asked.
func (h *habit) note(e *Edge, hour uint32, answered bool) {
	if told, ok := h.told[hour]; !ok || answered && !told {
		h.told[hour] = answered
	}
	if answered {
		h.clients.add(e.Src)
		h.servers.add(e.Dst)
	}
}

// close sums up once all edges are noted.
func (h *habit) close(r *grader) {
	const rare = 10 // one in so many
	h.answers.close()
	untold := 0
	for _, told := range h.told {
		if !told {
			untold++
		}
	}
	h.pods, h.seldom = r.pods(h.clients, nil), rare*untold <= len(h.told)
}
