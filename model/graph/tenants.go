package graph

import (
	"net/netip"
	"slices"

	"sluice/model"
)

// notesAddress reports whether a tally counts no record and says only that the address of its source is its
// destination's: a node, a pod.
func (a *tally) notesAddress() bool { return a.k.reason == model.NodeAddress }

// tenants knows what the log shows at the addresses that are also seen as outside: nodes, and pods by the hour.
type tenants struct {
	g   *Graph
	eps []*model.Endpoint
	at  map[netip.Addr]*tenant
}

// tenant is what was seen at an address.
type tenant struct {
	entities model.Entities
	host     string
	pods     []stay // in the order of their hours
}

// stay is a pod at an address in an hour.
type stay struct {
	hour uint32
	pod  model.EndpointID
	name model.NameID
}

// newTenants reads the notes, and tells the peers that are addresses what else the log shows there.
func newTenants(g *Graph, b *Builder) *tenants {
	x := &tenants{g, b.tables.Endpoints.Snapshot(), map[netip.Addr]*tenant{}}
	tells := b.telling()
	for t := range b.all {
		if tells(t) {
			x.note(t)
		}
	}
	for _, n := range x.at {
		slices.SortFunc(n.pods, func(a, b stay) int { return int(a.hour) - int(b.hour) })
	}
	for _, p := range g.AllPeers() {
		if p.Kind != model.KindAddress {
			continue
		}
		if n := x.at[plain(p.Address)]; n != nil {
			p.Also, p.AlsoHost, p.AlsoPod = n.entities, n.host, x.podAt(n)
		}
	}
	return x
}

func (x *tenants) note(t *tally) {
	a, e := plain(x.eps[t.k.src].Address), x.eps[t.k.dst]
	n := x.at[a]
	if n == nil {
		n = &tenant{}
		x.at[a] = n
	}
	switch e.Kind {
	case model.KindPod:
		for _, h := range t.hours() {
			n.pods = append(n.pods, stay{h.n, t.k.dst, t.dstPod})
		}
	case model.KindHost:
		if n.host == "" || e.Name < n.host {
			n.host = e.Name
		}
	default:
		n.entities |= e.Entities
	}
}

// podAt names a peer that was seen at an address, the first by its name.
func (x *tenants) podAt(n *tenant) string {
	out := ""
	for _, s := range n.pods {
		id := x.eps[s.pod].Namespace + "/pod:" + x.eps[s.pod].Name
		if p := x.g.PeerOf[s.pod]; p >= 0 {
			id = x.g.Peers[p].ID
		}
		if out == "" || id < out {
			out = id
		}
	}
	return out
}

// join returns the key of a tally with the pods in place of addresses that are theirs. A record of the pod itself is
// no dependency.
func (x *tenants) join(t *tally) (k key, joined bool) {
	k = t.k
	if len(x.at) == 0 {
		return k, false
	}
	src, srcOK := x.pod(t, k.src, k.dst)
	dst, dstOK := x.pod(t, k.dst, k.src)
	switch {
	case srcOK:
		k.src = src.pod
		joined, dst.name = true, t.dstPod
	case dstOK:
		k.dst = dst.pod
		joined, src.name = true, t.srcPod
	}
	if joined && src.name != 0 && src.name == dst.name && x.g.PeerOf[k.src] == x.g.PeerOf[k.dst] {
		k.fate, k.reason = model.Irrelevant, model.SelfTalk
	}
	return k, joined
}

// pod returns the pod whose address an end of a tally is: that of one workload of the other end's cluster in every hour
// of the tally, and of no other in these hours and those beside them.
func (x *tenants) pod(t *tally, end, other model.EndpointID) (stay, bool) {
	e, o := x.eps[end], x.eps[other]
	if e.Kind != model.KindAddress || o.Kind != model.KindPod {
		return stay{}, false
	}
	n := x.at[plain(e.Address)]
	if n == nil || n.entities != 0 || n.host != "" || len(n.pods) == 0 {
		return stay{}, false
	}
	var found stay
	peer := PeerID(-1)
	for _, h := range t.hours() {
		seen := false
		from, _ := slices.BinarySearchFunc(n.pods, h.n-1, func(s stay, hour uint32) int { return int(s.hour) - int(hour) })
		for _, s := range n.pods[from:] {
			if s.hour > h.n+1 {
				break
			}
			p := x.g.PeerOf[s.pod]
			if p < 0 || peer >= 0 && p != peer || x.eps[s.pod].Cluster != o.Cluster {
				return stay{}, false
			}
			seen = true
			if peer < 0 || x.before(&s, &found) {
				found, peer = s, p
			}
		}
		if !seen {
			return stay{}, false
		}
	}
	return found, peer >= 0
}

// stand notes that records of an address were counted for a pod.
func (g *Graph) stand(address, pod model.EndpointID) {
	if address == pod || slices.Contains(g.standsFor[address], pod) {
		return
	}
	if g.standsFor == nil {
		g.standsFor = map[model.EndpointID][]model.EndpointID{}
	}
	g.standsFor[address] = append(g.standsFor[address], pod)
}

// Ends returns the endpoints that connections have for one of a record: itself, and the pods whose address it was.
func (g *Graph) Ends(id model.EndpointID) []model.EndpointID {
	return append([]model.EndpointID{id}, g.standsFor[id]...)
}

// before orders the pods of one workload, whatever the order of the log.
func (x *tenants) before(a, b *stay) bool {
	if a.pod != b.pod {
		return x.g.Tables.Endpoints.Key(a.pod) < x.g.Tables.Endpoints.Key(b.pod)
	}
	return x.g.Tables.Names.Get(a.name) < x.g.Tables.Names.Get(b.name)
}

// plain is an address in the form in which equal ones are equal.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// telling reports whether a tally that notes an address, or names one, belongs to what edges were built from: where the
// address is also seen as one outside the cluster.
func (b *Builder) telling() func(*tally) bool {
	outside := map[netip.Addr]bool{}
	eps := b.tables.Endpoints.Snapshot()
	for t := range b.all {
		if !t.shows() {
			continue
		}
		for _, id := range [2]model.EndpointID{t.k.src, t.k.dst} {
			if e := eps[id]; e.Kind == model.KindAddress {
				outside[plain(e.Address)] = true
			}
		}
	}
	return func(t *tally) bool {
		return t.notesAddress() && outside[plain(eps[t.k.src].Address)] ||
			t.namesAddress(eps[t.k.dst]) && outside[plain(eps[t.k.dst].Address)]
	}
}
