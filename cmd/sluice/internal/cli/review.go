package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/disk"
	"sluice/cmd/sluice/internal/review"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

type reviewOptions struct {
	reading
	html string
	svg  string
	port int
	by   string
}

func newReview(s Streams) *cobra.Command {
	o := &reviewOptions{}
	c := &cobra.Command{
		Use:   "review BUNDLE",
		Short: "Read a bundle on a page in the browser, and decide on it",
		Long: `review shows a bundle on a page of this machine, for a browser on it: every rule with the flows that asked for it and its
YAML, the findings, what would be lost, a table, a map and a matrix of who talks to whom. On it one accepts, rejects or
widens with a reason, and sees from the bundle's evidence what that would cut or open. Decisions go to sluice.yaml once
they are written: all else in it stays as it is. Learn again to bring them into the policies. The address has a token
that nobody can guess: give it to nobody. Ctrl-C ends it. With --html the same page becomes one file that needs nothing
else, to keep with the results of a pipeline: nothing can be decided on it. With --svg there is only a drawing of who talks
to whom, in the same places.`,
		Example: `  sluice review bundle
  sluice review bundle --config policies/sluice.yaml --by 'Ana'
  sluice review bundle --html review.html
  sluice review bundle --svg picture.svg`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeBundle,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReview(cmd.Context(), s, o, args[0])
		},
	}
	f := c.Flags()
	f.StringVar(&o.html, "html", "", "write the page into `FILE` instead, to read only")
	f.StringVar(&o.svg, "svg", "", "write a drawing of who talks to whom into `FILE` instead")
	f.IntVar(&o.port, "port", 0, "serve on this port of 127.0.0.1 (default: a free one)")
	f.StringVar(&o.by, "by", cmp.Or(os.Getenv("GIT_AUTHOR_NAME"), os.Getenv("USER")), "`NAME` of who decides")
	f.Lookup("by").DefValue = ""
	o.common(c)
	return c
}

func runReview(ctx context.Context, s Streams, o *reviewOptions, dir string) error {
	if o.port < 0 || o.port > 65535 {
		return run.Usagef("--port %d is no port", o.port)
	}
	switch {
	case o.html != "" && o.svg != "":
		return run.Usagef("--html or --svg: one file a run")
	case o.html != "" && o.port != 0:
		return run.Usagef("--html writes a file: there is no port")
	case o.svg != "" && o.port != 0:
		return run.Usagef("--svg writes a file: there is no port")
	}
	if _, err := run.LoadConfig(o.config); err != nil { // one that is named has to be there
		return err
	}
	p, err := run.OpenPolicies(dir, s.In)
	if err != nil {
		return err
	}
	if p.Bundle == nil {
		return run.Usagef("%s is no bundle: learn writes one", dir)
	}
	if err := p.Bundle.ReadRun(dir); err != nil {
		return err
	}
	if o.svg != "" {
		drawing, err := p.Bundle.Picture()
		if err != nil {
			return err
		}
		return disk.Replace(o.svg, drawing)
	}
	in := review.Input{Dir: dir, Policies: p, By: o.by}
	if in.Config, err = run.OpenConfigFile(o.config); err != nil {
		return err
	}
	if _, err := run.Evidence(dir); err != nil {
		show.Remark(s.Err, "the bundle has no evidence: what decisions would cut is not known, and there are no curves")
	} else if in.Log, err = o.open(ctx, s, []string{dir}); err != nil {
		return err
	}
	if o.html != "" {
		text, err := review.HTML(ctx, in)
		if err != nil {
			return err
		}
		return disk.Replace(o.html, text)
	}
	srv, err := review.Listen(ctx, in, o.port)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Out, srv.URL())
	show.Remark(s.Err, "decisions go to "+in.Config.Path+"; Ctrl-C ends the page")
	return srv.Run(ctx)
}
