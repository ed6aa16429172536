package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/model/graph"
	"sluice/synth/bundle"
	"sluice/synth/layout"
)

// arrow is what goes from one peer to another, in one state.
type arrow struct{ from, to, state string }

// drawn reports whether a format is that of a picture.
func drawn(format string) bool { return format == Dot || format == Mermaid || format == SVG }

// drawing is a graph of peers, for programs that draw.
type drawing struct {
	ports  map[arrow][]string
	places *bundle.Places // of all that is drawn; nil: they are to be found
}

func newDrawing() *drawing { return &drawing{ports: map[arrow][]string{}} }

func (d *drawing) add(from, to, state, port string) {
	a := arrow{from, to, state}
	if !slices.Contains(d.ports[a], port) {
		d.ports[a] = append(d.ports[a], port)
	}
}

// label is the ports of an arrow, the first of many.
func (d *drawing) label(a arrow) string {
	const most = 6
	ports := slices.Sorted(slices.Values(d.ports[a]))
	if len(ports) > most {
		ports = append(ports[:most:most], fmt.Sprintf("%d more", len(ports)-most))
	}
	out := strings.Join(ports, ", ")
	if a.state != "" && a.state != graph.Allowed.String() {
		out += " (" + a.state + ")"
	}
	return out
}

// print writes the drawing as dot, Mermaid or SVG.
func (d *drawing) print(w io.Writer, format string) error {
	var arrows []arrow
	ids := map[string]int{}
	for a := range d.ports {
		arrows = append(arrows, a)
		ids[a.from], ids[a.to] = 0, 0
	}
	slices.SortFunc(arrows, func(a, b arrow) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.state, b.state))
	})
	var names []string
	for name := range ids {
		names = append(names, name)
	}
	slices.Sort(names)
	if format == SVG {
		for i, name := range names {
			ids[name] = i
		}
		lines := make([]layout.Line, len(arrows))
		for i, a := range arrows {
			lines[i] = layout.Line{From: ids[a.from], To: ids[a.to], Label: d.label(a),
				Title: a.from + " → " + a.to + " " + d.label(a), Dashed: !solid(a.state)}
		}
		return svg(w, names, ids, lines, d.places)
	}
	var b strings.Builder
	begin, node, end := "flowchart LR\n", mermaidNode, ""
	line := func(a arrow) string {
		kind := map[bool]string{true: "-->", false: "-.->"}[solid(a.state)]
		return fmt.Sprintf("  n%d %s|%s| n%d\n", ids[a.from], kind, mermaidText(d.label(a)), ids[a.to])
	}
	if format == Dot {
		begin, node, end = "digraph sluice {\n  rankdir=LR;\n  node [shape=box];\n", dotNode, "}\n"
		line = func(a arrow) string {
			style := map[bool]string{true: "solid", false: "dashed"}[solid(a.state)]
			return fmt.Sprintf("  n%d -> n%d [label=%s, style=%s];\n", ids[a.from], ids[a.to], dotText(d.label(a)), style)
		}
	}
	b.WriteString(begin)
	for i, name := range names {
		ids[name] = i
		b.WriteString(node(i, name))
	}
	for _, a := range arrows {
		b.WriteString(line(a))
	}
	b.WriteString(end)
	_, err := io.WriteString(w, b.String())
	return err
}

// solid reports whether an edge in a state worked.
func solid(state string) bool {
	return state == "" || state == graph.Allowed.String() || state == graph.Mixed.String()
}

func mermaidNode(i int, name string) string { return fmt.Sprintf("  n%d[%s]\n", i, mermaidText(name)) }

// mermaidText quotes what strangers chose: Mermaid reads entities.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "#", "#35;", "<", "#lt;", ">", "#gt;", "|", "#124;", "`", "#96;").
		Replace(text.Printable(s, longName)) + `"`
}

func dotNode(i int, name string) string { return fmt.Sprintf("  n%d [label=%s];\n", i, dotText(name)) }

func dotText(s string) string { return strconv.QuoteToGraphic(text.Printable(s, longName)) }
