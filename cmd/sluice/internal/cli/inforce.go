package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/model"
	"sluice/synth/verify"
)

// inForceFlags are the flags that say that a cluster evaluates the policies already.
type inForceFlags struct {
	enforced string // since when; allFlows: always; "": they are not
	staged   bool
}

// allFlows is the value of --enforced without one.
const allFlows = "all"

func (f *inForceFlags) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.enforced, "enforced", "", "the policies are in force, since `TIME` or (without a value) in all of the flows")
	flags.Lookup("enforced").NoOptDefVal = allFlows
	flags.BoolVar(&f.staged, "staged", false, "the cluster evaluates the policies and does not enforce them: compare what it said")
}

func (f *inForceFlags) asked() bool { return f.enforced != "" || f.staged }

// judge compares the policies with what the data plane did or said, once or as it comes.
func (f *inForceFlags) judge(
	ctx context.Context, s Streams, o *replaying, p *run.Policies, path string, sources []string,
) error {
	switch {
	case f.enforced != "" && f.staged:
		return run.Usagef("policies are either enforced or staged: give one of --enforced and --staged")
	case len(sources) == 0 && o.store == "" && o.servers.server() == "":
		return run.Usagef("name flows of the time since the policies are there: SOURCE or --store DIR")
	}
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	w := &judging{o: o, staging: f.staged, policies: p}
	if f.enforced != "" && f.enforced != allFlows {
		var err error
		if w.since, err = parseTime("enforced", f.enforced); err != nil {
			return err
		}
	}
	if o.servers.Follow {
		show.Problems(s.Err, p.Problems)
		w.changes = show.NewJudgements(s.Out, o.format)
		return o.follow(ctx, s, w, sources, p, nil)
	}
	l, err := o.log(ctx, s, p, path, sources)
	if err != nil {
		return err
	}
	if err := w.once(ctx, s, l); err != nil {
		return err
	}
	show.Problems(s.Err, p.Problems)
	if err := o.told(s, l); err != nil {
		return err
	}
	return w.end()
}

// judging compares policies with what the data plane does or says of them.
type judging struct {
	o        *replaying
	staging  bool
	policies *run.Policies
	since    model.Micros // that they are in force; 0: always
	changes  *show.Judgements
	failed   []string // what the last look asks to look at
}

// once prints the comparison with a log that is complete.
func (w *judging) once(ctx context.Context, s Streams, l *run.Log) error {
	if w.staging {
		staging, err := w.staged(ctx, l)
		if err != nil {
			return err
		}
		return show.Staging(s.Out, w.o.format, &staging)
	}
	e, err := w.enforced(ctx, l)
	if err != nil {
		return err
	}
	if e.Records == 0 {
		return run.Usagef("no record is of the time since %s: the flows end %s",
			model.StampSecond(w.since), model.StampSecond(l.Graph.Last))
	}
	return show.Enforcement(s.Out, w.o.format, &e)
}

func (w *judging) enforced(ctx context.Context, l *run.Log) (verify.Enforcement, error) {
	e, err := run.Enforced(ctx, l, w.policies, w.o.VerifyConfig, w.since)
	w.failed = e.Failed()
	return e, err
}

func (w *judging) staged(ctx context.Context, l *run.Log) (verify.Staging, error) {
	st, err := run.Staged(ctx, l, w.policies, w.o.VerifyConfig)
	w.failed = st.Failed()
	return st, err
}

func (w *judging) see(ctx context.Context, l *run.Log) (bool, error) {
	if err := w.tell(ctx, l); err != nil && ctx.Err() == nil {
		return true, err
	} else if err != nil {
		return false, nil
	}
	return true, nil
}

// tell prints what is new.
func (w *judging) tell(ctx context.Context, l *run.Log) error {
	if w.staging {
		st, err := w.staged(ctx, l)
		if err != nil {
			return err
		}
		return w.changes.Staging(&st)
	}
	e, err := w.enforced(ctx, l)
	if err != nil || e.Records == 0 {
		return err
	}
	return w.changes.Enforcement(&e)
}

func (w *judging) end() error {
	if len(w.failed) == 0 {
		return nil
	}
	return &run.Findings{What: w.failed}
}
