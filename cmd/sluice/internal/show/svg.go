package show

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/synth/layout"
)

// svgStyle has the colours of a drawing, by light and by dark.
const svgStyle = `<style>text{font:15px system-ui,"DejaVu Sans",sans-serif;fill:#1c2128;text-anchor:middle}
.g{fill:#e9eef4;stroke:#8b949e;stroke-dasharray:5 4}.t{font-weight:600;font-size:20px}.n{fill:#fff;stroke:#57606a;stroke-width:1.5}
.a{stroke:#35618f;stroke-width:1.5;fill:none}.d{stroke:#b4161f;stroke-dasharray:7 5}.p{font-size:12px}.h{fill:#35618f}
@media(prefers-color-scheme:dark){svg{background:#0f1318}text{fill:#e8edf2}.g{fill:#1d2630}.n{fill:#171c22;stroke:#a3adb8}
.a{stroke:#8db4dc}.d{stroke:#ff8a80}.h{fill:#8db4dc}}</style>
<defs><marker id="h" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path class="h" d="M0 0L10 5L0 10z"/></marker></defs>
`

// svg draws the peers, laid out as on the review page.
func (d *drawing) svg(w io.Writer, arrows []arrow, names []string, at map[string]int) error {
	nodes := make([]layout.Node, len(names))
	for i, name := range names {
		group, _ := layout.GroupOf(name)
		nodes[i] = layout.Node{ID: name, Group: group}
	}
	var lines []layout.Arrow
	for _, a := range arrows {
		lines = append(lines, layout.Arrow{From: at[a.from], To: at[a.to]})
	}
	l := layout.Lay(nodes, lines)
	out := bufio.NewWriter(w)
	const edge = 20.0
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="%.0f %.0f %.0f %.0f" role="img" aria-label="who talks to whom">`+
		"\n%s", -edge, -edge, l.Width+2*edge, l.Height+2*edge, svgStyle)
	for i := range l.Groups {
		b := &l.Groups[i]
		fmt.Fprintf(out, `<rect class="g" x="%.0f" y="%.0f" width="%.0f" height="%.0f" rx="8"/>`+"\n", b.X, b.Y, b.Width, b.Height)
		fmt.Fprintf(out, `<text class="t" x="%.0f" y="%.0f">%s</text>`+"\n", b.X+b.Width/2, b.Y+28, svgText(b.Name, 40))
	}
	for i, a := range arrows {
		from, to := l.Nodes[lines[i].From], l.Nodes[lines[i].To]
		class := "a"
		if !solid(a.state) {
			class = "a d"
		}
		x1, y1 := border(from, to)
		x2, y2 := border(to, from)
		fmt.Fprintf(out, `<line class="%s" marker-end="url(#h)" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"><title>%s</title></line>`+"\n",
			class, x1, y1, x2, y2, svgText(a.from+" → "+a.to+" "+d.label(a), 600))
		fmt.Fprintf(out, `<text class="p" x="%.1f" y="%.1f">%s</text>`+"\n", (x1+x2)/2, (y1+y2)/2-4, svgText(d.label(a), 30))
	}
	for i, name := range names {
		p, group := l.Nodes[i], nodes[i].Group
		fmt.Fprintf(out, `<g><title>%s</title><rect class="n" x="%.1f" y="%.1f" width="%.0f" height="%.0f" rx="6"/>`, svgText(name, 300),
			p.X-layout.NodeWidth/2, p.Y-layout.NodeHeight/2, layout.NodeWidth, layout.NodeHeight)
		fmt.Fprintf(out, `<text x="%.1f" y="%.1f">%s</text></g>`+"\n", p.X, p.Y+5, svgText(strings.TrimPrefix(name, group+"/"), 16))
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

// border is where the line from the middle of one node to that of another leaves the first.
func border(from, to layout.Point) (x, y float64) {
	dx, dy := to.X-from.X, to.Y-from.Y
	if dx == 0 && dy == 0 {
		return from.X, from.Y - layout.NodeHeight/2
	}
	part := min(layout.NodeWidth/2/max(math.Abs(dx), 0.1), layout.NodeHeight/2/max(math.Abs(dy), 0.1))
	return from.X + dx*part, from.Y + dy*part
}

// svgText is what strangers chose, as text in XML, cut where it is long.
func svgText(s string, most int) string { return html.EscapeString(text.Printable(s, most)) }
