package bundle

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sluice/model/graph"
	"sluice/synth"
)

// rowsOf folds the edges that a manifest lists. Those that the same rules stand for are one row where only their ports
// differ, and those that no rule stands for where only their outside addresses do. What the next run may change of an
// edge that worked, how sure it is, divides nothing.
func rowsOf(g *graph.Graph, r *synth.Result, edges []graph.EdgeID) []graph.Row {
	cannot, learned := r.Inexpressible(), r.Accepted()
	rules := sync.OnceValue(func() map[graph.EdgeID][]byte { // mostly nothing asks
		rules := map[graph.EdgeID][]byte{}
		for _, id := range slices.Sorted(maps.Keys(r.RuleEdges)) {
			for _, e := range r.RuleEdges[id] {
				rules[e] = append(rules[e], id...)
			}
		}
		return rules
	})
	return g.Rows(edges, func(i graph.EdgeID) graph.Alike {
		e := &g.Edges[i]
		same := fmt.Sprint(e.State, e.Reason, cannot[i], learned[i], decided(r, i))
		if !e.State.Worked() {
			same += fmt.Sprint(e.Grade, e.Doubt)
		}
		a := graph.Alike{Ports: same + strings.Join(e.Names, " ") + "|" + string(rules()[i]), Addresses: same}
		if len(rules()[i]) > 0 {
			a.Addresses = ""
		}
		return a
	})
}

// decided is the word for what people decided of an edge, "" for nothing.
func decided(r *synth.Result, edge graph.EdgeID) string {
	if v, ok := r.Decided[edge]; ok {
		return v.String()
	}
	return ""
}

// Count is how many edges a row stands for.
func (e *Edge) Count() int { return max(e.Edges, 1) }

// Count is how many edges a rule stands for.
func (m *Manifest) Count(r *Rule) (n int) {
	for _, i := range r.Edges {
		n += m.Edges[i].Count()
	}
	return n
}

// span is some ports in a row, inclusive.
type span struct{ first, last int }

// spans are the ports of a row: "80,443,8000-8100/tcp", or "3000 ports, 1 to 65535/tcp".
func (e *Edge) spans() (list []span, proto string) {
	ports, proto, ok := strings.Cut(e.Port, "/")
	if !ok {
		return nil, e.Port
	}
	if _, all, folded := strings.Cut(ports, " ports, "); folded {
		ports = strings.Replace(all, " to ", "-", 1)
	}
	for _, p := range strings.Split(ports, ",") {
		first, last, isRange := strings.Cut(p, "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err1 == nil && err2 == nil {
			list = append(list, span{a, b})
		}
	}
	return list, proto
}

// brief is the ports of a row where there is little room.
func (e *Edge) brief() string {
	if e.Edges < 2 {
		return e.Port
	}
	if list, proto := e.spans(); len(list) > 1 {
		return fmt.Sprintf("%d ports/%s", e.Edges, proto)
	}
	return e.Port
}

// Example is one of the edges of a row: its ends, and its port.
func (e *Edge) Example() (source, destination, port string) {
	one := func(peer string) string {
		if _, from, ok := strings.Cut(peer, " addresses, "); ok && crowded(peer) {
			first, _, _ := strings.Cut(from, " to ")
			return "world:" + first
		}
		return peer
	}
	port = e.Port
	if list, proto := e.spans(); e.Edges > 1 && len(list) > 0 {
		port = strconv.Itoa(list[0].first) + "/" + proto
	}
	return one(e.Source), one(e.Destination), port
}

// holds reports whether the row is of a port, "443/tcp".
func (e *Edge) holds(port string) bool {
	if e.Port == port {
		return true
	}
	if e.Edges < 2 {
		return false
	}
	number, proto, _ := strings.Cut(port, "/")
	n, err := strconv.Atoi(number)
	list, of := e.spans()
	return err == nil && proto == of &&
		slices.ContainsFunc(list, func(s span) bool { return s.first <= n && n <= s.last })
}

// crowded reports whether a name stands for outside addresses that are only counted.
func crowded(peer string) bool {
	return strings.HasPrefix(peer, "world:") && strings.Contains(peer, " addresses, ")
}

// Each gives the names of the edges that a row stands for, one by one; those of addresses that are only counted are the
// row's own. No rule stands for them.
func (e *Edge) Each() iter.Seq[string] {
	return func(yield func(string) bool) {
		ends := e.Source + " -> " + e.Destination + " "
		list, proto := e.spans()
		if e.Edges < 2 || crowded(e.Source) || crowded(e.Destination) {
			yield(ends + e.Port)
			return
		}
		for _, s := range list {
			for p := s.first; p <= s.last; p++ {
				if !yield(ends + strconv.Itoa(p) + "/" + proto) {
					return
				}
			}
		}
	}
}

// Index finds the rows of a manifest by the names of edges.
type Index struct {
	m       *Manifest
	by      map[[3]string]int   // single edges
	many    map[[2]string][]int // rows of several, by their ends
	refused map[[3]string]int   // single edges that were refused: another of that name may have worked
}

const anyAddress = "world:"

// Index returns an index of the edges.
func (m *Manifest) Index() *Index {
	x := &Index{m, map[[3]string]int{}, map[[2]string][]int{}, map[[3]string]int{}}
	end := func(peer string) string {
		if crowded(peer) {
			return anyAddress
		}
		return peer
	}
	for i := range m.Edges {
		e := &m.Edges[i]
		if e.Edges < 2 {
			by := x.by
			if e.State == graph.Refused.String() {
				by = x.refused
			}
			by[[3]string{e.Source, e.Destination, e.Port}] = i
			continue
		}
		k := [2]string{end(e.Source), end(e.Destination)}
		x.many[k] = append(x.many[k], i)
	}
	return x
}

// Of returns the row that stands for an edge, nil for none. Where some records of it were refused and others not, it is
// the row of these.
func (x *Index) Of(source, destination, port string) *Edge {
	name := [3]string{source, destination, port}
	if i, ok := x.by[name]; ok {
		return &x.m.Edges[i]
	}
	if e := x.among(source, destination, port); e != nil {
		return e
	}
	return x.Refused(source, destination, port)
}

// Refused returns the row of the refused records of an edge, nil for none.
func (x *Index) Refused(source, destination, port string) *Edge {
	if i, ok := x.refused[[3]string{source, destination, port}]; ok {
		return &x.m.Edges[i]
	}
	return nil
}

// among returns the row of several edges that stands for one as well, nil for none.
func (x *Index) among(source, destination, port string) *Edge {
	of := func(source, destination string) *Edge {
		for _, i := range x.many[[2]string{source, destination}] {
			if e := &x.m.Edges[i]; e.holds(port) {
				return e
			}
		}
		return nil
	}
	if e := of(source, destination); e != nil {
		return e
	}
	if strings.HasPrefix(source, "world:") {
		source = anyAddress
	}
	if strings.HasPrefix(destination, "world:") {
		destination = anyAddress
	}
	return of(source, destination)
}
