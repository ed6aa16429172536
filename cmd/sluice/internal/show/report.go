package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// Report prints a verification. What failOn names is an error to those who read results of many tools.
// A sweep of ports is one line, but for those that read every edge.
func Report(w io.Writer, format string, r *verify.Report, failOn []string) error {
	folded := *r
	folded.Cases = verify.FoldedCases(r.Cases)
	switch format {
	case Table:
		printReport(w, &folded)
		return nil
	case Markdown:
		return markdown(w, &folded)
	case SARIF:
		results := ofReport(&folded, failOn)
		return results.sarif(w)
	case JUnit:
		results := ofReport(&folded, failOn)
		return results.junit(w)
	}
	return printObject(w, format, viewReport(r))
}

// reportView is a verification as printed.
type reportView struct {
	header
	CNI              string            `json:"cni"`
	AsOf             string            `json:"asOf,omitempty"` // the day of a bundle
	Connections      map[string]uint64 `json:"connections"`
	Records          map[string]uint64 `json:"records"`
	ConnectionsTotal uint64            `json:"connectionsTotal"`
	OverPermission   overView          `json:"overPermission"`
	Cases            []caseView        `json:"cases"`
	Unused           []string          `json:"unused"` // rule ids
	UnusedRules      []unusedView      `json:"unusedRules,omitempty"`
	IdlePolicies     []idleView        `json:"idlePolicies,omitempty"`
	// Used is how often the data plane used the rules, as it logs.
	Used       []usedView `json:"usedRules,omitempty"`
	First      string     `json:"first,omitempty"` // of the records: how long it was watched
	Last       string     `json:"last,omitempty"`
	Unrecorded []string   `json:"unrecorded,omitempty"` // ids of rules that the bundle has no evidence for
	Missing    []string   `json:"missing,omitempty"`    // ids of rules that it lists and no file has
	Unisolated []gapView  `json:"unisolated,omitempty"`
	Open       []string   `json:"open,omitempty"`
	Pending    uint64     `json:"pending,omitempty"`    // rejected or unproven ones that nothing shows to have worked
	Decided    uint64     `json:"decided,omitempty"`    // rejected ones that worked, and that a decision leaves out
	Unenforced []string   `json:"unenforced,omitempty"` // policies that the plugin does not read: they decide nothing
	Nameless   []string   `json:"nameless,omitempty"`   // policies that allow by DNS names which no rule lets the proxy see
	// Refusals are the unproven connections whose records were refused, by the reason.
	Refusals []refusalView `json:"refusals,omitempty"`
	Lacking  uint64        `json:"lacking,omitempty"` // unproven connections that a fact about the policies is missing for
	Unread   int           `json:"unread,omitempty"`  // policies that could not be read
	Edited   []string      `json:"edited,omitempty"`  // files of the bundle that were changed by hand
	// Probes are those of the kubelet that manifests declare.
	Probes *probesView `json:"probes,omitempty"`
}

// refusalView is why records were refused, of how many connections, and one of these.
type refusalView struct {
	Reason      string `json:"reason"`
	Connections uint64 `json:"connections"`
	Example     string `json:"example"`
}

// unusedView is a rule that no connection needed.
type unusedView struct {
	Rule   string `json:"rule"`
	Policy string `json:"policy"`
	Text   string `json:"text"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
}

// idleView is a policy that no connection needed.
type idleView struct {
	Policy string `json:"policy"`
	Why    string `json:"why"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
}

func printRefusal(w io.Writer, x verify.Refusal) {
	fmt.Fprintf(w, "no verdict: %s refused in the log (%s), such as %s\n",
		text.Plural(x.Connections, "connection", "connections"), x.Reason, text.Printable(x.Example, 160))
}

// idleText says why a policy is idle.
func idleText(i *verify.Idle) string {
	if i.Blind {
		return "it selects none of the pods that were seen"
	}
	return "no connection needed a rule of it"
}

// printUnused tells of rules and policies that nothing needed, and how long that was watched.
func printUnused(w io.Writer, r *verify.Report) {
	const most = 10
	span := time.Duration(r.Last-r.First) * time.Microsecond
	if n := len(r.Unused); n > 0 {
		fmt.Fprintf(w, "%s that no connection needed in the %s from %s to %s:\n", text.Plural(n, "rule", "rules"),
			text.Span(span), model.StampSecond(r.First), model.StampSecond(r.Last))
	}
	for i, u := range r.Unused {
		if i == most {
			fmt.Fprintf(w, "  ... and %s (-o json lists all)\n", text.Plural(len(r.Unused)-most, "more", "more"))
			break
		}
		fmt.Fprintf(w, "  %s of %s: %s\n", u.ID, text.Printable(u.Policy, 100), text.Printable(u.Text, 200))
	}
	for i := range r.Idle {
		if i == most {
			fmt.Fprintf(w, "... and %s (-o json lists all)\n",
				text.Plural(len(r.Idle)-most, "idle policy more", "idle policies more"))
			break
		}
		fmt.Fprintf(w, "idle: %s: %s\n", text.Printable(r.Idle[i].Policy, 100), idleText(&r.Idle[i]))
	}
}

type overView struct {
	Count    int             `json:"count"`
	Universe int             `json:"universe"`
	Examples []verify.Excess `json:"examples,omitempty"`
}

// gapView is a direction of a namespace that a bundle says to isolate, and the pods that nothing isolates there.
type gapView struct {
	Namespace string   `json:"namespace"`
	Direction string   `json:"direction"`
	Pods      []string `json:"pods"`
}

type caseView struct {
	Verdict        string `json:"verdict"`
	Source         string `json:"source"`
	Destination    string `json:"destination"`
	Port           string `json:"port"`
	Records        uint64 `json:"records"`
	SourcePod      string `json:"sourcePod,omitempty"`
	DestinationPod string `json:"destinationPod,omitempty"`
	Why            string `json:"why"`
	// Connections are the pairs of ends that have this verdict, Missing the rules that would allow a lost one.
	Connections int      `json:"connections"`
	Missing     []string `json:"missing,omitempty"`
	// Policy decides it so or isolates the end; File and Line are where it stands.
	Policy string `json:"policy,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
}

func viewReport(r *verify.Report) reportView {
	v := reportView{
		header:           newHeader("VerifyResult"),
		CNI:              r.Semantics.String(),
		AsOf:             r.AsOf,
		Connections:      map[string]uint64{},
		Records:          map[string]uint64{},
		ConnectionsTotal: r.Connections.Total(),
		OverPermission:   overView{r.Over.Count, r.Over.Universe, r.Over.Examples},
		Cases:            []caseView{},
		Unused:           []string{},
	}
	for i := range r.Connections {
		v.Connections[verify.Verdict(i).String()] = r.Connections[i]
		v.Records[verify.Verdict(i).String()] = r.Records[i]
	}
	for _, c := range r.Cases {
		v.Cases = append(
			v.Cases,
			caseView{c.Verdict.String(), c.Src, c.Dst, c.Port, c.Records, c.SrcPod, c.DstPod, c.Why,
				c.Connections, c.Missing, c.Policy, c.At.File, c.At.Line},
		)
	}
	v.First, v.Last = model.StampSecond(r.First), model.StampSecond(r.Last)
	for _, u := range r.Unused {
		v.Unused = append(v.Unused, u.ID)
		v.UnusedRules = append(v.UnusedRules, unusedView{u.ID, u.Policy, u.Text, u.At.File, u.At.Line})
	}
	for i := range r.Used {
		v.Used = append(v.Used, viewUsed(&r.Used[i]))
	}
	for i := range r.Idle {
		p := &r.Idle[i]
		v.IdlePolicies = append(v.IdlePolicies, idleView{p.Policy, idleText(p), p.At.File, p.At.Line})
	}
	for _, u := range r.Unrecorded {
		v.Unrecorded = append(v.Unrecorded, u.ID)
	}
	v.Probes = viewProbes(&r.Probes)
	v.Pending, v.Decided, v.Nameless, v.Unenforced = r.Pending, r.Decided, r.Nameless, r.Unenforced
	for _, x := range r.Refusals {
		v.Refusals = append(v.Refusals, refusalView{x.Reason.String(), x.Connections, x.Example})
	}
	v.Missing, v.Lacking, v.Unread, v.Edited = r.Missing, r.Lacking, r.Unread, r.Edited
	for _, g := range r.Gaps {
		v.Unisolated = append(v.Unisolated, gapView{g.Namespace, g.Direction.String(), g.Pods})
	}
	for _, o := range r.Open {
		v.Open = append(v.Open, strings.TrimSpace(fmt.Sprintf("%s %s by %s", o.Namespace, o.Direction, o.Policy)))
	}
	return v
}

// printReport prints the six counts, what they are made of, and the first cases to look at.
func printReport(w io.Writer, r *verify.Report) {
	fmt.Fprintf(
		w,
		"Replayed %s as %s decides:\n",
		text.Plural(r.Connections.Total(), "connection", "connections"),
		r.Semantics,
	)
	for i := range r.Connections {
		v := verify.Verdict(i)
		fmt.Fprintf(w, "  %-14s %8s  %s\n", v, text.Count(r.Connections[i]), meaning[v])
	}
	fmt.Fprintf(
		w,
		"  %-14s %8s  neither seen nor widened by name, and allowed at an isolated end; of %s possible pairs and ports\n",
		"over-permitted",
		text.Count(r.Over.Count),
		text.Count(r.Over.Universe),
	)
	if r.AsOf != "" {
		fmt.Fprintf(w, "Ages and decisions of the bundle are counted to %s.\n", r.AsOf)
	}
	if r.Pending > 0 {
		fmt.Fprintf(w, "%s of them pending: tried, and nothing shows that it worked\n", text.Count(r.Pending))
	}
	if r.Decided > 0 {
		fmt.Fprintf(w, "%s of those rejected worked, and would be denied: decisions reject or ignore them\n", text.Count(r.Decided))
	}
	printUnenforced(w, r.Unenforced, r.Semantics)
	if n := len(r.Nameless); n > 0 {
		fmt.Fprintf(w, "names: %s allows by DNS names, and no rule of these policies lets the DNS proxy see them "+
			"(rules: {dns: [{matchPattern: \"*\"}]} at the ports of the resolver): without one no name has an address\n",
			text.Printable(text.Some(r.Nameless), 300))
	}
	for _, x := range r.Refusals {
		printRefusal(w, x)
	}
	const most = 10
	for i, c := range r.Cases {
		if i == most {
			fmt.Fprintf(
				w,
				"... and %s (-o json lists all)\n",
				text.Plural(len(r.Cases)-most, "more case", "more cases"),
			)
			break
		}
		fmt.Fprintf(
			w,
			"%s: %s -> %s %s, %s: %s\n",
			c.Verdict,
			text.Printable(c.Src, 80),
			text.Printable(c.Dst, 80),
			c.Port,
			text.Plural(c.Records, "record", "records"),
			text.Printable(c.Why, 300),
		)
		if len(c.Missing) > 0 {
			fmt.Fprintf(w, "  would need: %s\n", text.Printable(strings.Join(c.Missing, "; "), 300))
		}
	}
	for _, e := range r.Over.Examples[:min(most, len(r.Over.Examples))] {
		fmt.Fprintf(
			w,
			"over: %s -> %s %s, by rule %s of %s\n",
			text.Printable(e.Src, 80),
			text.Printable(e.Dst, 80),
			e.Port,
			e.Rule,
			e.Policy,
		)
	}
	if n := r.Over.Count - most; n > 0 {
		fmt.Fprintf(w, "... and %s over-permitted\n", text.Plural(n, "more", "more"))
	}
	printProbes(w, &r.Probes)
	printUnused(w, r)
	printUsed(w, r)
	for _, u := range r.Unrecorded {
		fmt.Fprintf(
			w,
			"unrecorded: rule %s of %s has no evidence in the bundle: %s\n",
			u.ID,
			u.Policy,
			text.Printable(u.Text, 200),
		)
	}
	for _, id := range r.Missing {
		fmt.Fprintf(w, "missing: no file has rule %s, which the bundle lists\n", id)
	}
	for _, name := range r.Edited {
		fmt.Fprintf(w, "edited: %s is not as it was written\n", text.Printable(name, 200))
	}
	if len(r.Edited) > 0 {
		fmt.Fprintln(w, "  learn --force writes it anew; who stands by the edit gives a --fail-on without edited")
	}
	for _, g := range r.Gaps {
		fmt.Fprintf(
			w,
			"unisolated: %s of namespace %s is open for %s\n",
			g.Direction,
			g.Namespace,
			text.Printable(strings.Join(g.Pods, ", "), 300),
		)
	}
	printOpen(w, r.Open, most)
	for _, ns := range r.LeftOpen() {
		fmt.Fprintf(
			w,
			"left-open: %s stands in namespace %s and undoes what other policies there isolate, yours too: delete it to enforce\n",
			policy.OpenName,
			text.Printable(ns, 80),
		)
	}
}

// printOpen says what policies leave open, namespaces in which one of the same name does the same in a line.
func printOpen(w io.Writer, open []verify.Opening, most int) {
	var rows []verify.Opening
	in := map[verify.Opening][]string{}
	for _, o := range open {
		ns := o.Namespace
		if ns != "" {
			o.Namespace = "some"
		}
		if in[o] == nil {
			rows = append(rows, o)
		}
		in[o] = append(in[o], ns)
	}
	for i, o := range rows {
		if i == most {
			fmt.Fprintf(w, "... and %d more stay open (-o json lists all)\n", len(rows)-most)
			break
		}
		where := "all namespaces"
		switch names := in[o]; {
		case o.Namespace == "":
		case len(names) == 1:
			where = "namespace " + names[0]
		default:
			where = fmt.Sprintf("%d namespaces (%s)", len(names), text.Few(names))
		}
		if o.Pods != "" {
			where = text.Printable(o.Pods, 200) + " in " + where
		}
		if o.Only != "" {
			fmt.Fprintf(w, "open: policy %s allows %s, %s\n", o.Policy, where, text.Printable(o.Only, 300))
			continue
		}
		fmt.Fprintf(w, "open: policy %s allows all %s of %s\n", o.Policy, o.Direction, where)
	}
}

// Problems lists what was not taken over as it stands. Documents that are plainly no policies are only counted.
func Problems(w io.Writer, problems []render.Problem) {
	skipped, refused := 0, false
	var alike []string // kinds that may not be read, but for the first
	for _, p := range problems {
		switch {
		case p.Severity == render.Skipped:
			skipped++
		case p.Kind != "" && refused:
			alike = append(alike, p.Kind)
		default:
			refused = refused || p.Kind != ""
			fmt.Fprintf(w, "sluice: %s: %s\n", p.Severity, text.Printable(p.Error(), 400))
		}
	}
	if len(alike) > 0 {
		fmt.Fprintf(w, "sluice: for the same reason not read: %s\n", text.Printable(strings.Join(alike, ", "), 2000))
	}
	if skipped > 0 {
		fmt.Fprintf(w, "sluice: skipped %s\n",
			text.Plural(skipped, "document that is not a policy", "documents that are not policies"))
	}
	if render.Incomplete(problems) {
		fmt.Fprintln(w, "sluice: some policies could not be read: what they allow or deny is not in this verdict")
	}
}
