package live

import "sluice/model"

const (
	// maxAhead is how far the time of a record may be ahead of our clock.
	maxAhead = 24 * 3600e6
	// Records of days longer ago than recentDays are of at most oldDays different ones: a server has the past of days, not
	// of years, and each day of the store has files of its own.
	recentDays, oldDays = 7, 32
	dayMicros           = 24 * 3600e6
)

// doubt takes the time from a record that lies about it, so that it is refused and counted as one without.
func (s *Session) doubt(f *model.Flow) {
	switch {
	case f.Time == 0:
	case s.ahead(f.Time):
		f.Time = 0
	case f.Time < s.early-recentDays*dayMicros:
		day := f.Time / dayMicros
		if len(s.oldDays) == oldDays && !s.oldDays[day] {
			f.Time = 0
			return
		}
		s.oldDays[day] = true
	}
}

// ahead reports whether a time is too far ahead of our clock to be believed. It moves no watermark and no node.
func (s *Session) ahead(t model.Micros) bool {
	if t <= s.clock+maxAhead {
		return false
	}
	s.look()
	return t > s.clock+maxAhead
}

// look reads the clock. Where somebody set it no record is refused for that: too new is what is so by both times, and
// too old likewise. How long ago a record came is told by the one that nobody sets.
func (s *Session) look() {
	s.early, s.clock = s.clocks.Read()
	s.steady, s.total.Jumps = s.clocks.Steady(), s.clocks.Jumps()
}
