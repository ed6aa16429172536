package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/store"
	"sluice/synth/bundle"
)

// showOptions are the flags of the show commands.
type showOptions struct {
	reading
	format     string
	namespaces []string
}

func newShow(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "show",
		Short: "Look into any stage: flows, endpoints, workloads, edges, findings, clusters, segments, streams",
		Example: `  sluice show edges flows.jsonl.gz -n shop
  sluice show workloads --store flows -o yaml`,
	}
	stage := func(name, short, example string, print show.Of, formats []string) {
		o := &showOptions{}
		sub := &cobra.Command{
			Use: name + " [SOURCE...]", Short: short, Example: example,
			RunE: func(cmd *cobra.Command, args []string) error {
				return runShow(cmd.Context(), s, o, args, print, formats)
			},
		}
		o.reading.flags(sub)
		o.redactFlag(sub)
		outputFlag(sub, &o.format, formats...)
		sub.Flags().VarP(nameList{&o.namespaces}, "namespace", "n", "only what touches the namespace `NS` (repeats)")
		c.AddCommand(sub)
	}
	stage(
		"edges",
		"Who talks to whom on which port, with the evidence",
		"  sluice show edges flows.jsonl -o json\n  sluice show edges --store flows -n shop -o dot | dot -Tsvg > shop.svg",
		show.Edges,
		show.GraphFormats(),
	)
	stage(
		"workloads",
		"How endpoints were grouped and which selector was chosen, and why",
		"  sluice show workloads flows.jsonl -n shop",
		show.Workloads,
		show.ListFormats(),
	)
	stage(
		"endpoints",
		"The identities that the log names",
		"  sluice show endpoints flows.jsonl",
		show.Endpoints,
		show.ListFormats(),
	)
	stage(
		"flows",
		"The observations that edges are built from, folded by the hour",
		"  sluice show flows flows.jsonl -n shop",
		show.Flows,
		show.ListFormats(),
	)
	c.AddCommand(newShowFindings(s))
	inStore := func(name, short, example string, print func(io.Writer, string, store.Part) error) {
		var dir, format string
		sub := &cobra.Command{
			Use: name + " --store DIR", Short: short, Example: example, Args: noArgs(": the store is named by --store DIR"),
			RunE: func(c *cobra.Command, _ []string) error {
				return runShowStore(c.Context(), s, dir, format, print)
			},
		}
		sub.Flags().StringVar(&dir, "store", "", "the store's `DIR` or URL")
		outputFlag(sub, &format)
		c.AddCommand(sub)
	}
	inStore("segments", "The segments of a store", "  sluice show segments --store flows", show.Segments)
	inStore(
		"clusters",
		"The clusters of a store: what is there, how fresh, what was lost",
		"  sluice show clusters --store s3://flows/prod",
		show.Clusters,
	)
	inStore(
		"streams",
		"The servers that were read into a store: where they stand, what was lost",
		"  sluice show streams --store flows -o yaml",
		show.Streams,
	)
	return c
}

func runShow(
	ctx context.Context, s Streams, o *showOptions, args []string, print show.Of, formats []string,
) error {
	if err := show.CheckFormat(o.format, formats...); err != nil {
		return err
	}
	l, err := o.open(ctx, s, args)
	if err != nil {
		return err
	}
	o.hideAll(o.namespaces)
	if l.Report.Total() == l.Report.Fate(model.Malformed) {
		return l.Usable()
	}
	if err := l.Seen(o.namespaces, run.AnyEnd); err != nil {
		return err
	}
	if err := print(s.Out, o.format, l, o.namespaces); err != nil {
		return err
	}
	return o.told(s, l)
}

func runShowStore(ctx context.Context, s Streams, dir, format string,
	print func(io.Writer, string, store.Part) error) error {
	if err := show.CheckFormat(format); err != nil {
		return err
	}
	if dir == "" {
		return run.Usagef("--store DIR is needed")
	}
	st, err := place.Open(ctx, dir)
	if err != nil {
		return err
	}
	return print(s.Out, format, st.Part(""))
}

func newShowFindings(s Streams) *cobra.Command {
	var format string
	var namespaces []string
	c := &cobra.Command{
		Use: "findings BUNDLE", Short: "What a reviewer of a bundle should know, by kind, with the command that resolves each", Args: cobra.ExactArgs(1),
		Example: "  sluice show findings bundle -n shop",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := show.CheckFormat(format, show.ListFormats()...); err != nil {
				return err
			}
			m, err := bundle.Read(args[0])
			if err != nil {
				return err
			}
			if err := listed(m, namespaces); err != nil {
				return err
			}
			return show.Findings(s.Out, format, m, args[0], namespaces)
		},
	}
	c.Flags().VarP(nameList{&namespaces}, "namespace", "n", "only those of the namespace `NS` (repeats)")
	outputFlag(c, &format, show.ListFormats()...)
	return c
}

// listed is the error for namespaces that a bundle is not for.
func listed(m *bundle.Manifest, namespaces []string) error {
	var have []string
	for _, n := range m.Namespaces {
		have = append(have, n.Name)
	}
	for _, ns := range namespaces {
		if !slices.Contains(have, ns) {
			return fmt.Errorf("the bundle is not for namespace %s; it has %s", ns, text.Some(have))
		}
	}
	return nil
}
