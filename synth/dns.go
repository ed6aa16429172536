package synth

import (
	"fmt"
	"slices"

	"sluice/model"
	"sluice/model/graph"
)

const dnsPort = 53

// resolverApps are the values of k8s-app and app.kubernetes.io/name that resolvers carry.
var resolverApps = []string{"kube-dns", "coredns", "node-local-dns", "nodelocaldns"}

// resolvers finds the peers that answer DNS queries for the cluster: pods that say so by their labels, link-local
// addresses (where a node-local cache listens), and whatever answers UDP 53 to two workloads or more.
func (l *learner) resolvers() map[int]bool {
	clients := map[int]map[int]bool{}
	for i := range l.g.Edges {
		e := &l.g.Edges[i]
		if e.Proto == model.UDP && e.Port == dnsPort && l.accepted(e) {
			if clients[e.Dst] == nil {
				clients[e.Dst] = map[int]bool{}
			}
			clients[e.Dst][e.Src] = true
		}
	}
	out := map[int]bool{}
	for peer, c := range clients {
		if len(c) > 1 || l.saysResolver(&l.g.Peers[peer]) {
			out[peer] = true
		}
	}
	return out
}

func (l *learner) saysResolver(p *graph.Peer) bool {
	if p.Kind == model.KindAddress {
		return p.Address.IsLinkLocalUnicast()
	}
	if p.Workload < 0 {
		return false
	}
	w := &l.g.Workloads[p.Workload]
	if !slices.Contains(l.cfg.system(), w.Namespace) {
		return false
	}
	for _, key := range []string{"k8s-app", "app.kubernetes.io/name"} {
		if v, ok := w.Common.Get(key); ok && slices.Contains(resolverApps, v) {
			return true
		}
	}
	return slices.Contains(resolverApps, w.Name)
}

// query is a workload asking a resolver.
type query struct {
	subject  int // index into Graph.Workloads
	resolver int // index into Graph.Peers
}

// widenDNS opens TCP 53 wherever UDP 53 to a resolver is learned: an answer too long for UDP is asked for again over
// TCP, which a short capture does not show. Where policy denied TCP 53 it stays shut.
func (l *learner) widenDNS() {
	tcp := map[Triple]graph.State{}
	for i := range l.g.Edges {
		if e := &l.g.Edges[i]; e.Proto == model.TCP && e.Port == dnsPort && e.State != graph.Refused && e.State != graph.Pending {
			tcp[Triple{e.Src, e.Dst, model.TCP, dnsPort, dnsPort}] = e.State
		}
	}
	w := Widening{Kind: "dns-tcp", Text: "TCP 53 to a resolver that was seen answering UDP 53"}
	for _, n := range slices.Clone(l.needs) {
		e := &l.g.Edges[n.edge]
		if n.proto != model.UDP || n.port != dnsPort || !l.isResolver[e.Dst] {
			continue
		}
		t := Triple{e.Src, e.Dst, model.TCP, dnsPort, dnsPort}
		state, seen := tcp[t]
		switch {
		case seen && state == graph.Denied && !l.cfg.LearnDenied:
			l.find(Finding{KindTCPDNSDenied, Info, l.namespace(n), n.dir, n.edge,
				l.edgeText(e) + ": TCP 53 was denied by policy", "TCP 53 is not opened beside UDP 53"})
		case !seen:
			n.proto, n.widened = model.TCP, true
			l.needs = append(l.needs, n)
			w.Triples = append(w.Triples, t)
		}
	}
	if len(w.Triples) == 0 {
		return
	}
	slices.SortFunc(w.Triples, compareTriples)
	w.Triples = slices.Compact(w.Triples) // both ends may be subjects
	w.Price = len(w.Triples)
	l.widenings = append(l.widenings, w)
	l.find(Finding{KindWidened, Info, "", model.Egress, -1, fmt.Sprintf("%s: %d pairs never seen", w.Text, w.Price),
		"long answers are asked for again over TCP; without it such names fail to resolve"})
}

// isQuery says whether a need belongs to the shared DNS policy: a workload asking a resolver, over UDP or beside it.
func (l *learner) isQuery(n need) bool {
	return n.dir == model.Egress && n.port == dnsPort && l.isResolver[n.peer] && l.asks[query{n.subject, n.peer}] &&
		(n.proto == model.UDP || n.proto == model.TCP)
}
