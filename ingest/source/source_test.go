package source

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/ingest"
	"sluice/ingest/all"
	"sluice/model"
)

const (
	record = `{"flow":{"time":"2026-03-01T10:20:30Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":%d,"destination_port":443}},"source":{"identity":815,"namespace":"bank","labels":["k8s:app=till"]},"destination":{"identity":2,"labels":["reserved:world"]},"is_reply":false}}`
	pretty = `{
  "verdict": "FORWARDED",
  "l4": {"TCP": {"source_port": %d, "destination_port": 443}},
  "source": {
    "labels": ["k8s:app={\"till\""]
  }
}
`
)

// log collects what all sinks of a read are given.
type log struct {
	mu      sync.Mutex
	ports   []int
	rejects []string
}

func (l *log) Flow(f *model.Flow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ports = append(l.ports, int(f.SrcPort))
}

func (l *log) Reject(r ingest.Rejection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rejects = append(l.rejects, fmt.Sprintf("%d:%s", r.Line, r.Reason))
}

func readAll(t *testing.T, workers int, stdin io.Reader, inputs ...string) (*log, Summary) {
	t.Helper()
	l := &log{}
	var stored, records atomic.Int64
	sum, err := Read(context.Background(), inputs, stdin, Options{Workers: workers, Formats: all.Formats(), Tables: model.NewTables(),
		NewSink:  func() ingest.Sink { return l },
		Progress: func(b, r int64) { stored.Add(b); records.Add(r) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sum.Sources {
		stored.Add(-s.Bytes)
		records.Add(-s.Records)
	}
	if stored.Load() != 0 || records.Load() != 0 {
		t.Errorf("progress is %d bytes and %d records off", stored.Load(), records.Load())
	}
	slices.Sort(l.ports)
	slices.Sort(l.rejects)
	return l, sum
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

func cell(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestShapes(t *testing.T) {
	one, two, three := fmt.Sprintf(record, 1), fmt.Sprintf(record, 2), fmt.Sprintf(pretty, 3)
	cases := []struct {
		name, in string
		ports    []int
		rejects  []string
	}{
		{"lines", one + "\n" + two + "\n", []int{1, 2}, nil},
		{"no line break at the end", one + "\n" + two, []int{1, 2}, nil},
		{"blank lines and CRLF", "\r\n" + one + "\r\n\r\n" + two + "\r\n", []int{1, 2}, nil},
		{"broken line", one + "\n{\"flow\n" + two, []int{1, 2}, []string{"2:bad-json"}},
		{"broken first line", "{\"flow\n" + two, []int{2}, []string{"1:bad-json"}},
		{"end of a list", one + ",\n" + two + "\n]\n", []int{1, 2}, nil},
		{"middle of a list", one + ",\n" + two + ",\n", []int{1, 2}, nil},
		{"end of a pretty list", three + ",\n" + three + "]\n", []int{3, 3}, nil},
		{"text sequence", "\x1e" + one + "\n\x1e" + two + "\n\x1e", []int{1, 2}, nil},
		{"text sequence, pretty", "\x1e" + three + "\x1e" + three, []int{3, 3}, nil},
		{"text sequence, broken", "\x1e" + one + "\n\x1e" + one[:99] + "\n\x1e" + two, []int{1, 2}, []string{"2:bad-json"}},
		{"zero bytes behind lines", one + "\x00\n" + two + "\x00\n", []int{1, 2}, nil},
		{"zero bytes for line breaks", one + "\x00" + two + "\x00", []int{1, 2}, nil},
		{"zero bytes behind all", one + "\n" + two + "\n" + strings.Repeat("\x00", 1<<10), []int{1, 2}, nil},
		{"zero bytes and more", one + "\n\x00,\x00 a\n" + two, []int{1, 2}, []string{"2:bad-json"}},
		{"excerpt before the text", `{"short":` + quote(one[:250]) + `,"full":` + quote(one) + "}\n" + two, []int{1, 2}, nil},
		{"excerpt behind the text", `{"full":` + quote(one) + `,"n":1,"short":` + quote(one[:250]) + "}\n" + two, []int{1, 2}, nil},
		{"excerpt of another", `{"short":` + quote(two[:250]) + `,"full":` + quote(one) + "}\n" + two, []int{1, 2}, []string{"1:bad-json"}},
		{"excerpt of another's", `[{"short":` + quote(one[:250]) + `},{"full":` + quote(one) + "}]\n", []int{1}, []string{"1:bad-json"}},
		{"excerpt alone", `{"short":` + quote(one[:250]) + "}\n" + two, []int{2}, []string{"1:bad-json"}},
		{"zero bytes before a record", one + "\n" + strings.Repeat("\x00", 1<<10) + two + "\n", []int{1, 2}, nil},
		{"zero bytes behind what is cut off", one[:90] + strings.Repeat("\x00", 1<<10) + two + "\n" + one, []int{1, 2}, []string{"1:bad-json"}},
		{"zero bytes behind a string cut off", `{"log":` + quote(one)[:90] + "\x00\x00" + two + "\n" + one, []int{1, 2}, []string{"1:bad-json"}},
		{"zero bytes before all", strings.Repeat("\x00", farPeek+100) + one + "\n" + two + "\n", []int{1, 2}, nil},
		{"names of columns", "time,\"message\"\nt," + cell(one) + "\nt," + cell(two) + "\n", []int{1, 2}, nil},
		{"names of columns, tabs", "@timestamp\t_raw\nt\t" + one + "\n", []int{1}, nil},
		{"name of a column", "message\n" + cell(one) + "\n", []int{1}, nil},
		{"no names of columns", "hello\nt," + cell(one) + "\na,b\n", []int{1}, []string{"1:bad-json", "3:bad-json"}},
		{"values for names", "time,17\nt," + cell(one) + "\n", []int{1}, []string{"1:bad-json"}},
		{"table", "+---+\n| log |\n+---+\n| " + one + " |\n+---+\n", []int{1}, nil},
		{"headers of files", "==> a.log <==\n" + one + "\n\n==> b.log <==\n" + two + "\n", []int{1, 2}, nil},
		{"comments", "# of node a\n" + one + "\n// b\n" + two + "\n", []int{1, 2}, nil},
		{"comment with what is cut off", one + "\n# " + two[:90] + "\n", []int{1}, []string{"2:bad-json"}},
		{"documents of YAML", "---\n" + one + "\n---\n- log: |-\n    " + two + "\n...\n", []int{1, 2}, nil},
		{"Markdown", "```json\n" + one + "\n```\n", []int{1}, nil},
		{"export form of a journal", "__CURSOR=s=1\n_HOSTNAME=a\nMESSAGE=" + one + "\n_PID=1\n\nMESSAGE=up\n", []int{1}, []string{"6:bad-json"}},
		{"what kubectl logs says", "Defaulted container \"a\" out of: a, b (init)\n" + one + "\n", []int{1}, nil},
		{"semicolons", one + ";\n" + two + ";\n", []int{1, 2}, nil},
		{"keys before tabs", `{"node":"a"}` + "\t" + one + "\n" + `{"node":"a"}` + "\t" + two + "\n", []int{1, 2}, nil},
		{"objects before blanks", `{"node":"a"} ` + one + "\n" + two + "\n", []int{1, 2}, []string{"1:not-a-flow-log"}},
		{"rows of texts", `["t",` + quote(one) + "]\n" + `["t",` + quote(two) + "]\n", []int{1, 2}, nil},
		{"rows with a text cut off", `["t",` + quote(one) + "]\n" + `["t",` + quote(two[:90]) + "]\n", []int{1}, []string{"2:bad-json"}},
		{"rows of Athena", `{"Data":[{"VarCharValue":"t"},{"VarCharValue":` + quote(one) + `}]}` + "\n", []int{1}, nil},
		{"table of psql", " log \n-----\n " + one + "\n(1 row)\n", []int{1}, nil},
		{"table of ClickHouse", "┌─log─┐\n│ " + one + " │\n└─────┘\n\n1 row in set. Elapsed: 0.1 sec.\n", []int{1}, nil},
		{"texts in Base64", "[" + quote(encode(one)) + ",\n" + quote(encode(two)) + "," + quote(encode(one)[:90]) + "]\n", []int{1, 2}, []string{"2:bad-json"}},
		{"rows of cells", `{"f":[{"v":` + quote(one) + `},{"v":"x"}]}` + "\n" + `{"f":[{"v":` + quote(two) + `},{"v":"x"}]}` + "\n", []int{1, 2}, nil},
		{"lists of fields", `[{"field":"@message","value":` + quote(one) + `},{"field":"@ptr","value":"x"}]` + "\n", []int{1}, nil},
		{"Base64", encode(one) + "\n" + encode(two+"\n") + "\n", []int{1, 2}, nil},
		{"Base64 of URLs", strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(encode(strings.ReplaceAll(one, "till", "~~~???>>>"))), "=") + "\n", []int{1}, nil},
		{"Base64 cut off", encode(one) + "\n" + encode(two)[:90] + "\n", []int{1}, []string{"2:bad-json"}},
		{"Base64 of no record", encode(one) + "\n" + encode(`{"x":1}`) + "\n", []int{1}, []string{"2:bad-json"}},
		{"records under flow", `{"flow":` + one + `}` + "\n" + `{"n":1,"flow":{"flow":` + two + `},"flow_count":1}` + "\n", []int{1, 2}, nil},
		{"records under flow, cut off", one + "\n" + `{"flow":` + two[:200] + "\n", []int{1}, []string{"2:bad-json"}},
		{"array on a line", "[" + one + "," + two + "]", []int{1, 2}, nil},
		{"array over lines", "[\n" + one + ",\n" + two + "\n]\n", []int{1, 2}, nil},
		{"array with a broken record", "[\n" + one + ",\n{\"flow\":{\n" + two + "\n]\n", []int{1, 2}, []string{"3:truncated"}},
		{"pretty", three + three, []int{3, 3}, nil},
		{"pretty array", "[\n" + strings.ReplaceAll(three+","+three, "\n", "\n  ") + "]", []int{3, 3}, nil},
		{"pretty, cut off", three + three[:40], []int{3}, []string{"8:truncated"}},
		{"pretty, broken string", strings.Replace(three, "FORWARDED\"", "FORW", 1) + three, []int{3}, []string{"1:truncated"}},
		{"pretty, broken nesting", strings.Replace(three, "  }\n}\n", "", 1) + three, []int{3}, []string{"1:truncated"}},
		{"pretty with junk", three + "level=info\n" + three, []int{3, 3}, []string{"8:bad-json"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l, sum := readAll(t, 2, strings.NewReader(c.in), "-")
			if diff := cmp.Diff(c.ports, l.ports); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.rejects, l.rejects); diff != "" {
				t.Error(diff)
			}
			s := sum.Sources[0]
			if s.Err != nil || s.Records != int64(len(c.ports)+len(c.rejects)) || s.Bytes != int64(len(c.in)) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestLongText: a text of many records is read whole, however long it is and whatever it stands in.
func TestLongText(t *testing.T) {
	var lines strings.Builder
	var ports []int
	for lines.Len() < 3*openSize {
		ports = append(ports, len(ports)+1)
		fmt.Fprintf(&lines, record+"\n", len(ports))
	}
	text := quote(lines.String())
	for _, in := range []string{
		`{"body":` + text + `}`, `{"a":{"b":[1,` + text + `]},"c":"{"}`, "[" + text + "]", `{"at":1,` + "\n" + `"log": ` + text + "}\n",
	} {
		for _, workers := range []int{1, 3} {
			l, sum := readAll(t, workers, strings.NewReader(in), "-")
			if !slices.Equal(l.ports, ports) || len(l.rejects) > 0 || sum.Sources[0].Err != nil {
				t.Errorf("%.20s...: %d records of %d, rejected %v, %v", in, len(l.ports), len(ports), l.rejects, sum.Sources[0].Err)
			}
		}
	}
}

// TestLongLineOfRecords: what stands between records without line breaks makes no long line of them.
func TestLongLineOfRecords(t *testing.T) {
	for _, between := range []string{"", " ", "\x00", "\x00\x00", ",", ", ", ";", "\r"} {
		var in strings.Builder
		n := 0
		for in.Len() <= maxLine {
			n++
			fmt.Fprintf(&in, record+between, n%60000)
		}
		l, sum := readAll(t, 2, strings.NewReader(in.String()), "-")
		if len(l.ports) != n || len(l.rejects) > 0 || sum.Sources[0].Err != nil {
			t.Errorf("%q: %d records of %d, rejected %.200q, %v", between, len(l.ports), n, l.rejects, sum.Sources[0].Err)
		}
	}
}

// many is a log of several blocks with broken lines, and what reading it must give.
func many() (text []byte, ports []int, rejects []string) {
	var b bytes.Buffer
	for i := range 6000 {
		if i%1000 == 999 {
			fmt.Fprintf(&b, "{broken\n")
			rejects = append(rejects, fmt.Sprintf("%d:bad-json", i+1))
			continue
		}
		fmt.Fprintf(&b, record+"\n", i)
		ports = append(ports, i)
	}
	slices.Sort(rejects)
	return b.Bytes(), ports, rejects
}

func TestBlocks(t *testing.T) {
	text, ports, rejects := many()
	dir := t.TempDir()
	var gz, zs bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write(text)
	z.Close()
	e, _ := zstd.NewWriter(&zs)
	e.Write(text)
	e.Close()
	for name, data := range map[string][]byte{"plain": text, "gzip": gz.Bytes(), "zstd": zs.Bytes()} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 2, 5} {
			l, sum := readAll(t, workers, nil, path)
			if sum.Sources[0].Err != nil || sum.Sources[0].Records != 6000 || sum.Sources[0].Bytes != int64(len(data)) {
				t.Errorf("%s: %+v", name, sum.Sources[0])
			}
			if !slices.Equal(l.ports, ports) {
				t.Errorf("%s with %d workers: %d records", name, workers, len(l.ports))
			}
			if diff := cmp.Diff(rejects, l.rejects); diff != "" {
				t.Errorf("%s with %d workers: %s", name, workers, diff)
			}
		}
	}
}

func TestTruncatedGzip(t *testing.T) {
	text, _, _ := many()
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write(text)
	z.Close()
	l, sum := readAll(t, 2, bytes.NewReader(gz.Bytes()[:gz.Len()/2]), "-")
	if !errors.Is(sum.Sources[0].Err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", sum.Sources[0].Err)
	}
	if len(l.ports) < 1000 {
		t.Errorf("only %d records of the first half", len(l.ports))
	}
}

func TestLongLine(t *testing.T) {
	one := fmt.Sprintf(record+"\n", 1)
	text := strings.Repeat(one, 1000) + `{"flow":{"x":"` + strings.Repeat("x", maxLine) + "\"}}\n" + one + "{broken\n" + one
	l, _ := readAll(t, 2, strings.NewReader(text), "-")
	if diff := cmp.Diff([]string{"1001:too-long", "1003:bad-json"}, l.rejects); diff != "" {
		t.Error(diff)
	}
	if len(l.ports) != 1002 {
		t.Errorf("%d records", len(l.ports))
	}
	fits := one + `{"flow":{"verdict":"FORWARDED","x":"` + strings.Repeat("x", maxLine/2) + "\"}}\n" + one
	if l, _ = readAll(t, 2, strings.NewReader(fits), "-"); len(l.ports) != 3 {
		t.Errorf("%d records beside a line within the limit, %v", len(l.ports), l.rejects)
	}
}

func TestDirectory(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	n := 0
	write := func(path ...string) string {
		n++
		p := filepath.Join(path...)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, fmt.Appendf(nil, record, n), 0o600)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	link := func(to string, path ...string) {
		if err := os.Symlink(to, filepath.Join(path...)); err != nil {
			t.Fatal(err)
		}
	}
	write(dir, "a.log")             // 1
	write(dir, "node", "b.log")     // 2
	write(dir, ".hidden")           // 3
	write(dir, ".git", "c.log")     // 4
	far := write(other, "far.log")  // 5
	link("a.log", dir, "latest")    // read as a.log
	link(far, dir, "far")           // read
	link(far, dir, "far-again")     // read as far
	link(dir, other, "whole")       // named itself
	link("nowhere", dir, "z-stale") // tells
	link(other, dir, "z-tree")      // tells
	for _, in := range []string{dir, dir + "/", filepath.Join(other, "whole")} {
		l, sum := readAll(t, 1, nil, in)
		if !slices.Equal(l.ports, []int{1, 2, 5}) {
			t.Errorf("%s: records %v", in, l.ports)
		}
		var failed []string
		for _, s := range sum.Sources {
			if s.Err != nil {
				failed = append(failed, filepath.Base(s.Name))
			}
		}
		if !slices.Equal(failed, []string{"z-stale", "z-tree"}) {
			t.Errorf("%s: could not be read: %v", in, failed)
		}
	}
	if _, sum := readAll(t, 1, nil, t.TempDir()); len(sum.Sources) != 1 || sum.Sources[0].Err == nil {
		t.Errorf("nothing said of an empty directory: %+v", sum.Sources)
	}
}

func TestMarks(t *testing.T) {
	one, mark := fmt.Sprintf(record, 1), "\xEF\xBB\xBF"
	for _, in := range []string{mark + one, mark + "[" + one + "]", mark + fmt.Sprintf(pretty, 1)} {
		if l, _ := readAll(t, 1, strings.NewReader(in), "-"); !slices.Equal(l.ports, []int{1}) || l.rejects != nil {
			t.Errorf("%q: records %v, rejected %v", in[:8], l.ports, l.rejects)
		}
	}
	for _, c := range []struct{ in, want string }{
		{"\xFF\xFE\x00\x00{\x00\x00\x00", "UTF-32"}, {"BZh91AY", "bzip2"}, {"\xFD7zXZ\x00\x00", "xz"}, {"PK\x03\x04\x14", "unzip -p"},
		{"PAR1", "Parquet"}, {"ARROW1\x00\x00", "Arrow"}, {"ORC\n", "ORC"}, {"Obj\x01\x04", "avro-tools tojson"}, {"7z\xBC\xAF", "7z"},
		{"\x92\xCE\x69\xA5\x3B\x10\x82\xA3log", "MessagePack"}, {"\x92\xD7\x00\x69\xA5\x3B\x10", "fluent-binlog-reader"},
		{"\xD4\xC3\xB2\xA1\x02\x00\x04\x00", "packets"}, {"SQLite format 3\x00", "SQLite"}, {"\x78\x9C\xED", "zlib"},
		{gzipped(t, gzipped(t, one)), "packed twice"},
	} {
		_, sum := readAll(t, 1, strings.NewReader(c.in), "-")
		if err := sum.Sources[0].Err; err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.in, err, c.want)
		}
	}
}

// TestUTF16: Windows writes it, with a mark or without.
func TestUTF16(t *testing.T) {
	var text strings.Builder
	var ports []int
	for i := range 1000 { // several buffers
		ports = append(ports, i+1)
		fmt.Fprintf(&text, "%s\r\n", strings.Replace(fmt.Sprintf(record, i+1), "till", "till-\U0001F600-\u00e9", 1))
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var in []byte
		for _, u := range utf16.Encode([]rune(text.String())) {
			in = order.AppendUint16(in, u)
		}
		for _, marked := range []bool{false, true} {
			if marked {
				in = append(order.AppendUint16(nil, 0xFEFF), in...)
			}
			for _, r := range []io.Reader{bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in))} {
				l, sum := readAll(t, 2, r, "-")
				if !slices.Equal(l.ports, ports) || len(l.rejects) > 0 || sum.Sources[0].Err != nil {
					t.Errorf("%v, marked %v: %d records, rejected %v, %v", order, marked, len(l.ports), l.rejects, sum.Sources[0].Err)
				}
			}
		}
		if _, sum := readAll(t, 1, bytes.NewReader(in[:len(in)-1]), "-"); !errors.Is(sum.Sources[0].Err, io.ErrUnexpectedEOF) {
			t.Errorf("half a character at the end: %v", sum.Sources[0].Err)
		}
	}
	lone, err := io.ReadAll(&utf16Reader{in: strings.NewReader("\x00\xD8a\x00\x00\xDC\x00\xD8"), order: binary.LittleEndian})
	if string(lone) != "\uFFFDa\uFFFD\uFFFD" || err != nil {
		t.Errorf("halves of pairs: %q, %v", lone, err)
	}
}

// TestPadded: zero bytes behind what gzip packed fill up a block of a tape, and anything else is an error.
func TestPadded(t *testing.T) {
	packed := gzipped(t, fmt.Sprintf(record+"\n", 1)) + gzipped(t, fmt.Sprintf(record, 2))
	l, sum := readAll(t, 1, strings.NewReader(packed+strings.Repeat("\x00", 1000)), "-")
	if !slices.Equal(l.ports, []int{1, 2}) || sum.Sources[0].Err != nil {
		t.Errorf("records %v, %v", l.ports, sum.Sources[0].Err)
	}
	if _, sum = readAll(t, 1, strings.NewReader(packed+"\x00\x00more than zero bytes"), "-"); sum.Sources[0].Err == nil {
		t.Error("no error for what is not packed")
	}
}

// TestRefused: what cannot be read is called by its name, with what to do about it.
func TestRefused(t *testing.T) {
	one := fmt.Sprintf(record, 1)
	long := encode(strings.Repeat(one+"\n", 9))
	for _, c := range []struct{ in, want string }{
		{"Mar  2 09:00:00.1: a/b:1 (ID:7) -> c/d:80 (ID:8) to-endpoint FORWARDED (TCP Flags: SYN)", observed},
		{"Mar  2 09:00:00.1: a/b (ID:7) <> 10.96.0.1:443 (world) pre-xlate-fwd TRACED (TCP)", observed},
		{"Mar  2 09:00:00.1   a/b:1   c/d:80   Policy denied   DROPPED   TCP Flags: SYN", observed},
		{"-> endpoint 1143 flow 0x1 , identity 7->8 state new: 10.0.0.1:1 -> 10.0.0.2:80 tcp SYN", "cilium monitor"},
		{"Healthcheck (via localhost:4245): Ok\nCurrent/Max Flows: 9/9 (100.00%)", "hubble observe -o jsonpb"},
		{"allowlist:\n- '{}'", "--print-raw-filters"},
		{`{'flow': {'verdict': 'FORWARDED'}}`, python},
		{`{"MESSAGE":[123,34,102],"_PID":"1"}`, listed},
		{`{"_PID":"1","MESSAGE":null}`, leftOut},
		{"\x1b[1;39m{\x1b[0m\x1b[34;1m\"verdict\"\x1b[0m", coloured},
		{`<v>{&quot;flow&quot;:{&quot;verdict&quot;`, markup},
		{"log=%7B%22verdict%22%3A", percent},
		{"flow { verdict: FORWARDED }", "protobuf"},
		{"<!DOCTYPE html>\n<html>", "web page"},
		{"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>", "error of a server"},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:4d", "git lfs pull"},
		{"a.gz" + strings.Repeat("\x00", 253) + "ustar  \x00\x1f\x8b", "tar -xf"},
		{long[:76] + "\n" + long[76:152] + "\n", encoded},
		{"hello", "no flow log"},
	} {
		l, sum := readAll(t, 1, strings.NewReader(c.in), "-")
		if err := sum.Sources[0].Err; err == nil || !strings.Contains(err.Error(), c.want) || len(l.ports) > 0 {
			t.Errorf("%q: %v, want %s", c.in, err, c.want)
		}
	}
	// Among records it counts as malformed, and is called so too.
	kept := quote(`2026-03-01T10:00:00.1Z stdout P ` + one[:200])
	for in, want := range map[string]string{`{"values":[["1",` + kept + `]]}`: keptPart, `{"log":` + quote(one[:200]) + `}`: "unexpected end",
		`{"_source":{"_p":"P","log":` + quote(one[:200]) + `}}`: keptPart, `{"MESSAGE":null}`: leftOut, `{"MESSAGE":[123,34,102]}`: listed, `{'a': 'b', 'verdict': 1}`: python} {
		var details []string
		sink := func(r ingest.Rejection) { details = append(details, r.Detail) }
		_, err := Read(t.Context(), []string{"-"}, strings.NewReader(one+"\n"+in+"\n"), Options{Workers: 1, Formats: all.Formats(),
			Tables: model.NewTables(), NewSink: func() ingest.Sink { return rejections(sink) }})
		if err != nil || len(details) != 1 || !strings.HasPrefix(details[0], want) {
			t.Errorf("%s: %q, %v", in, details, err)
		}
	}
}

// rejections is a sink for what is rejected.
type rejections func(ingest.Rejection)

func (rejections) Flow(*model.Flow)            {}
func (f rejections) Reject(r ingest.Rejection) { f(r) }

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSkippable: what packs on many cores writes frames before those of zstd, which hold nothing.
func TestSkippable(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	in := "\x50\x2A\x4D\x18\x04\x00\x00\x00abcd" + string(z.EncodeAll(fmt.Appendf(nil, record, 1), nil))
	if l, sum := readAll(t, 1, strings.NewReader(in), "-"); !slices.Equal(l.ports, []int{1}) {
		t.Errorf("records %v, %v", l.ports, sum.Sources[0].Err)
	}
}

func TestSkip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, fmt.Appendf(nil, record, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	other := path + "2"
	if err := os.WriteFile(other, fmt.Appendf(nil, record, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &past{}
	for _, want := range []int{2, 0} { // the second time both are known
		l := &log{}
		sum, err := Read(context.Background(), []string{path, other, path}, nil, Options{Formats: all.Formats(), Tables: model.NewTables(),
			NewSink: func() ingest.Sink { return l }, Past: p})
		if err != nil || len(l.ports) != want || !sum.Sources[2].Skipped || sum.Sources[0].Skipped != (want == 0) {
			t.Errorf("%+v, %v, %d records", sum.Sources, err, len(l.ports))
		}
		for _, s := range sum.Sources {
			if !s.Skipped {
				p.sizes, p.digests = append(p.sizes, s.Bytes), append(p.digests, s.Digest)
			}
		}
	}
	if len(p.digests) != 2 || len(p.digests[0]) != 32 || p.digests[0] == p.digests[1] || p.sizes[0] != p.sizes[1] {
		t.Errorf("%+v", p)
	}
}

type past struct {
	sizes   []int64
	digests []string
}

func (p *past) HasSize(n int64) bool    { return slices.Contains(p.sizes, n) }
func (p *past) HasSource(d string) bool { return slices.Contains(p.digests, d) }

func FuzzRead(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(record+"\n{x\n"+record, 1, 2)))
	f.Add([]byte(fmt.Sprintf("["+pretty+","+pretty+"]", 1, 2)))
	f.Add([]byte(fmt.Sprintf(pretty+"\n}{\"\n"+pretty, 1, 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, sum := readAll(t, 2, bytes.NewReader(b), "-")
		if s := sum.Sources[0]; s.Records != int64(len(l.ports)+len(l.rejects)) {
			t.Errorf("%+v, %d flows, %d rejected", s, len(l.ports), len(l.rejects))
		}
	})
}

// TestWrappedAlike: lines whose wrapping looks like that of the one before are still read for what they are.
func TestWrappedAlike(t *testing.T) {
	rec := func(n int) string { return strings.ReplaceAll(fmt.Sprintf(record, n), `"`, `\"`) }
	in := strings.Join([]string{
		`{"at":17,"log":"` + rec(1) + `\n","n":1}`,
		`{"at":1800,"log":"` + rec(2) + `\n","n":2}`,
		`{"at":19,"log":"level=info msg={}","n":3}`, // no record
		`{"at":20,"log":"` + rec(4) + `","more":{"log":"` + rec(5) + `"}}`,
		`{"at":21,"log":"` + rec(6) + `","more":{"log":"` + rec(6) + `"}}`, // twice the same
		`{"at":22,"log":"` + rec(7)[:90] + `","n":7}`,                      // cut off
		`{"at":23,"log":"` + rec(8) + `","flow":{"verdict":"FORWARDED","l4":{"TCP":{"source_port":9}}}}`,
		`{"at":24,"log":"` + rec(10), // the record is whole
	}, "\n")
	l, _ := readAll(t, 1, strings.NewReader(in), "-")
	if diff := cmp.Diff([]int{1, 2, 4, 5, 6, 9, 10}, l.ports); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"3:not-a-flow-log", "6:bad-json", "8:truncated"}, l.rejects); diff != "" {
		t.Error(diff)
	}
}

// TestMembersAlike: lines of which the record is a member of another object are read for what they are, each by itself
// and after lines that look alike: a second record behind it, text behind the line, a record that is broken, or one
// beside what is none.
func TestMembersAlike(t *testing.T) {
	one := func(port int) string { return fmt.Sprintf(record, port) }
	lines := []string{
		`{"_id":"a1","_source":` + one(1) + `,"sort":[1]}`,
		`{"_id":"a22","_source":` + one(2) + `,"sort":[1]}`,
		`{"_id":"a3","_source":` + one(3) + `,"sort":[22]}`,
		`{"_id":"a4","_source":` + one(4) + `,"again":` + one(5) + `,"sort":[1]}`,
		`{"_id":"a5","_source":` + one(6) + `,"again":` + one(6) + `,"sort":[1]}`,
		`{"_id":"b5","_source":` + one(14) + `,"again":` + one(15) + `,"sort":[1]}`,
		`{"_id":"a6","_source":` + one(7)[:100] + `,"sort":[1]}`,
		`{"_id":"AVx_7-q","_source":` + one(16) + `,"agent":{"name":"a","of":["b",1]},"text":"c"}`,
		`{"_id":"zzz","_source":` + one(17) + `,"agent":{"name":"other","of":["",22]},"text":"1"}`,
		`{"_id":"zz{","_source":` + one(18) + `,"agent":{"name":"other","of":["",22]},"text":"1"}`,
		`{"_id":"z","_source":` + one(19) + `,"agent":{"name":"other","of":["",22]},"text":` + one(20) + `}`,
		`{"_id":"z","_source":` + one(21) + `,"agent":{"name":"other","of":["",22]},"text":"` +
			strings.ReplaceAll(one(22), `"`, `\"`) + `"}`,
		`{"_id":` + one(23) + `,"_source":` + one(24) + `,"agent":{"name":"other","of":["",22]},"text":"1"}`,
		`{"_id":"z","_source":` + one(25) + `,"agent":{"name":"other","of":["",]},"text":"1"}`,
		`{"_id":"z","_source":` + one(26) + `} ,"agent":{"name":"other","of":["",22]},"text":"1"}`,
		`{"_id":"a7","_source":` + one(8) + `,"sort":[1]}}`,
		`{"_id":"a8","_source":{"x":1},"sort":[1]}`,
		`[{"x":1},` + one(9) + `]`,
		`[{"x":2},` + one(10) + `]`,
		`[` + one(11) + `,{"x":2}]`,
		`[` + one(12) + `]`,
		`[` + one(13) + `]`,
	}
	alone := &log{}
	for i, line := range lines {
		// Behind two records, so that it is a log of lines.
		got, _ := readAll(t, 1, strings.NewReader(one(100)+"\n"+one(101)+"\n"+line+"\n"), "-")
		for _, p := range got.ports {
			if p < 100 {
				alone.ports = append(alone.ports, p)
			}
		}
		for _, r := range got.rejects {
			alone.rejects = append(alone.rejects, strings.Replace(r, "3:", fmt.Sprintf("%d:", i+3), 1))
		}
	}
	slices.Sort(alone.ports)
	slices.Sort(alone.rejects)
	got, _ := readAll(t, 1, strings.NewReader(one(100)+"\n"+one(101)+"\n"+strings.Join(lines, "\n")+"\n"), "-")
	got.ports = slices.DeleteFunc(got.ports, func(p int) bool { return p >= 100 })
	if diff := cmp.Diff(alone.ports, got.ports); diff != "" {
		t.Errorf("ports (-alone +together): %s", diff)
	}
	if diff := cmp.Diff(alone.rejects, got.rejects); diff != "" {
		t.Errorf("rejects (-alone +together): %s", diff)
	}
	if len(alone.ports) < 12 || len(alone.rejects) < 4 {
		t.Errorf("%v, %q", alone.ports, alone.rejects)
	}
}

// TestListsAlike: lines that hold several records, and those that hold one more than once, are read for what they are,
// each by itself and after lines that look alike.
func TestListsAlike(t *testing.T) {
	one := func(port int) string { return fmt.Sprintf(record, port) }
	text := func(s string) string { return fmt.Sprintf("%q", s) }
	port := 0
	next := func() string { port++; return one(port) }
	batch := func(n int, item string) string {
		var items []string
		for range n {
			items = append(items, fmt.Sprintf(item, text(next())))
		}
		return strings.Join(items, ",")
	}
	logs := `{"time":"a","properties":{"log":%s,"pod":"x"}}`
	twice := func(a, b string) string {
		return `{"at":1,"event":{"original":` + a + `},"message":` + b + `,"of":{"host":"a"}}`
	}
	kept := func(a, b string) string { return `{"at":1,"log":` + a + `,"read":` + b + `,"of":{"host":"a"}}` }
	lines := []string{
		`{"records":[` + batch(3, logs) + `]}`,
		`{"records":[` + batch(1, logs) + `]}`,
		`{"records":[` + batch(5, logs) + `]}`,
		`{"records":[` + batch(2, logs) + `,{"time":"b","properties":{"log":"{}","pod":"x"}},` + batch(2, logs) + `]}`,
		`{"records":[` + batch(2, logs) + `,{"time":"b","properties":{"log":"` + `","pod":"x"}},` + batch(2, logs) + `]}`,
		`{"records":[` + batch(2, logs) + `,{"time":"b"}]}`,
		`{"records":[` + batch(3, logs) + `],"more":` + text(next()) + `}`,
		`{"records":[` + batch(3, logs) + `]}}`,
		`{"records":[` + batch(3, logs) + `]`,
		`{"records":[` + batch(3, logs),
		`{"records":[` + batch(2, logs) + `,{"time":"b","properties":{"log":` + text(one(90)[:120]) + `,"pod":"x"}}]}`,
		`{"records":[` + batch(2, logs) + `,{"time":"b","properties":{"log":` + text(strings.Replace(one(91), "91", "-1", 1)) + `,"pod":"x"}}]}`,
		`{"records":[` + next() + `,` + next() + `,` + next() + `]}`,
		`{"records":[` + next() + `,` + next() + `]}`,
		`{"records":[` + next() + `,` + next() + `,{"a":{}},` + next() + `]}`,
		`{"records":[` + next() + `,` + next() + `,` + one(92)[:100] + `]}`,
		`{"records":[` + next() + ` , ` + next() + `,` + next() + `]} `,
		twice(text(one(40)), text(one(40))),
		twice(text(one(41)), text(one(41))),
		twice(text(one(42)), text(one(43))),
		twice(text(one(44)), text(`{"a":`+one(45)+`}`)),
		twice(text(one(46)), text(one(46))+`,"more":`+text(one(47))),
		kept(text(one(50)+"\n"), one(50)),
		kept(text(one(51)+"\n"), one(51)),
		kept(text(one(52)), one(53)),
		kept(text(one(54)), `{"a":`+one(55)+`}`),
		kept(text(one(56)), one(56)[:len(one(56))-1]+`,"x":1}`),
		kept(text(`{"x":1}`), `{"x":1}`),
	}
	ahead := one(100) + "\n" + one(101) + "\n" // so that it is a log of lines
	alone := &log{}
	for i, line := range lines {
		got, _ := readAll(t, 1, strings.NewReader(ahead+line+"\n"), "-")
		alone.ports = append(alone.ports, slices.DeleteFunc(got.ports, func(p int) bool { return p >= 100 })...)
		for _, r := range got.rejects {
			alone.rejects = append(alone.rejects, strings.Replace(r, "3:", fmt.Sprintf("%d:", i+3), 1))
		}
	}
	slices.Sort(alone.ports)
	for _, order := range [][]string{lines, slices.Concat(lines, lines)} {
		got, _ := readAll(t, 1, strings.NewReader(ahead+strings.Join(order, "\n")+"\n"), "-")
		got.ports = slices.DeleteFunc(got.ports, func(p int) bool { return p >= 100 })
		want := slices.Repeat(alone.ports, len(order)/len(lines))
		slices.Sort(want)
		if diff := cmp.Diff(want, got.ports); diff != "" {
			t.Errorf("ports (-alone +together): %s", diff)
		}
		if len(got.rejects) != len(alone.rejects)*len(order)/len(lines) {
			t.Errorf("rejects alone %q, together %q", alone.rejects, got.rejects)
		}
	}
	if len(alone.ports) < 45 || len(alone.rejects) < 4 {
		t.Errorf("%v, %q", alone.ports, alone.rejects)
	}
}

// TestDeepAlike: lines whose record stands in strings of strings, in Base64, in a cell of CSV, or as a string in a text
// that is no JSON are read for what they are, each by itself and after lines that look alike.
func TestDeepAlike(t *testing.T) {
	port := 0
	one := func() string { port++; return fmt.Sprintf(record, port) }
	text := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	base := func(s string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"` }
	docker := func(s string) string { return `{"log":` + text(s+"\n") + `,"stream":"stdout","time":"t"}` }
	fluent := func(s, more string) string { return `{"date":1.5,"log":` + text(s) + more + `,"pod":"a-17"}` }
	twice := one()
	flat := `,"start_time":1772360430,"end_time":1772360730,"action":"allow","reporter":"src","proto":"tcp","dest_port":443,` +
		`"source_type":"wep","source_name_aggr":"a-*","source_namespace":"ns","dest_type":"wep","dest_name_aggr":"b-*",` +
		`"dest_namespace":"ns"`
	lines := []string{
		docker(fluent(one(), "")),
		docker(fluent(one(), "")),
		docker(fluent(text(one()), "")),
		docker(fluent(one(), `,"more":`+text(one()))),
		docker(fluent(one(), `,"more":`+one())),
		docker(fluent(one(), `,"more":`+base(one()))),
		docker(fluent(twice, `,"more":`+text(twice))),
		docker(fluent(twice, `,"more":`+text(twice))),
		docker(fluent(one(), `,"more":`+text(twice))),
		docker(fluent(one(), `,"more":`+text(twice))),
		docker(fluent(twice, `,"more":`+twice)),
		docker(fluent(one(), `,"more":`+twice)),
		docker(fluent(one(), flat)), // what is around it is a record itself
		docker(fluent(one()[:120], "")),
		docker(fluent(`{"x":1}`, "")),
		docker(fluent("", "")),
		docker(fluent(one(), "") + fluent(one(), "")),
		docker(`{"a":{"b":` + one() + `},"n":1}`),
		docker(`{"a":{"b":` + one() + `},"n":22}`),
		docker(`{"a":{"b":` + one() + `,"c":` + one() + `},"n":22}`),
		docker(`{"a":{"b":` + one()[:100] + `},"n":22}`),
		docker(fluent(one(), ""))[:200],
		strings.Replace(docker(fluent(one(), "")), `"t"}`, `"t","flow":`+one()+`}`, 1),
		strings.Replace(docker(fluent(one(), "")), `"t"}`, `"\u007b","x":`+base(one())+`}`, 1),
		docker(docker(fluent(one(), ""))),
		docker(docker(fluent(one(), ""))),
		docker(docker(one())),

		`{"k":{"n":"1","data":` + base(one()) + `},"from":"aws"}`,
		`{"k":{"n":"2","data":` + base(one()) + `},"from":"aws"}`,
		`{"k":{"n":"3","data":` + base(one())[:90] + `"},"from":"aws"}`,
		`{"k":{"n":"4","data":` + base(one()) + `},"from":` + base(one()) + `}`,
		`{"k":{"n":"5","data":` + base(one()) + `},"from":` + text(one()) + `}`,
		`{"k":{"n":"6","data":` + base(`{"x":1}`) + `},"from":"aws"}`,
		`{"k":{"n":"6","data":"eyJ"},"from":"aws"}`,
		`{"k":{"n":"7","data":` + text(one()) + `},"from":"aws"}`,
		`{"k":{"n":"8","data":` + base(one()) + `},"from":"aws","x":{"y":` + base(one()) + `}}`,
		`{"k":{"n":"9","data":` + base(fluent(one(), "")) + `},"from":"aws"}`,
		`{"k":{"n":"10","data":` + base(fluent(one(), "")) + `},"from":"aws"}`,
		`{"records":[{"data":` + base(one()) + `},{"data":` + base(one()) + `}]}`,
		`{"records":[{"data":` + base(one()) + `},{"data":` + base(one()) + `},{"data":` + base(one()) + `}]}`,
		`{"records":[{"data":` + base(one()) + `},{"data":` + base("{") + `},{"data":` + base(one()) + `}]}`,

		`t1,` + cell(one()) + `,h1`,
		`t2,` + cell(one()) + `,h2`,
		`t3,` + cell(one()) + `,` + cell(one()),
		`t4,` + cell(one()) + `,"[",` + cell(one()),
		`t5,` + cell(one()[:120]) + `,h5`,
		`t6,` + cell(`{"x":1}`) + `,h6`,
		`t7,` + cell(one()) + `,` + one(),
		`t8,` + cell(fluent(one(), "")) + `,h8`,
		`t9,` + cell(one()),
		`"a[",` + cell(one()) + `,h`,
		`"a",` + cell(one()) + `,h`,
		`"b",` + cell(one()) + `,"{`,
		cell(one()) + `,h`,
		cell(one()) + `,h`,
		cell(one()) + `,t10,"{a=""b"", c=""d1""}"`,
		cell(one()) + `,t11,"{a=""b"", c=""d22""}"`,
		cell(one()) + `,t12,"{a=""b"", c=""d"",}"`,
		cell(one()) + `,t13,"{""a"":1,""b"":""{2"",""c"":4}"`,
		cell(one()) + `,t14,"{""a"":33,""b"":""{5"",""c"":6}"`,
		cell(one()) + `,16`,
		cell(one()) + `,[{17`,
		cell(one()) + `,19,` + cell(one()),
		cell(one()) + `,20,{"a":` + base(one()) + `}`,
		cell(one()) + `,21,{"a":` + base(one()) + `}`,
		cell(one()) + `,22,{"a":` + text(one()) + `}`,
		cell(one()) + `,23,{"a":` + text(one()) + `}`,
		cell(one()) + `,24,{"a":"\u007bx"}`,
		cell(one()) + `,24,{"a":"\u001bx"}`,

		encode(one()),
		encode(one() + "\n"),
		encode(`{"x":1}`),
		`["t26",` + text(one()) + `,"x"]`,
		`{"n":1}` + "\t" + one(),
		`{"n":2} ` + one(),
		one()[:90] + "\x00\x00" + one(),
		"\x00\x00" + one(),

		text(one()),
		text(one() + "\n"),
		text(one() + one()),
		text(one()) + text(one()),
		text(one()) + one(),
		text(one()[:120]),
		text(one())[:120],
		text(`{"x":1}`),
		text(fluent(one(), "")),
		text(docker(one())),
		`at=1 msg=` + text(one()),
		`at=22 msg=` + text(one()) + ` level=info`,
		`at=3 msg=` + text(one()) + ` then=` + text(one()),
		`at=4 msg=` + text(one()) + ` then="["`,
		`at=5 by="a" msg=` + text(one()),
		`at=6 by="[" msg=` + text(one()),
		`at=7 by="{" msg=` + text(one()),
		`at=8 by="" msg=` + text(one()) + ` data=` + base(one()),
		`at=9 msg=` + text(one()[:120]),
		`at=10 msg=` + text(one())[:120],
		`at=11 msg=` + text(`{"x":1}`),
		`at=12 msg="` + one() + `"`,
		`at=13 msg="{}"`,
	}
	ahead := fmt.Sprintf(record, 1000) + "\n" + fmt.Sprintf(record, 1001) + "\n" // so that it is a log of lines
	read := func(lines ...string) (ports []int, rejects int) {
		l, _ := readAll(t, 1, strings.NewReader(ahead+strings.Join(lines, "\n")+"\n"), "-")
		return slices.DeleteFunc(l.ports, func(p int) bool { return p >= 1000 }), len(l.rejects)
	}
	var alone []int
	rejected := 0
	for _, line := range lines {
		ports, rejects := read(line)
		alone, rejected = append(alone, ports...), rejected+rejects
		for _, before := range lines {
			was, refused := read(before)
			want := slices.Concat(was, ports, ports)
			slices.Sort(want)
			got, wrong := read(before, line, line)
			if slices.Sort(got); !slices.Equal(want, got) || wrong != refused+2*rejects {
				t.Errorf("%v and %d refused, want %v and %d\n%s\n%s", got, wrong, want, refused+2*rejects, before, line)
			}
		}
	}
	all, wrong := read(lines...)
	slices.Sort(all)
	slices.Sort(alone)
	if diff := cmp.Diff(alone, all); diff != "" || wrong != rejected {
		t.Errorf("%d refused together, %d alone (-alone +together): %s", wrong, rejected, diff)
	}
	if len(alone) < 65 || rejected < 5 {
		t.Errorf("%v, %d", alone, rejected)
	}
}

// FuzzAlike: what is read of a line does not depend on the line before it.
func FuzzAlike(f *testing.F) {
	one := fmt.Sprintf(record, 1)
	f.Add(`{"_id":"a","_source":`+one+`,"sort":[1]}`, `{"_id":"b","_source":`+one+`,"sort":[22]}`)
	f.Add(`{"a":{"x":[1,"t"]},"b":`+one+`,"c":{"d":"e"},"f":2}`, `{"a":{"x":[1,"{"]},"b":`+one+`,"c":{"d":"\\"},"f":2}`)
	f.Add(`[pod/a] 7 `+one, `[pod/b] 8 `+one+one)
	f.Add(`{"log":`+fmt.Sprintf("%q", one)+`,"n":1}`, `{"log":`+fmt.Sprintf("%q", one)+`,"n":`+one+`}`)
	f.Add(`{"a":[{"log":`+fmt.Sprintf("%q", one)+`,"n":1},{"log":`+fmt.Sprintf("%q", one)+`,"n":2}]}`,
		`{"a":[{"log":`+fmt.Sprintf("%q", one)+`,"n":1},{"log":"","n":2},{"log":`+fmt.Sprintf("%q", one)+`,"n":3}]}`)
	f.Add(`{"a":[`+one+`,`+one+`]}`, `{"a":[`+one+`,{"flow":{}},`+one+`]}`)
	f.Add(`{"log":`+fmt.Sprintf("%q", one)+`,"b":`+fmt.Sprintf("%q", one)+`}`, `{"log":`+fmt.Sprintf("%q", one)+`,"b":"{}"}`)
	f.Add(`{"log":`+fmt.Sprintf("%q", one)+`,"b":`+one+`}`, `{"log":`+fmt.Sprintf("%q", one)+`,"b":{"flow":{}}}`)
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	f.Add(`{"log":`+quoted(`{"log":`+quoted(one)+`,"n":1}`)+`,"n":1}`, `{"log":`+quoted(`{"log":`+quoted(one)+`,"n":2}`)+`,"n":1}`)
	f.Add(`{"log":`+quoted(`{"a":{"b":`+one+`},"n":1}`)+`}`, `{"log":`+quoted(`{"a":{"b":`+one+`},"n":"{}"}`)+`}`)
	encoded := base64.StdEncoding.EncodeToString([]byte(one))
	f.Add(`{"data":"`+encoded+`","n":1}`, `{"data":"`+encoded+`","n":"`+encoded+`"}`)
	f.Add(quoted(one), quoted(one)+quoted(one))
	f.Add(`at=1 by="a" msg=`+quoted(one), `at=2 by="[" msg=`+quoted(one)+` b="{`)
	f.Add(`a,"`+strings.ReplaceAll(one, `"`, `""`)+`",b`, `a,"`+strings.ReplaceAll(one, `"`, `""`)+`","["`)
	f.Fuzz(func(t *testing.T, before, line string) {
		if strings.Contains(before+line, "\n") {
			return
		}
		if _, piece := pieceOf([]byte(before)); piece {
			return // of a line that may go on
		}
		if _, piece := pieceOf([]byte(line)); piece {
			return
		}
		count := func(lines ...string) [2]int {
			l, _ := readAll(t, 1, strings.NewReader(one+"\n"+one+"\n"+strings.Join(lines, "\n")+"\n"), "-")
			return [2]int{len(l.ports) - 2, len(l.rejects)}
		}
		a, b, both := count(before), count(line), count(before, line)
		if both != [2]int{a[0] + b[0], a[1] + b[1]} {
			t.Errorf("%v alone, %v after %v: %v\n%s\n%s", b, both, a, both, before, line)
		}
	})
}
