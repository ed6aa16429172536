package cli

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/synth/bundle"
)

func newExplain(s Streams) *cobra.Command {
	in := &input{quiet: true, workers: 1}
	var format string
	c := &cobra.Command{
		Use:   "explain BUNDLE RULE-ID",
		Short: "Why is this rule here: the edges and flows behind it",
		Long: `explain shows what a rule of a bundle rests on: its text, the edges that asked for it, and the observed flows of each,
from the bundle's own evidence. The ids stand in bundle.json and REVIEW.md; a beginning of one is enough.`,
		Example: "  sluice explain bundle 3f2a9c01de",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return runExplain(cmd, s, in, format, args[0], args[1])
		},
	}
	c.Flags().StringVar(&in.config, "config", "", "configuration `FILE` (default ./sluice.yaml where it is there)")
	c.Flags().StringVarP(&format, "output", "o", "table", "print as table, json or yaml")
	return c
}

// explanation is a rule with what it rests on.
type explanation struct {
	header
	Rule  bundle.Rule   `json:"rule"`
	Edges []bundle.Edge `json:"edges"`
	Flows []flowView    `json:"flows"`
}

func runExplain(cmd *cobra.Command, s Streams, in *input, format, dir, id string) error {
	m, err := bundle.Read(dir)
	if err != nil {
		return err
	}
	rule, err := findRule(m, id)
	if err != nil {
		return err
	}
	in.store = filepath.Join(dir, bundle.EvidenceDir)
	l, err := in.load(cmd.Context(), s, nil)
	if err != nil {
		return err
	}
	x := explanation{header: newHeader("Explanation"), Rule: *rule, Flows: []flowView{}}
	behind := map[[3]string]bool{}
	for _, i := range rule.Edges {
		e := m.Edges[i]
		x.Edges = append(x.Edges, e)
		behind[[3]string{e.Source, e.Destination, e.Port}] = true
	}
	rows := l.builder.Observations()
	for i := range rows {
		// An undecided observation counts for the edge it was decided to be: show it where its ends meet.
		v := l.viewFlow(&rows[i])
		port := fmt.Sprintf("%d/%s", v.Port, v.Protocol)
		back := fmt.Sprintf("%d/%s", v.SourcePort, v.Protocol)
		if behind[[3]string{v.Source, v.Destination, port}] || v.SourcePort != 0 && behind[[3]string{v.Destination, v.Source, back}] {
			x.Flows = append(x.Flows, v)
		}
	}
	if format != "table" {
		return printObject(s.Out, format, x)
	}
	fmt.Fprintf(s.Out, "Rule %s of %s, %s:\n  %s\n\nIt is there for:\n", rule.ID, rule.Policy, rule.Direction, printable(rule.Text, 500))
	t := newTable(s.Out, "SOURCE", "DESTINATION", "PORT", "STATE", "GRADE", "RECORDS", "HOURS", "FIRST", "LAST")
	for _, e := range x.Edges {
		t.row(e.Source, e.Destination, e.Port, e.State, gradeText(&e), count(e.Records), e.Hours, e.First, e.Last)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "\nSeen as:")
	return printFlows(s.Out, x.Flows)
}

// gradeText is how sure the evidence of an edge is, with the reason where that is not known.
func gradeText(e *bundle.Edge) string {
	if e.Doubt != "" {
		return e.Grade + ": " + e.Doubt
	}
	return cmp.Or(e.Grade, "-")
}

// findRule finds a rule by its id or the beginning of it.
func findRule(m *bundle.Manifest, id string) (*bundle.Rule, error) {
	var found []*bundle.Rule
	for i := range m.Rules {
		r := &m.Rules[i]
		if r.ID == id {
			return r, nil
		}
		if id != "" && strings.HasPrefix(r.ID, id) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		for _, n := range m.Namespaces {
			if slices.Contains(n.Open, id) {
				return nil, fmt.Errorf("rule %s keeps namespace %s open where it cannot be denied yet: no flow asked for it", id, n.Name)
			}
		}
		return nil, fmt.Errorf("the bundle has no rule %q: bundle.json lists %s", id, plural(len(m.Rules), "rule", "rules"))
	}
	ids := []string{}
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return nil, fmt.Errorf("%q begins several rules: %v", id, ids)
}
