package render

import (
	"testing"

	"sigs.k8s.io/yaml"
)

// TestMarshal wants what sigs.k8s.io/yaml gives for texts and numbers that YAML could take for something else.
func TestMarshal(t *testing.T) {
	type object struct {
		B     map[string]string `json:"b"`
		A     []any             `json:"a,omitempty"`
		Empty struct{}          `json:"empty"`
		Order float64           `json:"order"`
		Port  uint16            `json:"port"`
	}
	for _, o := range []object{
		{},
		{Order: 1000, Port: 65535, A: []any{"", "yes", "on", "1", "0x1", "1e3", "null", "~", "2001-01-01", "a: b", "- a", "#", "'", `"`, "é", "a\nb", " a", "<&>"}},
		{Order: 0.5, B: map[string]string{"z": "true", "app.kubernetes.io/name": "web", "7": "8"}, A: []any{1, -1, 1.5, true, nil, []any{}, map[string]any{}, map[string]any{"k": []any{1}}}},
		{Order: 1e21, A: []any{uint64(1) << 62}},
	} {
		want, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Marshal(o); err != nil || string(got) != string(want) {
			t.Errorf("%v\n%s\nwant\n%s", err, got, want)
		}
	}
}
