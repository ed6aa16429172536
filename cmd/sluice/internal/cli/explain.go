package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/bundle"
)

type explainOptions struct {
	reading
	format string
}

func newExplain(s Streams) *cobra.Command {
	o := &explainOptions{reading: reading{quiet: true, workers: 1}}
	c := &cobra.Command{
		Use:   "explain BUNDLE [RULE-ID | WORKLOAD [PEER] [PORT]]",
		Short: "Why is this rule here: the edges and flows behind it",
		Long: `explain shows what a rule of a bundle rests on: its text, the edges that asked for it, and the observed flows of each,
from the bundle's own evidence. The ids stand in bundle.json and REVIEW.md; a beginning of one is enough. With a workload
instead, a peer or a port, it lists the rules whose edges have all of them, and the edges that no rule allows. Without
either it lists all rules.`,
		Example: `  sluice explain bundle 3f2a9c01de
  sluice explain bundle
  sluice explain bundle shop/web shop/cart 7070`,
		Args: cobra.RangeArgs(1, 4),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExplain(cmd.Context(), s, o, args[0], args[1:])
		},
	}
	c.Flags().StringVar(&o.config, "config", "", "configuration `FILE` (default ./sluice.yaml where it is there)")
	outputFlag(c, &o.format)
	return c
}

func runExplain(ctx context.Context, s Streams, o *explainOptions, dir string, what []string) error {
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	m, err := bundle.Read(dir)
	if err != nil {
		return err
	}
	if len(what) == 0 {
		return show.Rules(s.Out, o.format, m, m.Rules, nil)
	}
	rule, err := findRule(m, what[0])
	if edges := m.Find(what); rule == nil && len(edges) > 0 {
		rules, without := m.RulesOf(edges)
		return show.Rules(s.Out, o.format, m, rules, without)
	}
	switch {
	case err != nil:
		return err
	case len(what) > 1:
		return run.Usagef("%s is a rule: nothing can come behind it", what[0])
	}
	var l *run.Log
	if _, err := run.Evidence(dir); err == nil { // it stays out of Git
		if l, err = o.open(ctx, s, []string{dir}); err != nil {
			return err
		}
	}
	return show.Explain(s.Out, o.format, m, rule, l)
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
				return nil, fmt.Errorf(
					"rule %s keeps open what cannot be denied yet in namespace %s: no flow asked for it",
					id,
					n.Name,
				)
			}
		}
		return nil, fmt.Errorf(
			"the bundle has no rule %q and no workload of that name: bundle.json lists %s",
			id,
			text.Plural(len(m.Rules), "rule", "rules"),
		)
	}
	ids := []string{}
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return nil, fmt.Errorf("%q begins several rules: %v", id, ids)
}
