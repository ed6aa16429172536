package show

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/verify"
)

// Changes prints a verification that goes on: what has changed since the last time.
type Changes struct {
	w      io.Writer
	format string
	last   verify.Report
	told   map[string]bool // cases printed, and reasons of refusals
}

// followView is a verification that goes on, as printed.
type followView struct {
	reportView
	Lost tollsView `json:"lost"`
}

// NewChanges returns one that has printed nothing yet.
func NewChanges(w io.Writer, format string) *Changes {
	return &Changes{w: w, format: format, told: map[string]bool{}}
}

// Print tells of the next report, if its counts differ from the last.
// today is the report of what is in force alone, nil for nothing.
func (c *Changes) Print(l *run.Log, r, today *verify.Report) error {
	changed := r.Connections != c.last.Connections || r.Records != c.last.Records
	c.last = *r
	switch {
	case !changed:
	case c.format == Table:
		c.table(l, today)
	default:
		namespaces, policies := verify.Tolls(l.Graph, r)
		v := followView{viewReport(r), tollsView{viewTolls(namespaces), viewTolls(policies)}}
		if today != nil {
			was, by := verify.Tolls(l.Graph, today)
			v.Lost = tollsView{compared(namespaces, was), compared(policies, by)}
		}
		return printLine(c.w, v)
	}
	return nil
}

// table tells the counts and the cases that are new.
func (c *Changes) table(l *run.Log, today *verify.Report) {
	var counts []string
	for i, n := range c.last.Connections {
		if n > 0 {
			counts = append(counts, fmt.Sprintf("%s %s", text.Count(n), verify.Verdict(i)))
		}
	}
	fmt.Fprintf(
		c.w,
		"%s to %s: %s: %s\n",
		model.StampSecond(l.Graph.First),
		model.StampSecond(l.Graph.Last),
		text.Plural(c.last.Connections.Total(), "connection", "connections"),
		strings.Join(counts, ", "),
	)
	if namespaces, policies := verify.Tolls(l.Graph, &c.last); len(namespaces) > 0 {
		fmt.Fprintf(c.w, "  edges lost by namespace: %s; by policy: %s\n", tolls(namespaces), tolls(policies))
	}
	if today != nil {
		namespaces, _ := verify.Tolls(l.Graph, today)
		fmt.Fprintf(c.w, "  lost by what is in force alone: %s\n", cmp.Or(tolls(namespaces), "nothing"))
	}
	for _, x := range c.last.Refusals {
		if told := "refused " + fmt.Sprint(x.Reason); !c.told[told] {
			c.told[told] = true
			printRefusal(c.w, x)
		}
	}
	for _, x := range verify.FoldedCases(c.last.Cases) {
		ends, why := text.Printable(x.Src, 80)+" -> "+text.Printable(x.Dst, 80), text.Printable(x.Why, 300)
		if told := fmt.Sprint(x.Verdict, ends, steady(x.Port), why); !c.told[told] {
			c.told[told] = true
			fmt.Fprintf(c.w, "%s: %s %s: %s\n", x.Verdict, ends, x.Port, why)
		}
	}
}
