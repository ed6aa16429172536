package graph

import (
	"cmp"
	"maps"
	"slices"

	"sluice/model"
)

// Tunnel is a client that asked for many different names of one zone that are long or look like code, as whoever
// carries data in them.
type Tunnel struct {
	Client PeerID
	Zone   string
	Names  int  // there may be more
	Day    bool // on one day, else over days
}

// slowNames is how many names over days are a tunnel, told apart by 128 bits. Those of one day are, by what notes them.
const slowNames = 48

// tunnelsOf collects the rows that tell of them.
func tunnelsOf(g *Graph, b *Builder) []Tunnel {
	type of struct {
		client PeerID
		zone   string
	}
	most := map[of]int{}
	slow := map[of]map[uint16]bool{}
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
			switch {
			case t.k.srcPort == 0:
				most[k] = max(most[k], int(t.k.port))
			case slow[k] == nil:
				slow[k] = map[uint16]bool{t.k.srcPort: true}
			default:
				slow[k][t.k.srcPort] = true
			}
		}
	}
	days := map[of]bool{}
	for k := range most {
		days[k] = true
	}
	for k, bits := range slow {
		if len(bits) >= slowNames && !days[k] {
			most[k] = len(bits)
		}
	}
	var out []Tunnel
	for _, k := range slices.SortedFunc(maps.Keys(most), func(a, b of) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.zone, b.zone))
	}) {
		out = append(out, Tunnel{k.client, k.zone, most[k], days[k]})
	}
	return out
}
