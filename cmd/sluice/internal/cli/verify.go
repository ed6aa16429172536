package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/synth/bundle"
)

type verifyOptions struct {
	replaying
	inForceFlags
	with []string
}

func newVerify(s Streams) *cobra.Command {
	o := &verifyOptions{}
	c := &cobra.Command{
		Use:   "verify POLICIES [SOURCE...]",
		Short: "Replay flows through policies: what would be lost, what escapes",
		Long: `verify replays every connection of the flows through a set of NetworkPolicies and counts what became of it: permitted,
lost (it worked and would be denied), rejected, escaped (it was denied and would be allowed), inexpressible and unproven.
POLICIES is a bundle, a file or directory of anyone's YAML, - for standard input, git:REVISION:PATH, or cluster for those
of the kubeconfig's cluster, which is only read. A bundle without SOURCE is replayed with its own evidence.
--enforced asks of policies that are in force whether they do what they say: wanted edges that were dropped, dropped ones
that never worked, traffic that is denied and passes, workloads of which no connection was judged yet. --staged compares what the data plane said of
policies that it only watches (Cilium's audit mode, Calico's staged kinds). With --follow both tell what is new.`,
		Example: `  sluice verify bundle
  sluice verify policies/ flows.jsonl.gz --fail-on lost,escaped,over
  sluice verify policies/ --store flows -o sarif > verify.sarif
  sluice verify bundle hubble://localhost:4245 --follow
  sluice verify cluster --store flows --manifests cluster
  sluice verify bundle --store flows --with cluster
  sluice verify bundle --store flows --enforced=2026-11-20
  sluice verify bundle hubble://localhost:4245 --enforced --follow`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runVerify(cmd.Context(), s, o, args[0], args[1:])
		},
	}
	o.reading.flags(c)
	o.servers.flags(c)
	o.kube.servers(c)
	o.servers.followFlag(c, "servers: keep replaying what they send, until stopped")
	f := c.Flags()
	f.DurationVar(&o.every, "every", 10*time.Second, "with --follow: how often to replay what came")
	f.StringVar(&o.CNI, "cni", "", "judge as spec, cilium or calico do (default: the plugin that wrote the flows)")
	o.inForceFlags.flags(c)
	f.StringArrayVar(&o.with, "with", nil, "what is in force already: cluster, files, a directory, git:REVISION:PATH or - (repeats)")
	o.manifestsFlag(c, declaredFacts)
	o.redactFlag(c)
	o.failOn.flag(c, false)
	outputFlag(c, &o.format, show.ReportFormats()...)
	o.clusterFlag(c, &o.Cluster, "the cluster that the policies are for")
	o.allClustersFlag(c, "judge every cluster by itself: by its bundle in POLICIES, where learn --all-clusters wrote them, else by the same policies")
	f.VarP(nameList{&o.Namespaces}, "namespace", "n", "what the policies are for (repeats; default: where they are)")
	return c
}

// each judges every cluster.
func (o *verifyOptions) each(ctx context.Context, s Streams, path string, sources []string) error {
	e := eachCluster{args: sources, format: o.format, namespaces: o.Namespaces, policies: []string{path},
		evidence: len(sources) == 0 && o.store == "" && o.servers.given == "" && len(bundle.Below(path)) > 0,
		results:  []string{show.SARIF, show.JUnit},
		refused: []refusal{{"--with", len(o.with) > 0, "what is there already is of one: give --cluster NAME with that of each"},
			{"--follow", o.servers.Follow, "a server tells of one: give --cluster NAME, for each a process"},
			{"--redact", o.redact != "", redactOne}}}
	return o.eachCluster(ctx, s, e, func(one *oneCluster) error {
		of := *o
		of.allClusters, of.opened, of.Cluster, of.Namespaces, of.format = false, one.log, one.name, one.namespaces, one.format
		return runVerify(ctx, one.streams, &of, one.policies[0], sources)
	})
}

func runVerify(ctx context.Context, s Streams, o *verifyOptions, path string, sources []string) error {
	if o.allClusters {
		return o.each(ctx, s, path, sources)
	}
	if err := show.CheckFormat(o.format, show.ReportFormats()...); err != nil {
		return err
	}
	if err := o.failOn.check(); err != nil {
		return err
	}
	p, err := run.OpenRevision(ctx, path, o.inputs(s))
	if err != nil {
		return err
	}
	if err := o.redactable(p, sources); err != nil {
		return err
	}
	if o.asked() {
		return o.judge(ctx, s, &o.replaying, p, path, sources)
	}
	inForce, err := o.openAll(ctx, s, run.OpenInForce, o.with)
	if err != nil {
		return err
	}
	if err := run.Whole(p, inForce); err != nil {
		return err
	}
	if o.servers.Follow {
		show.Problems(s.Err, p.Problems)
		w := &watching{o: &o.replaying, policies: p, inForce: inForce, changes: show.NewChanges(s.Out, o.format)}
		return o.follow(ctx, s, w, sources, p, inForce)
	}
	l, err := o.log(ctx, s, p, path, sources)
	if err != nil {
		return err
	}
	if inForce != nil {
		inForce.Know(l.Config.Cluster)
		return o.beside(ctx, s, l, p, inForce)
	}
	r, err := run.Verify(ctx, l, p, o.VerifyConfig)
	if err != nil {
		return err
	}
	if err := show.Report(s.Out, o.format, &r, o.failOn.of(p.Bundle != nil)); err != nil {
		return err
	}
	show.Problems(s.Err, p.Problems)
	if err := o.told(s, l); err != nil {
		return err
	}
	return p.Findings(r, o.failOn.of(p.Bundle != nil))
}

// redactable is the error where --redact would compare names with pseudonyms, or show names.
func (o *verifyOptions) redactable(p *run.Policies, sources []string) error {
	switch {
	case o.redact == "":
	case p.Bundle == nil || len(o.with) > 0:
		return run.Usagef("--redact: policies name what is replaced: sluice learn --redact FILE --out BUNDLE, and verify that BUNDLE")
	case len(sources) == 0 && o.store == "":
		return run.Usagef("--redact is for other flows: the evidence of a bundle is as it was learned")
	case o.servers.Follow:
		return run.Usagef("--redact goes without --follow: read the server into a store first (sluice ingest)")
	}
	return nil
}

// beside verifies proposed policies together with those in force.
func (o *verifyOptions) beside(ctx context.Context, s Streams, l *run.Log, p, inForce *run.Policies) error {
	b, err := run.VerifyBeside(ctx, l, p, inForce, o.VerifyConfig)
	if err != nil {
		return err
	}
	failOn := o.failOn.of(false) // what is in force is nobody's bundle
	if err := show.Beside(s.Out, o.format, l, b, failOn); err != nil {
		return err
	}
	show.Problems(s.Err, append(p.Problems, inForce.Problems...))
	if err := o.told(s, l); err != nil {
		return err
	}
	return run.Failed(&b.Then, failOn)
}
