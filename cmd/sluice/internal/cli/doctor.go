package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/model/capture"
)

type doctorOptions struct {
	reading
	namespaces []string
	failOn     string
	format     string
}

func newDoctor(s Streams) *cobra.Command {
	o := &doctorOptions{}
	c := &cobra.Command{
		Use:   "doctor [SOURCE...]",
		Short: "What this log can show, and what it cannot",
		Long: `doctor looks at a log and not at the traffic in it: what the export left out, which nodes and hours were not watched,
what a mesh, a gateway or address translation hides. Each finding says what follows and how to take the next log. Where
addresses have no names it prints the policy that makes Cilium show them, which isolates nothing, and what it costs. What
leaves a kind of traffic out for good also keeps ready below Stable.`,
		Example: `  sluice doctor flows.jsonl.gz
  sluice doctor hubble://localhost:4245 --last 5000
  sluice doctor --store flows --manifests cluster
  sluice doctor --store flows -n shop -o json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runDoctor(cmd.Context(), s, o, args) },
	}
	o.reading.flags(c)
	o.redactFlag(c)
	o.servers.flags(c)
	o.kube.servers(c)
	f := c.Flags()
	f.VarP(nameList{&o.namespaces}, "namespace", "n", "print the DNS-visibility policy for the pods of `NS` (repeats, or a list with commas)")
	o.manifestsFlag(c, declaredFacts+"; nodes that they name and that sent nothing are told")
	f.StringVar(&o.failOn, "fail-on", capture.Error.String(), "exit with 3 on findings of this severity: info, warning, error")
	outputFlag(c, &o.format)
	return c
}

func runDoctor(ctx context.Context, s Streams, o *doctorOptions, args []string) error {
	from := slices.Index([]string{capture.Info.String(), capture.Warning.String(), capture.Error.String()}, o.failOn)
	if from < 0 {
		return run.Usagef("--fail-on %s: use info, warning or error", o.failOn)
	}
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	l, err := o.open(ctx, s, args)
	if err != nil {
		return err
	}
	o.hideAll(o.namespaces)
	d := l.Doctor(o.namespaces)
	if err := show.Doctor(s.Out, o.format, d); err != nil {
		return err
	}
	if err := incomplete(s, l); err != nil {
		return err
	}
	return d.Severe(capture.Severity(from))
}
