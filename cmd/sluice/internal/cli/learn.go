package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/render/all"
)

type learnOptions struct {
	reading
	run.LearnConfig
	dialect string
	failOn  failOn
	format  string
	prune   string
	with    []string
	fleet   bool // all clusters
}

func newLearn(s Streams) *cobra.Command {
	o := &learnOptions{}
	c := &cobra.Command{
		Use:   "learn [SOURCE...] -n NAMESPACE --out DIR",
		Short: "Learn allow policies from flows and write a verified bundle",
		Long: `learn reads flow logs (or the store), finds who needs whom, writes the allow policies for the chosen namespaces into
a bundle, reads them back from disk and replays every flow through them. It exits with 3 where the result asks for
attention: see --fail-on. A direction of a namespace that cannot be denied without cutting what worked gets no
default deny there; the summary and REVIEW.md say why. -P reads the Hubble relay of the kubeconfig's cluster, through its
API server; goldmane:// and whisker+https:// without an address are those of the cluster likewise.`,
		Example: `  sluice learn flows.jsonl.gz -n shop --out bundle
  sluice learn -A --store flows --out bundle
  sluice learn hubble://localhost:4245 -n shop --for 1h --out bundle
  sluice learn -P -n shop --out bundle`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Given = run.Given{Widen: cmd.Flags().Changed("widen"), MinWatch: cmd.Flags().Changed("min-watch")}
			return runLearn(cmd.Context(), s, o, args)
		},
	}
	o.reading.flags(c)
	o.redactFlag(c)
	o.servers.flags(c)
	o.kube.servers(c)
	f := c.Flags()
	f.DurationVar(&o.servers.For, "for", 0, "servers: follow for a `TIME` such as 1h, then learn (default: what they have now)")
	f.VarP(
		nameList{&o.Namespaces},
		"namespace",
		"n",
		"learn policies for the pods of `NS` (repeats, or a list with commas)",
	)
	f.BoolVarP(&o.All, "all-namespaces", "A", false, "learn for all namespaces but the system's")
	f.StringVar(&o.asOf, "as-of", "", "count ages, and the ends of decisions, to `TIME` (default: the end of the flows)")
	f.StringVar(&o.dialect, "dialect", all.Names()[0], "write the policies as "+strings.Join(all.Names(), ", ")+", or "+run.Auto+
		": by what wrote the flows, and by what the cluster serves where it is asked for something")
	f.StringSliceVar(
		&o.Widen,
		"widen",
		nil,
		"allow more than was seen, by name and price: "+strings.Join(synth.Widenings(), ", "),
	)
	f.DurationVar(&o.MinWatch, "min-watch", run.DefaultMinWatch,
		"write no default deny for a namespace whose pods were watched for less than `DURATION`")
	f.BoolVar(&o.LearnDenied, "learn-denied", false, "learn edges that policy denied as well")
	f.BoolVar(&o.EnforceAnyway, "enforce-anyway", false, "write the default deny even where it cuts what worked")
	f.BoolVar(
		&o.GlobalDeny,
		"global-deny",
		false,
		"with -A: also deny by default in all namespaces to come (cilium, calico; cluster does so without it)",
	)
	o.clusterFlag(c, &o.Cluster, "learn for this cluster ("+run.UnnamedCluster+": the one without a name)")
	f.BoolVar(&o.fleet, "all-clusters", false,
		"learn for every cluster, each into the directory of its name in --out, and join what clusters agree on")
	f.StringVar(
		&o.Base,
		"base",
		"",
		"start from the former bundle in `DIR`: stay near its rules, and keep those that the flows no longer show",
	)
	f.StringVar(
		&o.prune,
		"prune-unused",
		"",
		"with --base: drop what was last seen `DAYS` (90d) before the newest record",
	)
	f.StringVar(&o.Out, "out", "", "the bundle's `DIR`: absent, empty or a former bundle")
	f.StringVar(&o.CNI, "cni", "", "verify as spec, cilium or calico do (default: the plugin that wrote the flows)")
	f.BoolVar(
		&o.Force,
		"force",
		false,
		"write over files of the former bundle that were changed by hand, and beside files that no bundle lists",
	)
	f.StringVar(
		&o.Name,
		"name",
		"",
		"call the bundle `NAME` in the label sluice.dev/bundle of every object (default "+bundle.DefaultName+")",
	)
	f.BoolVar(&o.AllowPartial, "allow-partial", false, "learn although a source could not be read whole")
	f.BoolVar(
		&o.RequireReady,
		"require-ready",
		false,
		"exit with 3 while a namespace is below Stable: see sluice ready",
	)
	o.manifestsFlag(c, "(kubectl get -A -o yaml): they name the owners of pods, and are waited for; policies are in force")
	f.StringArrayVar(&o.with, "with", nil, "what is in force already: files, a directory, git:REVISION:PATH or - (repeats)")
	f.BoolVar(&o.MissingOnly, "missing-only", false,
		"learn only what the policies in force lack; the bundle holds beside them alone")
	f.BoolVar(&o.WithEvidence, "with-evidence", false,
		"let the evidence be committed with the bundle: it names pods and addresses (default: .gitignore leaves it out)")
	o.failOn.flag(c, true)
	outputFlag(c, &o.format)
	return c
}

func (o *learnOptions) check() error {
	switch {
	case len(o.Namespaces) == 0 && !o.All:
		return run.Usagef("for which namespaces? give -n NAMESPACE (repeats) or -A")
	case o.prune != "" && o.Base == "":
		return run.Usagef("--prune-unused says what to drop of a former bundle: give --base DIR")
	case o.GlobalDeny && !o.All:
		return run.Usagef("--global-deny would cut the namespaces that nothing is learned for: give -A")
	case o.redact != "" && (o.Base != "" || len(o.with) > 0):
		return run.Usagef("--redact: --base and --with name what is replaced: leave them out")
	case o.fleet && (o.Cluster != "" || o.redact != ""):
		return run.Usagef("--all-clusters goes without --cluster and --redact")
	case o.Out == "":
		return run.Usagef("--out DIR is needed: where to write the bundle")
	case o.MinWatch < 0:
		return run.Usagef("--min-watch %s: give a DURATION that is not negative, 0 to deny whatever was watched", o.MinWatch)
	}
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	if err := o.failOn.check(); err != nil {
		return err
	}
	if err := run.CheckWidenings(o.Widen); err != nil {
		return err
	}
	if o.dialect == run.Auto && o.fleet {
		return run.Usagef("--dialect %s is for one cluster: with --all-clusters name one of %s", run.Auto, strings.Join(all.Names(), ", "))
	}
	if o.dialect != run.Auto {
		var err error
		if o.Dialect, err = all.Named(o.dialect); err != nil {
			return run.Usagef("--dialect: %w", err)
		}
		if err := o.forAll(); err != nil {
			return err
		}
	}
	var err error
	if o.Prune, err = parseDays("prune-unused", o.prune); err != nil {
		return err
	}
	if o.fleet {
		return nil
	}
	return bundle.Check(o.Out, o.Force)
}

// forAll says of a dialect that has no policy for all namespaces that one was asked for.
func (o *learnOptions) forAll() error {
	if o.GlobalDeny && !synth.ForAll(o.Dialect) {
		return run.Usagef(
			"--global-deny: the dialect %s has no policy for all namespaces, use cilium, calico or cluster",
			o.Dialect.Name(),
		)
	}
	return nil
}

// auto chooses the dialect, and says which and why. The cluster is asked where the command line asks it for something.
func (o *learnOptions) auto(ctx context.Context, s Streams, l *run.Log) error {
	var served run.Serves
	if c := o.kube.opened; c != nil {
		served = func(version, resource string) (bool, error) { return c.Serves(ctx, version, resource) }
	}
	var why string
	var err error
	if o.Dialect, why, err = l.ChooseDialect(served); err != nil {
		return err
	}
	if !o.quiet {
		fmt.Fprintf(s.Err, "sluice: --dialect %s is %s: %s\n", run.Auto, o.Dialect.Name(), why)
	}
	return o.forAll()
}

func runLearn(ctx context.Context, s Streams, o *learnOptions, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	var err error
	if o.With, err = o.openAll(ctx, s, run.OpenInForce, o.with); err != nil {
		return err
	}
	o.digests = true
	o.Watch = o.watch(s)
	o.Version, o.Command, o.Console = version(), append([]string{"sluice"}, os.Args[1:]...), show.Console
	if o.fleet {
		return o.learnFleet(ctx, s, args)
	}
	l, err := o.open(ctx, s, args)
	if err != nil {
		return err
	}
	if o.dialect == run.Auto {
		if err := o.auto(ctx, s, l); err != nil {
			return err
		}
	}
	o.hideAll(o.Namespaces)
	o.hidden(&o.Cluster)
	if o.redact != "" {
		o.Command = []string{"sluice", "learn", "--redact", "KEY", "..."}
	}
	r, err := run.Learn(ctx, l, o.LearnConfig)
	if err != nil {
		return err
	}
	if err := show.Learned(s.Out, o.format, l, r, o.Out, o.again(args), o.quiet); err != nil {
		return err
	}
	show.Problems(s.Err, r.Unclear)
	show.Hands(s.Err, &r.Hands)
	if err := incomplete(s, l); err != nil {
		return err
	}
	return r.Findings(o.failOn.names)
}

// learnFleet learns for all clusters. The command line chooses what is read, whatever the cluster.
func (o *learnOptions) learnFleet(ctx context.Context, s Streams, args []string) error {
	src, err := o.sources(s, args)
	if err != nil {
		return err
	}
	f, err := run.LearnFleet(ctx, src, o.LearnConfig, o.failOn.names, func(cluster string) (*run.Log, error) {
		o.Cluster = cluster
		return o.open(ctx, s, args)
	})
	if err != nil {
		return err
	}
	if err := show.Fleet(s.Out, o.format, f, o.Out); err != nil {
		return err
	}
	return f.Findings()
}
