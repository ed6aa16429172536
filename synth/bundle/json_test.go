package bundle

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"sluice/model"
)

// TestEncode: an object is written as the library would indent it, with what a person must not be shown escaped.
func TestEncode(t *testing.T) {
	for _, v := range []any{
		map[string]any{}, []int{}, map[string]any{"a": []int{}, "b": map[string]int{}, "c": nil},
		[]any{1, "x", true, []any{[]any{}, map[string]any{"k": 1.5}}},
		map[string]string{`"quoted\`: "a -> b", "<script>": "</script>\u202e\x7f", "\t": "\\\"", "wörter": "日本\xff\u2028"},
		Report{APIVersion: "v1", Edges: []Edge{{Source: "a", Seen: &Seen{Observers: []string{"x<y"}}}}},
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
