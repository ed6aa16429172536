package layout

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"math"

	"sluice/model"
)

// Shape is a rectangle with a text: a node, or the box of a group, drawn in the order of the list.
type Shape struct {
	X, Y, Width, Height float64 // X and Y of its middle
	Label               string
	Title               string // what is told where somebody points at it
	Kind                Kind
}

// Kind is what a shape stands for.
type Kind uint8

// The kinds.
const (
	ANode     Kind = iota
	OpenBox        // with its nodes in it: its text stands above them
	ClosedBox      // its nodes are not drawn
)

// Line is an arrow between two shapes, by their index.
type Line struct {
	From, To     int
	Label, Title string
	Dashed       bool
	Width        float64 // 0: that of one arrow
}

// svgStyle has the colours of a drawing, by light and by dark.
const svgStyle = `<style>text{font:15px system-ui,"DejaVu Sans",sans-serif;fill:#1c2128;text-anchor:middle}
.g{fill:#e9eef4;stroke:#8b949e;stroke-dasharray:5 4}.c{fill:#e9eef4;stroke:#57606a;stroke-width:2}.t{font-weight:600;font-size:20px}
.n{fill:#fff;stroke:#57606a;stroke-width:1.5}.a{stroke:#35618f;stroke-width:1.5;fill:none}.d{stroke:#b4161f;stroke-dasharray:7 5}
.p{font-size:12px}.h{fill:#35618f}
@media(prefers-color-scheme:dark){svg{background:#0f1318}text{fill:#e8edf2}.g,.c{fill:#1d2630}.c,.n{stroke:#a3adb8}.n{fill:#171c22}
.a{stroke:#8db4dc}.d{stroke:#ff8a80}.h{fill:#8db4dc}}</style>
<defs><marker id="h" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path class="h" d="M0 0L10 5L0 10z"/></marker></defs>
`

// SVG draws shapes and the lines between them: open boxes first, then lines, then what lies above them.
func SVG(w io.Writer, shapes []Shape, lines []Line) error {
	const edge = 20.0
	out := bufio.NewWriter(w)
	left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i := range shapes {
		s := &shapes[i]
		left, right = min(left, s.X-s.Width/2), max(right, s.X+s.Width/2)
		top, bottom = min(top, s.Y-s.Height/2), max(bottom, s.Y+s.Height/2)
	}
	if len(shapes) == 0 {
		left, top, right, bottom = 0, 0, 0, 0
	}
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="%.0f %.0f %.0f %.0f" role="img" aria-label="who talks to whom">`+
		"\n%s", left-edge, top-edge, right-left+2*edge, bottom-top+2*edge, svgStyle)
	for i := range shapes {
		if shapes[i].Kind == OpenBox {
			shapes[i].svg(out)
		}
	}
	for i := range lines {
		lines[i].svg(out, &shapes[lines[i].From], &shapes[lines[i].To])
	}
	for i := range shapes {
		if shapes[i].Kind != OpenBox {
			shapes[i].svg(out)
		}
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

func (s *Shape) svg(out *bufio.Writer) {
	const longest, title = 300, 28
	x, y := s.X-s.Width/2, s.Y-s.Height/2
	rect := func(class string, round int) {
		fmt.Fprintf(out, `<g><title>%s</title><rect class="%s" x="%.1f" y="%.1f" width="%.0f" height="%.0f" rx="%d"/>`,
			svgText(s.Title, longest), class, x, y, s.Width, s.Height, round)
	}
	switch s.Kind {
	case OpenBox:
		rect("g", 8)
		fmt.Fprintf(out, `<text class="t" x="%.1f" y="%.1f">%s</text></g>`+"\n", s.X, y+title, svgText(s.Label, 40))
	case ClosedBox:
		size := max(20, min(s.Width/7, s.Height/2.5, 90))
		rect("c", 8)
		fmt.Fprintf(out, `<text style="font-weight:600;font-size:%.0fpx" x="%.1f" y="%.1f">%s</text></g>`+"\n",
			size, s.X, s.Y+size/3, svgText(s.Label, max(8, int(s.Width/size*1.7))))
	case ANode:
		rect("n", 6)
		fmt.Fprintf(out, `<text x="%.1f" y="%.1f">%s</text></g>`+"\n", s.X, s.Y+5, svgText(s.Label, 16))
	}
}

func (l *Line) svg(out *bufio.Writer, from, to *Shape) {
	class, width := "a", ""
	if l.Dashed {
		class = "a d"
	}
	if l.Width > 0 {
		width = fmt.Sprintf(` style="stroke-width:%.1f"`, l.Width)
	}
	x1, y1 := border(from, to)
	x2, y2 := border(to, from)
	fmt.Fprintf(out, `<line class="%s"%s marker-end="url(#h)" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"><title>%s</title></line>`+"\n",
		class, width, x1, y1, x2, y2, svgText(l.Title, 600))
	if l.Label != "" {
		fmt.Fprintf(out, `<text class="p" x="%.1f" y="%.1f">%s</text>`+"\n", (x1+x2)/2, (y1+y2)/2-4, svgText(l.Label, 30))
	}
}

// border is where the line from the middle of one shape to that of another leaves the first.
func border(from, to *Shape) (x, y float64) {
	dx, dy := to.X-from.X, to.Y-from.Y
	if dx == 0 && dy == 0 {
		return from.X, from.Y - from.Height/2
	}
	part := min(from.Width/2/max(math.Abs(dx), 0.1), from.Height/2/max(math.Abs(dy), 0.1))
	return from.X + dx*part, from.Y + dy*part
}

// svgText is what strangers chose, as text in XML, cut where it is long.
func svgText(s string, most int) string {
	s = model.Printable(s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return html.EscapeString(s)
}
