package show

import (
	"io"
	"strings"

	"sluice/synth/bundle"
	"sluice/synth/layout"
)

// svg draws peers with lines between them: in the places that a bundle has for them, nil for none of these. at is the
// index of each name.
func svg(w io.Writer, names []string, at map[string]int, lines []layout.Line, places *bundle.Places) error {
	if places == nil {
		between := make([]layout.Arrow, len(lines))
		for i := range lines {
			between[i] = layout.Arrow{From: lines[i].From, To: lines[i].To}
		}
		places = bundle.Lay(names, between)
	}
	shapes := make([]layout.Shape, len(names))
	for i := range places.Groups {
		g := &places.Groups[i]
		any := false
		for _, p := range g.Peers {
			if k, ok := at[p.ID]; ok {
				shapes[k] = g.Shape(&p)
				any = true
			}
		}
		if any {
			shapes = append(shapes, g.Box(layout.OpenBox, g.Name))
		}
	}
	for i := range names {
		shapes[i].Label, shapes[i].Title = strings.TrimPrefix(names[i], groupPrefix(names[i])), names[i]
	}
	return layout.SVG(w, shapes, lines)
}

func groupPrefix(name string) string {
	group, _ := layout.GroupOf(name)
	return group + "/"
}
