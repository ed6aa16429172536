package show

import (
	"fmt"
	"io"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/synth/verify"
)

// enforcementView says whether policies that are in force do what they say.
type enforcementView struct {
	header
	Done       bool         `json:"done"`
	Drops      []dropView   `json:"drops"`      // wanted, and dropped
	Passes     []passView   `json:"passes"`     // denied by the policies, and passed
	Denied     int          `json:"denied"`     // edges that were dropped and nobody wants
	Ends       []judgedView `json:"ends"`       // isolated workloads that were seen
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

// Enforcement prints whether policies that are in force do what they say.
func Enforcement(w io.Writer, format string, e *verify.Enforcement) error {
	v := enforcementView{header: newHeader("Enforcement"), Done: len(e.Failed()) == 0, Drops: []dropView{},
		Passes: []passView{}, Denied: e.Denied, Ends: []judgedView{}, Outside: append([]string{}, e.Outside...),
		NoOpenings: e.NoOpenings}
	for _, d := range e.Drops {
		v.Drops = append(v.Drops, dropView{d.Src, d.Dst, d.Port, d.Records, d.Why, d.Missing, d.Policy, d.At.File, d.At.Line})
	}
	for _, p := range e.Passes {
		v.Passes = append(v.Passes, passView{p.Src, p.Dst, p.Port, p.Records, p.Why, p.Cause.String()})
	}
	for _, j := range e.Ends {
		v.Ends = append(v.Ends, judgedView{j.Workload, j.Direction.String(), j.Confirmed})
	}
	if format != Table {
		return printObject(w, format, v)
	}
	printEnforcement(w, &v)
	return nil
}

func printEnforcement(w io.Writer, v *enforcementView) {
	arrow := func(src, dst, port string) string {
		return fmt.Sprintf("%s -> %s %s", text.Printable(src, 80), text.Printable(dst, 80), port)
	}
	for _, d := range v.Drops {
		fmt.Fprintf(w, "dropped: %s, %s: %s\n", arrow(d.Source, d.Destination, d.Port),
			text.Plural(d.Records, "record", "records"), text.Printable(d.Why, 300))
		if len(d.Missing) > 0 {
			fmt.Fprintf(w, "  would need: %s\n", text.Printable(strings.Join(d.Missing, "; "), 300))
		}
	}
	for _, p := range v.Passes {
		fmt.Fprintf(w, "not enforced here: %s, %s: %s\n  %s\n", arrow(p.Source, p.Destination, p.Port),
			text.Plural(p.Records, "record", "records"), text.Printable(p.Why, 300), p.Cause)
	}
	confirmed := 0
	var waiting []string
	for _, j := range v.Ends {
		if j.Confirmed {
			confirmed++
		} else {
			waiting = append(waiting, j.Direction+" of "+j.Workload)
		}
	}
	if v.Denied > 0 {
		fmt.Fprintf(w, "%s dropped that nobody wants.\n", text.Plural(v.Denied, "edge was", "edges were"))
	}
	fmt.Fprintf(w, "%d of %s that the policies isolate had a connection judged since.\n", confirmed,
		text.Plural(len(v.Ends), "direction of a workload", "directions of workloads"))
	if len(waiting) > 0 {
		fmt.Fprintf(w, "Not confirmed: %s.\n", text.Printable(text.Some(waiting), 500))
		if v.NoOpenings {
			fmt.Fprintln(w, "  The log does not show when connections are opened: read one that does, or look at the pods' age.")
		} else {
			fmt.Fprintln(w, "  Only connections from before were seen, which are not judged again: restart these pods, or wait until they reconnect.")
		}
	}
	if len(v.Outside) > 0 {
		fmt.Fprintf(w, "No policy holds %s: on their node's network, or not managed by the plugin.\n",
			text.Printable(text.Some(v.Outside), 500))
	}
	if v.Done {
		fmt.Fprintln(w, "Done: the policies are enforced, and nothing that is wanted was dropped.")
	}
}

// stagingView is what the data plane said of policies that it only watches.
type stagingView struct {
	header
	Heard    int            `json:"heard"`    // edges that it would deny
	Silent   []disputedView `json:"silent"`   // denied by the policies, and it said nothing
	Disputed []disputedView `json:"disputed"` // allowed by the policies, and it would deny them
	Doubtful []disputedView `json:"doubtful"` // ... in some records only
}

type disputedView struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
	Records     uint64 `json:"records"`
	WouldDeny   uint64 `json:"wouldDeny"`
	Why         string `json:"why"`
}

// Staging prints how what the data plane said compares with the policies.
func Staging(w io.Writer, format string, s *verify.Staging) error {
	views := func(list []verify.Disputed) []disputedView {
		out := []disputedView{}
		for _, d := range list {
			out = append(out, disputedView{d.Src, d.Dst, d.Port, d.Records, d.Denied, d.Why})
		}
		return out
	}
	v := stagingView{newHeader("Staging"), s.Heard, views(s.Silent), views(s.Disputed), views(s.Doubtful)}
	if format != Table {
		return printObject(w, format, v)
	}
	fmt.Fprintf(w, "The data plane would deny %s.\n", text.Plural(v.Heard, "edge", "edges"))
	for _, list := range []struct {
		word string
		of   []disputedView
	}{
		{"not audited: these policies deny it and the data plane said nothing", v.Silent},
		{"disputed: the data plane would deny it and these policies allow it", v.Disputed},
		{"in some records only (the policies or labels were not known yet, or pods differ), and not counted", v.Doubtful},
	} {
		for _, d := range list.of {
			fmt.Fprintf(w, "%s -> %s %s, %d of %s: %s\n  %s\n", text.Printable(d.Source, 80),
				text.Printable(d.Destination, 80), d.Port, d.WouldDeny, text.Plural(d.Records, "record", "records"),
				list.word, text.Printable(d.Why, 300))
		}
	}
	if s.Nothing() {
		fmt.Fprintln(w, "The audit audits nothing: no record says that a policy would deny it, and some must. "+
			"Cilium: policy-audit-mode is for the whole agent or an endpoint, and ends when the agent restarts; "+
			"Calico: are the policies of a staged kind, and in this cluster?")
	}
	return nil
}
