package graph

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sluice/model"
)

// Row is a line in a list of edges: one edge, or many that differ in nothing but their port or their outside address.
type Row struct {
	Edges []EdgeID // sorted
	// Source, Destination and Port are the names of the edge, those of several where there are more.
	Source, Destination, Port string
}

// What a list says edge by edge: so many ports of a pair, so many outside addresses at one port of a peer.
const (
	MostPorts     = 20
	MostAddresses = 500
)

// Alike tells edges apart that a list may not fold into one row. Edges of a pair fold where Ports is equal, those to or
// from outside addresses where Addresses is; "" folds with nothing.
type Alike struct{ Ports, Addresses string }

// Rows folds edges, which are sorted, into rows, in the order of their first edges. The ports of a pair are named to
// the last one; addresses, and their ports where there are many, by their number and the first and last of them.
func (g *Graph) Rows(edges []EdgeID, alike func(EdgeID) Alike) []Row {
	f := &folding{g: g}
	left := f.fold(f.foldable(edges, alike), MostPorts, func(e *Edge, a Alike) pairKey {
		return pairKey{e.Src, e.Dst, e.Proto, 0, a.Ports}
	})
	left = f.fold(left, MostAddresses, f.byAddress(true))
	left = f.fold(left, MostAddresses, f.byAddress(false))
	for _, l := range left {
		f.single([]EdgeID{l.id})
	}
	order := func(a, b Row) int { return int(a.Edges[0]) - int(b.Edges[0]) }
	if !slices.IsSortedFunc(f.rows, order) {
		slices.SortFunc(f.rows, order)
	}
	return f.rows
}

type folding struct {
	g    *Graph
	rows []Row // in any order
}

// foldable is an edge that is in no row yet.
type foldable struct {
	id    EdgeID
	alike Alike
}

// foldable returns the edges that could be in a row with others: of a pair with many, or with an outside address. What
// tells edges apart is asked of them alone. The others have rows then.
func (f *folding) foldable(edges []EdgeID, alike func(EdgeID) Alike) (out []foldable) {
	f.rows = make([]Row, 0, len(edges))
	for len(edges) > 0 {
		e := &f.g.Edges[edges[0]]
		n := 1 // edges of a pair and protocol follow each other
		for n < len(edges) && f.g.Edges[edges[n]].beside(e) {
			n++
		}
		outside := f.g.Peers[e.Src].Kind == model.KindAddress || f.g.Peers[e.Dst].Kind == model.KindAddress
		for k, i := range edges[:n] {
			if outside || n > MostPorts {
				out = append(out, foldable{i, alike(i)})
			} else {
				f.single(edges[k : k+1 : k+1])
			}
		}
		edges = edges[n:]
	}
	return out
}

// beside reports whether edges are of the same ends and protocol.
func (e *Edge) beside(o *Edge) bool { return e.Src == o.Src && e.Dst == o.Dst && e.Proto == o.Proto }

// single makes a row of one edge.
func (f *folding) single(edge []EdgeID) {
	e := &f.g.Edges[edge[0]]
	f.rows = append(f.rows, Row{edge, f.g.Peers[e.Src].ID, f.g.Peers[e.Dst].ID, e.PortString()})
}

// pairKey is what edges of a row share; -1 stands for all outside addresses. Without a class they share nothing.
type pairKey struct {
	src, dst PeerID
	proto    model.Proto
	port     uint16
	class    string
}

// byAddress makes keys of edges with an outside address: of one port, or of any.
func (f *folding) byAddress(port bool) func(e *Edge, a Alike) pairKey {
	return func(e *Edge, a Alike) pairKey {
		k := pairKey{e.Src, e.Dst, e.Proto, 0, a.Addresses}
		switch {
		case f.g.Peers[e.Src].Kind == model.KindAddress:
			k.src = -1
		case f.g.Peers[e.Dst].Kind == model.KindAddress:
			k.dst = -1
		default:
			return pairKey{}
		}
		if port {
			k.port = e.Port
		}
		return k
	}
}

// fold makes rows of the edges of a key that are more than most, and returns the others.
func (f *folding) fold(edges []foldable, most int, key func(*Edge, Alike) pairKey) (left []foldable) {
	keys, have := make([]pairKey, len(edges)), map[pairKey]int{}
	for n, l := range edges {
		if keys[n] = key(&f.g.Edges[l.id], l.alike); keys[n].class != "" {
			have[keys[n]]++
		}
	}
	of := map[pairKey][]EdgeID{}
	for n, l := range edges {
		if have[keys[n]] <= most {
			left = append(left, l)
		} else {
			of[keys[n]] = append(of[keys[n]], l.id)
		}
	}
	for k, list := range of {
		f.rows = append(f.rows, f.row(list, k))
	}
	return left
}

func (f *folding) row(list []EdgeID, k pairKey) Row {
	r := Row{Edges: list, Port: f.ports(list, k.src >= 0 && k.dst >= 0)}
	name := func(p PeerID, of func(*Edge) PeerID) string {
		if p >= 0 {
			return f.g.Peers[p].ID
		}
		var all []netip.Addr
		for _, i := range list {
			all = append(all, f.g.Peers[of(&f.g.Edges[i])].Address)
		}
		slices.SortFunc(all, netip.Addr.Compare)
		all = slices.Compact(all)
		if len(all) == 1 {
			return "world:" + all[0].String()
		}
		return fmt.Sprintf("world:%d addresses, %s to %s", len(all), all[0], all[len(all)-1])
	}
	r.Source = name(k.src, func(e *Edge) PeerID { return e.Src })
	r.Destination = name(k.dst, func(e *Edge) PeerID { return e.Dst })
	return r
}

// ports names the ports of edges of one protocol: "80,443,8000-8100/tcp"; unless it is to be exact, many by their number.
func (f *folding) ports(list []EdgeID, exact bool) string {
	first := &f.g.Edges[list[0]]
	if first.Proto.Whole() {
		return first.PortString()
	}
	var all []uint16
	for _, i := range list {
		all = append(all, f.g.Edges[i].Port)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	out := PortRuns(all)
	if !exact && len(out) > MostPorts {
		return fmt.Sprintf("%d ports, %d to %d/%s", len(all), all[0], all[len(all)-1], first.Proto)
	}
	return strings.Join(out, ",") + "/" + first.Proto.String()
}

// PortRuns names ports, which are sorted and each there once: "80", "8000-8100".
func PortRuns(all []uint16) []string {
	var out []string
	for i := 0; i < len(all); {
		n := 1
		for i+n < len(all) && all[i+n] == all[i]+uint16(n) {
			n++
		}
		text := strconv.Itoa(int(all[i]))
		if n > 1 {
			text += "-" + strconv.Itoa(int(all[i+n-1]))
		}
		out = append(out, text)
		i += n
	}
	return out
}

// Sum is the edge that a row prints: the first one with the evidence of all. What all share stands, else the least of
// their grades, and no doubt. It must not be changed: that of a single edge is the graph's own.
func (g *Graph) Sum(r *Row) *Edge {
	if len(r.Edges) == 1 {
		return &g.Edges[r.Edges[0]]
	}
	sum := g.Edges[r.Edges[0]]
	windows := map[uint32]bool{}
	for n, i := range r.Edges {
		e := &g.Edges[i]
		for _, w := range e.Windows {
			windows[w] = true
		}
		if n == 0 {
			continue
		}
		if e.Doubt != sum.Doubt {
			sum.Doubt = DoubtNone
		}
		sum.Grade = min(sum.Grade, e.Grade)
		if !slices.Equal(e.Names, sum.Names) {
			sum.Names = nil
		}
		sum.Evidence.add(&e.Evidence)
	}
	sum.Windows = slices.Sorted(maps.Keys(windows))
	return &sum
}

// add adds what was seen, windows aside.
func (e *Evidence) add(o *Evidence) {
	e.Used += o.Used
	e.Replies += o.Replies
	e.Duplicates += o.Duplicates
	e.DeniedRecords += o.DeniedRecords
	e.RefusedRecords += o.RefusedRecords
	e.Conns += o.Conns
	if o.First < e.First {
		e.First, e.SrcPod, e.DstPod = o.First, o.SrcPod, o.DstPod
	}
	e.Last = max(e.Last, o.Last)
	e.Observers |= o.Observers
	e.Marks |= o.Marks
}
