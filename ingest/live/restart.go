package live

import "slices"

// Restarted takes the word of a server that a node behind it began anew at a time, with nothing left of what it had
// held: what came after since and had not been sent by then is lost. Both are microseconds since 1970 UTC; since is
// the node's Newest when it was last known to be the old one. names are those that the node may have in records.
func (s *Session) Restarted(since, at int64, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.known(names)
	if name == "" || since == 0 {
		return // nothing came from it: there is no last record that others could have followed
	}
	s.batch.Gaps = append(s.batch.Gaps, Gap{Node: name, From: since, To: max(since, at), Cause: GapRestart})
	s.total.Gaps++
}

// Newest is the time of a node's newest record, microseconds since 1970 UTC, 0: none came. names are those that the
// node may have in records.
func (s *Session) Newest(names ...string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := s.known(names); name != "" {
		return s.nodes[name].last
	}
	return 0
}

// known is the first of the names that a node has.
func (s *Session) known(names []string) string {
	if i := slices.IndexFunc(names, func(n string) bool { return s.nodes[n] != nil }); i >= 0 {
		return names[i]
	}
	return ""
}
