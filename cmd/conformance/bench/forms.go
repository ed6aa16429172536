package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tree is a JSON value whose members keep their order.
type tree struct {
	open    byte // '{', '[' or 0 for a scalar
	text    string
	members []member
}

type member struct {
	key   string
	value *tree
}

// form is a form of the same records, as the tools through which logs pass leave them.
type form struct {
	name string
	// most is the CPU that it may cost, as a multiple of the exporter's form: of a record, or of a byte.
	most   float64
	byByte bool
	// plain: DuckDB reads it with the query of the exporter's form.
	plain  bool
	change func(r *rand.Rand, n int, record *tree) *tree
	style  style
	// around writes records into an array.
	around bool
}

// style is how a tree is written.
type style struct {
	comma, colon string
	escape       func(n int) bool // whether the texts of that record are escaped
	indent       bool
}

var compact = style{comma: ",", colon: ":"}

// forms are those that the benchmark makes of the generated records.
var forms = []form{
	{name: "keys sorted at every level", most: 1.1, plain: true, change: sorted, style: compact},
	{name: "blanks", most: 1.1, plain: true, change: same, style: style{comma: ", ", colon: ": "}},
	{name: "other escapes in a third", most: 1.25, plain: true, change: same, style: style{comma: ",", colon: ":", escape: func(n int) bool { return n%3 == 0 }}},
	{name: "three orders mixed", most: 1.4, plain: true, change: func(r *rand.Rand, _ int, t *tree) *tree {
		if k := r.Uint32N(3); k > 0 {
			return ordered(t, k)
		}
		return t
	}, style: compact},
	{name: "an order of its own each", most: 1.6, plain: true, change: func(r *rand.Rand, _ int, t *tree) *tree { return permuted(r, t) }, style: compact},
	{name: "identities churned", most: 1.6, plain: true, change: churned, style: compact},
	{name: "summaries of DNS and HTTP", most: 1.6, plain: true, change: summarized, style: compact},
	{name: "names of outside addresses", most: 1.6, plain: true, change: addressed, style: compact},
	{name: "members of newer versions", most: 2, byByte: true, change: newer, style: compact},
	{name: "policies that decided", most: 2, byByte: true, change: decided, style: compact},
	{name: "numbers as texts", most: 2, byByte: true, change: texted, style: compact},
	{name: "camel case", most: 2, byByte: true, change: func(_ *rand.Rand, _ int, t *tree) *tree { return renamed(t) }, style: compact},
	{name: "enumerations as numbers", most: 2, byByte: true, change: func(_ *rand.Rand, _ int, t *tree) *tree { return numbered(t) }, style: compact},
	{name: "flat", most: 2, byByte: true, change: func(_ *rand.Rand, _ int, t *tree) *tree { return t.get("flow") }, style: compact},
	{name: "bus", most: 2, byByte: true, change: func(r *rand.Rand, n int, t *tree) *tree {
		return &tree{open: '{', members: append([]member{{"tenant_id", text("t1")}, {"offset", &tree{text: strconv.Itoa(n)}}}, t.members...)}
	}, style: compact},
	{name: "result of a gateway", most: 2, byByte: true, change: func(_ *rand.Rand, _ int, t *tree) *tree {
		return &tree{open: '{', members: []member{{"result", t}}}
	}, style: compact},
	{name: "OpenTelemetry with json_parser", most: 2, byByte: true, change: collected, style: compact},
	{name: "array", most: 2, byByte: true, change: same, style: compact, around: true},
	{name: "pretty", most: 2, byByte: true, change: same, style: style{comma: ",", colon: ": ", indent: true}},
}

func same(_ *rand.Rand, _ int, t *tree) *tree { return t }

func text(s string) *tree {
	b, _ := json.Marshal(s)
	return &tree{text: string(b)}
}

func (t *tree) get(keys ...string) *tree {
	for _, k := range keys {
		i := slices.IndexFunc(t.members, func(m member) bool { return m.key == k })
		if i < 0 {
			return &tree{}
		}
		t = t.members[i].value
	}
	return t
}

func (t *tree) set(key string, v *tree) {
	i := slices.IndexFunc(t.members, func(m member) bool { return m.key == key })
	if i < 0 {
		t.members = append(t.members, member{key, v})
	} else {
		t.members[i].value = v
	}
}

func (t *tree) walk(f func(t *tree)) {
	f(t)
	for _, m := range t.members {
		m.value.walk(f)
	}
}

func sorted(_ *rand.Rand, _ int, t *tree) *tree {
	t.walk(func(t *tree) {
		if t.open == '{' {
			slices.SortFunc(t.members, func(a, b member) int { return strings.Compare(a.key, b.key) })
		}
	})
	return t
}

// ordered puts keys into the order of that number.
func ordered(t *tree, number uint32) *tree {
	place := func(m member) uint32 { return crc32.Update(number, crc32.IEEETable, []byte(m.key)) }
	t.walk(func(t *tree) {
		if t.open == '{' {
			slices.SortFunc(t.members, func(a, b member) int { return cmp.Compare(place(a), place(b)) })
		}
	})
	return t
}

func permuted(r *rand.Rand, t *tree) *tree {
	t.walk(func(t *tree) {
		if t.open == '{' {
			r.Shuffle(len(t.members), func(i, j int) { t.members[i], t.members[j] = t.members[j], t.members[i] })
		}
	})
	return t
}

// churned returns the endpoints other identities every 5,000 records, as restarted agents of a cluster without shared
// ones do.
func churned(_ *rand.Rand, n int, t *tree) *tree {
	for _, end := range []string{"source", "destination"} {
		e := t.get("flow", end)
		if id, err := strconv.Atoi(e.get("identity").text); err == nil && id >= 256 {
			e.set("identity", &tree{text: strconv.Itoa(id + n/5000*7919%1_000_000)})
		}
	}
	return t
}

// summarized returns a tenth of the records an L7 part and a summary that differs from record to record.
func summarized(r *rand.Rand, n int, t *tree) *tree {
	if n%10 != 0 {
		return t
	}
	f := t.get("flow")
	url := fmt.Sprintf("http://shop/cart?item=%d&next=<%d>", r.IntN(1e6), n)
	if n%20 == 0 {
		f.set("l7", parse(fmt.Sprintf(`{"type":"REQUEST","dns":{"query":"host-%d.example.org.","qtypes":["A"],"observation_source":"proxy"}}`, r.IntN(1e5))))
		f.set("Summary", text(fmt.Sprintf("DNS Query host-%d.example.org. A", r.IntN(1e5))))
		return t
	}
	f.set("l7", parse(fmt.Sprintf(`{"type":"REQUEST","http":{"method":"GET","url":%s,"protocol":"HTTP/1.1","headers":[{"key":"X-Request-Id","value":"%d"},{"key":"User-Agent","value":"curl/8"}]}}`, text(url).text, r.Uint64())))
	f.set("Summary", text("HTTP/1.1 GET "+url))
	return t
}

// addressed returns records of outside destinations the names that their client asked for, some of them several, as
// the DNS rules of a policy have them added.
func addressed(r *rand.Rand, n int, t *tree) *tree {
	f := t.get("flow")
	if !slices.ContainsFunc(f.get("destination", "labels").members, func(m member) bool {
		return strings.HasPrefix(m.value.text, `"reserved:world`)
	}) {
		return t
	}
	names := fmt.Sprintf(`["api-%d.example.org."]`, n%8)
	if n%3 == 0 {
		names = fmt.Sprintf(`["api-%d.example.org.","edge-%d.cdn.example.net."]`, n%8, r.IntN(40))
	}
	f.set("destination_names", parse(names))
	return t
}

// newer returns records members that later versions of Cilium have, and some that nobody knows.
func newer(r *rand.Rand, n int, t *tree) *tree {
	f := t.get("flow")
	f.set("ip_trace_id", parse(fmt.Sprintf(`{"trace_id":"%d","ip_option_type":136}`, r.Uint64())))
	f.set("cgroup_id", text(strconv.Itoa(r.IntN(1e9))))
	f.set("egress_allowed_by", parse(fmt.Sprintf(`[{"name":"allow-%d","namespace":"team-01","labels":["k8s:io.cilium.k8s.policy.name=allow-%d"],"revision":"%d"}]`, n%30, n%30, n/1000)))
	f.set("tomorrow", parse(fmt.Sprintf(`{"a":{"b":[1,2,{"c":"%d"}]},"text":"%s"}`, r.IntN(1e6), strings.Repeat("y", r.IntN(300)))))
	return t
}

// decided returns records the policies that decided, as Cilium 1.17 and later has them: of 2,000 up to three, whose
// revisions each node counts by itself.
func decided(r *rand.Rand, _ int, t *tree) *tree {
	list := &tree{open: '['}
	for range 1 + r.IntN(3) {
		k := r.IntN(2000)
		list.members = append(list.members, member{value: parse(fmt.Sprintf(`{"name":"allow-%d","namespace":"team-%02d","labels":["k8s:io.cilium.k8s.policy.derived-from=CiliumNetworkPolicy","k8s:io.cilium.k8s.policy.name=allow-%d","k8s:io.cilium.k8s.policy.namespace=team-%02d","k8s:io.cilium.k8s.policy.uid=0f6b2a7e-7c1b-4c9e-9a51-%012d"],"revision":"%d"}`,
			k, k%60, k, k%60, k, 1+r.IntN(3000)))})
	}
	t.get("flow").set("egress_allowed_by", list)
	return t
}

// collected is what OpenTelemetry's collector makes of a record with json_parser: its text as the body, and as
// attributes all that was read of it.
func collected(_ *rand.Rand, n int, t *tree) *tree {
	var value func(t *tree) string
	list := func(t *tree) string {
		var items []string
		for _, m := range t.members {
			if v := value(m.value); t.open == '{' {
				items = append(items, fmt.Sprintf(`{"key":%s,"value":%s}`, text(m.key).text, v))
			} else {
				items = append(items, v)
			}
		}
		return `[` + strings.Join(items, ",") + `]`
	}
	value = func(t *tree) string {
		switch {
		case t.open == '{':
			return `{"kvlistValue":{"values":` + list(t) + `}}`
		case t.open == '[':
			return `{"arrayValue":{"values":` + list(t) + `}}`
		case t.text == "true" || t.text == "false":
			return `{"boolValue":` + t.text + `}`
		case t.text[0] == '"':
			return `{"stringValue":` + t.text + `}`
		}
		return `{"intValue":"` + t.text + `"}`
	}
	return parse(fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[]},"scopeLogs":[{"scope":{},"logRecords":[`+
		`{"timeUnixNano":"%d","body":{"stringValue":%s},"attributes":%s,"traceId":"","spanId":""}]}]}]}`,
		n, text(string(t.write(nil, compact, false, 0))).text, list(t)))
}

// texted writes numbers as strings, as those do for whom all numbers are fractions.
func texted(_ *rand.Rand, _ int, t *tree) *tree {
	f := t.get("flow")
	for _, end := range []string{"source", "destination"} {
		for _, key := range []string{"ID", "identity"} {
			if v := f.get(end, key); v.text != "" {
				*v = *text(v.text)
			}
		}
	}
	for _, m := range f.get("l4").members {
		for _, key := range []string{"source_port", "destination_port"} {
			if v := m.value.get(key); v.text != "" {
				*v = *text(v.text)
			}
		}
	}
	return t
}

// renamed spells keys as protojson does by default.
func renamed(t *tree) *tree {
	t.walk(func(t *tree) {
		for i := range t.members {
			words := strings.Split(t.members[i].key, "_")
			for j := 1; j < len(words); j++ {
				words[j] = strings.ToUpper(words[j][:1]) + words[j][1:]
			}
			t.members[i].key = strings.Join(words, "")
		}
	})
	return t
}

// numbered writes enumerations of flow.proto by number.
func numbered(t *tree) *tree {
	numbers := map[string]map[string]string{
		"verdict":           {"FORWARDED": "1", "DROPPED": "2", "AUDIT": "4", "REDIRECTED": "5", "TRACED": "6", "TRANSLATED": "7"},
		"Type":              {"L3_L4": "1", "L7": "2", "SOCK": "3"},
		"traffic_direction": {"INGRESS": "1", "EGRESS": "2"},
		"trace_observation_point": {"TO_PROXY": "1", "TO_HOST": "2", "TO_STACK": "3", "TO_OVERLAY": "4", "TO_ENDPOINT": "101",
			"FROM_ENDPOINT": "5", "FROM_PROXY": "6", "FROM_HOST": "7", "FROM_STACK": "8", "FROM_OVERLAY": "9", "FROM_NETWORK": "10", "TO_NETWORK": "11"},
		"trace_reason":     {"NEW": "1", "ESTABLISHED": "2", "REPLY": "3", "RELATED": "4"},
		"drop_reason_desc": {"POLICY_DENIED": "133", "POLICY_DENY": "181"},
	}
	f := t.get("flow")
	for i := range f.members {
		m := &f.members[i]
		if n, ok := numbers[m.key][strings.Trim(m.value.text, `"`)]; ok {
			m.value = &tree{text: n}
		}
	}
	return t
}

// parse reads a JSON text that is valid.
func parse(s string) *tree {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	return parseValue(d)
}

func parseValue(d *json.Decoder) *tree {
	tok, err := d.Token()
	if err != nil {
		panic(err)
	}
	switch v := tok.(type) {
	case json.Delim:
		t := &tree{open: byte(v)}
		for d.More() {
			m := member{}
			if v == '{' {
				key, _ := d.Token()
				m.key = key.(string)
			}
			m.value = parseValue(d)
			t.members = append(t.members, m)
		}
		_, _ = d.Token()
		return t
	case string:
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(v)
		return &tree{text: strings.TrimSuffix(b.String(), "\n")}
	case nil:
		return &tree{text: "null"}
	}
	return &tree{text: fmt.Sprint(tok)}
}

// write appends the JSON of a tree.
func (t *tree) write(b []byte, s style, escaped bool, depth int) []byte {
	quoted := func(x string) string {
		if escaped {
			// Slashes, angle brackets and letters beyond the first as others write them.
			x = strings.NewReplacer("/", `\/`, "<", `\u003c`, ">", `\u003E`, "&", `\u0026`, "=", `\u003d`).Replace(x)
		}
		return x
	}
	if t.open == 0 {
		return append(b, quoted(t.text)...)
	}
	line := func(b []byte, depth int) []byte {
		if s.indent {
			b = append(b, '\n')
			b = append(b, strings.Repeat("  ", depth)...)
		}
		return b
	}
	b = append(b, t.open)
	for i, m := range t.members {
		if i > 0 {
			b = append(b, s.comma...)
		}
		b = line(b, depth+1)
		if t.open == '{' {
			b = append(append(append(append(b, '"'), m.key...), '"'), s.colon...)
		}
		b = m.value.write(b, s, escaped, depth+1)
	}
	if len(t.members) > 0 {
		b = line(b, depth)
	}
	return append(b, t.open+2)
}

// make writes the first records of a log in a form.
func (f *form) make(from, to string, records int) error {
	return rewrite(from, to, func(r *bufio.Reader, w *bufio.Writer) error { return f.convert(r, w, records) })
}

// rewrite makes a file of another.
func rewrite(from, to string, each func(*bufio.Reader, *bufio.Writer) error) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 1<<20)
	if err := each(bufio.NewReaderSize(in, 1<<20), w); err != nil {
		return err
	}
	return w.Flush()
}

func (f *form) convert(in *bufio.Reader, w *bufio.Writer, records int) error {
	r := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for n := range records {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		} else if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		t := f.change(r, n, parse(string(line)))
		b = t.write(b[:0], f.style, f.style.escape != nil && f.style.escape(n), 0)
		switch {
		case f.around && n == 0:
			_, _ = w.WriteString("[")
		case f.around:
			_, _ = w.WriteString(",")
		}
		_, _ = w.Write(b)
		if !f.around {
			_, _ = w.WriteString("\n")
		}
	}
	if f.around {
		_, _ = w.WriteString("]\n")
	}
	return nil
}

// formsOf measures the forms of the records of a log, each beside the exporter's form in the same minutes.
func (b *bench) formsOf() error {
	records := b.formRecords
	load, err := b.load()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "forms")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	plain := form{change: same, style: compact}
	exporter := filepath.Join(dir, "exporter.jsonl")
	if err := plain.make(load, exporter, records); err != nil {
		return err
	}
	base, err := b.sluiceEdges(exporter)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b.out, "\nForms of the first %d of these records, sluice show edges, each in turns with the exporter's form; the same edges from each.\nCalico's records are beside as many bytes of the exporter's.\n", records)
	if b.counts() {
		b.out.WriteString("Instructions are those of one worker under callgrind, the second half of 10,000 records.\n")
	}
	b.out.WriteString("\n| form | MB | CPU us a record | CPU, ratio to exporter's | a byte | instructions a record | ratio | CPU of DuckDB | and ClickHouse, times ours |\n|---|---|---|---|---|---|---|---|---|\n")
	ir, err := b.instructions(&plain, load)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b.out, "| exporter's | %.0f | | 1 | 1 | %.0f | 1 | | |\n", size(exporter)/1e6, ir)
	for i := range forms {
		if b.forms != "" && !slices.Contains(strings.Split(b.forms, ","), forms[i].name) {
			continue
		}
		if err := b.form(&forms[i], load, exporter, records, base, ir); err != nil {
			return fmt.Errorf("%s: %w", forms[i].name, err)
		}
	}
	for _, format := range calicoForms {
		if b.forms != "" && !slices.Contains(strings.Split(b.forms, ","), format) {
			continue
		}
		if err := b.calico(format, exporter); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
	}
	return nil
}

// calicoForms are the spellings of Calico's records, as flowgen makes them of the same scenario: fewer and with other
// members, so that what counts is CPU a byte, beside as many bytes of the exporter's form: the start of the process and
// what is learned of the endpoints count alike in both then. That their edges are right is shown by TestTruth.
var calicoForms = []string{"enterprise", "goldmane", "emitter", "whisker"}

func (b *bench) calico(format, exporter string) error {
	file := filepath.Join(b.dir, "forms", "calico.json")
	defer os.Remove(file)
	c := exec.Command(b.flowgen, "-scenario", filepath.Join(b.scenarios, "load.yaml"), "-format", format, "-records", fmt.Sprint(b.formRecords), "-o", file)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return err
	}
	if edges, err := b.sluiceEdges(file); err != nil || len(edges) == 0 {
		return fmt.Errorf("%d edges, %w", len(edges), err)
	}
	asMuch := filepath.Join(b.dir, "forms", "exporter-cut.jsonl")
	defer os.Remove(asMuch)
	if err := cut(exporter, asMuch, int64(size(file))); err != nil {
		return err
	}
	ours, plain := b.edges(file), b.edges(asMuch)
	if err := b.measure([]*contender{plain, ours}); err != nil {
		return err
	}
	ratio := median(ours.runs, cpu) / median(plain.runs, cpu) / size(file) * size(asMuch)
	fmt.Fprintf(&b.out, "| Calico, %s | %.0f | | | %.2f | | | | |\n", format, size(file)/1e6, ratio)
	b.goal("Calico, "+format+": CPU a byte, times the exporter's form", ratio, 2)
	return nil
}

// cut writes the whole lines among the first bytes of a log.
func cut(from, to string, most int64) error {
	return rewrite(from, to, func(r *bufio.Reader, w *bufio.Writer) error {
		for {
			line, err := r.ReadSlice('\n')
			if most -= int64(len(line)); errors.Is(err, io.EOF) || most < 0 {
				return nil
			} else if err != nil {
				return err
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	})
}

func (b *bench) form(f *form, load, exporter string, records int, base map[string]total, baseIR float64) error {
	file := filepath.Join(b.dir, "forms", "form.json")
	defer os.Remove(file)
	if err := f.make(load, file, records); err != nil {
		return err
	}
	edges, err := b.sluiceEdges(file)
	if err != nil {
		return err
	}
	if err := compare(edges, base); err != nil {
		return err
	}
	ours, plain := b.edges(file), b.edges(exporter)
	turns := []*contender{plain, ours}
	var peers []*contender
	if f.plain && !b.alone {
		if err := b.same(file); err != nil {
			return err
		}
		peers = append([]*contender{b.duck("", file)}, b.house(file)...)
	}
	if err := b.measure(append(turns, peers...)); err != nil {
		return err
	}
	ir, err := b.instructions(f, load)
	if err != nil {
		return err
	}
	ratio := median(ours.runs, cpu) / median(plain.runs, cpu)
	byte := ratio / size(file) * size(exporter)
	shares := [2]string{}
	for i, p := range peers {
		most, name := []float64{1.0 / 6, 1}[i], []string{"DuckDB's GROUP BY", "ClickHouse's"}[i]
		shares[i] = fmt.Sprintf("%.1f", median(p.runs, cpu)/median(ours.runs, cpu))
		b.goal(f.name+": CPU, share of "+name, median(ours.runs, cpu)/median(p.runs, cpu), most)
		b.goal(f.name+": wall, share of "+name, median(ours.runs, wall)/median(p.runs, wall), most)
	}
	fmt.Fprintf(&b.out, "| %s | %.0f | %.2f | %.2f | %.2f | %.0f | %.2f | %s | %s |\n", f.name, size(file)/1e6, median(ours.runs, cpu)/float64(records)*1e6,
		ratio, byte, ir, ir/baseIR, shares[0], shares[1])
	if f.byByte {
		b.goal(f.name+": CPU a byte, times the exporter's form", byte, f.most)
	} else {
		b.goal(f.name+": CPU, times the exporter's form", ratio, f.most)
	}
	return nil
}

func size(file string) float64 {
	fi, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return float64(fi.Size())
}

// counts reports whether instructions can be counted here.
func (b *bench) counts() bool {
	_, err := exec.LookPath("valgrind")
	return err == nil
}

// instructions counts those of a record: what twice as many records cost more, so that starting and learning count for
// nothing.
func (b *bench) instructions(f *form, load string) (float64, error) {
	if !b.counts() {
		return 0, nil
	}
	const half = 5_000
	var n [2]float64
	for i := range n {
		file := filepath.Join(b.dir, "forms", "counted.json")
		if err := f.make(load, file, half*(i+1)); err != nil {
			return 0, err
		}
		c := exec.Command("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", b.sluice, "show", "edges", file, "-q", "-o", "json")
		c.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=1", "GOGC=off")
		var told bytes.Buffer
		c.Stderr = &told
		err := c.Run()
		os.Remove(file)
		if err != nil {
			return 0, fmt.Errorf("valgrind: %w: %s", err, told.String())
		}
		_, rest, ok := strings.Cut(told.String(), "Collected : ")
		if _, err := fmt.Sscan(rest, &n[i]); !ok || err != nil {
			return 0, fmt.Errorf("valgrind said: %s", told.String())
		}
	}
	return (n[1] - n[0]) / half, nil
}
