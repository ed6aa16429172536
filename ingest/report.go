package ingest

import (
	"bytes"
	"cmp"
	"slices"

	"sluice/model"
)

// maxSamples is how many rejections a Report keeps: the first by source and line, so that the report does not
// depend on the number of workers.
const maxSamples = 20

// Report counts what became of records. Fates before edges are built: Undecided and Used are provisional.
type Report struct {
	Counts model.Counts
	// Rejected are those of Counts that left no observation: undecodable records, events that are no flows, and
	// records without a believable time.
	Rejected model.Counts
	Samples  []Rejection
	First    model.Micros // of the earliest good record
	Last     model.Micros
	Lost     uint64 // events that the log itself says it lost
	// LostHours are the hours of Lost.
	LostHours model.Losses
	// Logged counts connections by what the policies that decided were told to log.
	Logged model.Uses
	// Policies are those that decided.
	Policies model.PolicyNames
	// Nodes are those that reported the records, where the log says so.
	Nodes model.Nodes
	// OutOfRange counts records before --since or after --until; they have no fate. OutFirst and OutLast are the times
	// of the earliest and the latest of them, 0 for none.
	OutOfRange        uint64
	OutFirst, OutLast int64
}

// Total returns the number of records read.
func (r *Report) Total() uint64 { return r.Counts.Total() }

// Fate returns the number of records of one fate.
func (r *Report) Fate(f model.Fate) uint64 { return r.Counts.Fate(f) }

// Merge adds another report.
func (r *Report) Merge(o *Report) {
	r.Counts.Add(&o.Counts)
	r.Rejected.Add(&o.Rejected)
	if o.First != 0 && (r.First == 0 || o.First < r.First) {
		r.First = o.First
	}
	r.Last = max(r.Last, o.Last)
	r.Lost += o.Lost
	r.LostHours.Merge(o.LostHours)
	r.Logged.Merge(o.Logged)
	for name := range o.Policies {
		r.Policies.Add(name)
	}
	r.Nodes.Merge(o.Nodes)
	r.OutOfRange += o.OutOfRange
	if o.OutFirst != 0 && (r.OutFirst == 0 || o.OutFirst < r.OutFirst) {
		r.OutFirst = o.OutFirst
	}
	r.OutLast = max(r.OutLast, o.OutLast)
	r.Samples = append(r.Samples, o.Samples...)
	r.trim()
}

// Log counts the use of texts that each have a zero byte behind them.
func (r *Report) Log(texts []byte, use model.Use) {
	for text := range bytes.SplitSeq(bytes.TrimSuffix(texts, []byte{0}), []byte{0}) {
		r.Logged.Add(string(text), use)
	}
}

// Name notes policies that decided, each with a zero byte behind it.
func (r *Report) Name(texts []byte) {
	for text := range bytes.SplitSeq(bytes.TrimSuffix(texts, []byte{0}), []byte{0}) {
		if !r.Policies[string(text)] {
			r.Policies.Add(string(text))
		}
	}
}

// Outside counts a record before --since or after --until.
func (r *Report) Outside(at int64) {
	r.OutOfRange++
	if r.OutFirst == 0 || at < r.OutFirst {
		r.OutFirst = at
	}
	r.OutLast = max(r.OutLast, at)
}

// Lose counts events that were lost between two times, 0 where they are not known.
func (r *Report) Lose(from, to model.Micros, events uint64) {
	events = min(events, model.MaxLoss)
	r.Lost += events
	r.LostHours.Add(from, to, events)
}

// Add counts a record that could not be decoded and keeps it as a sample, not-a-flow events aside.
func (r *Report) Add(s Rejection) {
	r.Counts[s.Fate][s.Reason]++
	r.Rejected[s.Fate][s.Reason]++
	if s.Reason == model.NotAFlow {
		return
	}
	r.Samples = append(r.Samples, s)
	if len(r.Samples) >= 4*maxSamples {
		r.trim()
	}
}

func (r *Report) trim() {
	slices.SortFunc(r.Samples, func(a, b Rejection) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Detail, b.Detail))
	})
	r.Samples = r.Samples[:min(len(r.Samples), maxSamples)]
}
