package readiness

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
