package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

type readyOptions struct {
	watched
	explain  bool
	policies []string
	baseline string
	cni      string
	follow   bool
	every    time.Duration
}

func newReady(s Streams) *cobra.Command {
	o := &readyOptions{}
	c := &cobra.Command{
		Use:   "ready [SOURCE...] -n NAMESPACE",
		Short: "Has enough been seen to deny the rest?",
		Long: `ready says for every workload and direction how likely it is that something it needs, and that was never seen, shows
within a week. The forecast comes from edges that appeared late, of this namespace and of the whole log; guards hold it
back where the calendar, the manifests or losses say that something is missing. Changes, such as rollouts, are told
apart: waiting does not help against them. It exits with 3 while a namespace is below Stable. A SOURCE can be a bundle:
its evidence is judged. What happens less often than the log is long is in no log: no answer here speaks of it.
--policies adds coverage: the workloads that nothing isolates, the namespaces that are enforced. --baseline makes that a
ratchet for CI: it exits with 3 only on what is worse than what ready -o json printed earlier. --follow waits on a store
that a collector fills, and tells when a namespace becomes ready.`,
		Example: `  sluice ready --store flows -n shop
  kubectl get cronjobs,deployments,statefulsets,daemonsets -A -o yaml | sluice ready --store flows -A --manifests -
  sluice ready --store flows -A --policies policies/ --baseline coverage.json
  sluice ready bundle -n shop --explain`,
		RunE: func(cmd *cobra.Command, args []string) error { return runReady(cmd.Context(), s, o, args) },
	}
	o.flags(c)
	f := c.Flags()
	f.BoolVar(&o.explain, "explain", false, "also print each workload and direction, with what it was judged by")
	f.StringArrayVar(&o.policies, "policies", nil, "say how far these isolate the pods: a bundle, files, git:REVISION:PATH or - (repeats)")
	f.StringVar(&o.baseline, "baseline", "", "exit with 3 only where it is worse than in `FILE`, which ready -o json printed")
	f.StringVar(&o.cni, "cni", "", "with --policies: as spec, cilium or calico do (default: the plugin that wrote the flows)")
	f.BoolVarP(&o.follow, "follow", "f", false, "look again at a store that is filled, until all namespaces are ready")
	f.DurationVar(&o.every, "every", time.Minute, "with --follow: how often")
	o.allClustersFlag(c, "judge every cluster by itself; --policies can be what learn --all-clusters wrote")
	return c
}

// each judges every cluster.
func (o *readyOptions) each(ctx context.Context, s Streams, args []string) error {
	e := eachCluster{args: args, format: o.format, namespaces: o.Namespaces, policies: o.policies,
		refused: []refusal{{"--baseline", o.baseline != "", "a baseline is of one: give --cluster NAME with that of each"},
			{"--follow", o.follow, "it ends when one is ready: give --cluster NAME, for each a process"},
			{"--redact", o.redact != "", redactOne}}}
	return o.eachCluster(ctx, s, e, func(one *oneCluster) error {
		of := *o
		of.allClusters, of.opened, of.Cluster, of.Namespaces = false, one.log, one.name, one.namespaces
		of.format, of.policies = one.format, one.policies
		return runReady(ctx, one.streams, &of, args)
	})
}

func runReady(ctx context.Context, s Streams, o *readyOptions, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.redact != "" && (len(o.policies) > 0 || o.baseline != "" || o.follow) {
		return run.Usagef("--redact goes without --policies, --baseline and --follow: they name what is replaced")
	}
	if o.allClusters {
		return o.each(ctx, s, args)
	}
	var baseline *run.Baseline
	if o.baseline != "" {
		var err error
		if baseline, err = run.ReadBaseline(o.baseline); err != nil {
			return err
		}
	}
	policies, err := o.openAll(ctx, s, run.OpenRevision, o.policies)
	if err != nil {
		return err
	}
	if o.follow {
		if baseline != nil || policies != nil {
			return run.Usagef("--follow waits for namespaces to become ready: --policies and --baseline are for one look")
		}
		return o.wait(ctx, s, args, o.every)
	}
	l, err := o.log(ctx, s, args)
	if err != nil {
		return err
	}
	r, err := l.Ready(o.ReadyConfig)
	if err != nil {
		return err
	}
	if policies != nil {
		if err := l.Cover(r, policies, run.VerifyConfig{CNI: o.cni, Cluster: o.Cluster}); err != nil {
			return err
		}
		show.Problems(s.Err, policies.Problems)
	}
	if err := show.Ready(s.Out, o.format, r, o.explain); err != nil {
		return err
	}
	if err := o.told(s, l); err != nil {
		return err
	}
	if baseline == nil {
		return r.Findings()
	}
	worse, err := baseline.Worse(r)
	if err != nil {
		return err
	}
	show.Worse(s.Err, worse)
	return run.Ratchet(worse)
}
