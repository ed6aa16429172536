package source

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/ingest/all"
	"sluice/model"
)

// readBy reads a text whose workers take so many bytes at once.
func readBy(t testing.TB, block, workers int, in io.Reader) *log {
	t.Helper()
	l := &log{}
	readTo(t, block, workers, in, model.NewTables(), l)
	slices.Sort(l.ports)
	slices.Sort(l.rejects)
	return l
}

// readTo is readBy for any sink.
func readTo(t testing.TB, block, workers int, in io.Reader, tables model.Tables, sink ingest.Sink) {
	t.Helper()
	_, err := Read(t.Context(), []string{"-"}, in, Options{Workers: workers, Formats: all.Formats(), Tables: tables,
		NewSink: func() ingest.Sink { return sink }, block: block})
	if err != nil {
		t.Fatal(err)
	}
}

const noStretch = 1 << 24

// lists are texts of records that take more than a line or part of one, in every way that stretches know.
func listsOf(records []string) map[string]string {
	pretty := func(text string) string {
		var v any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return text
		}
		b, _ := json.MarshalIndent(v, "", "  ")
		return string(b)
	}
	var each []string
	for _, r := range records {
		each = append(each, pretty(r))
	}
	return map[string]string{
		"a line":               "[" + strings.Join(records, ",") + "]",
		"lines":                "[\n" + strings.Join(records, ",\n") + "\n]\n",
		"lines after commas":   "[ " + strings.Join(records, "\n , ") + " ]",
		"objects over lines":   strings.Join(each, "\n"),
		"objects side by side": strings.Join(each, ""),
		"a pretty array":       "[\n" + strings.Join(each, ",\n") + "\n]",
		"an answer":            `{"total":{"pages":1},"items":[` + strings.Join(records, ",") + `],"more":[{"a":1},{"a":2}]}`,
		"documents": `{"hits":{"hits":[{"_id":"a","_source":` +
			strings.Join(records, `,"sort":[1,"x"],"of":{"a":[{"b":1},{"b":2}]}},{"_id":"bb","_source":`) + `}]}}`,
		"hits": `{"hits":{"hits":[{"_source":` + strings.Join(records, `,"sort":[1]},{"_source":`) + `}]}}`,
	}
}

// strange are records with much that looks like the end of one.
func strange(n int) string {
	l7 := fmt.Sprintf(`"l7":{"type":"REQUEST","http":{"url":"http://a/}],{%s","headers":[{"key":"a","value":"}"},{"key":"b","value":"]}]"}]}}`,
		[]string{`}`, `{`, `]`, `[`, `},{\"flow\":{`, `\\`, `\"`, `\n`}[n%8])
	return strings.Replace(fmt.Sprintf(record, n), `"is_reply"`, l7+`,"is_reply"`, 1)
}

// TestStretch: what is read of a list does not depend on how much of it a worker takes at once.
func TestStretch(t *testing.T) {
	whisker := `{"start_time":"2026-03-01T10:20:30Z","end_time":"2026-03-01T10:20:45Z","action":"Allow","source_name":"a-*","source_namespace":"ns","source_labels":"app=a | b=c","dest_name":"b-*","dest_namespace":"ns","dest_labels":"app=b","protocol":"tcp","dest_port":443,"reporter":"Src","policies":{"enforced":[{"kind":"Profile","action":"Allow"},{"kind":"Profile","action":"Allow"}]},"packets_in":3,"packets_out":2}`
	kinds := map[string]func(n int) string{
		"plain":   func(n int) string { return fmt.Sprintf(record, n) },
		"flat":    func(n int) string { return strings.TrimSpace(fmt.Sprintf(pretty, n)) },
		"strange": strange,
		"whisker": func(int) string { return whisker },
		"mixed": func(n int) string {
			return []string{fmt.Sprintf(record, n), strange(n), `{"flow":{}}`, `{"x":[{"flow":1},{"flow":2}]}`, whisker,
				`{"flow":{"verdict":7,"l4":{}}}`, `{"lost_events":{"num_events_lost":"2"}}`, `"text"`, `7`}[n*n%9]
		},
		"broken": func(n int) string {
			if n%17 == 5 {
				return fmt.Sprintf(record, n)[:40+n]
			}
			return fmt.Sprintf(record, n)
		},
	}
	for kind, make := range kinds {
		var records []string
		for n := range 150 {
			records = append(records, make(n))
		}
		for around, text := range listsOf(records) {
			if kind == "broken" && around != "lines" {
				continue // where a broken one ends nobody knows
			}
			want := readBy(t, noStretch, 1, strings.NewReader(text))
			for _, block := range []int{256, 1000, 5000, 20_000} {
				for _, workers := range []int{1, 3} {
					got := readBy(t, block, workers, iotest.HalfReader(strings.NewReader(text)))
					if diff := cmp.Diff(want.ports, got.ports) + cmp.Diff(want.rejects, got.rejects); diff != "" {
						t.Errorf("%s, %s, %d bytes at once, %d workers (-all at once): %s", around, kind, block, workers, diff)
					}
				}
			}
		}
	}
}

// TestStretches: most of a long list is read in stretches, whatever stands in its strings as pairs.
func TestStretches(t *testing.T) {
	for around, text := range listsOf(slices.Repeat([]string{fmt.Sprintf(record, 1)}, 5000)) {
		r := &reader{run: &run{signs: newSigns(all.Formats())}, options: Options{Formats: all.Formats()}, block: 10_000}
		s, b, stretches := r.newSplitter(strings.NewReader(text)), &batch{stretch: r.newSplitter(nil)}, 0
		for b.fill(s) {
			if b.whole {
				stretches += b.stretch.end - b.stretch.pos
			}
		}
		if stretches < len(text)*9/10 {
			t.Errorf("%s: %d of %d bytes", around, stretches, len(text))
		}
	}
}

// FuzzStretch: of JSON the same is read whatever a worker takes at once, or what was not read is told; of any text the
// workers do not matter, nor how reads come.
func FuzzStretch(f *testing.F) {
	for _, text := range listsOf([]string{fmt.Sprintf(record, 1), strange(2), strange(4), `{"flow":{}}`, fmt.Sprintf(record, 5)}) {
		f.Add([]byte(text), uint16(300))
		f.Add([]byte(text+text), uint16(700))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		block := 128 + int(size)
		got := readBy(t, block, 1, strings.NewReader(string(in)))
		other := readBy(t, block, 2, iotest.HalfReader(strings.NewReader(string(in))))
		if diff := cmp.Diff(got.ports, other.ports) + cmp.Diff(got.rejects, other.rejects); diff != "" {
			t.Errorf("two workers: %s", diff)
		}
		if !json.Valid(in) {
			return
		}
		want := readBy(t, noStretch, 1, strings.NewReader(string(in)))
		if diff := cmp.Diff(want.ports, got.ports); diff != "" && len(got.rejects) <= len(want.rejects) {
			t.Errorf("%d bytes at once (-all at once): %s", block, diff)
		}
	})
}
