// Package graphtest builds small graphs for tests out of lines of text. It refuses what it does not understand, and
// is for tests only.
package graphtest

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"sluice/model"
	"sluice/model/graph"
)

// start is the time of the first record: 2026-01-05 00:00 UTC.
const start = int64(1767571200) * 1e6

// Graph builds a graph out of lines "SRC -> DST PORT/PROTO [WORD...]", a record each. An end is an address,
// "entity:NAME", "network:NAME", "service:NS/NAME", or a pod: "ns/name" has the label app=name, "ns/{a=b,c=d}" the labels given,
// "ns/pod:name" none. The words: denied, undecided, worldpod, times=N (records), hour=N, src=POD, dst=POD,
// answered (both ways), noted (nothing came back), reply, source, l7 and verdict (who saw it), names=NAME,...
// (asked for by the source). Empty lines and those that begin with # are left out.
func Graph(t testing.TB, lines ...string) *graph.Graph {
	t.Helper()
	tables := model.NewTables()
	b := graph.NewBuilder(tables)
	for _, line := range Lines(lines...) {
		b.Add(tables, []model.Observation{row(t, tables, line)})
	}
	g := b.Build(graph.Config{})
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}

// Lines cuts texts into lines, without the empty ones.
func Lines(texts ...string) []string {
	var out []string
	for _, text := range texts {
		for _, l := range strings.Split(text, "\n") {
			if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
				out = append(out, l)
			}
		}
	}
	return out
}

func row(t testing.TB, tables model.Tables, line string) model.Observation {
	t.Helper()
	f := strings.Fields(line)
	if len(f) < 4 || f[1] != "->" {
		t.Fatalf("line %q: want SRC -> DST PORT/PROTO", line)
	}
	o := model.Observation{
		Verdict:  model.Forwarded,
		Observer: model.AtDestination,
		Fate:     model.Used,
		Records:  1,
		Conns:    1,
		First:    start,
	}
	src, dst := Endpoint(t, f[0]), Endpoint(t, f[2])
	o.Port, o.Proto = portOf(t, f[3])
	for _, w := range f[4:] {
		k, v, _ := strings.Cut(w, "=")
		n, _ := strconv.Atoi(v)
		switch k {
		case "denied":
			o.Fate, o.Verdict, o.Observer = model.Denied, model.Dropped, model.AtDrop
		case "egress": // a policy of the source denied it
			o.Reason = model.AtEgress
		case "ingress":
			o.Reason = model.AtIngress
		case "rule": // by a rule that denies
			o.Marks |= model.MarkDenyRule
		case "undecided":
			o.Fate, o.SrcPort = model.Undecided, o.Port
		case "answered": // the row says what came back, and something did
			o.Marks |= model.MarkNoted | model.MarkAnswered | model.MarkSYN
		case "reply": // an answer, of which the ends are those of its connection
			o.Fate = model.Reply
			o.Marks |= model.MarkNoted | model.MarkAnswered
		case "noted": // the row says what came back, and nothing did
			o.Marks |= model.MarkNoted
		case "source":
			o.Observer = model.AtSource
		case "l7":
			o.Observer = model.AtL7
		case "verdict":
			o.Observer = model.AtVerdict
		case "names":
			dst.Names = strings.Split(v, ",")
		case "worldpod":
			o.Marks |= model.MarkWorldPod
		case "times":
			o.Records = uint32(n)
		case "hour":
			o.First += int64(n) * 3600e6
		case "src":
			o.SrcPod = tables.Names.Intern([]byte(v))
		case "dst":
			o.DstPod = tables.Names.Intern([]byte(v))
		default:
			t.Fatalf("line %q: unknown word %q", line, w)
		}
	}
	if src.Entities&(model.Init|model.UnknownEntity) != 0 {
		o.Fate, o.Reason = model.Refused, model.UnknownIdentity
	}
	o.Last, o.Window = o.First, uint32(o.First/60e6)
	o.Src, o.Dst = tables.Endpoints.Intern(src), tables.Endpoints.Intern(dst)
	return o
}

func portOf(t testing.TB, s string) (uint16, model.Proto) {
	t.Helper()
	num, name, _ := strings.Cut(s, "/")
	n, err := strconv.ParseUint(num, 10, 16)
	for _, p := range []model.Proto{model.TCP, model.UDP, model.SCTP, model.ICMP, model.ICMPv6} {
		if err == nil && p.String() == name {
			return uint16(n), p
		}
	}
	t.Fatalf("no port %q", s)
	return 0, 0
}

// Endpoint reads one end of a line.
func Endpoint(t testing.TB, s string) model.Endpoint {
	t.Helper()
	if a, err := netip.ParseAddr(s); err == nil {
		return model.Endpoint{Kind: model.KindAddress, Address: a}
	}
	if name, ok := strings.CutPrefix(s, "entity:"); ok {
		var e model.Entities
		for _, n := range strings.Split(name, "+") {
			x, ok := model.ParseEntity(n)
			if !ok {
				t.Fatalf("no entity %q", n)
			}
			e |= x
		}
		return model.Endpoint{Kind: model.KindEntity, Entities: e}
	}
	if name, ok := strings.CutPrefix(s, "network:"); ok {
		return model.Endpoint{Kind: model.KindNetwork, Name: name}
	}
	if name, ok := strings.CutPrefix(s, "service:"); ok {
		ns, name, _ := strings.Cut(name, "/")
		return model.Endpoint{Kind: model.KindService, Namespace: ns, Name: name}
	}
	ns, pod, ok := strings.Cut(s, "/")
	if !ok {
		t.Fatalf("no endpoint %q", s)
	}
	e := model.Endpoint{Kind: model.KindPod, Namespace: ns}
	switch {
	case strings.HasPrefix(pod, "pod:"):
		e.Name = pod[4:]
	case strings.HasPrefix(pod, "{"):
		e.Labels = model.MakeLabels(strings.Split(strings.Trim(pod, "{}"), ","))
	default:
		e.Labels = model.Labels{"app=" + pod}
	}
	return e
}
