package calico

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/ingest/scan"
	"sluice/model"
)

// odd are values that writers other than Calico's put where one of another type or form belongs.
var odd = []string{
	`null`, `0`, `"0"`, `""`, `"-"`, `"*"`, `1`, `"1"`, `2`, `"2"`, `2.0`, `2e0`, `"2.0"`, `3`, `4`, `9`, `10`, `-1`,
	`-0`, `0.0`,
	`00`, `"04"`, `" 4"`, `"+4"`, `1.5`, `1e400`, `255`, `256`, `65535`, `65536`, `4294967296`, `123456789012345678`,
	`1234567890123456789`, `18446744073709551620`, `true`, `false`, `{}`, `[]`, `[null]`, `[""]`, `["a"]`,
	`["a=b","a=b"]`,
	`["a",["b"]]`, `{"labels":null}`, `{"labels":["x=y"]}`, `{"labels":{}}`, `"x"`, `"\u0041llow"`, `"a\"b"`, `"a\\"`,
	`"ä"`,
	`"a\u0000b"`, "\"a\xffb\"", `"\ud800"`, `"tcp"`, `"UDP"`, `"sctp"`, `"icmp"`, `"Deny"`, `"deny"`, `"src"`,
	`"Dst"`, `"dst,fwd"`,
	`"fwd"`, `"wep"`, `"hep"`, `"ns"`, `"net"`, `"Network"`, `"NetworkSet"`, `"file"`, `"pub"`, `"PRIVATE NETWORK"`,
	`"10.0.0.1"`, `"::ffff:10.0.0.1"`, `"fe80::1%eth0"`, `"0.0.0.0"`, `"01.2.3.4"`, `"2026-03-01T10:20:30Z"`,
	`1772360430.5`,
	`"1772360430"`, `1.77236043E9`, `"app=a | b=c"`, `"a\u0020| b"`, `nul`, ` 7 `, `"a`,
}

// given are objects by their members, with the values that Calico writes, of each form. A name that ends with { or [
// has one or several of the objects of that name.
var given = map[string][][2]string{
	"enterprise": {{"start_time", `1730000000`}, {"end_time", `1730000300`}, {"source_ip", `"10.0.0.1"`},
		{"source_name", `"-"`},
		{"source_name_aggr", `"till-6b7d8c9f4-*"`}, {"source_namespace", `"bank"`}, {"source_port", `40000`},
		{"source_type", `"wep"`},
		{"source_labels{", "labels"}, {"dest_ip", `"10.1.2.3"`}, {"dest_name", `"ledger-0"`},
		{"dest_name_aggr", `"ledger-*"`},
		{"dest_namespace", `"bank"`}, {"dest_port", `5432`}, {"dest_type", `"wep"`}, {"dest_labels{", "labels"},
		{"dest_domains", `["b.example","a.example"]`},
		{"dest_service_name", `"-"`}, {"proto", `"tcp"`}, {"action", `"allow"`}, {"reporter", `"dst"`},
		{"policies{", "lines"},
		{"num_flows", `2`}, {"num_flows_started", `2`}, {"num_flows_completed", `2`}, {"packets_in", `2`},
		{"packets_out", `2`},
		{"bytes_in", `80`}, {"bytes_out", `80`}},
	"lines": {{"all_policies[", "line"}, {"enforced_policies[", "line"}, {"pending_policies[", "line"}},
	"goldmane": {{"Key{", "flowkey"}, {"start_time", `1730000000`}, {"end_time", `1730000015`},
		{"source_labels", `["app=till","pod-template-hash=6b7d8c9f4"]`},
		{"dest_labels", `["b=2","a=1"]`}, {"packets_in", `"3"`}, {"packets_out", `1`}, {"bytes_in", `120`},
		{"bytes_out", `40`},
		{"num_connections_started", `"1"`}, {"num_connections_completed", `1`}, {"num_connections_live", `0`}},
	"flowkey": {{"source_name", `"till-6b7d8c9f4-*"`}, {"source_namespace", `"bank"`}, {"source_type", `1`},
		{"dest_name", `"pub"`},
		{"dest_namespace", `"-"`}, {"dest_type", `"Network"`}, {"dest_port", `"443"`}, {"dest_service_name", `"x"`},
		{"proto", `"tcp"`},
		{"reporter", `"Src"`}, {"action", `"Allow"`}, {"policies{", "objects"}},
	"objects": {{"enforced_policies[", "hit"}, {"pending_policies[", "hit"}},
	"whisker": {{"start_time", `"2024-10-27T03:33:20Z"`}, {"end_time", `"2024-10-27T03:33:35Z"`},
		{"action", `"Allow"`}, {"source_name", `"till-6b7d8c9f4-*"`},
		{"source_namespace", `"bank"`}, {"source_labels", `"app=till | pod-template-hash=6b7d8c9f4"`},
		{"dest_name", `"PUBLIC NETWORK"`},
		{"dest_namespace", `"-"`}, {"dest_labels", `""`}, {"protocol", `"tcp"`}, {"dest_port", `443`},
		{"reporter", `"Src"`},
		{"policies{", "whiskers"}, {"packets_in", `3`}, {"packets_out", `1`}},
	"whiskers": {{"enforced[", "hit"}, {"pending[", "hit"}},
	"hit": {{"kind", `"CalicoNetworkPolicy"`}, {"namespace", `"bank"`}, {"tier", `"default"`},
		{"name", `"default.web"`}, {"action", `"Allow"`},
		{"policy_index", `1`}, {"rule_index", `"0"`}, {"trigger{", "hit"}},
}

// other are values of a member that are as usual as the one above.
var other = map[string][]string{
	"kind": {`1`, `2`, `6`, `9`, `10`, `"Profile"`, `"EndOfTier"`, `"NetworkPolicy"`,
		`"StagedNetworkPolicy"`},
	"name":             {`"kns.bank"`, `"knp.default.x"`, `"floor"`, `""`},
	"action":           {`"deny"`, `2`, `1`, `"Deny"`, `"pass"`},
	"policy_index":     {`0`, `2`, `"3"`, `1.0`},
	"rule_index":       {`-1`, `"-1"`, `2`},
	"source_type":      {`"WorkloadEndpoint"`, `2`, `"net"`, `"ns"`, `"hep"`, `"file"`},
	"dest_type":        {`"WorkloadEndpoint"`, `2`, `"net"`, `"ns"`, `"hep"`},
	"source_name":      {`"till-6b7d8c9f4-abcde"`, `"pvt"`},
	"source_name_aggr": {`"api-*"`, `"job-28000000-*"`, `"till-1"`},
	"source_labels": {`["b=2","a=1"]`, `["a=1","b=2"]`, `{"labels":["a=1","b=2"]}`, `"b=2 | a=1"`,
		`["projectcalico.org/serviceaccount=x","projectcalico.org/serviceaccount=y","a"]`,
		`["projectcalico.org/serviceaccount=y","projectcalico.org/serviceaccount=x","a"]`,
		`["job-name=j-28000000","controller-revision-hash=till-1"]`,
		`["a=1","b=2",5]`, `["a=1","b=]\""]`, `["rollouts-pod-template-hash=6b7d8c9f4"]`},
	"dest_labels": {`["b=2","a=1"]`, `["a=1","b=2"]`, `{"labels":["a=1","b=2"]}`, `"b=2 | a=1"`,
		`["controller-revision-hash=ledger-5f6"]`,
		`["statefulset.kubernetes.io/pod-name=ledger-0","controller-revision-hash=z"]`},
	"dest_ip": {`"fd00::1"`, `"10.1.2.4"`, `null`},
}

var lines = []string{`"0|default|bank/default.ledger|allow|0"`, `"1|__PROFILE__|__PROFILE__.kns.bank|allow|0"`,
	`"0|default|bank/staged:default.deny|deny|-1"`,
	`"1|default|bank/default.ledger|deny|-1"`, `"2|sec|gnp:sec.all|deny|3"`, `"1|default|snp:bank/deny|deny|-1"`,
	`"0|default|bank/knp.default.web|allow|0"`,
	`"0|__PROFILE__|pro:kns.bank|allow|0"`, `"x|a|b|c|d"`, `"a|b"`, `7`, `null`,
	`"1|d\u0065fault|np:bank/default.x|Deny|1"`}

var usual = []string{"app=till", "b=2", "a=1", "pod-template-hash=6b7d8c9f4", "tier=", "x=y=z",
	"projectcalico.org/namespace=bank",
	"projectcalico.org/serviceaccount=s", "projectcalico.org/orchestrator=k8s", "-", "", "note=say \\\"x\\\"",
	"projectcalico.org/namespace=shop"}

// anyRecord writes an object with some of its members, in any spelling and order, some with odd values.
type anyRecord struct {
	*rand.Rand
	spelling, blanks, oddly int
	shape                   uint64 // of all records, 0: each has its own
	wild                    bool   // the record is unlike the others
}

func (r *anyRecord) of(kind string, deep int, to []byte) []byte {
	if kind == "labels" {
		to = append(to, `{"labels":[`...)
		for i := range r.IntN(5) {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(append(append(to, '"'), usual[r.IntN(len(usual))]...), '"')
		}
		return append(to, "]}"...)
	}
	to = append(to, '{')
	list := given[kind]
	shape := r.Rand
	if r.shape > 0 && (!r.wild || r.IntN(4) > 0) {
		shape = rand.New(rand.NewPCG(r.shape, uint64(len(list))))
	}
	few := max(shape.IntN(5)-2, 0) // a record often has few of its members
	order := shape.Perm(len(list))
	if shape.IntN(2) == 0 {
		slices.Sort(order)
	}
	first := true
	for _, i := range order {
		name, value := list[i][0], list[i][1]
		if shape.IntN(4) < few && name != "Key{" || shape.IntN(20) == 0 || name == "trigger{" && (deep > 3 || r.IntN(5) > 0) {
			continue
		}
		of := name[len(name)-1]
		name = strings.TrimRight(name, "{[")
		again := 1
		if r.wild && r.IntN(20) == 0 {
			again = 2
		}
		for range again {
			if !first {
				to = append(to, ',')
			}
			first = false
			to = r.blank(to)
			to = strconv.AppendQuote(to, r.spelled(name))
			to = append(r.blank(to), ':')
			to = r.blank(to)
			more := other[list[i][0]]
			if more == nil {
				more = other[name]
			}
			switch {
			case r.IntN(40) < r.oddly && name != "Key":
				to = append(to, odd[r.IntN(len(odd))]...)
			case more != nil && r.IntN(3) == 0:
				to = append(to, more[r.IntN(len(more))]...)
			case of == '{':
				to = r.of(value, deep+1, to)
			case of == '[':
				to = append(to, '[')
				for n := range r.IntN(4) {
					if n > 0 {
						to = append(to, ',')
					}
					if value == "hit" && r.IntN(20) > 0 {
						to = r.of(value, deep+1, to)
					} else {
						to = append(to, lines[r.IntN(len(lines))]...)
					}
				}
				to = append(to, ']')
			default:
				to = append(to, value...)
			}
			to = r.blank(to)
		}
	}
	if deep == 0 && r.IntN(20) == 0 && !first {
		to = append(to, []string{`,"source_type":"file"`, `,"x":{"source_name":1}`, `,"y":[1,2]`,
			`,"policies.enforced.0":1`, `,"a_key_of_which_there_are_more_than_32_letters":"v"`}[r.IntN(5)]...)
	}
	return append(to, '}')
}

func (r *anyRecord) blank(to []byte) []byte {
	if r.blanks == 0 || r.IntN(4) > 0 {
		return to
	}
	return append(to, []string{" ", "  ", "\n", "\t", "\r\n  "}[r.IntN(r.blanks*2)]...)
}

func (r *anyRecord) spelled(name string) string {
	s := r.spelling
	if r.wild && r.IntN(20) == 0 {
		s = r.IntN(4)
	}
	switch {
	case name == "Key":
		return []string{"Key", "Key", "Key", "key"}[r.IntN(4)]
	case s == 1:
		return camel(name)
	case s == 2:
		return strings.ToUpper(name)
	case s == 3:
		return strings.ToLower(camel(name))
	}
	return name
}

func camel(name string) string {
	parts := strings.Split(name, "_")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
	}
	return strings.Join(parts, "")
}

// TestAnyValues has members missing, spelled otherwise, twice, or with a value of another kind, of all forms by turns,
// by the oracle.
func TestAnyValues(t *testing.T) {
	r := &anyRecord{Rand: rand.New(rand.NewPCG(1, 1))}
	o := &oracle{tables: model.NewTables()}
	s := &fates{told{tables: model.NewTables()}}
	d := Format.New(s.tables)(s).(*records)
	form, quotes := "", 0
	var quoted, next, flows int
	for n := range 10000 {
		if n%64 == 0 {
			form = []string{"enterprise", "goldmane", "whisker"}[r.IntN(3)]
			quotes, r.shape = r.IntN(3), uint64(r.IntN(2)*r.IntN(100))
			r.spelling, r.blanks, r.oddly = max(r.IntN(6)-2, 0), max(r.IntN(5)-2, 0), r.IntN(4)
		}
		r.wild = r.IntN(4) == 0
		text := r.of(form, 0, nil)
		if r.IntN(50) == 0 {
			text = text[:r.IntN(len(text))]
		}
		want := o.say(text)
		if strings.HasPrefix(want, "{") {
			flows++
		}
		s.text = ""
		size, took := len(text), true
		switch {
		case r.IntN(3) < quotes && d.Quoted([]byte(inString(string(text))+`}`), endsLine):
			quoted++
		case r.IntN(2) == 0:
			size = d.Next(slices.Concat(text, []byte(",{}"), make([]byte, scan.Slack))[:len(text)], nil)
			if took = size > 0; took {
				next++
				break
			}
			fallthrough
		default:
			if s.text != "" {
				t.Fatalf("record %d: handed on and not taken: %s", n, text)
			}
			size = len(text)
			if took = d.Record("", 1, text); took != Sniff(text) && (took || want != "malformed/bad-json") {
				t.Fatalf("record %d: taken %v: %s", n, took, text)
			}
		}
		if took && (s.text != want || size != len(text)) {
			t.Fatalf("record %d ends at %d:\n%s\nwant %s\ngot  %s", n, size, text, want, s.text)
		}
	}
	if quoted < 100 || next < 1000 || flows < 5000 {
		t.Errorf("%d in strings, %d behind each other, %d flows", quoted, next, flows)
	}
}
