package show

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/synth/verify"
)

// enforcementView reports whether policies that are in force do what they say.
type enforcementView struct {
	header
	Done       bool         `json:"done"`
	Drops      []dropView   `json:"drops"`      // wanted, and dropped
	News       []dropView   `json:"news"`       // dropped, and nothing says whether it is wanted
	Passes     []passView   `json:"passes"`     // denied by the policies, and passed
	Denied     int          `json:"denied"`     // edges that were dropped on purpose
	Ends       []judgedView `json:"ends"`       // isolated workloads that were seen
	Unjudged   int          `json:"unjudged"`   // edges that a fact is missing for to compare them
	Outside    []string     `json:"outside"`    // that no policy holds
	NoOpenings bool         `json:"noOpenings"` // the log does not show when connections are opened
}

type dropView struct {
	Source      string   `json:"source"`
	Destination string   `json:"destination"`
	Port        string   `json:"port"`
	Records     uint64   `json:"records"`
	Why         string   `json:"why"`
	Missing     []string `json:"missing,omitempty"`
	Policy      string   `json:"policy,omitempty"`
	File        string   `json:"file,omitempty"`
	Line        int      `json:"line,omitempty"`
}

type passView struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
	Records     uint64 `json:"records"`
	Why         string `json:"why"`
	Cause       string `json:"cause"`
}

type judgedView struct {
	Workload  string `json:"workload"`
	Direction string `json:"direction"`
	Confirmed bool   `json:"confirmed"`
}

// mostEdges is how many lines of a kind are printed, what is not.
const mostEdges = 40

// Enforcement prints whether policies that are in force do what they say. A sweep of ports is one line.
func Enforcement(w io.Writer, format string, e *verify.Enforcement) error {
	if format != Table {
		return printObject(w, format, viewEnforcement(e))
	}
	v := viewEnforcement(e.Folded())
	more := rest("wanted edges that were dropped", cut(&v.Drops)) +
		rest("dropped edges that never worked", cut(&v.News)) + rest("edges that passed though denied", cut(&v.Passes))
	for _, line := range v.lines() {
		fmt.Fprintln(w, line)
	}
	fmt.Fprint(w, more)
	for _, line := range v.summary() {
		fmt.Fprintln(w, line)
	}
	return nil
}

// cut shortens a list to what is printed and returns how many it left out.
func cut[T any](list *[]T) int {
	n := max(len(*list)-mostEdges, 0)
	*list = (*list)[:len(*list)-n]
	return n
}

// rest is the line for what was left out, "" for nothing.
func rest(what string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("... and %s lines of %s (-o json lists all)\n", text.Count(n), what)
}

func viewEnforcement(e *verify.Enforcement) enforcementView {
	v := enforcementView{header: newHeader("Enforcement"), Done: len(e.Failed()) == 0, Drops: dropViews(e.Drops),
		News: dropViews(e.News), Passes: []passView{}, Denied: e.Denied, Ends: []judgedView{}, Unjudged: e.Unjudged,
		Outside: append([]string{}, e.Outside...), NoOpenings: e.NoOpenings}
	for _, p := range e.Passes {
		v.Passes = append(v.Passes, passView{p.Src, p.Dst, p.Port, p.Records, p.Why, p.Cause.String()})
	}
	for _, j := range e.Ends {
		v.Ends = append(v.Ends, judgedView{j.Workload, j.Direction.String(), j.Confirmed})
	}
	return v
}

func dropViews(list []verify.Drop) []dropView {
	out := []dropView{}
	for _, d := range list {
		out = append(out, dropView{d.Src, d.Dst, d.Port, d.Records, d.Why, d.Missing, d.Policy, d.At.File, d.At.Line})
	}
	return out
}

// line is a drop in words.
func (d *dropView) line(word string) string {
	out := fmt.Sprintf("%s: %s, %s: %s", word, between(d.Source, d.Destination, d.Port),
		text.Plural(d.Records, "record", "records"), text.Printable(d.Why, 300))
	if len(d.Missing) > 0 {
		out += "\n  would need: " + text.Printable(strings.Join(d.Missing, "; "), 300)
	}
	return out
}

// lines are those of the edges.
func (v *enforcementView) lines() []string {
	var out []string
	for i := range v.Drops {
		out = append(out, v.Drops[i].line("dropped"))
	}
	for i := range v.News {
		out = append(out, v.News[i].line("dropped, never seen to work"))
	}
	for _, p := range v.Passes {
		out = append(out, fmt.Sprintf("not enforced here: %s, %s: %s\n  %s", between(p.Source, p.Destination, p.Port),
			text.Plural(p.Records, "record", "records"), text.Printable(p.Why, 300), p.Cause))
	}
	return out
}

// between is an edge in words.
func between(src, dst, port string) string {
	return fmt.Sprintf("%s -> %s %s", text.Printable(src, 80), text.Printable(dst, 80), port)
}

// summary are the lines of the counts.
func (v *enforcementView) summary() []string {
	confirmed := 0
	var out, waiting []string
	for _, j := range v.Ends {
		if j.Confirmed {
			confirmed++
		} else {
			waiting = append(waiting, j.Direction+" of "+j.Workload)
		}
	}
	if len(v.News) > 0 { // folded: the edges are more than these
		out = append(out, "What was dropped and never seen to work is a need that is new or rare, or nobody's. "+
			"Learn from these flows, and decide on each (accept, reject) in sluice.yaml.")
	}
	if v.Denied > 0 {
		out = append(out, text.Plural(v.Denied, "edge was", "edges were")+" dropped on purpose: "+
			"decided against, or denied before these policies.")
	}
	out = append(out, fmt.Sprintf("%d of %s that the policies isolate had a connection judged since.", confirmed,
		text.Plural(len(v.Ends), "direction of a workload", "directions of workloads")))
	if len(waiting) > 0 {
		out = append(out, fmt.Sprintf("Not confirmed: %s.", text.Printable(text.Some(waiting), 500)))
		if v.NoOpenings {
			out = append(out, "  The log does not show when connections are opened: read one that does, or look at the pods' age.")
		} else {
			out = append(out, "  Only connections from before were seen, which are not judged again: "+
				"restart these pods, or wait until they reconnect.")
		}
	}
	if v.Unjudged > 0 {
		out = append(out, leftOut(v.Unjudged))
	}
	if len(v.Outside) > 0 {
		out = append(out, fmt.Sprintf("No policy holds %s: on their node's network, or not managed by the plugin.",
			text.Printable(text.Some(v.Outside), 500)))
	}
	if v.Done {
		out = append(out, "Done: the policies are enforced, and nothing that is known to be wanted was dropped.")
	}
	return out
}

// leftOut says that edges were not compared.
func leftOut(edges int) string {
	return text.Plural(edges, "edge was", "edges were") + " not compared: what the policies decide there lacks a fact " +
		"(sluice verify on the same flows names it)."
}

// stagingView is what the data plane said of policies that it only watches.
type stagingView struct {
	header
	Heard    int            `json:"heard"`              // edges that it would deny
	Unjudged int            `json:"unjudged"`           // edges that a fact is missing for to compare them
	Silent   []disputedView `json:"silent"`             // denied by the policies, and it said nothing
	Disputed []disputedView `json:"disputed"`           // allowed by the policies, and it would deny them
	Doubtful []disputedView `json:"doubtful"`           // ... in some records only
	Nothing  bool           `json:"nothing"`            // the audit audits nothing
	Defects  []defectView   `json:"defects"`            // known faults by which the data plane may be wrong
	Versions []string       `json:"versions,omitempty"` // of the data plane, where its servers told them
}

// defectView is a known fault of a network plugin.
type defectView struct {
	Source   string `json:"source"`
	Versions string `json:"versions"`
	Text     string `json:"text"`
}

type disputedView struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
	Records     uint64 `json:"records"`
	WouldDeny   uint64 `json:"wouldDeny"`
	Why         string `json:"why"`
}

// Staging prints how what the data plane said compares with the policies. A sweep of ports is one line.
func Staging(w io.Writer, format string, s *verify.Staging) error {
	if format != Table {
		return printObject(w, format, viewStaging(s))
	}
	v := viewStaging(s.Folded())
	more := rest("what was not audited", cut(&v.Silent)) + rest("what is disputed", cut(&v.Disputed)) +
		rest("what is said in some records only", cut(&v.Doubtful))
	for _, line := range slices.Concat([]string{v.summary()}, v.lines()) {
		fmt.Fprintln(w, line)
	}
	fmt.Fprint(w, more)
	return nil
}

func viewStaging(s *verify.Staging) stagingView {
	views := func(list []verify.Disputed) []disputedView {
		out := []disputedView{}
		for _, d := range list {
			out = append(out, disputedView{d.Src, d.Dst, d.Port, d.Records, d.Denied, d.Why})
		}
		return out
	}
	v := stagingView{newHeader("Staging"), s.Heard, s.Unjudged, views(s.Silent), views(s.Disputed), views(s.Doubtful),
		s.Nothing(), []defectView{}, s.Versions}
	for _, d := range s.Defects {
		v.Defects = append(v.Defects, defectView{d.Source, d.Versions, d.Text})
	}
	return v
}

func (v *stagingView) summary() string {
	out := fmt.Sprintf("The data plane would deny %s.", text.Plural(v.Heard, "edge", "edges"))
	if v.Heard+len(v.Silent) == 0 {
		out += "\nThe policies deny none of these either: nothing shows yet that they are staged."
	}
	if v.Unjudged > 0 {
		out += "\n" + leftOut(v.Unjudged)
	}
	return out
}

// lines are those of the edges, and of an audit that audits nothing.
func (v *stagingView) lines() []string {
	var out []string
	for _, list := range []struct {
		word string
		of   []disputedView
	}{
		{"not audited: these policies deny it and the data plane said nothing", v.Silent},
		{"disputed: the data plane would deny it and these policies allow it", v.Disputed},
		{"in some records only (the policies or labels were not known yet, or pods differ), or by a known defect, " +
			"and not counted", v.Doubtful},
	} {
		for _, d := range list.of {
			out = append(out, fmt.Sprintf("%s, %d of %s: %s\n  %s", between(d.Source, d.Destination, d.Port), d.WouldDeny,
				text.Plural(d.Records, "record", "records"), list.word, text.Printable(d.Why, 300)))
		}
	}
	for i, d := range v.Defects {
		if i == 0 {
			of := "the plugin, whose version is not known"
			if len(v.Versions) > 0 {
				of = "version " + text.Printable(text.Some(v.Versions), 200)
			}
			out = append(out, "Known defects of "+of+", by which what it says may be wrong:")
		}
		when := d.Versions
		if len(v.Versions) == 0 {
			when = "if it is " + when
		}
		out = append(out, fmt.Sprintf("  %s, %s: %s", d.Source, when, d.Text))
	}
	if v.Nothing {
		out = append(out, "The audit audits nothing: no record says that a policy would deny it, and some must. "+
			"Cilium: policy-audit-mode is for the whole agent or an endpoint, and ends when the agent restarts; "+
			"Calico: are the policies of a staged kind, and in this cluster?")
	}
	return out
}
