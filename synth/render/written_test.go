package render

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// sameNodes says where two trees differ, "" where they do not. Comments are no part of them.
func sameNodes(a, b *yaml.Node) string {
	at := func(n *yaml.Node) string {
		return fmt.Sprintf("%d:%d kind %d style %d %s %q with %d", n.Line, n.Column, n.Kind, n.Style, n.Tag, n.Value, len(n.Content))
	}
	if at(a) != at(b) || a.Anchor != b.Anchor || a.Alias != nil || b.Alias != nil {
		return at(a) + " is not " + at(b)
	}
	for i := range a.Content {
		if d := sameNodes(a.Content[i], b.Content[i]); d != "" {
			return d
		}
	}
	return ""
}

// checkWritten reads a text both ways, and reports whether it could be read the short way.
func checkWritten(t *testing.T, text []byte) bool {
	t.Helper()
	got, lent, ok := readWritten(text)
	if !ok {
		return false
	}
	defer giveBack(lent)
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var root, more yaml.Node
	if err := dec.Decode(&root); err != nil || len(root.Content) != 1 {
		t.Fatalf("%q is read, and the parser says: %v, %d values", text, err, len(root.Content))
	}
	if err := dec.Decode(&more); err == nil {
		t.Fatalf("%q is read as one document", text)
	}
	if d := sameNodes(got, root.Content[0]); d != "" {
		t.Fatalf("%q: %s", text, d)
	}
	return true
}

// writtenTexts are texts as Marshal writes them.
func writtenTexts(t testing.TB) [][]byte {
	names, err := filepath.Glob("*/testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil {
			for _, doc := range strings.SplitAfter(string(text), "\n---\n") {
				out = append(out, []byte(doc))
			}
		}
	}
	return out
}

// TestReadWritten: what is written is read the short way, and to the same nodes as by the parser; what has anything
// else in it goes to the parser.
func TestReadWritten(t *testing.T) {
	for _, c := range []struct {
		short bool
		text  string
	}{
		{true, "a: b\n"},
		{true, "# of\na:\n  b: c\n  # d\n  e: 1\nf: [g, h]\n"},
		{true, "a:\n- b: c\n  d: {}\n- e\n- {f: g, h: [i, {j: 2}]}\n- \"k\"\nl: {} # none\n"},
		{true, "a:\n- b\n- c:\n  - d\n  - e: f\n    g: h\n"},
		{true, "io.k8s:a/b: 10.0.0.0/8\nc: app == 'x' && k in {'a', *} && !has(y)\n\"d e\": \"f: #\"\ng: true\n"},
		{true, "a: b:c\nfd00::/8: fd00::/8\na:: b\n"},
		{false, ""}, {false, "\n"}, {false, "a\n"}, {false, "a:\n"}, {false, "a: b"}, {false, "a: \n"}, {false, "- a\n"},
		{false, "a: yes\n"}, {false, "a: null\n"}, {false, "a: 1.5\n"}, {false, "a: 010\n"}, {false, "a: 2001-01-01\n"}, {false, "a: ~\n"},
		{false, "a: b # c\n"}, {false, "a: &b c\n"}, {false, "a: *b\n"}, {false, "a: !b c\n"}, {false, "a: |\n  b\n"}, {false, "a: 'b'\n"},
		{false, "a: b\n c\n"}, {false, "a: b\n  c: d\n"}, {false, "a:\n   b: c\n"}, {false, "a:\n  - b\n"}, {false, "a:\n- b\n  c\n"}, {false, "- - a\n"},
		{false, "---\na: b\n"}, {false, "a: b\n---\nc: d\n"}, {false, "a: b\n...\n"}, {false, "a:\tb\n"}, {false, "a: b\r\n"}, {false, "a: ö\n"},
		{false, "a: {b}\n"}, {false, "a: {b: c,d: e}\n"}, {false, "a: [b,c]\n"}, {false, "a: [b, c\n"}, {false, "a: [b, ]\n"}, {false, "a: [b] c\n"},
		{false, "a: \"b\\n\"\n"}, {false, "a: \"b\n"}, {false, "1: b\n"}, {false, "true: b\n"}, {false, "<<: b\n"}, {false, "? a\n"}, {false, "%a: b\n"},
		{false, "a: " + strings.Repeat("[", 99) + strings.Repeat("]", 99) + "\n"}, {false, strings.Repeat("b", 1100) + ": c\n"},
		{false, "a: b\n\nc: d\n"}, {false, "a: b: c\n"}, {false, "a: b:\n"}, {false, "a: [b:c]\n"}, {false, "a: -b\n"}, {false, "a:b\n"},
	} {
		if short := checkWritten(t, []byte(c.text)); short != c.short {
			t.Errorf("%q is read the short way: %v, want %v", c.text, short, c.short)
		}
	}
	type part struct {
		Name  string            `json:"name"`
		Words []string          `json:"words" yaml:"flow"`
		Map   map[string]string `json:"map" yaml:"flow"`
		None  struct{}          `json:"none" empty:"all of them"`
		Port  uint16            `json:"port"`
	}
	hostile := []string{"", "yes", "1e3", "0x1f", "a: b", "- a", "# a", "a #b", "a:", ":a", "a ", " a", "*a", "&a", "!a", "%a", "@a", "`a", "{a", "[a", "a,b", "a, b",
		"a: b, c", "12", "1_0", "1:30", "10.0.0.0/8", "/a", "./a", "../a", ".a", "(a)", "'a'", "a'b", "null", "~", "<<", "=", "a\tb", "a\nb", "ö", "\u2028", "a{b}", "a|b", "2001-01-01", "---", "..."}
	for _, a := range hostile {
		for _, b := range hostile {
			text, err := Marshal(struct {
				Parts []part            `json:"parts"`
				Map   map[string]string `json:"map"`
			}{[]part{{a, []string{b, a}, map[string]string{a: b, b: a}, struct{}{}, 80}, {Name: b}}, map[string]string{a: b}})
			if err != nil {
				t.Fatal(err)
			}
			checkWritten(t, text)
		}
	}
}

// FuzzReadWritten: what is read the short way is what the parser reads.
func FuzzReadWritten(f *testing.F) {
	for _, text := range writtenTexts(f) {
		f.Add(text)
	}
	f.Add([]byte("a:\n- b: c\n  d: {} # x\n- {f: g, h: [i, {j: 2}]}\nk: \"l\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) { checkWritten(t, text) })
}
