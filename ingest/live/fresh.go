package live

import (
	"slices"

	"sluice/model"
)

// Fresh reports whether a record has not been received before; one that may have been counts as fresh. node is where
// it was observed, empty where the server names none, t its time in microseconds, id a hash of what tells it apart.
// It must be called once for each record, in the order received; only fresh ones may go to Flow or Reject.
func (s *Session) Fresh(name []byte, t int64, id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fresh(name, t, id)
}

// FreshFlow takes a record by its flow if it is Fresh.
func (s *Session) FreshFlow(name []byte, id uint64, f *model.Flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fresh(name, f.Time, id) {
		s.flow(f)
	}
}

func (s *Session) fresh(name []byte, t int64, id uint64) bool {
	if id == 0 {
		id = 1
	}
	s.arrived++
	n := s.node(name)
	n.arrived++
	repeated := s.repeats(n, t, id)
	if n.owed && (repeated || t > n.last && !s.ahead(t)) { // one that comes late says nothing of the last one
		n.owed = false
		if !repeated {
			s.batch.Gaps = append(s.batch.Gaps, Gap{Node: s.lastName, From: n.last, To: t, Cause: GapResume})
			s.total.Gaps++
		}
	}
	if repeated {
		s.batch.Resent++
		s.total.Resent++
		return false
	}
	n.state, n.why = NodeConnected, "" // servers tell that a node is in error, late, and not that it is back
	n.delta.Records++
	n.at = s.steady
	if !s.ahead(t) {
		n.last = max(n.last, t)
		s.advance(t)
	}
	s.remember(id)
	return true
}

// maxTies is how many ids of one time of a node are compared one by one.
const maxTies = 32

// repeats reports whether a record was received before. One that is newer than all of its node was not; one of the
// very time of the newest is compared with those of that time. Only others are looked up among all.
func (s *Session) repeats(n *node, t int64, id uint64) bool {
	switch {
	case s.ahead(t):
	case t > n.last:
		n.ties, n.allTies = append(n.ties[:0], id), true
		return false
	case t == n.last && n.allTies && len(n.ties) < maxTies:
		if slices.Contains(n.ties, id) {
			return true
		}
		n.ties = append(n.ties, id)
		return false
	}
	return s.seen.has(id)
}

// advance moves the watermark; a clock that is ahead must not take it along by more than a second.
func (s *Session) advance(t int64) {
	if t <= s.mark {
		return
	}
	if t > s.clock+1e6 {
		s.look()
	}
	s.mark = min(t, max(s.mark, s.clock+1e6))
}

func (s *Session) remember(id uint64) {
	s.seen.add(id, s.mark)
	if len(s.unstored) == 0 {
		s.seenFrom = s.mark
	}
	if len(s.unstored) == 2*seenWindow { // the store is far behind: the older half will not be asked for
		s.unstored = append(s.unstored[:0], s.unstored[seenWindow:]...)
	}
	s.unstored = append(s.unstored, id)
}
