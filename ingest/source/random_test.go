package source

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/ingest"
	"sluice/model"
)

// sayings is a sink that keeps what it is given in words, rejections with their lines.
type sayings struct {
	mu      sync.Mutex
	tables  model.Tables
	flows   []string
	rejects []string
}

// Flow implements ingest.Sink.
func (s *sayings) Flow(f *model.Flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := *f
	c.Src.ID, c.Dst.ID = 0, 0
	s.flows = append(s.flows, fmt.Sprintf("%+v %q %q", c, s.tables.Endpoints.Get(f.Src.ID).Key(),
		s.tables.Endpoints.Get(f.Dst.ID).Key()))
}

// Reject implements ingest.Sink.
func (s *sayings) Reject(r ingest.Rejection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejects = append(s.rejects, fmt.Sprintf("%d:%s:%d:%d:%d", r.Line, model.FateText(r.Fate, r.Reason), r.Lost,
		r.LostFrom, r.LostTo))
}

func sayingsOf(t *testing.T, workers, block int, text string) *sayings {
	t.Helper()
	s := &sayings{tables: model.NewTables()}
	readTo(t, block, workers, strings.NewReader(text), s.tables, s)
	slices.Sort(s.flows)
	slices.Sort(s.rejects)
	return s
}

// anyEnds are ends of a flow of Hubble.
var anyEnds = []string{
	`{"ID":12,"identity":4711,"cluster_name":"c1","namespace":"shop","labels":["k8s:app=cart",` +
		`"k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"cart-1","workloads":[{"name":"cart","kind":"Deployment"}]}`,
	`{"identity":815,"namespace":"bank","labels":["k8s:app=till"],"pod_name":"till-2"}`,
	`{"identity":2,"labels":["reserved:world"]}`,
	`{"identity":1,"labels":["reserved:host"]}`, `null`, `{}`, `{"namespace":"a\"b","pod_name":"x"}`,
	`{"identity":16777217,"labels":["cidr:10.0.0.0/8","reserved:world"]}`,
}

// anyHubble writes a flow of Hubble.
func anyHubble(r *rand.Rand, n int) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	members := []string{
		`"time":` + pick(`"2026-03-01T10:20:30Z"`, `"2026-03-01T10:20:31.123456789Z"`, `1772360430`, `null`, `"noon"`),
		`"verdict":` + pick(`"FORWARDED"`, `"DROPPED"`, `"AUDIT"`, `1`),
		`"IP":` + pick(`{"source":"10.0.0.1","destination":"10.0.0.2","ipVersion":"IPv4"}`,
			`{"source":"fd00::1","destination":"fd00::2"}`),
		`"l4":` + pick(fmt.Sprintf(`{"TCP":{"source_port":%d,"destination_port":443,"flags":{"SYN":true}}}`, n),
			fmt.Sprintf(`{"UDP":{"source_port":%d,"destination_port":53}}`, n), `{"ICMPv4":{"type":8}}`),
		`"source":` + pick(anyEnds...), `"destination":` + pick(anyEnds...), `"Type":` + pick(`"L3_L4"`, `"L7"`),
		`"node_name":` + pick(`"n1"`, `"n2"`), `"event_type":` + pick(`{"type":4,"sub_type":3}`, `{"type":129}`,
			`{"type":1,"sub_type":133}`),
		`"drop_reason_desc":"POLICY_DENIED"`, `"trace_observation_point":` + pick(`"TO_STACK"`, `"TO_ENDPOINT"`),
		`"is_reply":` + pick("true", "false", "null"),
		`"policy_log":["a"]`, `"Summary":"TCP Flags: SYN"`, `"destination_names":["a.example","b.example."]`,
		`"uuid":` + pick(`"7cee"`, `"{["`, `"\u007b"`),
		`"egress_allowed_by":[{"name":"web","namespace":"shop","labels":["a"],"revision":"17","kind":"CiliumNetworkPolicy"}]`,
		`"l7":{"type":"REQUEST","http":{"code":200,"method":"GET","url":"http://a/b",` +
			`"headers":[{"key":"X-Request-Id","value":"u"}]}}`,
	}
	return anyMembers(r, members, 12)
}

// anyMembers writes an object with some of the members, in some order, of 24 mostly all but as many as few.
func anyMembers(r *rand.Rand, members []string, few int) string {
	few = r.IntN(few)
	if r.IntN(3) == 0 {
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	members = slices.DeleteFunc(members, func(string) bool { return r.IntN(24) < few })
	return "{" + strings.Join(members, ",") + "}"
}

// anyOf writes a record of some kind, on a line.
func anyOf(r *rand.Rand, n int) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	at := `"node_name":"n1","time":"2026-03-01T10:20:3` + strconv.Itoa(r.IntN(10)) + `Z"`
	switch r.IntN(16) {
	case 0, 1, 2, 3:
		return `{"flow":` + anyHubble(r, n) + `,` + at + `}`
	case 4, 5:
		return anyHubble(r, n)
	case 6:
		return pick(`{"lost_events":{"source":"PERF_EVENT_RING_BUFFER","num_events_lost":"17"},`+at+`}`,
			`{"lostEvents":{"source":"HUBBLE_RING_BUFFER","numEventsLost":"3"},`+at+`}`, `{"lost_events":{},`+at+`}`,
			`{`+at+`,"lost_events":{"num_events_lost":5,"first":"2026-03-01T10:20:30Z","last":"2026-03-01T10:20:31Z"}}`)
	case 7:
		return pick(`{"agent_event":{"type":"AGENT_STARTED","agent_start":{"time":"2026-03-01T10:20:30Z"}},`+at+`}`,
			`{"node_status":{"state_change":"NODE_CONNECTED","node_names":["n1"]},`+at+`}`,
			`{"debug_event":{"type":"DBG_CT_VERDICT","hash":5},`+at+`}`)
	case 8, 9:
		return anyMembers(r, []string{`"start_time":` + pick("1730000000", `"1730000000"`, `"2024-10-27T03:33:20Z"`),
			`"end_time":1730000300`, `"source_ip":` + pick("null", `"10.0.0.1"`),
			`"source_name":` + pick(`"-"`, `"till-6b7d8c9f4-abcde"`), `"source_name_aggr":"till-6b7d8c9f4-*"`,
			`"source_namespace":"bank"`, `"source_type":"wep"`,
			`"source_labels":` + pick(`{"labels":["app=till","pod-template-hash=6b7d8c9f4"]}`, `{"labels":["b","a=1"]}`,
				`null`), `"dest_name":"ledger-0"`, `"dest_name_aggr":"ledger-*"`,
			`"dest_namespace":"bank"`, fmt.Sprintf(`"dest_port":%d`, n), `"dest_type":` + pick(`"wep"`, `"net"`),
			`"dest_labels":{"labels":["app=ledger"]}`, `"proto":"tcp"`, `"action":` + pick(`"allow"`, `"deny"`, `"x"`),
			`"reporter":"dst"`, `"policies":{"all_policies":["0|default|bank/default.ledger|allow|0"]}`,
			`"num_flows_started":2`}, 4)
	case 10:
		key := anyMembers(r, []string{`"source_name":"till-*"`, `"source_namespace":"bank"`, `"source_type":1`,
			`"dest_name":"pub"`, `"dest_type":4`, fmt.Sprintf(`"dest_port":%d`, n),
			`"proto":"tcp"`, `"reporter":1`, `"action":1`,
			`"policies":{"enforced_policies":[{"kind":9,"name":"kns.bank","action":1}]}`}, 3)
		return `{"Key":` + key + `,"start_time":1730000000,"end_time":1730000015,"source_labels":["app=till"],"packets_in":3}`
	case 11:
		return anyMembers(r, []string{`"start_time":"2024-10-27T03:33:20Z"`, `"end_time":"2024-10-27T03:33:35Z"`,
			`"action":"Allow"`, `"source_name":"till-6b7d8c9f4-*"`, `"source_namespace":"bank"`,
			`"source_labels":"app=till | b=c"`, `"dest_name":"PUBLIC NETWORK"`, `"dest_labels":""`, `"protocol":"tcp"`,
			fmt.Sprintf(`"dest_port":%d`, n), `"reporter":"Src"`}, 3)
	case 12:
		return pick(`{"level":"info","msg":"up","subsys":"daemon"}`,
			`{"process_exec":{"process":{"binary":"/bin/echo","arguments":"{a}"}},`+at+`}`, `{"x":1}`, `{}`,
			`{"verdict":"ok","score":1}`, `{"flow":{},`+at+`}`, `{"flow":null,`+at+`}`, `{"flow":"{}",`+at+`}`)
	case 13:
		return pick(`hello`, `level=info msg="up {"`, `I0302 09:00:00.000000       1 a.go:12] up`)
	case 14: // broken in the flow
		return `{"flow":` + strings.Replace(anyHubble(r, n), pick(`"`, `:`, `,`, `}`), pick(``, `,`, `}`, `"`),
			1) + `,` + at + `}`
	}
	s := `{"flow":` + anyHubble(r, n) + `,` + at + `}` // cut
	return s[:1+r.IntN(len(s)-1)]
}

func inText(s string) string {
	b, _ := json.Marshal(s)
	if !json.Valid([]byte(s)) {
		return string(b)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}

// anyAround are what stands around a record on a line.
var anyAround = []func(s string) string{
	func(s string) string { return s },
	func(s string) string {
		return `{"log":` + inText(s+"\n") + `,"stream":"stdout","time":"2026-03-01T10:00:00.123456789Z"}`
	},
	func(s string) string { return `2026-03-01T10:00:00.123456789Z stdout F ` + s },
	func(s string) string {
		return `{"date":1.5,"log":` + inText(s) + `,"kubernetes":{"pod_name":"x","labels":{"a":"b"}}}`
	},
	func(s string) string { return `{"_index":"a","_source":` + s + `,"sort":[1]}` },
	func(s string) string { return `{"message":` + inText(s) + `,"event":{"original":` + inText(s) + `}}` },
	func(s string) string { return `[pod/cilium-x2x4z/cilium-agent] ` + s },
	func(s string) string {
		return `{"log":` + inText(s) + `,"log_processed":` + s + `,"kubernetes":{"labels":{}}}`
	},
	func(s string) string { return `{"result":` + s + `}` },
	func(s string) string { return `{"line":` + inText(`{"log":`+inText(s)+`}`) + `,"labels":{}}` },
	func(s string) string { return s + ` ` },
	func(s string) string { return `[` + s + `,` + s + `]` },
}

// TestAnyTurns: records of unlike shapes by turns, in unlike wrappings, are each read as it is alone.
func TestAnyTurns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	ahead := fmt.Sprintf(record, 1000) + "\n" + fmt.Sprintf(record, 1001) + "\n" // so that it is a log of lines
	common := sayingsOf(t, 1, 0, ahead).flows
	for n := range 20 {
		arounds := []int{r.IntN(len(anyAround)), r.IntN(len(anyAround)), 0}[:1+r.IntN(3)]
		var pool []string
		for i := range 1 + r.IntN(20) {
			line := anyAround[arounds[r.IntN(len(arounds))]](anyOf(r, 1+i))
			if strings.Contains(line, "\n") {
				continue
			}
			pool = append(pool, line)
		}
		alone := map[string]*sayings{}
		for _, line := range pool {
			s := sayingsOf(t, 1, 0, ahead+line+"\n")
			for _, f := range common {
				i, _ := slices.BinarySearch(s.flows, f)
				s.flows = slices.Delete(s.flows, i, i+1)
			}
			alone[line] = s
		}
		if len(pool) == 0 {
			continue
		}
		var lines []string
		for range 60 {
			lines = append(lines, pool[r.IntN(len(pool))])
		}
		// differ says how lines together are not what each is alone.
		differ := func(lines []string, way [2]int) string {
			flows, rejects := slices.Clone(common), []string{}
			for i, line := range lines {
				flows = append(flows, alone[line].flows...)
				for _, x := range alone[line].rejects {
					rejects = append(rejects, strings.Replace(x, "3:", strconv.Itoa(i+3)+":", 1))
				}
			}
			slices.Sort(flows)
			slices.Sort(rejects)
			got := sayingsOf(t, way[0], way[1], ahead+strings.Join(lines, "\n")+"\n")
			return apart(flows, got.flows) + apart(rejects, got.rejects)
		}
		for _, way := range [][2]int{{1, 0}, {3, 1 << 9}, {2, 1 << 12}} {
			if differ(lines, way) == "" {
				continue
			}
			lines = fewest(lines, func(lines []string) bool { return differ(lines, way) != "" })
			t.Fatalf("round %d, %d workers, blocks of %d: (-alone +together)%s\n%s", n, way[0], way[1], differ(lines, way),
				strings.Join(lines, "\n"))
		}
	}
}

// fewest leaves out of a list what is not needed for something to be wrong with it.
func fewest(list []string, wrong func([]string) bool) []string {
	for i := 0; i < len(list); {
		if fewer := slices.Delete(slices.Clone(list), i, i+1); wrong(fewer) {
			list = fewer
		} else {
			i++
		}
	}
	return list
}

// apart is what two sorted lists have not in common.
func apart(want, got []string) string {
	var b bytes.Buffer
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0] < got[0]:
			fmt.Fprintf(&b, "\n-%s", want[0])
			want = want[1:]
		case len(want) == 0 || got[0] < want[0]:
			fmt.Fprintf(&b, "\n+%s", got[0])
			got = got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
	return b.String()
}

func indented(s string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(s), "", "  ") != nil {
		return s
	}
	return b.String()
}

// TestAnyShapes: the same records of unlike forms say the same on lines, in lists, behind each other and over lines.
func TestAnyShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	shapes := []struct {
		name string
		of   func(records []string) string
	}{
		{"lines", func(r []string) string { return strings.Join(r, "\n") }},
		{"behind each other", func(r []string) string { return strings.Join(r, "") }},
		{"an array", func(r []string) string { return "[" + strings.Join(r, ",") + "]" }},
		{"an array over lines", func(r []string) string { return "[\n" + strings.Join(r, ",\n") + "\n]\n" }},
		{"pretty", func(r []string) string {
			var p []string
			for _, s := range r {
				p = append(p, indented(s))
			}
			return strings.Join(p, "\n")
		}},
		{"a pretty array", func(r []string) string { return indented("[" + strings.Join(r, ",") + "]") }},
		{"hits", func(r []string) string {
			return `{"hits":{"hits":[{"_source":` + strings.Join(r, `,"sort":[1]},{"_source":`) + `}]}}`
		}},
		{"batches", func(r []string) string {
			var p []string
			for ; len(r) > 3; r = r[3:] {
				p = append(p, "["+strings.Join(r[:3], ",")+"]")
			}
			return strings.Join(append(p, r...), "\n")
		}},
	}
	untold := func(rejects []string) []string {
		var out []string
		for _, x := range rejects {
			_, x, _ = strings.Cut(x, ":")
			out = append(out, x)
		}
		slices.Sort(out)
		return out
	}
	for n := range 20 {
		var pool []string
		alone := map[string]*sayings{}
		for i := range 1 + r.IntN(12) {
			s := anyOf(r, 1+i)
			if !json.Valid([]byte(s)) {
				continue
			}
			if x := sayingsOf(t, 1, 0, s); len(x.flows) > 0 || len(x.rejects) == 1 && strings.Contains(x.rejects[0], "lost") {
				pool, alone[s] = append(pool, s), x
			}
		}
		if len(pool) == 0 {
			continue
		}
		var records []string
		for range 1 + r.IntN(40) {
			records = append(records, pool[r.IntN(len(pool))])
		}
		differ := func(records []string, of func([]string) string, way [2]int) string {
			var flows, rejects []string
			for _, s := range records {
				flows, rejects = append(flows, alone[s].flows...), append(rejects, alone[s].rejects...)
			}
			slices.Sort(flows)
			got := sayingsOf(t, way[0], way[1], of(records))
			return apart(flows, got.flows) + apart(untold(rejects), untold(got.rejects))
		}
		for _, shape := range shapes {
			for _, way := range [][2]int{{1, 0}, {3, 1 << 9}} {
				if differ(records, shape.of, way) == "" {
					continue
				}
				records = fewest(records, func(r []string) bool { return differ(r, shape.of, way) != "" })
				t.Fatalf("round %d, %s, %d workers, blocks of %d: (-alone +together)%s\n%s", n, shape.name, way[0], way[1],
					differ(records, shape.of, way), shape.of(records))
			}
		}
	}
}
