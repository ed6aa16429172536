package graph

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/model/workload"
)

// Config is what Build leaves to its caller.
type Config struct {
	Workloads workload.Config
}

// Build decides and aggregates what was added so far. The Builder can go on afterwards.
func (b *Builder) Build(cfg Config) *Graph {
	g := &Graph{Tables: b.tables}
	items := b.sorted()
	assign := b.peers(g, items, cfg)
	d := newDecider(g, items)
	edges := map[edgeKey]*gathering{}
	conns := map[connKey]*Connection{}
	for i := range items {
		it := &items[i]
		g.span(it.t)
		it.k = d.decide(it.k, it.t)
		if it.k.fate == model.Irrelevant {
			g.Fates[it.k.fate][it.k.reason] += it.t.records
			continue
		}
		reason := d.refusal(it.k)
		ek := edgeKey{assign[it.k.src], assign[it.k.dst], it.k.proto, it.k.port, reason}
		e := edges[ek]
		if e == nil {
			e = &gathering{}
			edges[ek] = e
		}
		e.add(it)
		ck := connKey{it.k.src, it.k.dst, it.k.proto, it.k.port, reason}
		c := conns[ck]
		if c == nil {
			c = &Connection{Src: it.k.src, Dst: it.k.dst, Proto: it.k.proto, Port: it.k.port}
			conns[ck] = c
		}
		c.Records += it.t.records
	}
	g.finish(edges, conns, assign)
	return g
}

type item struct {
	k key
	t *tally
}

// sorted lists the tallies in an order that depends on nothing but them.
func (b *Builder) sorted() []item {
	items := make([]item, 0, len(b.tally))
	for k, t := range b.tally {
		items = append(items, item{k, t})
	}
	slices.SortFunc(items, func(x, y item) int {
		a, c := x.k, y.k
		return cmp.Or(cmp.Compare(a.src, c.src), cmp.Compare(a.dst, c.dst), cmp.Compare(a.proto, c.proto), cmp.Compare(a.port, c.port),
			cmp.Compare(a.srcPort, c.srcPort), cmp.Compare(a.fate, c.fate), cmp.Compare(a.observer, c.observer),
			cmp.Compare(a.verdict, c.verdict), cmp.Compare(a.reason, c.reason), cmp.Compare(a.marks, c.marks))
	})
	return items
}

func (g *Graph) span(t *tally) {
	if g.First == 0 || t.first < g.First {
		g.First = t.first
	}
	g.Last = max(g.Last, t.last)
}

// peers groups the endpoints into workloads and numbers the peers in the order of their names. The result maps
// endpoints to peers.
func (b *Builder) peers(g *Graph, items []item, cfg Config) []int {
	eps := b.tables.Endpoints.Snapshot()
	used := make([]bool, len(eps))
	pods := map[model.EndpointID]map[model.NameID]bool{}
	note := func(id model.EndpointID, pod model.NameID) {
		used[id] = true
		if pod == 0 {
			return
		}
		if pods[id] == nil {
			pods[id] = map[model.NameID]bool{}
		}
		pods[id][pod] = true
	}
	for _, it := range items {
		if it.k.fate == model.Irrelevant && !it.k.proto.HasPorts() {
			continue
		}
		note(it.k.src, it.t.srcPod)
		note(it.k.dst, it.t.dstPod)
	}
	// Only endpoints that occur are grouped: a table may hold more than this graph has seen.
	var list []model.Endpoint
	var ids []model.EndpointID
	for i := range eps {
		if used[i] {
			ids = append(ids, model.EndpointID(i))
			list = append(list, eps[i])
		}
	}
	set := workload.Build(list, func(i int) []string {
		var out []string
		for n := range pods[ids[i]] {
			out = append(out, b.tables.Names.Get(n))
		}
		slices.Sort(out)
		return out
	}, cfg.Workloads)
	g.Workloads = set.Workloads
	byID := map[string]int{}
	peerName := make([]string, len(eps))
	for i, id := range ids {
		p := peerFor(&eps[id], set.Of(i))
		p.ID = peerID(&p, g.Workloads)
		peerName[id] = p.ID
		if _, ok := byID[p.ID]; !ok {
			byID[p.ID] = 0
			g.Peers = append(g.Peers, p)
		}
	}
	slices.SortFunc(g.Peers, func(x, y Peer) int { return cmp.Compare(x.ID, y.ID) })
	for i := range g.Peers {
		byID[g.Peers[i].ID] = i
	}
	assign := make([]int, len(eps))
	for i := range assign {
		assign[i] = -1
		if used[i] {
			assign[i] = byID[peerName[i]]
		}
	}
	g.PeerOf = assign
	return assign
}

type edgeKey struct {
	src, dst int
	proto    model.Proto
	port     uint16
	reason   model.Reason
}

type connKey struct {
	src, dst model.EndpointID
	proto    model.Proto
	port     uint16
	reason   model.Reason
}

// gathering is the evidence of one edge before it is weighed.
type gathering struct {
	items []item
}

func (e *gathering) add(it *item) { e.items = append(e.items, *it) }

func (g *Graph) finish(edges map[edgeKey]*gathering, conns map[connKey]*Connection, assign []int) {
	names := g.Tables.Names
	index := map[edgeKey]int{}
	keys := make([]edgeKey, 0, len(edges))
	for k, e := range edges {
		ed := e.weigh(names, g.Tables.Endpoints)
		ed.Src, ed.Dst, ed.Proto, ed.Port = k.src, k.dst, k.proto, k.port
		if k.reason != model.ReasonNone {
			ed.State, ed.Reason, ed.NeverWorked = Refused, k.reason, e.neverWorked()
			ed.refuse()
		}
		g.Fates[model.Used][0] += ed.Used
		g.Fates[model.Reply][0] += ed.Replies
		g.Fates[model.Duplicate][0] += ed.Duplicates
		g.Fates[model.Denied][0] += ed.DeniedRecords
		g.Fates[model.Refused][k.reason] += ed.RefusedRecords
		g.Edges = append(g.Edges, ed)
		keys = append(keys, k)
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return compareEdges(&g.Edges[x], &g.Edges[y]) })
	sorted := make([]Edge, len(order))
	for i, o := range order {
		sorted[i] = g.Edges[o]
		index[keys[o]] = i
	}
	g.Edges = sorted
	eps := g.Tables.Endpoints.Snapshot()
	text := map[model.EndpointID]string{}
	keyOf := func(id model.EndpointID) string {
		s, ok := text[id]
		if !ok {
			s = eps[id].Key()
			text[id] = s
		}
		return s
	}
	for k, c := range conns {
		c.Edge = index[edgeKey{assign[k.src], assign[k.dst], k.proto, k.port, k.reason}]
		g.Connections = append(g.Connections, *c)
	}
	slices.SortFunc(g.Connections, func(a, b Connection) int {
		return cmp.Or(cmp.Compare(a.Edge, b.Edge), cmp.Compare(keyOf(a.Src), keyOf(b.Src)), cmp.Compare(keyOf(a.Dst), keyOf(b.Dst)))
	})
}
