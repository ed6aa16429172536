package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

type verifyOptions struct {
	reading
	run.VerifyConfig
	failOn failOn
	format string
	every  time.Duration
}

func newVerify(s Streams) *cobra.Command {
	o := &verifyOptions{}
	c := &cobra.Command{
		Use:   "verify POLICIES [SOURCE...]",
		Short: "Replay flows through policies: what would be lost, what escapes",
		Long: `verify replays every connection of the flows through a set of NetworkPolicies and counts what became of it: permitted,
lost (it worked and would be denied), rejected, escaped (it was denied and would be allowed), inexpressible and unproven.
POLICIES is a bundle, a file or directory of anyone's YAML, or - for standard input. A bundle without SOURCE is
replayed with its own evidence.`,
		Example: `  sluice verify bundle
  sluice verify policies/ flows.jsonl.gz --fail-on lost,escaped,over
  sluice verify policies/ --store flows -o sarif > verify.sarif
  sluice verify bundle hubble://localhost:4245 --follow`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runVerify(cmd.Context(), s, o, args[0], args[1:])
		},
	}
	o.reading.flags(c)
	o.servers.flags(c)
	o.servers.followFlag(c, "servers: keep replaying what they send, until stopped")
	f := c.Flags()
	f.DurationVar(&o.every, "every", 10*time.Second, "with --follow: how often to replay what came")
	f.StringVar(&o.CNI, "cni", "", "judge as spec, cilium or calico do (default: the plugin that wrote the flows)")
	o.failOn.flag(c, false)
	outputFlag(c, &o.format, show.ReportFormats()...)
	f.StringVar(&o.Cluster, "cluster", "", "the cluster that the policies are for, where the log has several")
	f.VarP(nameList{&o.Namespaces}, "namespace", "n", "what the policies are for (repeats; default: where they are)")
	return c
}

func runVerify(ctx context.Context, s Streams, o *verifyOptions, path string, sources []string) error {
	if err := show.CheckFormat(o.format, show.ReportFormats()...); err != nil {
		return err
	}
	if err := o.failOn.check(); err != nil {
		return err
	}
	p, err := run.OpenPolicies(path, s.In)
	if err != nil {
		return err
	}
	if o.servers.Follow {
		show.Problems(s.Err, p.Problems)
		return o.follow(ctx, s, p, sources)
	}
	l, err := o.log(ctx, s, p, path, sources)
	if err != nil {
		return err
	}
	r, err := run.Verify(ctx, l, p, o.VerifyConfig)
	if err != nil {
		return err
	}
	if err := show.Report(s.Out, o.format, &r, o.failOn.of(p.Bundle != nil)); err != nil {
		return err
	}
	show.Problems(s.Err, p.Problems)
	if err := incomplete(s, l); err != nil {
		return err
	}
	return p.Findings(r, o.failOn.of(p.Bundle != nil))
}

// log opens the sources. A bundle without any is replayed with its own evidence, as it was when it was proven.
func (o *verifyOptions) log(
	ctx context.Context,
	s Streams,
	p *run.Policies,
	path string,
	sources []string,
) (*run.Log, error) {
	if p.Bundle != nil && len(sources) == 0 && o.store == "" {
		sources = []string{path}
		if o.CNI == "" {
			o.CNI = p.Bundle.Verification.Semantics
		}
	}
	l, err := o.open(ctx, s, sources)
	if err != nil {
		return nil, err
	}
	if err := l.Usable(); err != nil {
		return nil, err
	}
	if err := l.Seen(o.Namespaces, run.PodsOnly); err != nil {
		return nil, err
	}
	return l, l.ClusterSeen(o.Cluster)
}
