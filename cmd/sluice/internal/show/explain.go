package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/bundle"
)

// explanation is a rule with what it rests on.
type explanation struct {
	header
	Rule  bundle.Rule   `json:"rule"`
	Edges []bundle.Edge `json:"edges"`
	Flows []flowView    `json:"flows"`
	Use   *useView      `json:"use,omitempty"` // as the data plane logged it; nil: it did not
}

// Explain prints what a rule of a bundle rests on: its edges, and their flows in the bundle's evidence, nil for none.
func Explain(w io.Writer, format string, m *bundle.Manifest, rule *bundle.Rule, l *run.Log) error {
	x := explanation{header: newHeader("Explanation"), Rule: *rule, Flows: []flowView{}}
	behind := map[string]bool{}
	for _, i := range rule.Edges {
		e := m.Edges[i]
		x.Edges = append(x.Edges, e)
		for name := range e.Each() {
			behind[name] = true
		}
	}
	var rows []model.Observation
	if l != nil {
		rows = l.Builder.Observations()
		if use, ok := l.Report.Logged[rule.ID]; ok {
			v := viewUse(use)
			x.Use = &v
		}
	}
	for i := range rows {
		// An undecided observation counts for the edge it was decided to be: show it where its ends meet.
		v := viewFlow(l.Graph, &rows[i])
		port := fmt.Sprintf("%d/%s", v.Port, v.Protocol)
		back := fmt.Sprintf("%d/%s", v.SourcePort, v.Protocol)
		if behind[v.Source+" -> "+v.Destination+" "+port] ||
			v.SourcePort != 0 && behind[v.Destination+" -> "+v.Source+" "+back] {
			x.Flows = append(x.Flows, v)
		}
	}
	if format != Table {
		return printObject(w, format, x)
	}
	fmt.Fprintf(
		w,
		"Rule %s of %s, %s:\n  %s\n\nIt is there for:\n",
		rule.ID,
		rule.Policy,
		rule.Direction,
		text.Printable(rule.Text, 500),
	)
	t := newTable(w, "SOURCE", "DESTINATION", "PORT", "STATE", "GRADE", "RECORDS", "HOURS", "FIRST", "LAST")
	for _, e := range x.Edges {
		t.row(e.Source, e.Destination, e.Port, e.State, gradeText(&e), text.Count(e.Records), e.Hours, e.First, e.Last)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if l == nil {
		fmt.Fprintln(w, "\nThe bundle has no evidence: its flows are not here.")
		return nil
	}
	if x.Use != nil {
		fmt.Fprintf(w, "\nThe data plane logged its use: %s.\n", useText(l.Report.Logged[rule.ID]))
	}
	fmt.Fprintln(w, "\nSeen as:")
	return flows.print(w, format, slices.Values(x.Flows))
}

// gradeText is how sure the evidence of an edge is, with the reason where that is not known.
func gradeText(e *bundle.Edge) string {
	if e.Doubt != "" {
		return e.Grade + ": " + e.Doubt
	}
	return cmp.Or(e.Grade, "-")
}
