package graph

import (
	"net/netip"

	"sluice/model"
)

// lookups are the names that workloads were given for addresses, by the records of a proxy that read the answers. They
// hold for whole hours, as all evidence does: from the hour of the answer to that in which it ends.
type lookups map[asked][]given

// asked is a workload and an address that it was given.
type asked struct {
	client  PeerID
	address netip.Addr
}

// given is a name, and an hour in which it stood for the address.
type given struct {
	hour uint32
	name string
}

// lookupsOf collects the rows that tell of them.
func lookupsOf(g *Graph, b *Builder) lookups {
	out := lookups{}
	for t := range b.all {
		if t.k.reason != model.Backend || g.PeerOf[t.k.src] < 0 {
			continue
		}
		to := g.Tables.Endpoints.Get(t.k.dst)
		if !t.namesAddress(to) || t.k.port != 0 {
			continue
		}
		k := asked{g.PeerOf[t.k.src], plain(to.Address)}
		for _, h := range t.hours() {
			for _, name := range to.Names {
				out[k] = append(out[k], given{h.n, name})
			}
		}
	}
	return out
}

// namesAddress reports whether a tally tells which name its client was given for an address.
func (a *tally) namesAddress(dst *model.Endpoint) bool {
	return a.k.reason == model.Backend && dst.Kind == model.KindAddress
}

// names adds the names that the client of some items, of one edge, was given for their destinations in the same hours.
// Each list of names is gone through once: a pod may ask for any number of them.
func (a lookups) names(items []item, eps []*model.Endpoint, names []string) []string {
	if len(a) == 0 {
		return names
	}
	hours := map[asked]map[uint32]bool{}
	for i := range items {
		it := &items[i]
		to := eps[it.k.dst]
		if to.Kind != model.KindAddress {
			continue
		}
		at := asked{PeerID(it.peers >> 32), plain(to.Address)}
		if len(a[at]) == 0 {
			continue
		}
		if hours[at] == nil {
			hours[at] = map[uint32]bool{}
		}
		for _, h := range it.t.hours() {
			hours[at][h.n] = true
		}
	}
	for at, of := range hours {
		for _, n := range a[at] {
			if of[n.hour] {
				names = append(names, n.name)
			}
		}
	}
	return names
}
