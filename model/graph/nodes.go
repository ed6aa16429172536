package graph

import (
	"net/netip"

	"sluice/model"
)

// notesNode reports whether a tally counts no record and says only that the address of its source is its destination's.
func (a *tally) notesNode() bool { return a.k.reason == model.NodeAddress }

// nodes tells the peers that are addresses what else the log shows at the same address.
func (g *Graph) nodes(b *Builder) {
	type known struct {
		entities model.Entities
		host     string
	}
	at := map[netip.Addr]known{}
	eps := b.tables.Endpoints.Snapshot()
	for t := range b.all {
		if !t.notesNode() {
			continue
		}
		a, e := plain(eps[t.k.src].Address), &eps[t.k.dst]
		k := at[a]
		k.entities |= e.Entities
		if e.Kind == model.KindHost && (k.host == "" || e.Name < k.host) {
			k.host = e.Name
		}
		at[a] = k
	}
	for i := range g.Peers {
		if p := &g.Peers[i]; p.Kind == model.KindAddress {
			k := at[plain(p.Address)]
			p.Also, p.AlsoHost = k.entities, k.host
		}
	}
}

// plain is an address in the form in which equal ones are equal.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// telling reports whether a tally that notes a node belongs to what edges were built from: where its address is also
// seen as one outside the cluster.
func (b *Builder) telling() func(*tally) bool {
	outside := map[netip.Addr]bool{}
	eps := b.tables.Endpoints.Snapshot()
	for t := range b.all {
		if !t.shows() {
			continue
		}
		for _, id := range [2]model.EndpointID{t.k.src, t.k.dst} {
			if e := &eps[id]; e.Kind == model.KindAddress {
				outside[plain(e.Address)] = true
			}
		}
	}
	return func(t *tally) bool { return t.notesNode() && outside[plain(eps[t.k.src].Address)] }
}
