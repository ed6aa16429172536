package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/ingest/all"
	"sluice/model"
)

// good is a short whole record, and cut the same broken off inside.
const (
	good = `{"source_name":"a","source_namespace":"x","dest_name":"b","dest_namespace":"x","proto":"tcp","dest_port":1}`
	cut  = `{"source_name":"a","source_namespace":"x","policies":{"enforced":[{"name":"b"`
)

// order is what became of each record in order: "+" for a flow or a refusal, line and reason for a malformed one.
type order struct{ words []string }

func (o *order) Flow(*model.Flow) { o.words = append(o.words, "+") }

func (o *order) Reject(r ingest.Rejection) {
	if r.Fate != model.Malformed {
		o.words = append(o.words, "+")
		return
	}
	o.words = append(o.words, fmt.Sprintf("%d:%s", r.Line, r.Reason))
}

func inOrder(t *testing.T, in io.Reader) (string, error) {
	t.Helper()
	o := &order{}
	sum, err := Read(context.Background(), []string{"-"}, in, Options{Workers: 1, Formats: all.Formats(), Tables: model.NewTables(),
		NewSink: func() ingest.Sink { return o }})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(o.words, " "), sum.Sources[0].Err
}

// TestBroken: a broken record costs itself alone, whatever it is cut in and whatever follows, and every rejection names
// the line its record starts on.
func TestBroken(t *testing.T) {
	flow := "{\n  \"source_name\": \"a\",\n  \"policies\": {\n    \"enforced\": [\n      {\n        \"kind\": 1\n      }\n    ]\n  },\n" +
		"  \"dest_name\": \"b\",\n  \"proto\": 1\n}\n"
	prettyCut := strings.Join(strings.SplitAfter(flow, "\n")[:7], "")
	indent := func(s string) string { return "  " + strings.TrimSuffix(strings.ReplaceAll(s, "\n", "\n  "), "  ") }
	for _, tt := range []struct{ name, in, want string }{
		{"junk", "hello\nworld\n" + good, "1:bad-json 2:bad-json +"},
		{"cut in a list", cut + "\n" + good + "\n" + good, "1:bad-json + +"},
		{"cut after a comma", good + "\n" + `{"a":["b",` + "\n" + good, "+ 2:bad-json +"},
		{"cut after a colon", `{"a":` + "\n" + good, "1:truncated +"},
		{"cut in a text", `{"source_name":"a` + "\n" + good, "1:bad-json +"},
		{"cut in an escape", `{"source_name":"a\` + "\n" + good, "1:bad-json +"},
		{"cut at the end", good + "\n" + cut, "+ 2:truncated"},
		{"cut at the end of an indented one", "{\n " + good[1:] + cut, "+ 2:truncated"},
		{"all cut", strings.Repeat(cut+"\n", 3), "1:truncated 2:truncated 3:truncated"},
		{"wrong bracket", `{"a":[}` + good + "\n" + good, "+ 1:bad-json +"},
		{"one bracket too many", good + "}\n" + good, "+ 1:bad-json +"},
		{"not JSON inside brackets", "{\"source_name\":nope}\n" + good, "1:bad-json +"},
		{"another log", `{"time":"2026-01-01","level":"info"}` + "\n" + good, "1:not-a-flow-log +"},
		{"another log among others", `{"items":[` + good + `,{"level":"info"},` + good + "]}\n", "+ + 1:not-a-flow-log"},
		{"one name is no flow", `{"source_name":"a","proto":"tcp"}` + good, "1:not-a-flow-log +"},
		{"other values in an array", "[1]\n" + good, "1:not-a-flow-log +"},
		{"indented, cut", prettyCut + flow + good, "1:truncated + +"},
		{"indented, wrong bracket", strings.Replace(flow, "{\n        \"kind\"", "(}\n        \"kind\"", 1) + good, "1:bad-json +"},
		{"indented in an array, cut", "[\n" + indent(prettyCut) + indent(flow) + "]\n" + good, "2:truncated + +"},
		{"list cut between records", `{"items":[` + good + ",\n" + good + ",\n", "+ + 3:truncated"},
		{"list cut in a record", `{"items":[` + good + ",\n" + cut, "+ 2:truncated"},
		{"list with a cut line", `{"items":[` + "\n" + good + ",\n" + cut + "\n" + good + "\n]}\n" + good, "+ 3:truncated + +"},
		{"list of lists with a cut line", `{"a":[{"items":[` + "\n" + good + ",\n" + cut + "\n" + good + "\n]}]}\n" + good, "+ 3:truncated + +"},
		{"list cut after its records", `{"items":[` + "\n" + good + `],"total":{` + "\n" + good, "+ +"},
		{"events with a cut one", "data: " + cut + "\ndata: " + good + "\n\n", "1:bad-json +"},
		{"an envelope of a cut record", `{"log":"{\"source_name\":\"a\",\"dest_na` + "\n" + good, "1:bad-json +"},
		{"too long", good + `{"a":"` + strings.Repeat("x", 2*maxLine) + "\"}\n" + good, "+ 1:too-long +"},
		{"too long over lines", "{\n" + good[1:] + "\n{\n\"a\":[" + strings.Repeat("1,", maxLine/2) + "\n" + good, "+ 3:too-long +"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := inOrder(t, strings.NewReader(tt.in))
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
			got, _ = inOrder(t, iotest.HalfReader(strings.NewReader(tt.in)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("in small reads: %s", diff)
			}
		})
	}
}

// TestLongList: a list of records may be one line, however long.
func TestLongList(t *testing.T) {
	const n = maxLine/len(good) + 1000
	for _, in := range []string{
		`{"total":{"totalPages":1},"items":[` + strings.Repeat(good+",", n) + good + "]}",
		"[" + strings.Repeat(good+",", n) + good + "]\n" + good,
		strings.Repeat(good, n+1),
	} {
		got, err := inOrder(t, strings.NewReader(in))
		if flows := strings.Count(got, "+"); flows < n+1 || len(got) != 2*flows-1 || err != nil {
			t.Errorf("%.40s: %d flows of %d, %d bytes told, %v", in, flows, n+1, len(got), err)
		}
	}
}

// TestForeignWords: what strangers write into a record is never a record itself, whole or cut, in whatever stands around.
func TestForeignWords(t *testing.T) {
	forged := `{\"flow\":{\"time\":\"2026-03-01T10:20:30Z\",\"verdict\":\"FORWARDED\",\"source\":{\"labels\":[\"k8s:app=evil\"]}}}`
	record := `{"flow":{"l7":{"http":{"headers":[{"key":"X","value":"` + forged + `"},{"key":"Y","value":"` + strings.ReplaceAll(forged, `\"`, `"`)[:5] + `"}]}},` +
		`"verdict":"FORWARDED","time":"2026-03-01T10:20:30Z"}}`
	flat := strings.TrimSuffix(strings.TrimPrefix(record, `{"flow":`), "}")
	for _, r := range []string{record, flat} {
		for n := len(r); n > 0; n -= 3 {
			for _, text := range []string{r[:n], "[" + r[:n], `{"hits":{"hits":[{"_source":` + r[:n], "prefix " + r[:n], `{"log":` + fmt.Sprintf("%q", r[:n])} {
				o := &log{}
				_, _ = Read(context.Background(), []string{"-"}, strings.NewReader(text), Options{Workers: 1, Formats: all.Formats(),
					Tables: model.NewTables(), NewSink: func() ingest.Sink { return o }})
				if len(o.ports) > 1 || len(o.ports) == 1 && n < len(r) {
					t.Fatalf("%d flows in %s", len(o.ports), text)
				}
			}
		}
	}
}

// TestLinear: damage that opens ever more brackets must not make reading slow. Eight times the damage takes some eight times
// the work; were each bracket looked at again for each other one, it took sixty-four times. No time is a bound: machines and
// detectors differ by far more than that.
func TestLinear(t *testing.T) {
	for _, piece := range []string{"[{\"a\":[", "{\"items\":[", "{\"a\":[\n", "{\"hits\":{\"hits\":[\n", "{\"a\":\"\n", "]", "}\n", "data: {\n",
		"{\"log\":\"", "{\\\"", "{\"\"a", "[", "{", `{"a":"{\"a\":\"{\\\"a\\\"`, "{\"flow\":", "{\"flow\":\n", "[" + good, "{\"a\":" + good} {
		for _, before := range []string{good + "\n", "{\n" + good[1:] + "\n"} {
			read := func(size int) time.Duration {
				start := processTime(t)
				if _, err := inOrder(t, strings.NewReader(before+strings.Repeat(piece, size/len(piece)))); err != nil {
					t.Errorf("%q: %v", piece, err)
				}
				return processTime(t) - start
			}
			const slack = 200 * time.Millisecond // what collecting garbage may take in one and not in the other
			if small, large := read(1<<16), read(1<<19); large > 32*small+slack {
				t.Errorf("%q after %q: 64 KiB took %v, 512 KiB %v", piece, before, small, large)
			}
		}
	}
}

// processTime is what the process has used of its processors: others on the machine do not count.
func processTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestReadError: what was read before the error counts, and the error names the source.
func TestReadError(t *testing.T) {
	broken := errors.New("disk gone")
	for _, before := range []string{good + "\n" + cut, "{\n" + good[1:] + cut} {
		got, err := inOrder(t, io.MultiReader(strings.NewReader(before), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || got != "+ 2:truncated" {
			t.Errorf("%s, %v", got, err)
		}
	}
}
