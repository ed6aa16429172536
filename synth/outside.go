package synth

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// classes divides needs into those that the dialect can say in one rule, in a fixed order.
func (l *learner) classes(needs []need) [][]need {
	d, ok := l.dialect.(render.Divided)
	if !ok {
		return [][]need{needs}
	}
	names := l.namesOf(needs)
	byClass := map[int][]need{}
	for _, n := range needs {
		c := d.Class(l.peersOf(l.namespace(n), []int{n.peer}, names)[0], policy.OnePort(n.proto, n.port))
		byClass[c] = append(byClass[c], n)
	}
	var out [][]need
	for _, c := range slices.Sorted(maps.Keys(byClass)) {
		out = append(out, byClass[c])
	}
	return out
}

// named gives the names by which a need's destination is allowed: those that its source asked for and whose answers
// the dialect can let a resolver's client use. Without a query in the log no rule would let the names be learned.
func (l *learner) named(n need) []string {
	if n.dir != model.Egress || l.g.Peers[n.peer].Kind != model.KindAddress || !l.askers()[n.subject] {
		return nil
	}
	var out []string
	for _, name := range l.g.Edges[n.edge].Names {
		name = strings.TrimSuffix(strings.ToLower(name), ".")
		if l.says(policy.Rule{Direction: n.dir, Peers: namePeers([]string{name}), AnyPort: true}) {
			out = append(out, name)
		}
	}
	return out
}

// namesOf gives the names of the peers that are allowed by name, sorted, for needs of equal subjects: where one port of
// a peer has names, all have.
func (l *learner) namesOf(needs []need) map[int][]string {
	out := map[int][]string{}
	for _, n := range needs {
		if names := l.named(n); len(names) > 0 {
			out[n.peer] = append(out[n.peer], names...)
		}
	}
	for i, names := range out {
		slices.Sort(names)
		out[i] = slices.Compact(names)
	}
	return out
}

// askers are the workloads that were seen asking a resolver, by index.
func (l *learner) askers() map[int]bool {
	if l.asking == nil {
		l.asking = map[int]bool{}
		for q := range l.asks {
			l.asking[q.subject] = true
		}
	}
	return l.asking
}

func namePeers(names []string) []policy.Peer {
	var out []policy.Peer
	for _, name := range names {
		out = append(out, policy.Peer{Kind: policy.PeerFQDN, Name: name})
	}
	return out
}

// narrowest gives the one entity that names an end with several: an API server is also a node, or outside.
func narrowest(e model.Entities) model.Entities {
	if e&model.KubeAPIServer != 0 {
		return model.KubeAPIServer
	}
	return e & -e
}

// widenEntities names what comes along with an entity: an API server is also a node, or outside, and there is no name
// for only one of them.
func (l *learner) widenEntities() {
	seen := map[Triple]bool{}
	var entities []int
	for i := range l.g.Edges {
		if e := &l.g.Edges[i]; l.accepted(e) {
			seen[Triple{e.Src, e.Dst, e.Proto, e.Port, e.Port}] = true
		}
	}
	for i := range l.g.Peers {
		if l.g.Peers[i].Kind == model.KindEntity {
			entities = append(entities, i)
		}
	}
	w := Widening{Kind: "entities", Text: "an entity takes in what is of two: an API server is a node or outside as well"}
	for _, n := range l.needs {
		if l.g.Peers[n.peer].Kind != model.KindEntity {
			continue
		}
		named, e := narrowest(l.g.Peers[n.peer].Entities), &l.g.Edges[n.edge]
		for _, q := range entities {
			t := Triple{e.Src, q, n.proto, n.port, n.last}
			if n.dir == model.Ingress {
				t = Triple{q, e.Dst, n.proto, n.port, n.last}
			}
			if l.g.Peers[q].Entities&named != 0 && !seen[t] {
				w.Triples = append(w.Triples, t)
			}
		}
	}
	if len(w.Triples) == 0 {
		return
	}
	slices.SortFunc(w.Triples, compareTriples)
	w.Triples = slices.Compact(w.Triples)
	w.Price = len(w.Triples)
	l.widenings = append(l.widenings, w)
	l.find(Finding{KindWidened, Info, "", model.Egress, -1, fmt.Sprintf("%s: %d pairs never seen", w.Text, w.Price),
		"the dialect has no name for only one of them"})
}
