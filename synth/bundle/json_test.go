package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth"
)

// TestEncode: an object is written as the library would indent it, with what a person must not be shown escaped.
func TestEncode(t *testing.T) {
	for _, v := range []any{
		map[string]any{}, []int{}, map[string]any{"a": []int{}, "b": map[string]int{}, "c": nil},
		[]any{1, "x", true, []any{[]any{}, map[string]any{"k": 1.5}}},
		map[string]string{`"quoted\`: "a -> b", "<script>": "</script>\u202e\x7f", "\t": "\\\"", "wörter": "日本\xff\u2028"},
		Report{APIVersion: "v1", Edges: []Edge{{Source: "a", Seen: &Seen{Observers: []string{"x<y"}}}}},
		Report{Edges: make([]Edge, 3*itemsInPiece+1), Findings: make([]Finding, 2*piecesAtOnce*itemsInPiece)},
		Manifest{Files: map[string]string{"a\"<b": "\\x", "b": "wörter"}, Edges: []Edge{}},
	} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		want := model.PrintableText(strings.ReplaceAll(b.String(), "<", `\u003c`))
		got, err := encode(v)
		if err != nil || string(got) != want {
			t.Errorf("want %s\ngot %s, %v", want, got, err)
		}
	}
}

// TestEncodeLeavesOut: of a long list what is not committed is left out, wherever it stands; the rest is as without it.
func TestEncodeLeavesOut(t *testing.T) {
	var all, kept Manifest
	for i := range 5 * piecesAtOnce * itemsInPiece {
		f := Finding{Kind: "x", Text: fmt.Sprint(i)}
		if i < 3*itemsInPiece || i%7 == 0 || i > 2000 && i < 2500 {
			f.Kind = string(synth.KindLate)
		} else {
			kept.Findings = append(kept.Findings, f)
		}
		all.Findings = append(all.Findings, f)
	}
	for range 2 {
		got, err := encode(all.committed())
		want, err2 := encode(kept.committed())
		if err != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("%v, %v, %d bytes, want %d", err, err2, len(got), len(want))
		}
		all.Findings, kept.Findings = all.Findings[:2*itemsInPiece], []Finding{}
	}
}
