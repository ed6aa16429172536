package render

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

type sample struct {
	Z     map[string]string `json:"z"`
	Items []sampleItem      `json:"items,omitempty"`
	Flow  []any             `json:"flow,omitempty" yaml:"flow"`
	Block []any             `json:"block,omitempty"`
	Empty struct{}          `json:"empty" empty:"nothing at all"`
	Order *float64          `json:"order,omitempty"`
	Port  uint16            `json:"port"`
}

type sampleItem struct {
	Remark Remark       `json:"-"`
	Name   string       `json:"name,omitempty"`
	Ports  []samplePort `json:"ports,omitempty" yaml:"flow"`
}

type samplePort struct {
	Protocol string `json:"protocol"`
	Port     any    `json:"port,omitempty"`
}

// TestMarshal shows the form: the order of the fields, comments, lists in one line where they fit.
func TestMarshal(t *testing.T) {
	order := 1000.5
	long := make([]samplePort, 4)
	for i := range long {
		long[i] = samplePort{"TCP", uint16(i + 10000)}
	}
	text, err := Marshal(&sample{
		Z: map[string]string{"b": "yes", "a/b.c": "web"},
		Items: []sampleItem{
			{Remark: "the first\nof two", Name: "x", Ports: []samplePort{{"TCP", uint16(80)}, {"UDP", "dns"}}},
			{},
			{Ports: long},
		},
		Flow: []any{"a: b", uint16(5), "8000:9000"}, Order: &order})
	if err != nil {
		t.Fatal(err)
	}
	if want := `z:
  a/b.c: web
  b: "yes"
items:
# the first\u000aof two
- name: x
  ports: [{protocol: TCP, port: 80}, {protocol: UDP, port: dns}]
- {}
- ports:
  - {protocol: TCP, port: 10000}
  - {protocol: TCP, port: 10001}
  - {protocol: TCP, port: 10002}
  - {protocol: TCP, port: 10003}
flow: ["a: b", 5, "8000:9000"]
empty: {} # nothing at all
order: 1000.5
port: 0
`; string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// same wants that readers of YAML 1.1 and 1.2 find in the text of an object what it holds.
func same(t *testing.T, o *sample) {
	t.Helper()
	text, err := Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var node any
	if err := yamlv3.Unmarshal(text, &node); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	again, err := json.Marshal(node)
	if err != nil {
		t.Fatal(err)
	}
	var a, b, c any
	for text, to := range map[*[]byte]*any{&want: &a, &got: &b, &again: &c} {
		if err := json.Unmarshal(*text, to); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(a, c) {
		t.Errorf("%s\nis not\n%s\nor\n%s\nbut\n%s", text, got, again, want)
	}
	if bytes.ContainsAny(text, "\u202e\u0085\u2028\x7f") {
		t.Errorf("it holds what nobody sees: %q", text)
	}
}

// FuzzMarshal wants every text to come back as itself, as key, item and value, in a line of its own and in a list.
func FuzzMarshal(f *testing.F) {
	for _, s := range []string{"", "yes", "On", "1", "0x1", "1e3", "null", "~", "2001-01-01", "a: b", "- a", "#", " #",
		"a #b", "'", `"`, "é", "a\nb", " a", "a ", "<&>", "a:", "{a}", "[a", "a, b", "*a", "&a", "!a", "|", ">", "%a",
		"@a", "`a", "1:20", "::1/128", "fd00::/8", "10.0.0.0/8", "8000:9000", "\u202e", "\u0085", "\u2028x", "\x7f",
		"app == 'web' && !has(x)", "!has(x)", "(a == 'b') || name in {'a', 'b'}", "?", "? a", "-", "---", "...", "=",
		"<<", ".inf", "1_000", "0o7", "+1", "a\tb", "\\", "1/2", "0x/1", "y", "N", "a  b", "😀", "a: ", "a :b", "../../x", "../"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		key := s + "x"
		if len(s) > 150 { // escaped it has up to six times as many: YAML takes keys of up to 1,024 characters
			key = "x"
		}
		same(t, &sample{Z: map[string]string{"k": s, key: "v"}, Flow: []any{s, "b"}, Block: []any{s, s + "z"},
			Items: []sampleItem{{Remark: Remark(s), Name: s}}, Port: 65535})
	})
}
