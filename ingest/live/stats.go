package live

import (
	"maps"
	"slices"

	"sluice/ingest"
	"sluice/model"
)

// Stats are the counts of a Collector since it started.
type Stats struct {
	Records   [8][model.NumReasons]uint64 // stored, by fate and reason
	Lost      uint64                      // events that servers said were lost
	Resent    uint64                      // records dropped as repetitions
	Gaps      uint64
	Streams   uint64 // times that the stream was opened
	Blocked   uint64 // times that the server had to wait for the store
	Commits   uint64
	Failures  uint64 // of the connection, since the last record
	Watermark int64  // of what is stored, microseconds since 1970 UTC, 0: nothing yet
	Newest    int64  // of what was received
	Connected bool
	LastError string // why the stream ended last, "" while records come
	// StoreError is why the store refuses what was received, "" while it does not.
	StoreError string
	Nodes      []NodeStats
}

// NodeStats is the state of one node.
type NodeStats struct {
	Name    string
	State   NodeState
	Message string
	Last    int64 // newest record, microseconds since 1970 UTC
	Lost    map[string]uint64
}

// Total is the number of records read, repetitions aside.
func (s *Stats) Total() (n uint64) {
	for f := range s.Records {
		for _, c := range s.Records[f] {
			n += c
		}
	}
	return n
}

func (s *Stats) add(r *ingest.Report) {
	for f := range r.Counts {
		for i, c := range r.Counts[f] {
			s.Records[f][i] += c
		}
	}
}

// stats gives a copy of the counts of what was received.
func (s *Session) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.total
	out.Newest, out.Connected = s.mark, s.up
	for _, name := range slices.Sorted(maps.Keys(s.nodes)) {
		n := s.nodes[name]
		out.Nodes = append(out.Nodes, NodeStats{name, n.state, n.why, n.last, maps.Clone(n.lost)})
	}
	return out
}
