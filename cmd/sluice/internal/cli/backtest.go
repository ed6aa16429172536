package cli

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/disk"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/synth/readiness"
)

type backtestOptions struct {
	watched
	step     time.Duration
	svg      string
	policies string
	cni      string
}

func newBacktest(s Streams) *cobra.Command {
	o := &backtestOptions{}
	c := &cobra.Command{
		Use:   "backtest [SOURCE...] -n NAMESPACE",
		Short: "What would have been lost, had the rest been denied earlier?",
		Long: `backtest learns on what was seen before a time and says what came afterwards: those edges would have been lost, had the
rest been denied then. It does so for the end of every day, by cause, and beside it says what ready called Stable at that
time and how many of those saw a new edge within a week. With --policies it says instead what these would have denied on
each day.`,
		Example: `  sluice backtest --store flows -n shop
  sluice backtest --store flows -A --step 1h -o json
  sluice backtest --store flows -n shop --policies bundle`,
		RunE: func(cmd *cobra.Command, args []string) error { return runBacktest(cmd.Context(), s, o, args) },
	}
	o.flags(c)
	f := c.Flags()
	f.DurationVar(&o.step, "step", 24*time.Hour, "`DURATION` between two times to try: hours, or days of 24h")
	f.StringVar(&o.svg, "svg", "", "also draw the curve into `FILE`")
	f.StringVar(
		&o.policies,
		"policies",
		"",
		"say what the policies in `DIR`, a file, a bundle or git:REVISION:PATH would have denied each day",
	)
	f.StringVar(
		&o.cni,
		"cni",
		"",
		"with --policies: as spec, cilium or calico decide (default: the plugin that wrote the flows)",
	)
	o.allClustersFlag(c, "judge every cluster by itself; --policies can be what learn --all-clusters wrote")
	return c
}

// each judges every cluster.
func (o *backtestOptions) each(ctx context.Context, s Streams, args []string) error {
	e := eachCluster{args: args, format: o.format, namespaces: o.Namespaces,
		refused: []refusal{{"--svg", o.svg != "", "a picture is of one: give --cluster NAME, for each a file"},
			{"--redact", o.redact != "", redactOne}}}
	if o.policies != "" {
		e.policies = []string{o.policies}
	}
	return o.eachCluster(ctx, s, e, func(one *oneCluster) error {
		of := *o
		of.allClusters, of.opened, of.Cluster, of.Namespaces, of.format = false, one.log, one.name, one.namespaces, one.format
		if o.policies != "" {
			of.policies = one.policies[0]
		}
		return runBacktest(ctx, one.streams, &of, args)
	})
}

func (o *backtestOptions) check() error {
	if o.step < time.Hour || o.step%time.Hour != 0 {
		return run.Usagef("--step %s: give whole hours", o.step)
	}
	if o.policies != "" && o.redact != "" {
		return run.Usagef("--redact goes without --policies: they name what is replaced")
	}
	if o.policies != "" && o.svg != "" {
		return run.Usagef("--svg draws what comes late: there is no drawing of --policies")
	}
	if o.policies != "" && o.asOf != "" {
		return run.Usagef("--as-of is for the curve: --until says up to when flows are replayed through --policies")
	}
	return o.watched.check()
}

func runBacktest(ctx context.Context, s Streams, o *backtestOptions, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.allClusters {
		return o.each(ctx, s, args)
	}
	if o.policies != "" {
		return o.denied(ctx, s, args)
	}
	l, err := o.log(ctx, s, args)
	if err != nil {
		return err
	}
	b, err := l.Backtest(o.ReadyConfig, o.step)
	if err != nil {
		return err
	}
	if err := show.Backtest(s.Out, o.format, b); err != nil {
		return err
	}
	if err := o.draw(b); err != nil {
		return err
	}
	return o.told(s, l)
}

func (o *backtestOptions) draw(b *readiness.Backtest) error {
	if o.svg == "" {
		return nil
	}
	var drawing bytes.Buffer
	if err := show.BacktestSVG(&drawing, b); err != nil {
		return err
	}
	return disk.Replace(o.svg, drawing.Bytes())
}

// denied replays policies day by day.
func (o *backtestOptions) denied(ctx context.Context, s Streams, args []string) error {
	p, err := run.OpenRevision(ctx, o.policies, o.inputs(s))
	if err != nil {
		return err
	}
	l, err := o.open(ctx, s, args)
	if err != nil {
		return err
	}
	if err := l.Usable(); err != nil {
		return err
	}
	cfg := run.VerifyConfig{CNI: o.cni, Namespaces: o.Namespaces, Cluster: o.Cluster}
	days, err := l.Denied(ctx, p, cfg)
	if err != nil {
		return err
	}
	if err := show.Denied(s.Out, o.format, days); err != nil {
		return err
	}
	show.Problems(s.Err, p.Problems)
	if err := o.told(s, l); err != nil {
		return err
	}
	n := 0
	for _, d := range days {
		n += min(1, len(d.Edges))
	}
	if n > 0 {
		return &run.Findings{
			What: []string{fmt.Sprintf("something would have been denied on %d of %d days", n, len(days))},
		}
	}
	return nil
}
