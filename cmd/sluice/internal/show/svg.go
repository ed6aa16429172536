package show

import (
	"io"
	"strings"

	"sluice/synth/bundle"
	"sluice/synth/layout"
)

// svg draws the peers: in the places that a bundle has for them, nil for none of these.
func (d *drawing) svg(w io.Writer, arrows []arrow, names []string, at map[string]int) error {
	lines := make([]layout.Line, len(arrows))
	for i, a := range arrows {
		lines[i] = layout.Line{From: at[a.from], To: at[a.to], Label: d.label(a),
			Title: a.from + " → " + a.to + " " + d.label(a), Dashed: !solid(a.state)}
	}
	places := d.places
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
