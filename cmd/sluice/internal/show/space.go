package show

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/synth"
	"sluice/synth/bundle"
)

// spaceView is what keeps a namespace from being enforced, as printed.
type spaceView struct {
	header
	bundle.Namespace
	Ways []wayView `json:"ways"` // out, the one that settles most first
}

// wayView is a kind of obstacles, and what to do about it.
type wayView struct {
	Kind       string   `json:"kind"`
	Directions []string `json:"directions,omitempty"`
	Count      int      `json:"count"`
	Texts      []string `json:"texts"` // the first of them
	Remedy     string   `json:"remedy"`
	Dialects   []string `json:"dialects,omitempty"` // that can say all of them
}

// Space prints what keeps a namespace of a bundle from being enforced, and the way out. able names the dialects that
// can say an edge of the bundle at both its ends, nil where that is not known.
func Space(w io.Writer, format string, m *bundle.Manifest, name string, able func(*bundle.Edge) []string) error {
	v := spaceView{header: newHeader("NamespaceExplanation"), Ways: []wayView{}}
	for _, n := range m.Namespaces {
		if n.Name == name {
			v.Namespace = n
		}
	}
	for i := range m.Findings {
		if f := &m.Findings[i]; f.Namespace == name && f.Severity == synth.Blocks.String() {
			v.take(m, f, able)
		}
	}
	if format != Table {
		return printObject(w, format, v)
	}
	printSpace(w, &v)
	return nil
}

// take adds a finding to those of its kind.
func (v *spaceView) take(m *bundle.Manifest, f *bundle.Finding, able func(*bundle.Edge) []string) {
	const most = 5
	at := -1
	for i := range v.Ways {
		if v.Ways[i].Kind == f.Kind {
			at = i
		}
	}
	if at < 0 {
		at = len(v.Ways)
		v.Ways = append(v.Ways, wayView{Kind: f.Kind, Remedy: remedy(f.Kind)})
	}
	way := &v.Ways[at]
	if f.Direction != "" && !contains(way.Directions, f.Direction) {
		way.Directions = append(way.Directions, f.Direction)
	}
	var can []string
	if f.Edge != nil && f.Kind == string(synth.KindInexpressible) {
		can = able(&m.Edges[*f.Edge])
	}
	if way.Count == 0 {
		way.Dialects = can
	}
	way.Dialects = both(way.Dialects, can)
	if way.Count++; way.Count <= most {
		way.Texts = append(way.Texts, f.Whole())
	}
}

func contains(list []string, word string) bool { return len(both(list, []string{word})) > 0 }

// both are the words that stand in both lists.
func both(a, b []string) []string {
	var out []string
	for _, x := range a {
		for _, y := range b {
			if x == y {
				out = append(out, x)
			}
		}
	}
	return out
}

// remedy is the last line of the page of a kind.
func remedy(kind string) string {
	lines := strings.Split(strings.TrimSpace(synth.Kind(kind).Page()), "\n")
	return lines[len(lines)-1]
}

func printSpace(w io.Writer, v *spaceView) {
	fmt.Fprintf(w, "Namespace %s, watched from %s to %s:\n", v.Name, cmp.Or(v.WatchedFrom, "-"), cmp.Or(v.WatchedTo, "-"))
	for _, d := range []struct {
		name, status string
		denied       bool
	}{{"ingress", v.IngressStatus, v.Ingress}, {"egress", v.EgressStatus, v.Egress}} {
		word := map[bool]string{true: "is denied by default", false: "stays open"}[d.denied]
		fmt.Fprintf(w, "  %s %s: %s\n", d.name, word, d.status)
	}
	if v.NewEdge != "" {
		fmt.Fprintf(w, "  the last new edge came %s\n", v.NewEdge)
	}
	if len(v.Ways) == 0 {
		fmt.Fprintln(w, "Nothing that was seen blocks it.")
		return
	}
	fmt.Fprintln(w, "\nIn the way:")
	for _, way := range v.Ways {
		fmt.Fprintf(w, "  %s (%s)", way.Kind, text.Plural(way.Count, "time", "times"))
		if len(way.Directions) > 0 {
			fmt.Fprintf(w, ", %s", strings.Join(way.Directions, " and "))
		}
		fmt.Fprintln(w, ":")
		for _, t := range way.Texts {
			fmt.Fprintf(w, "    %s\n", text.Printable(t, 300))
		}
		if n := way.Count - len(way.Texts); n > 0 {
			fmt.Fprintf(w, "    ... and %s (sluice show findings lists all)\n", text.Plural(n, "more", "more"))
		}
	}
	fmt.Fprintln(w, "\nThe shortest way out:")
	for i, way := range v.Ways {
		fmt.Fprintf(w, "%d. %s\n", i+1, text.Printable(way.Remedy, 300))
		if len(way.Dialects) > 0 {
			fmt.Fprintf(w, "   --dialect %s can say it.\n", strings.Join(way.Dialects, " or --dialect "))
		}
	}
}
