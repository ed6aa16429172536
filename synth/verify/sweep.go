package verify

import (
	"slices"
	"strconv"
	"strings"

	"sluice/model/graph"
)

// Sweep is one line of a list for people: an item, or many that differ in nothing but the port of their edge.
type Sweep[T any] struct {
	Items []T
	Port  string // "5432/tcp", of many "2000-2258,8080/tcp"
}

// Sweeps folds a list, in the order of first items. of gives an item's ends, its port, and what else must be equal. Few
// ports of a pair are told one by one.
func Sweeps[T any](list []T, of func(*T) (src, dst, port, rest string)) []Sweep[T] {
	type alike struct{ src, dst, proto, rest string }
	at := map[alike][]int{}
	keys, ports := make([]alike, len(list)), make([]uint16, len(list))
	for i := range list {
		src, dst, port, rest := of(&list[i])
		number, proto, _ := strings.Cut(port, "/")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			proto, rest = port, strconv.Itoa(i) // it has none, or is folded already: it is alike to nothing
		}
		keys[i], ports[i] = alike{src, dst, proto, rest}, uint16(n)
		at[keys[i]] = append(at[keys[i]], i)
	}
	var out []Sweep[T]
	for i := range list {
		switch same := at[keys[i]]; {
		case len(same) <= graph.MostPorts:
			_, _, port, _ := of(&list[i])
			out = append(out, Sweep[T]{list[i : i+1 : i+1], port})
		case same[0] == i:
			s := Sweep[T]{}
			var all []uint16
			for _, n := range same {
				s.Items, all = append(s.Items, list[n]), append(all, ports[n])
			}
			slices.Sort(all)
			s.Port = strings.Join(graph.PortRuns(slices.Compact(all)), ",") + "/" + keys[i].proto
			out = append(out, s)
		}
	}
	return out
}

// FoldedCases returns cases for people: many ports of a pair are one.
func FoldedCases(list []Case) []Case {
	var out []Case
	for _, s := range Sweeps(list, func(c *Case) (src, dst, port, rest string) {
		return c.Src, c.Dst, c.Port, c.Verdict.String() + c.Why + strings.Join(atPort(c.Missing, c.Port, ""), "|")
	}) {
		c := s.Items[0]
		c.Missing, c.Port = atPort(c.Missing, c.Port, s.Port), s.Port
		for _, o := range s.Items[1:] {
			c.Records += o.Records
			c.Connections += o.Connections
		}
		out = append(out, c)
	}
	return out
}

// atPort are missing rules of a port for another.
func atPort(missing []string, port, other string) []string {
	var out []string
	for _, m := range missing {
		out = append(out, strings.TrimSuffix(m, port)+other)
	}
	return out
}

// Folded is the enforcement for people: many ports of a pair are one.
func (e *Enforcement) Folded() *Enforcement {
	out := *e
	out.Drops, out.News, out.Passes = foldedDrops(e.Drops), foldedDrops(e.News), nil
	for _, s := range Sweeps(e.Passes, func(p *Pass) (src, dst, port, rest string) {
		return p.Src, p.Dst, p.Port, p.Why + "|" + p.Cause.String()
	}) {
		p := s.Items[0]
		p.Port = s.Port
		for _, o := range s.Items[1:] {
			p.Records += o.Records
		}
		out.Passes = append(out.Passes, p)
	}
	return &out
}

func foldedDrops(list []Drop) []Drop {
	var out []Drop
	for _, s := range Sweeps(list, func(d *Drop) (src, dst, port, rest string) {
		return d.Src, d.Dst, d.Port, d.Why + strings.Join(atPort(d.Missing, d.Port, ""), "|")
	}) {
		d := s.Items[0]
		d.Missing, d.Port = atPort(d.Missing, d.Port, s.Port), s.Port
		for _, o := range s.Items[1:] {
			d.Records += o.Records
		}
		out = append(out, d)
	}
	return out
}

// Folded is the staging for people: many ports of a pair are one.
func (s *Staging) Folded() *Staging {
	out := *s
	out.Silent, out.Disputed = foldedDisputes(s.Silent), foldedDisputes(s.Disputed)
	out.Doubtful = foldedDisputes(s.Doubtful)
	return &out
}

func foldedDisputes(list []Disputed) []Disputed {
	var out []Disputed
	for _, s := range Sweeps(list, func(d *Disputed) (src, dst, port, rest string) {
		return d.Src, d.Dst, d.Port, d.Why
	}) {
		d := s.Items[0]
		d.Port = s.Port
		for _, o := range s.Items[1:] {
			d.Records += o.Records
			d.Denied += o.Denied
		}
		out = append(out, d)
	}
	return out
}
