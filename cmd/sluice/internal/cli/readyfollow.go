package cli

import (
	"context"
	"time"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

// wait looks at a store again and again and tells what changes, until all namespaces are ready. When it is stopped, the
// last look decides the exit code.
func (o *watched) wait(ctx context.Context, s Streams, args []string, every time.Duration) error {
	switch {
	case o.store == "" && (len(args) != 1 || run.StoreOf(args[0]) == ""):
		return run.Usagef("--follow looks at a store that is filled: give --store DIR")
	case every <= 0:
		return run.Usagef("--every %s: give a time", every)
	case o.format != show.Table && o.format != show.JSON:
		return run.Usagef("-o %s: --follow prints table or json", o.format)
	}
	o.quiet = true // a look is nothing to watch
	states := show.NewStates(s.Out, o.format)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		r, err := o.look(context.WithoutCancel(ctx), s, args)
		if err != nil {
			return err
		}
		if err := states.Print(r); err != nil {
			return err
		}
		if r.Findings() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return r.Findings()
		case <-t.C:
		}
	}
}

func (o *watched) look(ctx context.Context, s Streams, args []string) (*run.Ready, error) {
	l, err := o.open(ctx, s, args)
	if err != nil {
		return nil, err
	}
	return l.Ready(o.ReadyConfig)
}
