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

// Findings prints what a reviewer of a bundle should know, all of it: in the table by kind, the gravest first, each
// with what to do and the command for it. dir is where the bundle lies.
func Findings(w io.Writer, format string, m *bundle.Manifest, dir string, namespaces []string) error {
	if format == Table {
		return groupsOf(w, m, dir, namespaces)
	}
	return findings.print(w, format, func(yield func(bundle.Finding) bool) {
		for _, f := range m.Findings {
			if wanted(namespaces, f.Namespace) && !yield(f) {
				return
			}
		}
	})
}

func groupsOf(w io.Writer, m *bundle.Manifest, dir string, namespaces []string) error {
	const room = 500
	groups := m.Groups(dir, namespaces...)
	if len(groups) == 0 {
		fmt.Fprintln(w, "There are no findings.")
	}
	for i := range groups {
		g := &groups[i]
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s %s: %s", g.Severity, g.Kind, text.Plural(g.Count, "finding", "findings"))
		if len(g.Namespaces) > 0 {
			fmt.Fprintf(w, " in %s", text.Some(g.Namespaces))
		}
		fmt.Fprintf(w, "\n  %s\n  %s\n", g.Cause, g.Remedy)
		of, where := m.Of(g, namespaces...)
		same := !slices.ContainsFunc(of, func(f *bundle.Finding) bool { return m.Command(f, dir) != g.Command })
		if same {
			fmt.Fprintf(w, "  %s\n", text.Printable(g.Command, room))
		}
		for k, f := range of {
			at := ""
			if len(where[k]) > 0 {
				at = text.Some(where[k]) + ": "
			}
			fmt.Fprintf(w, "  - %s%s\n", at, text.Printable(f.Whole()+": "+f.Consequence, room))
			if !same {
				fmt.Fprintf(w, "    %s\n", text.Printable(m.Command(f, dir), room))
			}
		}
	}
	return nil
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
		if len(of) == len(m.Rules) { // a part of them lies better by itself
			d.places = m.Places()
		}
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
