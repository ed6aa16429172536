// Package capture says what a log can show and what it cannot: which records are missing from it by the way it was
// taken, whatever traffic there was. It judges the log and no connection, and claims nothing that the records do not
// show.
package capture

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/model"
	"sluice/model/graph"
)

// Severity says how much a fact takes from a log.
type Severity uint8

// The severities.
const (
	Info    Severity = iota // worth knowing
	Warning                 // edges of some kind cannot be in the log
	Error                   // little or nothing can be learned from it
)

// String is the lower-case name.
func (s Severity) String() string { return [...]string{"info", "warning", "error"}[s] }

// Finding is one thing that a log cannot show, or that one has to know of it.
type Finding struct {
	ID       string
	Severity Severity
	Text     string // what the records show
	Means    string // what follows from it
	Remedy   string // how to take the next log, "" where nothing is to be done
	// Caps says that no one can be sure to have seen everything by this log, however long it is.
	Caps bool
	// Blind are the directions of which nothing follows from this log, for pods of any namespace but Shown.
	Blind Blind
}

// Blind says of which directions a log cannot show that something is absent, since it was filtered.
type Blind struct {
	Ingress, Egress bool
	Brief           string   // in a few words, what it has alone: "drops"
	Shown           []string // the namespaces that it shows all the same, sorted
	Lookups         bool     // what lacks are look-ups of names alone
}

// Input is what is judged.
type Input struct {
	Graph  *graph.Graph
	Counts model.Counts // records by their final fate
	Format string       // "hubble" or "calico", "" where logs of several kinds came together
	Hours  []graph.Hour
	Lost   uint64 // events that the log itself says it lost
	// Apart reports whether any record has no end among some, noise too. nil: it is not known.
	Apart func(among func(*model.Endpoint) bool) bool
	// OtherNodes reports whether any record tells of a pod on a node beside the one that wrote it. nil: that is unknown.
	OtherNodes func() bool
	// LostHours are the hours of Lost.
	LostHours model.Losses
	Servers   []Server // that were read now
	Declared  []string // the nodes that manifests name
	Plugin    Plugin
	Nodes     []Node // of live sources
	// NodeHours are the records of each node by the hour, where files say which nodes wrote them.
	NodeHours model.Nodes
	// Nodeless says that there are records of which it is not known which node wrote them.
	Nodeless bool
}

// Node is what a live source says of a node.
type Node struct {
	Name   string
	Last   model.Micros // its newest record
	Lost   uint64
	Gaps   int // times from which records of it may be missing
	Breaks int // times that it was said to be gone or in error
}

// Server is what a server that was read says of itself.
type Server struct {
	Name, Version string
	Nodes         []ServerNode // behind it; none: it is the server of a node
	Heard         []string     // nodes that sent a record
	Chosen        bool         // it was asked for some namespaces only: nodes may have nothing of them
}

// ServerNode is what a server says of a node behind it.
type ServerNode struct {
	Name, Version string
	Connected     bool
	Seen          uint64 // flows since it was started
}

// check is one kind of fact.
type check struct {
	id       string
	severity Severity
	caps     bool
	find     func(*doctor)
}

// doctor judges one log. shown are its edges that any record counts for.
type doctor struct {
	Input
	shown     []*graph.Edge
	observers model.Observers
	records   uint64
	check     *check
	out       []Finding
}

// Examine judges a log. The worst findings come first.
func Examine(in Input) []Finding {
	d := &doctor{Input: in}
	for i := range in.Graph.Edges {
		e := &in.Graph.Edges[i]
		if e.State == graph.Refused {
			continue
		}
		d.shown = append(d.shown, e)
		d.observers |= e.Observers
		d.records += e.Records()
	}
	for i := range checks {
		d.check = &checks[i]
		checks[i].find(d)
	}
	slices.SortStableFunc(d.out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.ID, b.ID))
	})
	return d.out
}

// Caps are the texts of the findings by which no log is long enough.
func Caps(found []Finding) []string {
	var out []string
	for _, f := range found {
		if f.Caps {
			out = append(out, f.ID+": "+f.Text)
		}
	}
	return out
}

func (d *doctor) found(text, means, remedy string) {
	d.out = append(d.out, Finding{d.check.id, d.check.severity, text, means, remedy, d.check.caps, Blind{}})
}

// blind says of the finding just made that nothing follows from the log for some directions.
func (d *doctor) blind(b Blind) { d.out[len(d.out)-1].Blind = b }

// only reports whether every edge was seen at one of some places.
func (d *doctor) only(places ...model.Observer) bool {
	var set model.Observers
	for _, o := range places {
		set.Add(o)
	}
	return len(d.shown) > 0 && d.observers != 0 && d.observers&^set == 0
}

// few is the number of edges, and many of records, below which the absence of something says nothing.
const (
	few  = 10
	many = 100
)

// enough reports whether so much was seen that what is absent was left out.
func (d *doctor) enough() bool { return len(d.shown) >= few || len(d.shown) > 2 && d.records >= many }

// several is "1 edge" or "3 edges".
func several[N int | uint64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// share is the part of all records that some are.
func (d *doctor) share(n uint64) float64 {
	if all := d.Counts.Total(); all > 0 {
		return float64(n) / float64(all)
	}
	return 0
}
