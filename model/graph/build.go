package graph

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/model/workload"
)

// Build decides and aggregates what was added so far. The Builder can go on afterwards.
func (b *Builder) Build(cfg Config) *Graph {
	g := &Graph{Tables: b.tables}
	b.proven = nil
	assign, places := b.peers(g, cfg)
	rank := ranks(b, assign, len(g.Peers), places)
	at := newTenants(g, b)
	d := newDecider(g, b, at, &cfg)
	items := make([]item, 0, b.n-b.notes)
	refusals := map[pair]uint64{}
	for t := range b.all {
		if t.k.reason.Notes() {
			continue
		}
		g.extend(t)
		k, joined := at.join(t)
		g.watch(assign[k.src], t)
		g.watch(assign[k.dst], t)
		if joined {
			g.stand(t.k.src, k.src)
			g.stand(t.k.dst, k.dst)
		}
		k, proxied := d.behind.decide(d.decide(k), t)
		if k.fate == model.Irrelevant {
			g.Fates[k.fate][k.reason] += t.records
			g.probe(assign, &k)
			if server, client := assign[k.src], assign[k.dst]; t.refuses() && server >= 0 && client >= 0 {
				refusals[pair{server, client}] += t.records
			}
			continue
		}
		items = append(items, item{
			peers: uint64(assign[k.src])<<32 | uint64(assign[k.dst]),
			port:  uint32(k.proto)<<24 | uint32(k.port)<<8 | uint32(d.refusal(k)),
			ranks: uint64(rank[k.src])<<32 | uint64(rank[k.dst]),
			k:     k, t: t, joined: joined, proxied: proxied,
		})
	}
	slices.SortFunc(g.Probed, func(x, y Probed) int {
		return cmp.Or(cmp.Compare(x.Server, y.Server), cmp.Compare(x.Proto, y.Proto), cmp.Compare(x.Port, y.Port))
	})
	g.Probed = slices.Compact(g.Probed)
	items = arrange(items, len(g.Peers))
	covered := g.bounds(b, &cfg)
	from := g.finish(items, lookupsOf(g, b))
	g.Tunnels = tunnelsOf(g, b)
	d.behind.name()
	newGrader(g, &cfg, covered, items, from, refusals).grade()
	return g
}

// Group returns a graph of what was added so far that has only workloads and peers: what learning would select by.
func (b *Builder) Group(cfg Config) *Graph {
	g := &Graph{Tables: b.tables}
	b.peers(g, cfg)
	return g
}

func (g *Graph) extend(t *tally) {
	if g.First == 0 || t.first < g.First {
		g.First = t.first
	}
	g.Last = max(g.Last, t.last)
}

// watch notes when a peer was seen.
func (g *Graph) watch(peer PeerID, t *tally) {
	if peer < 0 {
		return
	}
	p := &g.Peers[peer]
	if p.First == 0 || t.first < p.First {
		p.First = t.first
	}
	p.Last = max(p.Last, t.last)
}

// peers groups the endpoints into workloads and numbers the peers in the order of their names. It returns the peer of
// each endpoint, and where those of one workload stand in the order of keys, 0 for others.
func (b *Builder) peers(g *Graph, cfg Config) (assign []PeerID, places []uint32) {
	eps := b.tables.Endpoints.Snapshot()
	used := make([]bool, len(eps))
	g.occurs = make([]bool, len(eps))
	pods := make([]uint64, 0, b.n) // endpoint and name of a pod
	last := make([]model.NameID, len(eps))
	times := make([][2]model.Micros, len(eps))
	ends := 0
	note := func(id model.EndpointID, pod model.NameID) {
		if !used[id] {
			used[id] = true
			ends++
		}
		if pod != last[id] {
			last[id] = pod
			pods = append(pods, uint64(id)<<32|uint64(pod))
		}
	}
	for t := range b.all {
		if !t.k.reason.Notes() {
			g.occurs[t.k.src], g.occurs[t.k.dst] = true, true
		}
		if t.shows() {
			note(t.k.src, t.srcPod)
			note(t.k.dst, t.dstPod)
			if t.k.reason.Notes() {
				continue // its times are those of the hour
			}
			for _, id := range [2]model.EndpointID{t.k.src, t.k.dst} {
				if s := &times[id]; s[0] == 0 || t.first < s[0] {
					s[0] = t.first
				}
				times[id][1] = max(times[id][1], t.last)
			}
		}
	}
	pods = divide(pods, len(eps), func(p *uint64) int { return int(*p >> 32) }, slices.Sort)
	pods = slices.Compact(pods)
	// Only endpoints that occur are grouped: a table may hold more than this graph has seen.
	list, ids := make([]*model.Endpoint, 0, ends), make([]model.EndpointID, 0, ends)
	for i := range eps {
		if used[i] {
			ids = append(ids, model.EndpointID(i))
			list = append(list, eps[i])
		}
	}
	cfg.Workloads.Times = func(i int) (first, last model.Micros) { return times[ids[i]][0], times[ids[i]][1] }
	set := workload.Build(list, func(i int) []string {
		from, _ := slices.BinarySearch(pods, uint64(ids[i])<<32|1) // one without a name has none
		to := from
		for to < len(pods) && pods[to]>>32 == uint64(ids[i]) {
			to++
		}
		if from == to {
			return nil
		}
		out := make([]string, 0, to-from)
		for _, p := range pods[from:to] {
			out = append(out, b.tables.Names.Get(model.NameID(p)))
		}
		return out
	}, cfg.Workloads)
	g.Workloads = set.Workloads
	refused := map[int]string{} // by endpoint
	for _, r := range set.Refused {
		refused[r.Endpoint] = r.Detail
	}
	why := map[string]string{} // by peer: of several the first in the order of texts
	byID := map[string]PeerID{}
	peerName := make([]string, len(eps))
	g.Peers = make([]Peer, 0, len(set.Workloads)+len(list)/16)
	services := servicesAt(list)
	for i, id := range ids {
		p := peerFor(services.of(eps[id]), WorkloadID(set.Of(i)))
		p.ID = peerID(&p, g.Workloads)
		peerName[id] = p.ID
		if d := refused[i]; d != "" && (why[p.ID] == "" || d < why[p.ID]) {
			why[p.ID] = d
		}
		if _, ok := byID[p.ID]; !ok {
			byID[p.ID] = 0
			g.Peers = append(g.Peers, p)
		}
	}
	slices.SortFunc(g.Peers, func(x, y Peer) int { return cmp.Compare(x.ID, y.ID) })
	for i, p := range g.AllPeers() {
		byID[p.ID], p.Refusal = i, why[p.ID]
	}
	assign = make([]PeerID, len(eps))
	for i := range assign {
		assign[i] = -1
		if used[i] {
			assign[i] = byID[peerName[i]]
		}
	}
	g.PeerOf = assign
	places = make([]uint32, len(eps))
	for i, id := range ids {
		if set.Of(i) >= 0 {
			places[id] = set.Place(i)
		}
	}
	return assign, places
}

// finish makes edges and connections of items in order, and gives for each edge its first item.
func (g *Graph) finish(items []item, given lookups) []int {
	begins := func(i int) bool { // an edge
		return i == 0 || items[i].peers != items[i-1].peers || items[i].port != items[i-1].port
	}
	edges := 0
	for i := range items {
		if begins(i) {
			edges++
		}
	}
	from, conns := make([]int, 0, edges), make([]int, 0, edges) // of each edge, its first item and its first connection
	n := 0
	for i := range items {
		switch {
		case begins(i):
			from, conns = append(from, i), append(conns, n)
			n++
		case items[i].ranks != items[i-1].ranks:
			n++
		}
	}
	g.Edges, g.Connections = model.Room[Edge](len(from)), make([]Connection, n)
	const atOnce = 1 << 12
	fates, eps := make([]model.Counts, (len(from)+atOnce-1)/atOnce), g.Tables.Endpoints.Snapshot()
	model.Each(len(fates), func(k int) {
		w := weigher{names: g.Tables.Names, eps: eps, lookups: given}
		for i := k * atOnce; i < min((k+1)*atOnce, len(from)); i++ {
			if i%fetchedEdges == 0 {
				fetch(itemsOf(items, from, i, i+fetchedEdges))
			}
			of := itemsOf(items, from, i, i+1)
			g.Edges[i] = w.edge(of, &fates[k])
			connect(g.Connections[conns[i]:], EdgeID(i), of)
		}
	})
	for k := range fates {
		g.Fates.Add(&fates[k])
	}
	return from
}

// edge makes an edge of its items, and counts their records.
func (w *weigher) edge(of []item, fates *model.Counts) Edge {
	ed := w.weigh(of)
	ed.Src, ed.Dst, ed.Proto, ed.Port = PeerID(of[0].peers>>32), PeerID(uint32(of[0].peers)), of[0].k.proto, of[0].k.port
	reason := of[0].reason()
	if reason != model.ReasonNone {
		ed.State, ed.Reason, ed.NeverWorked = Refused, reason, neverWorked(of)
		ed.refuse()
	}
	fates[model.Used][0] += ed.Used
	fates[model.Reply][0] += ed.Replies
	fates[model.Duplicate][0] += ed.Duplicates
	fates[model.Denied][0] += ed.DeniedRecords
	fates[model.Refused][reason] += ed.RefusedRecords
	return ed
}

// connect makes the connections of an edge, the first of out.
func connect(out []Connection, edge EdgeID, of []item) {
	n := -1
	for i := range of {
		if k := &of[i].k; i == 0 || of[i].ranks != of[i-1].ranks {
			n++
			out[n] = Connection{Src: k.src, Dst: k.dst, Proto: k.proto, Port: k.port, Edge: edge}
		}
		out[n].Records += of[i].t.records
	}
}
