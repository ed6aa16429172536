package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice/model"
	"sluice/model/store"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/render"
	"sluice/synth/verify"
)

type learnOptions struct {
	input
	cfg     synth.Config
	dialect string
	out     string
	cni     string
	failOn  []string
	format  string
	base    string
	prune   string
	force   bool
	partial bool // learn from sources that could not be read whole
}

func newLearn(s Streams) *cobra.Command {
	o := &learnOptions{}
	c := &cobra.Command{
		Use:   "learn [SOURCE...] -n NAMESPACE --out DIR",
		Short: "Learn allow policies from flows and write a verified bundle",
		Long: `learn reads flow logs (or the store), finds who needs whom, writes the allow policies for the chosen namespaces into
a bundle, reads them back from disk and replays every flow through them. It exits with 3 where the result asks for
attention: see --fail-on. A direction of a namespace that cannot be denied without cutting what worked gets no
enforce overlay; the summary and REVIEW.md say why.`,
		Example: `  sluice learn flows.jsonl.gz -n shop --out bundle
  sluice learn -A --store flows --out bundle
  sluice learn hubble://localhost:4245 -n shop --for 1h --out bundle`,
		RunE: func(cmd *cobra.Command, args []string) error { return runLearn(cmd, s, o, args) },
	}
	o.flags(c)
	o.live.flags(c)
	f := c.Flags()
	f.DurationVar(&o.live.during, "for", 0, "servers: follow for so `LONG`, then learn (default: what they have now)")
	f.VarP(nameList{&o.cfg.Namespaces}, "namespace", "n", "learn policies for the pods of `NS` (repeats, or a list with commas)")
	f.BoolVarP(&o.cfg.All, "all-namespaces", "A", false, "learn for all namespaces but the system's")
	f.StringVar(&o.dialect, "dialect", dialects[0].Name(), "write the policies as "+strings.Join(dialectNames(), ", "))
	f.StringSliceVar(&o.cfg.Widen, "widen", nil, "allow more than was seen, by name and price: "+strings.Join(synth.Widenings(), ", "))
	f.DurationVar(&o.cfg.MinWatch, "min-watch", defaultMinWatch,
		"write no default deny for a namespace whose pods were watched for less than `DURATION`")
	f.BoolVar(&o.cfg.LearnDenied, "learn-denied", false, "learn edges that policy denied as well")
	f.BoolVar(&o.cfg.EnforceAnyway, "enforce-anyway", false, "write the default deny even where it cuts what worked")
	f.BoolVar(&o.cfg.GlobalDeny, "global-deny", false, "with -A: also deny by default in all namespaces to come (cilium, calico)")
	f.StringVar(&o.cfg.Cluster, "cluster", "", "learn for this cluster, where the log has several; "+unnamedCluster+" is the one without a name")
	f.StringVar(&o.base, "base", "", "start from the former bundle in `DIR`: stay near its rules, and keep those that the flows no longer show")
	f.StringVar(&o.prune, "prune-unused", "", "with --base: drop what was last seen `DAYS` (90d) before the newest record")
	f.StringVar(&o.out, "out", "", "the bundle's `DIR`: absent, empty or a former bundle")
	f.StringVar(&o.cni, "cni", "", "verify as spec, cilium or calico do (default: the plugin that wrote the flows)")
	f.BoolVar(&o.force, "force", false, "write over files of the former bundle that were changed by hand, and beside files that no bundle lists")
	f.BoolVar(&o.partial, "allow-partial", false, "learn although a source could not be read whole")
	f.StringSliceVar(&o.failOn, "fail-on", verify.DefaultFailOn(true), "exit with 3 on "+strings.Join(verify.FailOnNames(), ", "))
	f.StringVarP(&o.format, "output", "o", "table", "print the result as table, json or yaml")
	return c
}

func (o *learnOptions) check() error {
	switch {
	case len(o.cfg.Namespaces) == 0 && !o.cfg.All:
		return usageError("for which namespaces? give -n NAMESPACE (repeats) or -A")
	case o.prune != "" && o.base == "":
		return usageError("--prune-unused says what to drop of a former bundle: give --base DIR")
	case o.cfg.GlobalDeny && !o.cfg.All:
		return usageError("--global-deny would cut the namespaces that nothing is learned for: give -A")
	case o.out == "":
		return usageError("--out DIR is needed: where to write the bundle")
	}
	if err := checkFormat(o.format); err != nil {
		return err
	}
	if err := verify.CheckFailOn(o.failOn); err != nil {
		return &exitError{ExitUsage, err}
	}
	d, err := dialectOf(o.dialect)
	if err != nil {
		return err
	}
	if _, ok := d.(render.Global); o.cfg.GlobalDeny && !ok {
		return usageError("--global-deny: the dialect %s has no policy for all namespaces, use cilium or calico", d.Name())
	}
	o.cfg.Dialect = d
	return bundle.Check(o.out, o.force)
}

func runLearn(cmd *cobra.Command, s Streams, o *learnOptions, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	l, err := o.load(cmd.Context(), s, args)
	if err != nil {
		return err
	}
	if err := l.usable(s.Err); err != nil {
		return err
	}
	partial := l.partial()
	if len(partial) > 0 && !o.partial {
		_ = l.warnFailed(s.Err)
		return fmt.Errorf("nothing was written: %s. --allow-partial learns from what was read", strings.Join(partial, "; "))
	}
	sem, err := l.semantics(o.cni)
	if err != nil {
		return err
	}
	if err := l.config.synth(&o.cfg, cmd.Flags().Changed); err != nil {
		return err
	}
	if o.base != "" {
		prune, err := parseDays("prune-unused", o.prune)
		if err != nil {
			return err
		}
		if err := l.base(cmd.Context(), o.base, prune, &o.cfg); err != nil {
			return err
		}
	}
	if err := l.chosen(&o.cfg); err != nil {
		return err
	}
	var r synth.Result
	err = during(s.Err, o.quiet, "learning policies from "+plural(len(l.graph.Edges), "edge", "edges"), func() (err error) {
		r, err = synth.Synthesize(cmd.Context(), l.graph, o.cfg)
		return err
	})
	if err != nil {
		return err
	}
	var report verify.Report
	err = during(s.Err, o.quiet, "writing and verifying "+plural(r.Stats.Policies, "policy", "policies"), func() (err error) {
		report, err = bundle.Write(cmd.Context(), o.out, bundle.Input{
			Graph: l.graph, Config: o.cfg, Result: &r, Semantics: sem, WriteEvidence: l.writeEvidence,
			Kinds: kinds(), Partial: partial, Force: o.force,
		})
		return err
	})
	if err != nil {
		return err
	}
	hands, err := bundle.Hands(o.out)
	if err != nil {
		return err
	}
	report.Edited = hands.Changed()
	m, err := bundle.Read(o.out)
	if err != nil {
		return err
	}
	if o.format == "table" {
		l.printLearned(s.Out, o, &r, m, &report)
	} else {
		m.Files = nil // of use beside the files only
		if err := printObject(s.Out, o.format, learnView{newHeader("LearnResult"), o.out, l.fateCounts(), viewReport(&report), m}); err != nil {
			return err
		}
	}
	printHands(s.Err, o.out, &hands)
	if err := l.warnFailed(s.Err); err != nil {
		return err
	}
	return o.findings(&r, &report)
}

// learnView is the result of learning as printed.
type learnView struct {
	header
	Out          string           `json:"out"`
	Fates        []fateCount      `json:"fates"`
	Verification reportView       `json:"verification"`
	Bundle       *bundle.Manifest `json:"bundle"`
}

// findings is the exit with 3: verification found what --fail-on names, or a direction cannot be enforced.
func (o *learnOptions) findings(r *synth.Result, report *verify.Report) error {
	const most = 3
	failed := report.Failed(o.failOn)
	blocked := 0
	for _, ns := range r.Namespaces() {
		if e := r.Enforce[ns]; len(e.Why) > 0 && !o.cfg.EnforceAnyway && len(o.failOn) > 0 {
			if blocked++; blocked <= most {
				failed = append(failed, fmt.Sprintf("namespace %s cannot be enforced whole: %s", ns, plural(len(e.Why), "obstacle", "obstacles")))
			}
		}
	}
	if blocked > most {
		failed = append(failed, fmt.Sprintf("and so %s", plural(blocked-most, "namespace more", "namespaces more")))
	}
	if len(failed) > 0 {
		return &exitError{ExitFindings, fmt.Errorf("%s", strings.Join(failed, "; "))}
	}
	return nil
}

// writeEvidence keeps the observations behind the edges as a store of its own. Its one source is what was read.
func (l *loaded) writeEvidence(dir string) error {
	st, err := store.Create(dir)
	if err != nil {
		return err
	}
	w, err := st.Writer(store.WriterOptions{Sorted: true})
	if err != nil {
		return err
	}
	rows := l.builder.Observations()
	if err := w.Write(l.builder.Tables(), rows); err != nil {
		_ = w.Abort()
		return err
	}
	src := store.Source{Name: "evidence", Format: l.format(), First: l.graph.First, Last: l.graph.Last}
	for i := range rows {
		src.Records += int64(rows[i].Records)
	}
	return w.Commit([]store.Source{src})
}

func (l *loaded) printLearned(w io.Writer, o *learnOptions, r *synth.Result, m *bundle.Manifest, report *verify.Report) {
	if !o.quiet {
		l.summary(w)
		fmt.Fprintln(w)
	}
	for _, s := range l.partial() {
		fmt.Fprintf(w, "Learned from a part of the flows: %s.\n", printable(s, 300))
	}
	fmt.Fprintf(w, "Learned %s with %s for %s in %s.\n", plural(r.Stats.Policies, "policy", "policies"), plural(r.Stats.Rules, "rule", "rules"),
		plural(r.Stats.Subjects, "workload", "workloads"), plural(len(r.Namespaces()), "namespace", "namespaces"))
	if st := r.Stats; st.Proven < st.Matrices {
		fmt.Fprintf(w, "Fewer rules might do for %d of %s: see lowerBound in %s.\n", st.Matrices-st.Proven, plural(st.Matrices, "workload and direction", "workloads and directions"), bundle.ManifestFile)
	}
	for i := range r.Widenings {
		wd := &r.Widenings[i]
		fmt.Fprintf(w, "Widened (%s, %s): %s\n", wd.Kind, wd.Cost(), wd.Text)
	}
	fmt.Fprintln(w)
	printReport(w, report)
	fmt.Fprintln(w)
	t := newTable(w, "NAMESPACE", "INGRESS", "EGRESS", "WATCHED", "LAST NEW EDGE")
	for _, ns := range r.Namespaces() {
		e := r.Enforce[ns]
		t.row(ns, e.Words(model.Ingress), e.Words(model.Egress), e.Watched.String(), e.Watched.LastNewEdge())
	}
	_ = t.flush()
	l.printObstacles(w, r)
	fmt.Fprint(w, "\n", bundle.Next(m, o.out))
}

func (l *loaded) printObstacles(w io.Writer, r *synth.Result) {
	const most = 8
	for _, ns := range r.Namespaces() {
		why := r.Enforce[ns].Why
		for i, ob := range why {
			if i == most {
				fmt.Fprintf(w, "  ... and %s (REVIEW.md lists all)\n", plural(len(why)-most, "more", "more"))
				break
			}
			fmt.Fprintf(w, "  %s %s: %s\n", ns, ob.Direction, printable(ob.Text, 300))
		}
	}
}
