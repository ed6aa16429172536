package cli

import (
	"context"
	"time"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/synth/verify"
)

// replaying are the flags of a verification, be it once or again and again.
type replaying struct {
	reading
	run.VerifyConfig
	failOn failOn
	format string
	every  time.Duration // with --follow
}

// follow replays what servers send, again and again, and prints what has changed. When it is stopped, the last replay
// decides the exit code.
func (o *replaying) follow(ctx context.Context, s Streams, p, inForce *run.Policies, args []string) error {
	args, err := o.withServer(args)
	if err != nil {
		return err
	}
	servers, err := collect.Servers(args)
	if err != nil {
		return err
	}
	if len(servers) == 0 || o.every <= 0 {
		return run.Usagef("--follow is for servers, such as hubble://localhost:4245, and --every for a time")
	}
	if o.format != show.Table && o.format != show.JSON {
		return run.Usagef("-o %s: --follow prints table or json", o.format)
	}
	cfg, err := run.LoadConfig(o.config)
	if err != nil {
		return err
	}
	if err := cfg.ReadManifests(ctx, o.manifests, o.inputs(s)); err != nil {
		return err
	}
	p.Know(cfg.Cluster)
	if inForce != nil {
		inForce.Know(cfg.Cluster)
	}
	opts, err := o.options(ctx, servers, newLogger(s.Err))
	if err != nil {
		return err
	}
	g, err := collect.Gather(servers, opts, run.NewLog(cfg))
	if err != nil {
		return err
	}
	w := &watching{o: o, policies: p, inForce: inForce, changes: show.NewChanges(s.Out, o.format)}
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t := time.NewTicker(o.every)
	defer t.Stop()
	for err == nil && ctx.Err() == nil {
		select {
		case err = <-done:
			done <- err
		case <-t.C:
		case <-ctx.Done():
		}
		if err == nil {
			err = w.look(ctx, g)
		}
	}
	if err != nil {
		return err
	}
	if err := <-done; err != nil {
		return err
	}
	if err := w.look(context.WithoutCancel(ctx), g); err != nil {
		return err
	}
	return p.Findings(w.last, o.failOn.of(p.Bundle != nil && inForce == nil))
}

// watching is a verification that goes on.
type watching struct {
	o        *replaying
	policies *run.Policies
	inForce  *run.Policies // nil: they are judged alone
	changes  *show.Changes
	last     verify.Report
}

// look replays if something came since the last look.
func (w *watching) look(ctx context.Context, g *collect.Gathering) error {
	return g.Look(func(l *run.Log) (bool, error) {
		report, today, err := w.verify(ctx, l)
		if err != nil && ctx.Err() != nil {
			return false, nil // stopped in the middle: the last look does it again
		}
		if err != nil {
			return true, err
		}
		w.last = report
		return true, w.changes.Print(l, &report, today)
	})
}

// verify replays what came; today is the replay of what is in force alone, nil without it.
func (w *watching) verify(ctx context.Context, l *run.Log) (report verify.Report, today *verify.Report, err error) {
	if w.inForce == nil {
		report, err = run.Verify(ctx, l, w.policies, w.o.VerifyConfig)
		return report, nil, err
	}
	b, err := run.VerifyBeside(ctx, l, w.policies, w.inForce, w.o.VerifyConfig)
	if err != nil {
		return report, nil, err
	}
	return b.Then, &b.Today, nil
}
