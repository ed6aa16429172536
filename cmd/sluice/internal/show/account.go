package show

import (
	"fmt"
	"io"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model/workload"
	"sluice/synth/verify"
)

// accountView is how policies decide a connection, as printed.
type accountView struct {
	header
	CNI         string          `json:"cni"`
	Source      string          `json:"source"`
	Destination string          `json:"destination"`
	Port        string          `json:"port"`
	Seen        *EdgeView       `json:"seen"` // null: never
	Verdict     string          `json:"verdict,omitempty"`
	Answers     []answerView    `json:"answers"`
	Why         string          `json:"why,omitempty"`        // without an answer
	Unenforced  []string        `json:"unenforced,omitempty"` // policies that the plugin does not read: they decide nothing
	Otherwise   []otherwiseView `json:"otherwise,omitempty"`
	Add         []addView       `json:"add,omitempty"`
	Probes      []string        `json:"probes,omitempty"` // of the kubelet, on this way
}

type answerView struct {
	Outcome         string   `json:"outcome"`
	SourcePods      []string `json:"sourcePods,omitempty"`
	DestinationPods []string `json:"destinationPods,omitempty"`
	Egress          halfView `json:"egress"`
	Ingress         halfView `json:"ingress"`
	Missing         []string `json:"missing,omitempty"`
}

type halfView struct {
	Outcome string `json:"outcome"`
	Why     string `json:"why"`
	Policy  string `json:"policy,omitempty"`
	Kind    string `json:"kind,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Text    string `json:"text,omitempty"`
}

type otherwiseView struct {
	CNI     string `json:"cni"`
	Outcome string `json:"outcome"`
	Why     string `json:"why"`
}

// addView is what would have to be added in one dialect.
type addView struct {
	Dialect string `json:"dialect"`
	YAML    string `json:"yaml,omitempty"`
	Not     string `json:"not,omitempty"`
	Beware  string `json:"beware,omitempty"`
}

func viewHalf(h *verify.Half) halfView {
	return halfView{h.Outcome.String(), h.Why, h.Policy, h.Kind, h.At.File, h.At.Line, h.Rule, h.Text}
}

// Account prints how policies decide a connection. dialect is the one whose missing rule is printed as YAML.
func Account(w io.Writer, format string, l *run.Log, x *run.Explained, dialect string) error {
	v := accountView{header: newHeader("ConnectionExplanation"), CNI: x.Semantics.String(), Source: x.Src,
		Destination: x.Dst, Port: x.Port, Verdict: x.Verdict, Why: x.Why, Answers: []answerView{}}
	if x.Edge >= 0 {
		e := viewEdge(l.Graph, &l.Graph.Edges[x.Edge])
		v.Seen = &e
	}
	for i := range x.Answers {
		a := &x.Answers[i]
		out := answerView{Outcome: a.Outcome.String(), SourcePods: a.SrcPods, DestinationPods: a.DstPods,
			Egress: viewHalf(&a.Egress), Ingress: viewHalf(&a.Ingress)}
		for _, n := range a.Missing {
			out.Missing = append(out.Missing, n.String())
		}
		v.Answers = append(v.Answers, out)
	}
	for _, o := range x.Otherwise {
		v.Otherwise = append(v.Otherwise, otherwiseView{o.Semantics.String(), o.Outcome.String(), o.Why})
	}
	v.Probes, v.Unenforced = x.Probes, x.Unenforced
	for _, r := range x.Rules {
		v.Add = append(v.Add, addView(r))
	}
	if format != Table {
		return printObject(w, format, v)
	}
	printAccount(w, &v, x, dialect)
	return nil
}

func printAccount(w io.Writer, v *accountView, x *run.Explained, dialect string) {
	name := fmt.Sprintf("%s -> %s %s", text.Printable(v.Source, 80), text.Printable(v.Destination, 80), v.Port)
	if v.Seen == nil {
		fmt.Fprintf(w, "%s was never seen.\n", name)
	} else {
		fmt.Fprintf(w, "%s was seen %s: %s, the last %s. verify calls it %s.\n", name, v.Seen.State,
			text.Plural(v.Seen.Records, "record", "records"), v.Seen.Last[:min(len(v.Seen.Last), 19)], v.Verdict)
	}
	if v.Why != "" {
		fmt.Fprintf(w, "Nothing decides it: %s.\n", text.Printable(v.Why, 300))
	}
	for i, a := range v.Answers {
		of := ""
		for _, pods := range []struct {
			word string
			list []string
		}{{"from", a.SourcePods}, {"to", a.DestinationPods}} {
			if len(pods.list) > 0 {
				of += fmt.Sprintf(" %s pods with %s", pods.word, text.Printable(text.Some(pods.list), 200))
			}
		}
		fmt.Fprintf(w, "%s%s, as %s decides:\n", a.Outcome, of, v.CNI)
		printHalf(w, "egress of "+v.Source, &a.Egress)
		printHalf(w, "ingress of "+v.Destination, &a.Ingress)
		if len(a.Missing) > 0 {
			fmt.Fprintf(w, "  would need: %s\n", text.Printable(strings.Join(a.Missing, "; "), 300))
		}
		if x.Answers[i].Egress.Denial || x.Answers[i].Ingress.Denial {
			fmt.Fprintln(w, "  a rule denies it: nothing that is added beside it allows it, the rule has to change")
		}
	}
	printUnenforced(w, x.Unenforced, x.Semantics)
	for _, p := range v.Probes {
		fmt.Fprintf(w, "The kubelet asks so: %s.\n", text.Printable(p, 200))
	}
	for _, o := range v.Otherwise {
		fmt.Fprintf(w, "%s decides otherwise: %s: %s\n", o.CNI, o.Outcome, text.Printable(o.Why, 300))
	}
	for _, r := range v.Add {
		switch {
		case r.Dialect != dialect:
		case r.Not != "":
			fmt.Fprintf(w, "Dialect %s has no rule that allows it: %s\n", r.Dialect, text.Printable(r.Not, 300))
			for _, other := range v.Add {
				if other.Not == "" {
					fmt.Fprintf(w, "  --dialect %s has one.\n", other.Dialect)
				}
			}
		default:
			fmt.Fprintf(w, "\nThis would allow it (dialect %s, tried):\n%s", r.Dialect, r.YAML)
			if r.Beware != "" {
				fmt.Fprintf(w, "But %s.\n", text.Printable(r.Beware, 300))
			}
		}
	}
}

func printHalf(w io.Writer, of string, h *halfView) {
	fmt.Fprintf(w, "  %s is %s: %s\n", text.Printable(of, 100), h.Outcome, text.Printable(h.Why, 300))
	if h.Policy == "" {
		return
	}
	fmt.Fprintf(w, "    %s %s, %s\n", h.Kind, text.Printable(h.Policy, 100), text.Printable(place(h.File, h.Line), 200))
	if h.Text != "" {
		fmt.Fprintf(w, "    %s\n", text.Printable(h.Text, 300))
	}
}

// place is "file:line", a file alone where the line is not known.
func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// subject prints what names a workload, what was left out of that and why.
func subject(w io.Writer, wl *workload.Workload) {
	v := viewWorkload(wl)
	fmt.Fprintf(w, "%s is selected by %s", text.Printable(wl.ID, 100), text.Printable(v.selector(), 300))
	if wl.OwnSelector {
		fmt.Fprint(w, ", its manifest's own selector")
	}
	fmt.Fprintln(w, ".")
	for _, s := range wl.Separates() {
		if len(s.From) > 0 {
			fmt.Fprintf(w, "  %s tells it from %s\n", text.Printable(s.Key, 80), text.Printable(strings.Join(s.From, ", "), 200)+andMore(s.More))
		}
	}
	if len(v.Merged) > 0 {
		fmt.Fprintf(w, "  it is one subject for %s: no stable label tells them apart\n",
			text.Printable(text.Some(v.Merged), 200))
	}
	for _, d := range wl.Dropped() {
		fmt.Fprintf(w, "  left out: %s (%s)\n", text.Printable(d.Key, 80), d.Why)
	}
	fmt.Fprintln(w)
}
