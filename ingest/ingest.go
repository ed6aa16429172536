// Package ingest turns the records of a log into observations: what a decoder hands on (Sink), the counts of what
// became of every record (Report), and the fold that adds records of one connection up (Fold). Formats live in
// its sub-packages.
package ingest

import "sluice/model"

// Sink takes what a decoder finds in one stream of records. A sink serves one goroutine; every worker has its own.
// Exactly one of the two methods is called for each record.
type Sink interface {
	// Flow takes a decoded record. f and the bytes it refers to may be reused after the call.
	Flow(f *model.Flow)
	// Reject takes a record that cannot become a Flow: Malformed, Irrelevant (not a flow) or Refused.
	Reject(r Rejection)
}

// Rejection is a record that could not be decoded, and where it stands.
type Rejection struct {
	Fate   model.Fate
	Reason model.Reason
	Source string // file name as given, "-" for stdin
	Line   int64  // 1-based line the record starts on, 0 where not known
	Detail string // one line: what was wrong, with at most 120 bytes of the record, made printable
	Lost   uint64 // events that the record says were lost
	// LostFrom and LostTo are when they were lost, 0 where the record does not say.
	LostFrom, LostTo model.Micros
}
