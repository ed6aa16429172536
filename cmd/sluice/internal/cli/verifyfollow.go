package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/model"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// watch replays what servers send, again and again, and prints what has changed. When it is stopped, the last replay
// decides the exit code.
func (o *verifyOptions) watch(ctx context.Context, s Streams, p *policies, args []string) error {
	servers, err := splitLive(args)
	if err != nil {
		return err
	}
	if len(servers) == 0 || o.every <= 0 {
		return usageError("--follow is for servers, such as hubble://localhost:4245, and --every for a time")
	}
	if o.format == "yaml" {
		return usageError("-o yaml: --follow prints table or json")
	}
	cfg, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	g := newGathering()
	c, err := o.gather(servers, s, g)
	if err != nil {
		return err
	}
	w := &watching{o: o, s: s, policies: p, l: &loaded{reading: g.reading, builder: g.builder, config: cfg}, told: map[string]bool{}}
	done := make(chan error, 1)
	go func() { done <- c.run(ctx) }()
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
	w.last.Unread, w.last.Edited = render.Unread(p.problems), p.hands.Changed() // nothing came, perhaps
	if failed := w.last.Failed(o.failOn); len(failed) > 0 {
		return &exitError{ExitFindings, fmt.Errorf("%s", strings.Join(failed, ", "))}
	}
	return nil
}

// watching is a verification that goes on.
type watching struct {
	o        *verifyOptions
	s        Streams
	policies *policies
	l        *loaded
	last     verify.Report
	told     map[string]bool // cases printed
}

// look replays if something came since the last look.
func (w *watching) look(ctx context.Context, g *gathering) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := &w.l.report
	if !g.fresh || r.Fate(model.Used)+r.Fate(model.Reply)+r.Fate(model.Undecided)+r.Fate(model.Denied) == 0 {
		return nil
	}
	g.fresh = false
	if err := w.l.build(); err != nil {
		return err
	}
	report, err := w.o.judge(ctx, w.l, w.policies)
	if err != nil {
		if ctx.Err() != nil {
			g.fresh = true // stopped in the middle: the last look does it again
			return nil
		}
		return err
	}
	changed := report.Connections != w.last.Connections || report.Records != w.last.Records
	w.last = report
	switch {
	case !changed:
	case w.o.format == "table":
		w.print(w.s.Out)
	default:
		return printLine(w.s.Out, viewReport(&report))
	}
	return nil
}

// print tells the counts and the cases that are new.
func (w *watching) print(out io.Writer) {
	var counts []string
	for i, n := range w.last.Connections {
		if n > 0 {
			counts = append(counts, fmt.Sprintf("%s %s", count(n), verify.Verdict(i)))
		}
	}
	fmt.Fprintf(out, "%s to %s: %s: %s\n", clock(w.l.graph.First), clock(w.l.graph.Last), plural(w.last.Connections.Total(), "connection", "connections"), strings.Join(counts, ", "))
	for _, c := range w.last.Cases {
		line := fmt.Sprintf("%s: %s -> %s %s: %s", c.Verdict, printable(c.Src, 80), printable(c.Dst, 80), c.Port, printable(c.Why, 300))
		if !w.told[line] {
			w.told[line] = true
			fmt.Fprintln(out, line)
		}
	}
}
