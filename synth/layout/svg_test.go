package layout

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestSVG: whatever strangers called their workloads, a drawing is well-formed and holds nothing that acts.
func TestSVG(t *testing.T) {
	evil := `<script>alert(1)</script>"'&]]>` + "\u202e\x00\xff" + strings.Repeat("long", 200)
	shapes := []Shape{{X: 100, Y: 50, Width: 200, Height: 100, Label: evil, Title: evil, Kind: OpenBox},
		{X: 50, Y: 50, Width: NodeWidth, Height: NodeHeight, Label: evil, Title: evil},
		{X: 400, Y: 50, Width: 100, Height: 90, Label: evil, Title: evil, Kind: ClosedBox}}
	lines := []Line{{From: 1, To: 2, Label: evil, Title: evil, Dashed: true}, {From: 2, To: 2, Width: 3}}
	for _, c := range []struct {
		shapes []Shape
		lines  []Line
	}{{nil, nil}, {shapes, lines}} {
		var b strings.Builder
		if err := SVG(&b, c.shapes, c.lines); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "\u202e") || strings.Contains(b.String(), "Inf") || strings.Contains(b.String(), "NaN") {
			t.Errorf("not for people: %s", b.String())
		}
		d := xml.NewDecoder(strings.NewReader(b.String()))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, b.String())
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
				t.Errorf("a script in %s", b.String())
			}
		}
	}
}
