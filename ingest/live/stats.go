package live

import (
	"maps"
	"slices"

	"sluice/model"
)

// Stats are the counts of a Collector since it started.
type Stats struct {
	Records   model.Counts // stored
	Lost      uint64       // events that servers said were lost
	Resent    uint64       // records dropped as repetitions
	Gaps      uint64
	Streams   uint64 // times that the stream was opened
	Crowded   uint64 // times that a stream was ended because its tables had grown too large
	Blocked   uint64 // times that the server had to wait for the store
	Commits   uint64
	Jumps     uint64       // times that our clock was found set to another time
	Watermark model.Micros // of what is stored
	Newest    model.Micros // of what was received
	Connected bool
	LastError string // why the stream ended last, "" while records come
	// StoreError is why the store refuses what was received, "" while it does not.
	StoreError string
	Nodes      []NodeStats
	Server     Server // where the server was asked
}

// Server is what a server says of itself, and of the nodes behind it.
type Server struct {
	Version string
	Nodes   []ServerNode // none: it is the server of a node, or does not say
}

// ServerNode is what a server says of a node.
type ServerNode struct {
	Name, Version string
	Connected     bool
	Seen          uint64 // flows since it was started
}

// Served notes what the server says of itself.
func (s *Session) Served(by Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Server = by
}

// NodeStats is the state of one node.
type NodeStats struct {
	Name    string
	State   NodeState
	Message string
	Last    model.Micros // newest record
	Lost    map[string]uint64
}

// Total returns the number of records read, repetitions aside.
func (s *Stats) Total() uint64 { return s.Records.Total() }

// stats returns a copy of the counts of what was received.
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
