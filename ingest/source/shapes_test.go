package source

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func quote(s string) string { return fmt.Sprintf("%q", s) }

func cell(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func spaced(s string) string { return strings.NewReplacer(":{", ": {", `":"`, `": "`).Replace(s) }

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
		{"rows with both", `["t",` + quote(one) + "," + one + "]\n" + `["t",` + two + `,` + quote(two) + "]\n", []int{1, 2}, nil},
		{"row with both", `["t",` + quote(one) + "," + one + "]\n", []int{1}, nil},
		{"rows that begin with a number", `[1,` + quote(one) + "," + one + "]\n" + `[2,` + two + `,` + quote(two) + "]\n", []int{1, 2}, nil},
		{"row with two", `["t",` + quote(one) + "," + two + "]\n", []int{1, 2}, nil},
		{"row with a text twice", `["t",` + quote(one) + "," + quote(one) + "]\n", []int{1}, nil},
		{"columns with both", "[[" + quote(one) + "," + quote(two) + "],[" + one + "," + two + "]]\n", []int{1, 2}, nil},
		{"lists with the same", "[" + one + "," + one + "]\n[" + quote(two) + "," + quote(two) + "]\n", []int{1, 1, 2, 2}, nil},
		{"lists of lists with the same", "[[" + one + "," + two + "],[" + one + "," + two + "]]\n", []int{1, 1, 2, 2}, nil},
		{"list of fields with both", `[{"field":"@message","value":` + quote(one) + `},{"field":"read","value":` + one + "}]\n", []int{1}, nil},
		{"answer with both in rows", `{"data":[["t",` + quote(one) + `,` + one + `],["t",` + quote(two) + `,` + two + `]],"rows":2}`, []int{1, 2}, nil},
		{"text of several, and parsed", `{"text":` + quote(one+"\n"+two) + `,"parsed":[` + one + "," + two + "]}\n", []int{1, 2}, nil},
		{"cells with both", "t\t" + one + "\t" + spaced(one) + "\nt," + cell(two) + "," + cell(spaced(two)) + ",x\n", []int{1, 2}, nil},
		{"cells with two", "t\t" + one + "\t" + two + "\nt," + cell(two) + "," + cell(one) + ",x\n", []int{1, 1, 2, 2}, nil},
		{"first cells with both", one + "\t" + spaced(one) + "\n" + two + "\t" + one + "\n", []int{1, 1, 2}, nil},
		{"values of names with both", "at=1 msg=" + quote(one) + " was=" + quote(one) + "\n", []int{1}, nil},
		{"a record again behind it", "a " + one + " " + one + "\n" + two + "," + two + "\n", []int{1, 1, 2, 2}, nil},
		{"highlights", `{"_source":{"message":` + quote(one) + `},"highlight":{"message":[` +
			quote(strings.Replace(one, "FORWARDED", "<em>FORWARDED</em>", 1)) + "," + quote(one[:90]) + "]}}\n" + two + "\n", []int{1, 2}, nil},
		{"highlights alone", `{"highlight":{"message":[` + quote(one) + "]}}\n", []int{1}, nil},
		{"what hubble says on stderr", "Forwarding from 127.0.0.1:4245 -> 4245\nHandling connection for 4245\n" +
			"time=2026-03-02T09:00:00.000Z level=WARN msg=\"Hubble CLI version is lower\" a=1\n" + one + "\nrpc error: code = Unavailable\n", []int{1},
			[]string{"5:bad-json"}},
		{"what clients say", "+ a › b\n" + one + "\n- a › b\n--\n-- Boot 01ab --\n\\.\nProcessed a total of 2 messages\n% Reached end of topic a [0] at offset 9\n" +
			`[#1] Received on "a"` + "\n" + two + "\n----- got message -----\nRow 1:\n(END)\n", []int{1, 2}, nil},
		{"cells of lines with CR alone", "t," + cell(one) + ",x\rt," + cell(one) + ",x\r", []int{1, 1}, nil},
		{"a name that begins as ORC does", "ORCHESTRA " + one + "\n", []int{1}, nil},
		{"array on a line", "[" + one + "," + two + "]", []int{1, 2}, nil},
		{"array over lines", "[\n" + one + ",\n" + two + "\n]\n", []int{1, 2}, nil},
		{"array with a broken record", "[\n" + one + ",\n{\"flow\":{\n" + two + "\n]\n", []int{1, 2}, []string{"3:truncated"}},
		{"pretty", three + three, []int{3, 3}, nil},
		{"pretty array", "[\n" + strings.ReplaceAll(three+","+three, "\n", "\n  ") + "]", []int{3, 3}, nil},
		{"pretty, cut off", three + three[:40], []int{3}, []string{"8:truncated"}},
		{"pretty, broken string", strings.Replace(three, "FORWARDED\"", "FORW", 1) + three, []int{3}, []string{"1:truncated"}},
		{"pretty, broken nesting", strings.Replace(three, "  }\n}\n", "", 1) + three, []int{3}, []string{"1:truncated"}},
		{"the agent's own log", "level=info msg=\"  --hubble-export-allowlist='{\\\"verdict\\\":[\\\"DROPPED\\\"]}'\" subsys=daemon\n" + one + "\n" +
			"time=\"2026-03-02T09:00:00Z\" level=warning msg=\"a {b \\x1b\" subsys=hubble\n" +
			"time=2026-03-02T09:00:00.1Z level=info source=/go/a.go:12 msg=up module=agent\n" + two + "\n" +
			"I0302 09:00:00.000000       1 a.go:12] up\n" + `{"level":"info","msg":"up","subsys":"daemon"}` + "\n", []int{1, 2}, nil},
		{"the agent's log with records", "level=info msg=" + quote(one+"\n") + " subsys=hubble\n" + `{"level":"info","msg":` + quote(two) + "}\n", []int{1, 2}, nil},
		{"the agent's log, cut off", "level=info msg=" + quote(one)[:90] + "\nlevel=info msg=\"{\\\"fl\n" + `{"level":"info","msg":` + quote(two[:90]) + "}\n" +
			`{"level":"info","msg":"` + "\n" + two + "\n", []int{2}, []string{"1:bad-json", "2:bad-json", "3:bad-json", "4:bad-json"}},
		{"the agent's log in others", "2026-03-02T09:00:00Z stderr F level=info msg=up\n2026-03-02T09:00:00Z stdout F " + one + "\n" +
			"[pod/a/b] level=info msg=up\n" + `{"log":"level=info msg=\"up\" subsys=a\n"}` + "\n" + `{"log":"{\"level\":\"info\",\"msg\":\"up\"}\n"}` + "\n", []int{1}, nil},
		{"the agent's log in an answer", `{"hits":{"hits":[{"_source":{"message":"level=info msg=up"}},{"_source":{"message":` + quote(one) + `}}]}}`, []int{1}, nil},
		{"another log", `{"level":"info","msg":1}` + "\nlevel=info\n" + one + "\n", []int{1}, []string{"1:not-a-flow-log", "2:bad-json"}},
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

// TestTwice: a long answer that has its records as texts and as objects is refused, and each was read once; one with
// others in both forms is not.
func TestTwice(t *testing.T) {
	var texts, objects, others []string
	var ports []int
	for size := 0; size < 2*openSize; size += len(record) {
		n := len(ports) + 1
		ports = append(ports, n)
		one := fmt.Sprintf(record, n)
		texts, objects, others = append(texts, quote(one)), append(objects, spaced(one)), append(others, fmt.Sprintf(record, n+30000))
	}
	list := func(items []string) string { return "[" + strings.Join(items, ",") + "]" }
	columns := func(items []string) string {
		var b strings.Builder
		for i, v := range items {
			fmt.Fprintf(&b, `,"%d":%s`, i, v)
		}
		return "{" + b.String()[1:] + "}"
	}
	var all strings.Builder
	for _, n := range ports {
		fmt.Fprintf(&all, record+"\n", n)
	}
	for _, c := range []struct {
		in    string
		twice bool
	}{
		{`{"raw":` + list(texts) + `,"read":` + list(objects) + `}`, true},
		{`{"read":` + list(objects) + `,"raw":` + list(texts) + `}`, true},
		{`{"raw":` + quote(all.String()) + `,"read":` + list(objects) + `}`, true},
		{`{"read":` + list(objects) + `,"raw":` + quote(all.String()) + `}`, true},
		{`{"raw":` + columns(texts) + `,"read":` + columns(objects) + `}`, true},
		{"[\n" + list(texts) + ",\n" + list(objects) + "\n]\n", true},
		{`{"raw":` + list(texts) + `,"read":` + list(others) + `}`, false},
		{`{"raw":` + list(objects) + `,"read":` + list(others) + `}`, false},
	} {
		for _, workers := range []int{1, 3} {
			l, sum := readAll(t, workers, strings.NewReader(c.in), "-")
			slices.Sort(l.ports)
			switch err := sum.Sources[0].Err; {
			case c.twice && (!errors.Is(err, errTwice) || !slices.Equal(l.ports, ports)):
				t.Errorf("%.20s...: %d records of %d, %v", c.in, len(l.ports), len(ports), err)
			case !c.twice && (err != nil || len(l.ports) != 2*len(ports)):
				t.Errorf("%.20s...: %d records of %d, %v", c.in, len(l.ports), 2*len(ports), err)
			}
			if len(l.rejects) > 0 {
				t.Errorf("%.20s...: rejected %q", c.in, l.rejects)
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
