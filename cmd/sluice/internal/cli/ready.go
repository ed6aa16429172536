package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

// watched are the flags of commands that judge whether enough was seen.
type watched struct {
	reading
	run.ReadyConfig
	asOf   string
	format string
}

func (o *watched) flags(c *cobra.Command) {
	o.reading.flags(c)
	f := c.Flags()
	f.VarP(nameList{&o.Namespaces}, "namespace", "n", "the pods of `NS` (repeats, or a list with commas)")
	f.BoolVarP(&o.All, "all-namespaces", "A", false, "all namespaces but the system's")
	f.StringVar(
		&o.Cluster,
		"cluster",
		"",
		"this cluster, where the log has several; "+run.UnnamedCluster+" is the one without a name",
	)
	f.StringVar(&o.asOf, "as-of", "", "as things stood at `TIME` (default: the end of the log)")
	f.StringSliceVar(
		&o.manifests,
		"manifests",
		nil,
		"the cluster's CronJobs and workloads, `FILES`, directories or - (kubectl get -A -o yaml): what is declared and was never seen is waited for",
	)
	outputFlag(c, &o.format)
}

func (o *watched) check() error {
	if len(o.Namespaces) == 0 && !o.All {
		return run.Usagef("for which namespaces? give -n NAMESPACE (repeats) or -A")
	}
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	var err error
	o.AsOf, err = parseTime("as-of", o.asOf)
	return err
}

func newReady(s Streams) *cobra.Command {
	o := &watched{}
	explain := false
	c := &cobra.Command{
		Use:   "ready [SOURCE...] -n NAMESPACE",
		Short: "Has enough been seen to deny the rest?",
		Long: `ready says for every workload and direction how likely it is that something it needs, and that was never seen, shows
within a week. The forecast comes from edges that appeared late, of this namespace and of the whole log; guards hold it
back where the calendar, the manifests or losses say that something is missing. Changes, such as rollouts, are told
apart: waiting does not help against them. It exits with 3 while a namespace is below Stable. A SOURCE can be a bundle:
its evidence is judged. What happens less often than the log is long is in no log: no answer here speaks of it.`,
		Example: `  sluice ready --store flows -n shop
  kubectl get cronjobs,deployments,statefulsets,daemonsets -A -o yaml | sluice ready --store flows -A --manifests -
  sluice ready bundle -n shop --explain`,
		RunE: func(cmd *cobra.Command, args []string) error { return runReady(cmd.Context(), s, o, args, explain) },
	}
	o.flags(c)
	c.Flags().BoolVar(&explain, "explain", false, "also print each workload and direction, with what it was judged by")
	return c
}

func runReady(ctx context.Context, s Streams, o *watched, args []string, explain bool) error {
	if err := o.check(); err != nil {
		return err
	}
	l, err := o.open(ctx, s, args)
	if err != nil {
		return err
	}
	r, err := l.Ready(o.ReadyConfig)
	if err != nil {
		return err
	}
	if err := show.Ready(s.Out, o.format, r, explain); err != nil {
		return err
	}
	if err := incomplete(s, l); err != nil {
		return err
	}
	return r.Findings()
}
