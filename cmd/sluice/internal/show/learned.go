package show

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/readiness"
	"sluice/synth/verify"
)

// learnView is the result of learning as printed.
type learnView struct {
	header
	Out          string           `json:"out"`
	Fates        []fateCount      `json:"fates"`
	Verification reportView       `json:"verification"`
	Readiness    []learnReadyView `json:"readiness"`
	Bundle       *bundle.Manifest `json:"bundle"`
}

// learnReadyView is whether enough was seen of a namespace, in short.
type learnReadyView struct {
	Name      string  `json:"name"`
	State     string  `json:"state"`
	Workloads int     `json:"workloads"`
	Stable    int     `json:"stableWorkloads"`
	Chance    float64 `json:"chance"` // of an edge within 7 days that exists and was never seen
}

func viewLearnReady(r *run.Ready) []learnReadyView {
	out := []learnReadyView{}
	for i := range r.Namespaces {
		n := &r.Namespaces[i]
		out = append(out, learnReadyView{n.Name, n.State.String(), n.Workloads, n.Ready, atLeast(n.Chance)})
	}
	return out
}

// Learned prints what was learned into the bundle out, and how to replay new flows; quiet: without what was read.
func Learned(w io.Writer, format string, l *run.Log, r *run.Learned, out string, again bundle.Again, quiet bool) error {
	if format == Table {
		printResult(w, l, r, r.Bundle, quiet)
		fmt.Fprint(w, "\n", bundle.Next(r.Bundle, r.Result.Dialect.Rollout(), out, again))
		return nil
	}
	m := *r.Bundle
	m.Files = nil // of use beside the files only
	return printObject(
		w,
		format,
		learnView{newHeader("LearnResult"), out, fateCounts(l), viewReport(&r.Report), viewLearnReady(r.Ready), &m},
	)
}

// Console is what Learned prints for people, but for the way into a cluster, which REVIEW.md has.
func Console(l *run.Log, learned *run.Learned, m *bundle.Manifest) string {
	var b strings.Builder
	printResult(&b, l, learned, m, false)
	return b.String()
}

func printResult(w io.Writer, l *run.Log, learned *run.Learned, m *bundle.Manifest, quiet bool) {
	r := &learned.Result
	if !quiet {
		Summary(w, l)
		fmt.Fprintln(w)
	}
	for _, s := range l.Partial() {
		fmt.Fprintf(w, "Learned from a part of the flows: %s.\n", text.Printable(s, 300))
	}
	fmt.Fprintf(
		w,
		"Learned %s with %s for %s in %s.\n",
		text.Plural(r.Stats.Policies, "policy", "policies"),
		text.Plural(r.Stats.Rules, "rule", "rules"),
		text.Plural(
			r.Stats.Subjects,
			"workload",
			"workloads",
		),
		text.Plural(len(r.Namespaces()), "namespace", "namespaces"),
	)
	if st := r.Stats; st.Proven < st.Matrices {
		fmt.Fprintf(
			w,
			"Fewer rules might do for %d of %s: see lowerBound in %s.\n",
			st.Matrices-st.Proven,
			text.Plural(st.Matrices, "workload and direction", "workloads and directions"),
			bundle.ManifestFile,
		)
	}
	if b := m.Beside; b != nil {
		fmt.Fprintf(w, "Only what is missing beside %s in force; ends of edges that pass by them already: %d. "+
			"The bundle holds together with them alone.\n", text.Plural(len(b.Policies), "policy", "policies"), b.Granted)
		if len(b.Unsure) > 0 {
			fmt.Fprintf(w, "Not counted, as the network plugin may not read this kind (what they alone allow is learned): %s.\n",
				text.Printable(text.Some(b.Unsure), 300))
		}
	}
	if b := learned.Beside; b != nil {
		known := ""
		if b.Then.Unread > 0 {
			known = " that could be read"
		}
		fmt.Fprintf(w, "Beside the policies in force%s: %s lost today, %d once these are applied.\n", known,
			text.Plural(b.Today.Connections[verify.Lost], "connection", "connections"), b.Then.Connections[verify.Lost])
		printLifted(w, b.Lifted)
		if len(b.Lifted) > 0 {
			fmt.Fprintln(w, "With --missing-only no rule is written where a policy in force lets the connection pass.")
		}
	}
	for i := range r.Widenings {
		wd := &r.Widenings[i]
		fmt.Fprintf(w, "Widened (%s, %s): %s\n", wd.Kind, wd.Cost(), wd.Text)
	}
	fmt.Fprintln(w)
	printReport(w, &learned.Report)
	fmt.Fprintln(w)
	printSpaces(w, learned)
	fmt.Fprintln(w, "STABLE: workloads of which enough was seen; sluice ready says what to wait for.")
	printObstacles(w, r)
	if better := m.Others(learned.Sayers); better != "" {
		fmt.Fprintf(w, "The dialect %s has no rule for %s that worked: %s.\n", r.Dialect.Name(),
			text.Plural(len(r.Inexpressible()), "edge", "edges"), better)
	}
	for _, n := range learned.Needs {
		word := map[model.Tri]string{model.Yes: "has", model.No: "does NOT have"}[n.Met]
		fmt.Fprintf(w, "The cluster %s %s: %s.\n", word, n.What, text.Printable(n.Why, 200))
	}
	if slices.ContainsFunc(r.Findings, func(f synth.Finding) bool { return f.Kind == synth.KindOpenIngress }) {
		fmt.Fprintln(w, "No ClusterNetworkPolicy denies what comes in from outside and from nodes; NetworkPolicies do "+
			"(--dialect cluster without clusterPolicies.baseline, or another dialect).")
	}
}

// openSpaces is how many namespaces have a row of their own each.
const openSpaces = 12

// printSpaces prints what may be denied in each namespace. Of many, those of equal words share a row: the shortest time
// that one of them was watched, the latest new edge, and the workloads of all.
func printSpaces(w io.Writer, learned *run.Learned) {
	r := &learned.Result
	type row struct {
		names     []string
		first     synth.Enforce
		watched   synth.Watched
		stable    readiness.Namespace
		readiness bool
	}
	var rows []*row
	alike := map[[2]string]*row{}
	all := r.Namespaces()
	for _, ns := range all {
		e := r.Enforce[ns]
		words := [2]string{e.LastingWords(model.Ingress), e.LastingWords(model.Egress)}
		x := alike[words]
		if x == nil || len(all) <= openSpaces {
			x = &row{first: e, watched: e.Watched}
			alike[words] = x
			rows = append(rows, x)
		}
		x.names = append(x.names, ns)
		if e.Watched.For() < x.watched.For() {
			x.first = e
			x.watched.First, x.watched.Last, x.watched.Time = e.Watched.First, e.Watched.Last, e.Watched.Time
		}
		x.watched.NewEdge = max(x.watched.NewEdge, e.Watched.NewEdge)
		if n := learned.Ready.Namespace(ns); n != nil {
			x.readiness = true
			x.stable.Ready += n.Ready
			x.stable.Workloads += n.Workloads
		}
	}
	t := newTable(w, "NAMESPACE", "INGRESS", "EGRESS", "WATCHED", "LAST NEW EDGE", "STABLE")
	for _, x := range rows {
		stable := "-"
		if x.readiness {
			stable = fmt.Sprintf("%d of %d", x.stable.Ready, x.stable.Workloads)
		}
		t.row(text.Few(x.names), x.first.Words(model.Ingress), x.first.Words(model.Egress), x.watched.String(),
			x.watched.LastNewEdge(), stable)
	}
	_ = t.flush()
	if len(rows) < len(all) {
		fmt.Fprintln(w, "Namespaces with the same words share a row, with the shortest time watched; -o json has each.")
	}
}

func printObstacles(w io.Writer, r *synth.Result) {
	const most, screen = 8, 24
	told, left, spaces := 0, 0, 0
	for _, ns := range r.Namespaces() {
		why := r.Enforce[ns].Why
		if told >= screen && len(why) > 0 {
			left += len(why)
			spaces++
			continue
		}
		told += min(len(why), most)
		for i, ob := range why {
			if i == most {
				fmt.Fprintf(w, "  ... and %s (REVIEW.md lists all)\n", text.Plural(len(why)-most, "more", "more"))
				break
			}
			fmt.Fprintf(w, "  %s %s: %s\n", ns, ob.Direction, text.Printable(ob.Text, 300))
		}
	}
	if left > 0 {
		fmt.Fprintf(w, "  ... and %d more in %s (REVIEW.md groups them, sluice show findings lists all)\n", left,
			text.Plural(spaces, "other namespace", "other namespaces"))
	}
}

// Hands tells what people did in the directory of a bundle, and what that means for it.
func Hands(w io.Writer, h *bundle.ByHand) {
	for _, name := range h.Edited {
		fmt.Fprintf(
			w,
			"sluice: %s was changed by hand: kept as it is, and verified with it (--force writes over it)\n",
			text.Printable(name, 200),
		)
	}
	for _, name := range h.Loose {
		fmt.Fprintf(
			w,
			"sluice: %s is not of this bundle and is not applied: move it to %s/\n",
			text.Printable(name, 200),
			bundle.ExtraDir,
		)
	}
	if n := len(h.Extra); n > 0 {
		fmt.Fprintf(
			w,
			"sluice: %s in %s/ is applied and verified with the bundle\n",
			text.Plural(n, "policy file of your own", "policy files of your own"),
			bundle.ExtraDir,
		)
	}
}
