package calico

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// good is a short whole record, and cut the same broken off inside.
const (
	good = `{"source_name":"a","source_namespace":"x","dest_name":"b","dest_namespace":"x","proto":"tcp","dest_port":1}`
	cut  = `{"source_name":"a","policies":{"enforced":[{"name":"b"`
)

// words gives what became of each record in order: "+" for a flow or a refusal, line and reason for a malformed one.
func words(d *decoded) string {
	var w []string
	for _, r := range d.order {
		if r == nil || r.Fate != model.Malformed {
			w = append(w, "+")
			continue
		}
		w = append(w, fmt.Sprintf("%d:%s", r.Line, r.Reason))
	}
	return strings.Join(w, " ")
}

// TestBroken: a broken record costs itself alone, whatever it is cut in and whatever follows, and every rejection
// names the line its record starts on.
func TestBroken(t *testing.T) {
	pretty := "{\n  \"source_name\": \"a\",\n  \"policies\": {\n    \"enforced\": [\n      {\n        \"kind\": 1\n      }\n    ]\n  },\n  \"dest_name\": \"b\",\n  \"proto\": 1\n}\n"
	prettyCut := strings.Join(strings.SplitAfter(pretty, "\n")[:7], "")
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"blank", " \n\t\r\n", ""},
		{"junk", "hello\nworld\n" + good, "1:bad-json 2:bad-json +"},
		{"cut in a list", cut + "\n" + good + "\n" + good, "1:truncated + +"},
		{"cut after a comma", good + "\n" + `{"a":["b",` + "\n" + good, "+ 2:truncated +"},
		{"cut after a colon", `{"a":` + "\n" + good, "1:truncated +"},
		{"cut in a text", `{"source_name":"a` + "\n" + good, "1:truncated +"},
		{"cut in an escape", `{"source_name":"a\` + "\n" + good, "1:truncated +"},
		{"cut at the end", good + "\n" + cut, "+ 2:truncated"},
		{"cut at the end in a text", `{"source_name":"a`, "1:truncated"},
		{"all cut", strings.Repeat(cut+"\n", 3), "1:truncated 2:truncated 3:truncated"},
		{"wrong bracket", `{"a":[}` + good + "\n" + good, "1:bad-json +"},
		{"one bracket too many", good + "}\n" + good, "+ 1:bad-json +"},
		{"not JSON inside brackets", "{\"source_name\":nope}\n" + good, "1:bad-json +"},
		{"another log", `{"time":"2026-01-01","level":"info"}` + "\n" + good, "1:not-a-flow-log +"},
		{"one name is no flow", `{"source_name":"a","proto":"tcp"}`, "1:not-a-flow-log"},
		{"other values in an array", "[1]\n" + good, "1:bad-json +"},
		{"indented, cut", prettyCut + pretty + good, "1:truncated + +"},
		{"indented, wrong bracket", strings.Replace(pretty, "{\n        \"kind\"", "(}\n        \"kind\"", 1) + good, "1:bad-json +"},
		{"indented in an array, cut", "[\n" + indent(prettyCut) + indent(pretty) + "]\n" + good, "2:truncated + +"},
		{"list cut between records", `{"items":[` + good + ",\n" + good + ",\n", "+ + 3:truncated"},
		{"list cut in a record", `{"items":[` + good + ",\n" + cut, "+ 2:truncated"},
		{"list with a cut line", `{"items":[` + "\n" + good + ",\n" + cut + "\n" + good + "\n]}\n" + good, "+ 3:truncated + +"},
		{"list cut after its records", `{"items":[` + good + `],"total":{` + "\n" + good, "+ +"},
		{"events with a cut one", "data: " + cut + "\ndata: " + good + "\n\n", "1:truncated +"},
		{"too long", `{"a":"` + strings.Repeat("x", maxRecord) + "\"}\n" + good, "1:too-long +"},
		{"too long without end", `{"a":[` + strings.Repeat("1,", maxRecord) + "\n" + good, "1:too-long +"},
		{"as long as may be", `{"source_name":"` + strings.Repeat("x", maxRecord-33) + `","dest_name":""}` + good, "+ +"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, words(decode(t, tt.in))); diff != "" {
				t.Error(diff)
			}
			var slow decoded
			slow.tables = model.NewTables()
			if err := Decode(iotest.OneByteReader(strings.NewReader(tt.in)), "test", slow.tables, &slow); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, words(&slow)); diff != "" {
				t.Errorf("read byte by byte: %s", diff)
			}
		})
	}
}

func indent(s string) string {
	return "  " + strings.TrimSuffix(strings.ReplaceAll(s, "\n", "\n  "), "  ")
}

// TestLinear: damage that opens ever more brackets must not make reading slow.
func TestLinear(t *testing.T) {
	start := time.Now()
	for _, piece := range []string{"[{\"a\":[", "{\"items\":[", "{\"a\":[\n", "{\"hits\":{\"hits\":[\n", "{\"a\":\"\n", "]", "}\n", "data: {\n"} {
		decode(t, strings.Repeat(piece, 1<<20/len(piece)))
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("8 MiB took %v", took)
	}
}

// TestReadError: what was read before the error counts, and the error names the source.
func TestReadError(t *testing.T) {
	d := &decoded{tables: model.NewTables()}
	broken := errors.New("disk gone")
	err := Decode(io.MultiReader(strings.NewReader(good+"\n"+cut), iotest.ErrReader(broken)), "flows.log", d.tables, d)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "flows.log") {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff("+ 2:truncated", words(d)); diff != "" {
		t.Error(diff)
	}
}

// TestDetail: a rejection tells what and where in one printable line.
func TestDetail(t *testing.T) {
	d := decode(t, "\n"+`{"source_name":"a\u001b","dest_name":"b","action":"`+"\x1b[31m\u202e"+strings.Repeat("z", 500)+`"}`)
	if len(d.rejections) != 1 {
		t.Fatalf("rejections %v", d.rejections)
	}
	r := d.rejections[0]
	const want = `not valid JSON: {"source_name":"a\u001b","dest_name":"b","action":".[31m.zzz`
	if r.Line != 2 || r.Source != "test" || !strings.HasPrefix(r.Detail, want) || len(r.Detail) > 160 {
		t.Errorf("%+v", r)
	}
}
