package cli

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/bundle"
)

type diffOptions struct {
	reading
	cni      string
	cluster  string
	exitCode bool
	format   string
}

func newDiff(s Streams) *cobra.Command {
	o := &diffOptions{}
	c := &cobra.Command{
		Use:   "diff OLD NEW [SOURCE...]",
		Short: "What two sets of policies decide differently",
		Long: `diff asks two sets of policies for every connection that was seen and for what could come: pods without labels,
namespaces never seen, addresses outside. It prints what the new set allows or denies that the old one does not, whether it
was seen, and what decides it. OLD and NEW are bundles, files or directories of anyone's YAML, - for standard input, or
git:REVISION:PATH, or cluster for the policies of the kubeconfig's cluster. To these NEW is added as applying it would: a
policy of the same kind and name is replaced, all others stay. Without SOURCE the flows are the evidence of the bundle among them, the new one first.`,
		Example: `  sluice diff bundle new-bundle
  sluice diff git:HEAD:policies policies flows.jsonl.gz --exit-code
  sluice diff cluster bundle`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDiff(cmd.Context(), s, o, args[0], args[1], args[2:])
		},
	}
	o.reading.flags(c)
	c.Flags().
		StringVar(&o.cni, "cni", "", "judge as spec, cilium or calico do (default: the plugin that wrote the flows)")
	c.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 3 where something is decided differently, or NEW has policies that cannot be read and OLD has not")
	o.clusterFlag(c, &o.cluster, "the cluster that the policies are for")
	o.allClustersFlag(c, "compare for every cluster by itself: its bundles in OLD and NEW, where learn --all-clusters wrote them")
	o.manifestsFlag(c, declaredFacts)
	outputFlag(c, &o.format)
	refuseRedact(c)
	return c
}

// each compares for every cluster.
func (o *diffOptions) each(ctx context.Context, s Streams, before, after string, sources []string) error {
	e := eachCluster{args: sources, format: o.format, policies: []string{before, after},
		evidence: len(sources) == 0 && o.store == "" && len(bundle.Below(before))+len(bundle.Below(after)) > 0}
	return o.eachCluster(ctx, s, e, func(one *oneCluster) error {
		of := *o
		of.allClusters, of.opened, of.cluster, of.format = false, one.log, one.name, one.format
		return runDiff(ctx, one.streams, &of, one.policies[0], one.policies[1], sources)
	})
}

func runDiff(ctx context.Context, s Streams, o *diffOptions, before, after string, sources []string) error {
	if o.allClusters {
		return o.each(ctx, s, before, after, sources)
	}
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	was, err := run.OpenInForce(ctx, before, o.inputs(s))
	if err != nil {
		return err
	}
	is, err := run.OpenRevision(ctx, after, o.inputs(s))
	if err != nil {
		return err
	}
	if len(sources) == 0 && o.store == "" {
		switch {
		case is.Evidence != "":
			sources = []string{after}
			if was.Evidence != "" && filepath.Clean(before) != filepath.Clean(after) && !o.quiet {
				fmt.Fprintf(s.Err, "sluice: seen is what the evidence of %s has, not that of %s: name flows to judge by others\n",
					text.Printable(after, 200), text.Printable(before, 200))
			}
		case was.Evidence != "":
			sources = []string{before}
		}
	}
	if before == "cluster" && after != before {
		is = was.Apply(is)
	}
	l, err := o.open(ctx, s, sources)
	if err != nil {
		return err
	}
	was.Know(l.Config.Cluster)
	is.Know(l.Config.Cluster)
	if err := l.Usable(); err != nil {
		return err
	}
	d, err := run.Diff(ctx, l, was, is, o.cni, o.cluster)
	if err != nil {
		return err
	}
	if err := show.Difference(s.Out, o.format, l, &d); err != nil {
		return err
	}
	show.Problems(s.Err, append(was.Problems, is.Problems...))
	if err := o.told(s, l); err != nil || !o.exitCode {
		return err
	}
	return cmp.Or(run.Differ(&d), is.UnreadBeside(was))
}
