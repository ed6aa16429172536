package synth

import (
	"fmt"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/decision"
)

// widener adds to needs what is opened beside what was seen.
type widener struct {
	*scope
	*resolvers
	*notes
	*ledger
	needs []need
}

// widenNeeds returns the needs with those of the widenings, which are in the ledger.
func widenNeeds(s *scope, r *resolvers, needs []need, n *notes, b *ledger) []need {
	w := &widener{s, r, n, b, needs}
	w.dns()
	w.needs = widenRanges(s, w.needs, n, b)
	w.entities()
	w.decisions()
	return w.needs
}

// dns opens TCP 53 wherever UDP 53 to a resolver is learned, or from one to whom it asks in turn: an answer too long
// for UDP is asked for again over TCP, which a short capture does not show. Where policy denied TCP 53 it stays shut.
func (x *widener) dns() {
	tcp := map[Triple]graph.State{}
	for i := range x.g.Edges {
		if e := &x.g.Edges[i]; e.Proto == model.TCP && e.Port == dnsPort && e.State != graph.Refused &&
			e.State != graph.Pending {
			tcp[Triple{e.Src, e.Dst, model.TCP, dnsPort, dnsPort}] = e.State
		}
	}
	w := Widening{Kind: "dns-tcp", Text: "TCP 53 to a resolver that was seen answering UDP 53"}
	for _, n := range slices.Clone(x.needs) {
		e := &x.g.Edges[n.edge]
		if n.proto != model.UDP || n.port != dnsPort || !x.is[e.Dst] && !saysResolver(x.scope, &x.g.Peers[e.Src]) {
			continue
		}
		t := Triple{e.Src, e.Dst, model.TCP, dnsPort, dnsPort}
		state, seen := tcp[t]
		switch {
		case seen && state == graph.Denied && !x.cfg.LearnDenied:
			x.find(KindTCPDNSDenied.at(n.edge, n.namespace, n.dir, x.edgeText(e)+": TCP 53 was denied by policy",
				"TCP 53 is not opened beside UDP 53"))
		case !seen:
			n.proto, n.widened = model.TCP, true
			x.needs = append(x.needs, n)
			w.Triples = append(w.Triples, t)
		}
	}
	if len(w.Triples) == 0 {
		return
	}
	slices.SortFunc(w.Triples, compareTriples)
	w.Triples = slices.Compact(w.Triples) // both ends may be subjects
	w.Price = len(w.Triples)
	x.ledger.add(w)
	x.find(KindWidened.of("", model.Egress, fmt.Sprintf("%s: %d pairs never seen", w.Text, w.Price),
		"long answers are asked for again over TCP; without it such names fail to resolve").as(Info))
}

// entities names what comes along with an entity: an API server is also a node, or outside, and there is no name
// for only one of them.
func (x *widener) entities() {
	seen := map[Triple]bool{}
	var entities []graph.PeerID
	for i, e := range x.g.AllEdges() {
		if (x.g.Peers[e.Src].Kind == model.KindEntity || x.g.Peers[e.Dst].Kind == model.KindEntity) && x.accepted(i) {
			seen[Triple{e.Src, e.Dst, e.Proto, e.Port, e.Port}] = true
		}
	}
	for i, p := range x.g.AllPeers() {
		if p.Kind == model.KindEntity {
			entities = append(entities, i)
		}
	}
	w := Widening{
		Kind: "entities",
		Text: "an entity takes in what is of two: an API server is a node or outside as well",
	}
	for _, n := range x.needs {
		if x.g.Peers[n.peer].Kind != model.KindEntity {
			continue
		}
		named, e := narrowest(x.g.Peers[n.peer].Entities), &x.g.Edges[n.edge]
		for _, q := range entities {
			t := Triple{e.Src, q, n.proto, n.port, n.last}
			if n.dir == model.Ingress {
				t = Triple{q, e.Dst, n.proto, n.port, n.last}
			}
			if q != n.peer && x.g.Peers[q].Entities&named != 0 && !seen[t] {
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
	x.ledger.add(w)
	x.find(KindWidened.of("", model.Egress, fmt.Sprintf("%s: %d pairs never seen", w.Text, w.Price),
		"the dialect has no name for only one of them").as(Info))
}

// decisions opens what people decided to allow although it was never seen.
func (x *widener) decisions() {
	peers := map[string]graph.PeerID{}
	for i, p := range x.g.AllPeers() {
		peers[p.ID] = i
	}
	w := Widening{Kind: "decision", Text: "decided to be allowed although it was never seen"}
	for i := range x.decided.list {
		d := &x.decided.list[i]
		if d.Verdict != decision.Widen {
			continue
		}
		src, okSrc := peers[d.Source]
		dst, okDst := peers[d.Destination]
		proto, first, last, err := decision.Ports(d.Port)
		if !okSrc || !okDst || err != nil {
			x.find(KindDangling.of("", model.DirectionUnknown, d.String()+" names a peer that was never seen",
				"nothing is opened: no selector is known for it"))
			continue
		}
		e := &graph.Edge{Src: src, Dst: dst, Proto: proto, Port: first}
		ends := slices.Collect(x.ends(e))
		for _, en := range ends {
			if x.g.Peers[en.self].Workload < 0 || x.g.Peers[en.peer].Workload < 0 {
				x.find(
					KindDangling.of(
						en.namespace,
						en.dir,
						d.String()+" names what no selector reaches",
						"nothing is opened",
					),
				)
				continue
			}
			x.needs = append(
				x.needs,
				need{subject: x.g.Peers[en.self].Workload, namespace: en.namespace, dir: en.dir, peer: en.peer,
					proto: proto, port: first, last: last, edge: -1, widened: true},
			)
		}
		if len(ends) > 0 {
			w.Triples = append(w.Triples, Triple{src, dst, proto, first, last})
			w.Price += int(last-first) + 1
		}
	}
	if len(w.Triples) == 0 {
		return
	}
	slices.SortFunc(w.Triples, compareTriples)
	x.ledger.add(w)
	x.find(
		KindWidened.of("", model.DirectionUnknown, fmt.Sprintf("%s: %s", w.Text, w.Cost()), "it is allowed").as(Info),
	)
}

// remarkIdle notes a widening to a network of the cluster that no rule uses.
func remarkIdle(s *scope, l *ledger, n *notes) {
	for _, o := range ofCluster {
		made := slices.ContainsFunc(l.list, func(w Widening) bool { return w.Kind == o.widening })
		if !made && slices.Contains(s.cfg.Widen, o.widening) {
			n.find(KindIdle.of("", model.DirectionUnknown, "no rule needs "+strings.TrimSuffix(o.text, ", seen or not"),
				"the widening "+o.widening+" opens nothing: what the log names by an entity needs a dialect that has entities"))
		}
	}
}
