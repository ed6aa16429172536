package source

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWrappedAlike: lines whose wrapping looks like that of the one before are still read for what they are.
func TestWrappedAlike(t *testing.T) {
	rec := func(n int) string { return strings.ReplaceAll(fmt.Sprintf(record, n), `"`, `\"`) }
	in := strings.Join([]string{
		`{"at":17,"log":"` + rec(1) + `\n","n":1}`,
		`{"at":1800,"log":"` + rec(2) + `\n","n":2}`,
		`{"at":19,"log":"level info msg={}","n":3}`, // no record
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
	excerpt := func(a, b string) string { return `{"at":1,"short":` + text(a) + `,"full":` + text(b) + `,"n":1}` }
	told := func(n int, more string) string {
		of := strings.Join(slices.Repeat([]string{`{"key":"k","value":{"s":"{v}"}}`}, n), ",")
		return `{"at":1,"body":{"s":` + text(next()) + `},"attributes":[` + of + `]` + more + `}`
	}
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
		`{"logs":[` + told(2, "") + "," + told(0, "") + "," + told(3, "") + `]}`,
		`{"logs":[` + told(0, "") + "," + told(4, "") + `]}`,
		`{"logs":[` + told(1, "") + `]}`,
		`{"logs":[` + told(5, "") + "," + told(1, "") + `],"of":[{"a":[1,2,{"b":"{c}"}]}]}`,
		`{"logs":[` + told(5, "") + "," + told(1, `,"more":`+text(next())) + "," + told(1, "") + `]}`,
		`{"logs":[` + told(5, "") + "," + told(1, `,"more":`+next()) + "," + told(1, "") + `]}`,
		`{"logs":[` + told(5, "") + "," + told(1, `,"more":{"verdict":"a","l4":{}}`) + "," + told(1, "") + `]}`,
		`{"logs":[` + told(5, "") + "," + told(1, `,"more":{"v\u0065rdict":"a","l4":{}}`) + "," + told(1, "") + `]}`,
		`{"logs":[` + told(5, "") + `,{"at":1},` + told(1, "") + `]}`,
		`{"logs":[` + told(5, "") + `,7,` + told(1, "") + `]}`,
		`{"logs":[` + told(5, "") + "," + told(1, "]") + `]}`,
		`{"logs":[` + told(5, "") + "," + told(1, "") + `]`,
		`{"logs":[` + told(5, "") + "," + told(1, "") + `]},` + told(1, ""),
		`{"logs":[` + told(5, "") + "," + told(1, "") + `],"of":[` + told(1, "") + "," + told(2, "") + `]}`,
		told(2, ""),
		told(0, ""),
		told(3, ""),
		told(1, `,"more":`+text(next())),
		told(2, `,"more":`+next()),
		told(2, `}`),
		told(2, `,"more":[`),
		excerpt(one(60)[:40], one(60)),
		excerpt(one(61)[:40], one(61)),
		excerpt(one(62)[:200], one(62)),
		excerpt(one(63)[:20], strings.Replace(one(64), "flow", "Flow", 1)),
		excerpt("", one(65)),
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
	ports, refused := make([][]int, len(lines)), make([]int, len(lines)) // of each line by itself
	var alone []int
	rejected := 0
	for i, line := range lines {
		ports[i], refused[i] = read(line)
		alone, rejected = append(alone, ports[i]...), rejected+refused[i]
	}
	for i, line := range lines {
		for k, before := range lines {
			want := slices.Concat(ports[k], ports[i], ports[i])
			slices.Sort(want)
			got, wrong := read(before, line, line)
			if slices.Sort(got); !slices.Equal(want, got) || wrong != refused[k]+2*refused[i] {
				t.Errorf("%v and %d refused, want %v and %d\n%s\n%s", got, wrong, want, refused[k]+2*refused[i], before, line)
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

// TestCutAlike: a line that is cut at any byte, behind lines of its kind that were whole, is read as it is alone.
func TestCutAlike(t *testing.T) {
	one := func(port int) string {
		return fmt.Sprintf(`{"flow":{"verdict":"FORWARDED","l4":{"TCP":{"source_port":%d,"destination_port":443}}}}`, port)
	}
	text := func(s string) string { return fmt.Sprintf("%q", s) }
	base := func(s string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"` }
	ahead := one(1000) + "\n" + one(1001) + "\n" // so that it is a log of lines
	read := func(lines ...string) (ports []int, rejects int) {
		l, _ := readAll(t, 1, strings.NewReader(ahead+strings.Join(lines, "\n")), "-")
		slices.Sort(l.ports)
		return slices.DeleteFunc(l.ports, func(p int) bool { return p >= 1000 }), len(l.rejects)
	}
	for name, line := range map[string]string{
		"a member":            `{"_id":"a","_source":` + one(1) + `,"sort":[1]}`,
		"a list":              `{"k":[` + one(1) + `,` + one(2) + `]}`,
		"a list of members":   `{"k":[{"a":"b","r":` + one(1) + `},{"a":"c","r":` + one(2) + `}],"n":1}`,
		"an array":            `[` + one(1) + `,` + one(2) + `]`,
		"a string":            `{"log":` + text(one(1)+"\n") + `,"n":1}`,
		"a list of strings":   `{"k":[` + text(one(1)) + `,` + text(one(2)) + `]}`,
		"a list of texts":     `{"k":[{"log":` + text(one(1)) + `,"n":1},{"log":` + text(one(2)) + `,"n":2}]}`,
		"a string of strings": `{"log":` + text(`{"log":`+text(one(1))+`,"n":1}`) + `,"n":1}`,
		"kept twice":          `{"at":1,"log":` + text(one(1)) + `,"read":` + one(1) + `,"of":{"host":"a"}}`,
		"with an excerpt":     `{"short":` + text(one(1)[:40]) + `,"full":` + text(one(1)) + `,"n":1}`,
		"Base64":              `{"data":` + base(one(1)) + `,"n":1}`,
		"a list of Base64":    `{"k":[{"data":` + base(one(1)) + `},{"data":` + base(one(2)) + `}]}`,
		"a cell":              `t1,` + cell(one(1)) + `,h1`,
		"a value of a text":   `at=1 msg=` + text(one(1)) + ` level=info`,
		"behind a prefix":     `[pod/a] 7 ` + one(1),
		"attributes":          `{"body":{"s":` + text(one(1)) + `},"attributes":[{"key":"k","value":{"s":"{v}"}},{"key":"l"}]}`,
	} {
		whole, none := read(line, line)
		if none != 0 || len(whole) < 2 {
			t.Errorf("%s: read %v, refused %d", name, whole, none)
		}
		for i := range len(line) {
			alone, refused := read(line[:i])
			want := slices.Concat(whole, alone)
			slices.Sort(want)
			if got, wrong := read(line, line, line[:i]); !slices.Equal(want, got) || wrong != refused {
				t.Errorf("%s: %v and %d refused, want %v and %d\n%s", name, got, wrong, want, refused, line[:i])
			}
		}
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
