package render

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// FuzzSelector: what is read fast is what the reader of every selector makes of it, and nothing is to be told of it.
func FuzzSelector(f *testing.F) {
	for _, text := range []string{
		"{}", "matchLabels: {}", "matchLabels:", "matchLabels: {a: b}", "matchLabels: {b: c, a: d}", "matchLabels: {a: 1}",
		"matchLabels: {a: yes}", "matchLabels: {a: 'yes'}", "matchLabels: {y: b}", "matchLabels: {a: b, a: b}",
		"matchLabels: {a: b}\nmatchLabels: {a: c}", "matchLabels: {x.io/a: b, 'a': \"b\"}", "matchLabels: {-a: b}",
		"matchLabels: {a: b c}", "matchLabels: {a: ''}", "matchLabels: {a: }", "matchLabels: [a]", "app: web", "a", "",
		"matchLabels: {a: &x b, c: *x}", "matchLabels: {<<: {a: b}}", "matchLabels: {a: 2020-01-01}", "matchlabels: {a: b}",
		"matchLabels: {a: b}\nmatchExpressions: [{key: a, operator: Exists}]", "matchLabels: {a: !!str 1}", "matchLabels: {1: b}",
		"matchLabels: !!str {a: b}", "!!str matchLabels: {a: b}", "matchLabels: {a: “b”}", "matchLabels: {? {a: b} : c}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var root yaml.Node
		if yaml.Unmarshal([]byte(text), &root) != nil || len(root.Content) != 1 || size(&root, 1000) < 0 {
			return
		}
		fast, ok := labelsOf(root.Content[0])
		if !ok {
			return
		}
		r := Reader{lines: func() []string { return nil }}
		if slow := r.selector(root.Content[0], "x"); !reflect.DeepEqual(fast.Canonical(), slow) || len(r.problems) > 0 {
			t.Errorf("%q is %v, not %v; %v", text, slow, fast.Canonical(), r.problems)
		}
	})
}

// TestEntriesTwice: a key that stands twice is told however many there are before.
func TestEntriesTwice(t *testing.T) {
	for _, keys := range []string{"a b a", "a b c d e f g a", "a b c d e f g h a", "a b c d e f g h i j i", "a b c d e f g h i j k l m d"} {
		text := ""
		for k := range strings.FieldsSeq(keys) {
			text += k + ": 1\n"
		}
		var root yaml.Node
		if err := yaml.Unmarshal([]byte(text), &root); err != nil {
			t.Fatal(err)
		}
		r := Reader{lines: func() []string { return nil }}
		all := slices.Collect(strings.FieldsSeq(keys))
		if list := r.Entries(root.Content[0], "x"); len(list) != len(all)-1 || len(r.problems) != 1 {
			t.Errorf("%s: %d entries, problems %v", keys, len(list), r.problems)
		}
	}
}
