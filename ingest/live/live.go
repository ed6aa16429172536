// Package live collects flows from servers that stream them. A Client speaks one protocol (hubble, goldmane below); the
// Collector owns what all of them need: it connects again after failures, resumes where the store stands, drops what a
// server sends twice, and accounts for what was lost, by node and cause. Memory is bounded: a store that is slow makes
// the collector read slower, and what a server then drops it reports as lost.
//
// It refuses to guess: a gap that it cannot rule out is recorded, and a record that may be a repetition is kept.
package live

import (
	"context"
	"time"

	"sluice/ingest"
	"sluice/model"
)

// Client reads one kind of server. It serves one Collector, which calls Stream again and again, never twice at once.
type Client interface {
	// Stream connects and hands on the records from a time on (zero: all that the server has) to s, until ctx ends, the
	// server ends the stream (nil) or it fails. With follow it waits for records to come. Servers may send records
	// again: s.Fresh tells which. A client keeps no references to s or its tables after it returned.
	Stream(ctx context.Context, from time.Time, follow bool, s *Session) error
}

// Store is where a Collector keeps what it read.
type Store interface {
	// Commit makes a batch durable: after it returns nil, the batch survives a crash. An error leaves nothing of it
	// behind, and the Collector offers the same batch again later. The batch is reused after the call.
	Commit(ctx context.Context, b *Batch) error
}

// Batch is what came of a stream since the batch before: all counts are increments and add up.
type Batch struct {
	Tables  model.Tables
	Rows    []model.Observation
	Report  ingest.Report
	Bytes   uint64 // received, as on the wire before decompression where the client knows it
	Resent  uint64 // records dropped because they had been received before
	Nodes   map[string]NodeAccount
	Gaps    []Gap
	Streams uint64   // times that the stream was opened
	Seen    []uint64 // ids of the records, oldest first, for Position.Seen
	// SeenFrom is the watermark when the first of Seen was received.
	SeenFrom int64
	// Watermark is the time of the newest record received, microseconds since 1970 UTC and never more than a second in
	// the future: all that was received is stored when this batch is. 0: nothing yet.
	Watermark int64
}

// NodeAccount is what came from one node ("" where the server names none). Last is a state, of which the larger counts;
// the other fields are increments.
type NodeAccount struct {
	Last    int64 // newest record, microseconds since 1970 UTC
	Records uint64
	Lost    map[string]uint64 // events that the server says were lost, by cause
	Breaks  uint64            // times that the node was said to be unavailable, gone or in error
}

// Gap is a time from which records of a node may be missing, for a reason other than events that the server counted.
type Gap struct {
	Node     string
	From, To int64 // last record before and first record after, microseconds since 1970 UTC
	Cause    string
}

// The causes of gaps.
const (
	// GapResume: after a break the server no longer had the last record received: those after it may be missing too.
	GapResume = "resume"
	// GapRestart: a node behind a server was started again and kept nothing: what it had not sent by then is lost.
	GapRestart = "restart"
)

// Position is where a stream stands in the store.
type Position struct {
	Last map[string]int64 // newest record of each node, microseconds since 1970 UTC
	// Watermark is that of the last batch, 0: the newest of Last.
	Watermark int64
	Seen      []uint64 // ids of the newest records, oldest first
	// SeenFrom is the watermark that Seen reaches back to: records from before are not told from their repetitions.
	SeenFrom int64
}

// NodeState is what a server says of a node behind it.
type NodeState uint8

// The states of nodes.
const (
	NodeConnected NodeState = iota
	NodeUnavailable
	NodeGone
	NodeError
)

// String is the lower-case name.
func (s NodeState) String() string {
	return [...]string{"connected", "unavailable", "gone", "error"}[s]
}
