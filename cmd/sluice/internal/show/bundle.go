package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"sluice/cmd/sluice/internal/text"
	"sluice/model/workload"
	"sluice/synth/bundle"
)

var findings = list[bundle.Finding]{
	kind: "FindingList", field: "findings", limit: 500,
	head: []string{"SEVERITY", "KIND", "NAMESPACE", "DIRECTION", "WHAT", "WHAT FOLLOWS"},
	row: func(t *table, f bundle.Finding) {
		t.row(f.Severity, f.Kind, f.Namespace, f.Direction, f.Whole(), f.Consequence)
	},
}

// Findings prints what a reviewer of a bundle should know, all of it.
func Findings(w io.Writer, format string, m *bundle.Manifest, namespaces []string) error {
	return findings.print(w, format, func(yield func(bundle.Finding) bool) {
		for _, f := range m.Findings {
			if wanted(namespaces, f.Namespace) && !yield(f) {
				return
			}
		}
	})
}

// ruleView is a rule of a bundle in a list.
type ruleView struct {
	bundle.Rule
	Records uint64 `json:"records"` // behind all its edges
	count   int    // of the edges
}

var rules = list[ruleView]{
	kind: "RuleList", field: "rules",
	head: []string{"RULE", "POLICY", "DIRECTION", "WHAT IT SAYS", "EDGES", "RECORDS"},
	row: func(t *table, r ruleView) {
		t.row(r.ID, r.Policy, r.Direction, r.Text, r.count, text.Count(r.Records))
	},
}

var bundleEdges = list[bundle.Edge]{
	kind: "EdgeList", field: "edges",
	head: []string{"SOURCE", "DESTINATION", "PORT", "STATE", "GRADE", "RECORDS", "FIRST", "LAST"},
	row: func(t *table, e bundle.Edge) {
		t.row(e.Source, e.Destination, e.Port, e.State, gradeText(&e), text.Count(e.Records), e.First, e.Last)
	},
}

// Rules prints rules of a bundle, and edges that were asked for and no rule allows. of a workload, where it is not nil,
// its selector comes before.
func Rules(
	w io.Writer, format string, m *bundle.Manifest, of []bundle.Rule, without []bundle.Edge, wl *workload.Workload,
) error {
	if drawn(format) {
		d := newDrawing()
		for _, r := range of {
			for _, i := range r.Edges {
				d.add(m.Edges[i].Source, m.Edges[i].Destination, "", m.Edges[i].Port)
			}
		}
		for _, e := range without {
			d.add(e.Source, e.Destination, cmp.Or(e.Reason, e.State), e.Port)
		}
		return d.print(w, format)
	}
	var more []field
	switch {
	case wl != nil && format == Table:
		subject(w, wl)
	case wl != nil:
		more = append(more, field{"workload", viewWorkload(wl)})
	}
	if len(without) > 0 {
		more = append(more, field{"withoutRule", without})
	}
	err := rules.print(w, format, func(yield func(ruleView) bool) {
		for _, r := range of {
			v := ruleView{Rule: r, count: m.Count(&r)}
			for _, e := range r.Edges {
				v.Records += m.Edges[e].Records
			}
			if !yield(v) {
				return
			}
		}
	}, more...)
	if err != nil || len(without) == 0 || format != Table {
		return err
	}
	fmt.Fprintln(w, "\nNo rule allows:")
	return bundleEdges.print(w, Table, slices.Values(without))
}
