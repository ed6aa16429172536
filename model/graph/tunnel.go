package graph

import (
	"cmp"
	"maps"
	"slices"

	"sluice/model"
)

// Tunnel is a client that asked for many different long names of one zone on a day, as whoever carries data in them.
type Tunnel struct {
	Client PeerID
	Zone   string
	Names  int // on one day; there may be more
}

// tunnelsOf collects the rows that tell of them.
func tunnelsOf(g *Graph, b *Builder) []Tunnel {
	type of struct {
		client PeerID
		zone   string
	}
	most := map[of]int{}
	for t := range b.all {
		if t.k.reason != model.Backend || t.k.port == 0 || g.PeerOf[t.k.src] < 0 {
			continue
		}
		to := g.Tables.Endpoints.Get(t.k.dst)
		if !t.namesAddress(to) {
			continue
		}
		for _, zone := range to.Names {
			k := of{g.PeerOf[t.k.src], zone}
			most[k] = max(most[k], int(t.k.port))
		}
	}
	var out []Tunnel
	for _, k := range slices.SortedFunc(maps.Keys(most), func(a, b of) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.zone, b.zone))
	}) {
		out = append(out, Tunnel{k.client, k.zone, most[k]})
	}
	return out
}
