package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/verify"
)

// watcher is what goes on while servers send.
type watcher interface {
	// see looks at what came. false: that was stopped in the middle, the last look does it again.
	see(ctx context.Context, l *run.Log) (bool, error)
	// end is the error of what was seen last, nil for nothing that asks for attention.
	end() error
}

// follow lets w look at what servers send, again and again. When it is stopped, the last look decides the exit code.
// p are the policies that are judged, inForce those beside them or nil.
func (o *replaying) follow(ctx context.Context, s Streams, w watcher, args []string, p, inForce *run.Policies) error {
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
	l := run.NewLog(cfg)
	g, err := collect.Gather(servers, opts, l)
	if err != nil {
		return err
	}
	far := func(what string) { fmt.Fprintln(s.Err, "sluice: so far "+text.Printable(what, 500)) }
	if err := o.watch(ctx, g, &telling{watcher: w, say: far, wrong: func(l *run.Log) {
		if err := o.tested(l, p); err != nil {
			far(err.Error())
		}
	}}); err != nil {
		return err
	}
	nothing := g.Nothing()
	if err := l.Build(); err != nil {
		return err
	}
	if l.Learnable() > 0 {
		if err := o.told(s, l); err != nil {
			return err
		}
	}
	return cmp.Or(w.end(), nothing, o.tested(l, p))
}

// telling is a watcher that also says, after the first look, what would be wrong if nothing else came, and what the
// servers lost: once there is any, and each time that it is twice as much.
type telling struct {
	watcher
	say   func(string)
	wrong func(*run.Log)
	lost  uint64 // events and gaps that were told
}

func (t *telling) see(ctx context.Context, l *run.Log) (bool, error) {
	ok, err := t.watcher.see(ctx, l)
	if ok && err == nil && t.wrong != nil {
		t.wrong(l)
		t.wrong = nil
	}
	if n := l.Report.Lost + uint64(l.Gaps); n > 0 && n >= 2*t.lost {
		t.lost = n
		for _, what := range l.Losses() {
			t.say(what)
		}
	}
	return ok, err
}

// watch looks each time that o.every has passed, and once more when it is stopped.
func (o *replaying) watch(ctx context.Context, g *collect.Gathering, w watcher) error {
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t := time.NewTicker(o.every)
	defer t.Stop()
	look := func(ctx context.Context) error {
		return g.Look(func(l *run.Log) (bool, error) { return w.see(ctx, l) })
	}
	var err error
	for err == nil && ctx.Err() == nil {
		select {
		case err = <-done:
			done <- err
		case <-t.C:
		case <-ctx.Done():
		}
		if err == nil {
			err = look(ctx)
		}
	}
	if err != nil {
		return err
	}
	if err := <-done; err != nil {
		return err
	}
	return look(context.WithoutCancel(ctx))
}

// watching is a verification that goes on.
type watching struct {
	o        *replaying
	policies *run.Policies
	inForce  *run.Policies // nil: they are judged alone
	changes  *show.Changes
	last     verify.Report
}

func (w *watching) see(ctx context.Context, l *run.Log) (bool, error) {
	report, today, err := w.verify(ctx, l)
	if err != nil && ctx.Err() != nil {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	w.last = report
	return true, w.changes.Print(l, &report, today)
}

func (w *watching) end() error {
	return w.policies.Findings(w.last, w.o.failOn.of(w.policies.Bundle != nil && w.inForce == nil))
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
