package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/synth/lint"
)

type lintOptions struct {
	reading
	cni    string
	failOn string
	page   string
	flows  []string
	format string
	fix    bool
	dryRun bool
}

func newLint(s Streams) *cobra.Command {
	o := &lintOptions{}
	c := &cobra.Command{
		Use:   "lint POLICIES...",
		Short: "Read policies strictly: wrong fields, selectors that match nothing, traps",
		Long: `lint reads policies as the API server and the network plugins do, and names what is not what it seems: fields of
another API, rules that match nothing, denials that isolate, ports of services, egress without look-ups of names. With
--flows it also compares selectors with the pods that were seen. POLICIES are files, directories, bundles, - for
standard input, or cluster for those of the kubeconfig's cluster. --explain ID tells what a finding means.

--fix writes the policies again where the mend is mechanical: a field by its right name, a value in its right form, the
port of the pods for that of the service. It changes nothing but the words concerned, and tells what is left.`,
		Example: `  sluice lint policies/
  sluice lint bundle --flows flows.jsonl.gz --fail-on warning
  sluice lint policies/ --fix --dry-run
  sluice lint --explain egress-without-dns`,
		RunE: func(cmd *cobra.Command, args []string) error { return runLint(cmd.Context(), s, o, args) },
	}
	o.common(c)
	f := c.Flags()
	f.StringArrayVar(&o.flows, "flows", nil, "compare with the pods of these `SOURCES` (repeats)")
	f.StringVar(&o.cni, "cni", "", "judge as spec, cilium or calico do (default: the plugin that wrote the flows)")
	f.StringVar(
		&o.failOn,
		"fail-on",
		lint.Error.String(),
		"exit with 3 on findings of this severity: info, warning, error",
	)
	f.StringVar(&o.page, "explain", "", "print the page of one finding's `ID` instead")
	o.manifestsFlag(c, declaredFacts+"; selectors are compared with what they declare")
	f.BoolVar(&o.fix, "fix", false, "mend in the files what is mechanical to mend")
	f.BoolVar(&o.dryRun, "dry-run", false, "with --fix: show the change instead of making it")
	outputFlag(c, &o.format, show.SARIF, show.JUnit)
	return c
}

func runLint(ctx context.Context, s Streams, o *lintOptions, paths []string) error {
	if o.page != "" {
		return show.Page(s.Out, o.page)
	}
	severities := []string{lint.Info.String(), lint.Warning.String(), lint.Error.String()}
	from := slices.Index(severities, o.failOn)
	switch {
	case from < 0:
		return run.Usagef("--fail-on %s: use info, warning or error", o.failOn)
	case o.dryRun && !o.fix:
		return run.Usagef("--dry-run is for --fix: without it lint changes nothing")
	case o.fix && !o.dryRun && (slices.Contains(paths, "-") || slices.Contains(paths, "cluster")):
		return run.Usagef("--fix: what comes from standard input or the cluster is in no file: add --dry-run to see the change")
	case len(paths) == 0:
		return run.Usagef("no policies given: name files, directories or a bundle, or - for standard input")
	}
	if err := show.CheckFormat(o.format, show.SARIF, show.JUnit); err != nil {
		return err
	}
	var l *run.Log
	cfg, err := run.LoadConfig(o.config)
	if err == nil && len(o.flows) > 0 {
		if l, err = o.open(ctx, s, o.flows); err == nil {
			cfg, err = l.Config, l.Usable()
		}
	} else if err == nil {
		err = cfg.ReadManifests(ctx, o.manifests, o.inputs(s))
		unknown(s, cfg)
	}
	if err != nil {
		return err
	}
	all, list, err := o.look(ctx, s, paths, l, cfg)
	if err != nil {
		return err
	}
	if o.fix {
		mended := run.Mend(all, list)
		if o.dryRun {
			show.Mending(s.Out, s.Err, mended)
			return run.Traps(list, lint.Severity(from))
		}
		for i := range mended {
			if err := mended[i].Write(); err != nil {
				return err
			}
		}
		show.Mended(s.Err, mended)
		if _, list, err = o.look(ctx, s, paths, l, cfg); err != nil {
			return err
		}
	}
	if err := show.Lint(s.Out, o.format, list, lint.Severity(from)); err != nil {
		return err
	}
	if l != nil {
		err = o.told(s, l)
	} else if len(cfg.ManifestProblems) > 0 {
		err = &run.Incomplete{Sources: cfg.ManifestProblems}
	}
	if err != nil {
		return err
	}
	return run.Traps(list, lint.Severity(from))
}

// look lints policies as they stand in their files.
func (o *lintOptions) look(
	ctx context.Context,
	s Streams,
	paths []string,
	l *run.Log,
	cfg *run.Config,
) (*run.Policies, []lint.Finding, error) {
	p, err := o.openAll(ctx, s, run.OpenRevision, paths)
	if err != nil {
		return nil, nil, err
	}
	list, err := run.Lint(l, p, cfg, o.cni)
	return p, list, err
}
