package synth

import (
	"fmt"
	"maps"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// resolverApps are the values of k8s-app and app.kubernetes.io/name that resolvers carry.
var resolverApps = []string{"kube-dns", "coredns", "node-local-dns", "nodelocaldns"}

// query is a workload asking a resolver.
type query struct {
	subject  graph.WorkloadID
	resolver graph.PeerID
}

// resolvers says who answers for names, who was seen asking, and who was not.
type resolvers struct {
	is     map[graph.PeerID]bool
	asks   map[query]bool
	asking map[graph.WorkloadID]bool // the workloads of asks
	// named is the one of the configuration, without pods where there is none; silent are the subjects that were not seen
	// asking and get it.
	named  policy.Peer
	silent []graph.WorkloadID
}

// findResolvers looks who asks for names. Who should and was never seen is noted.
func findResolvers(s *scope, sp *speech, needs []need, n *notes) (*resolvers, error) {
	r := &resolvers{is: answering(s), asks: map[query]bool{}, asking: map[graph.WorkloadID]bool{}}
	for _, x := range needs {
		if x.dir == model.Egress && x.proto == model.UDP && x.port == dnsPort && r.is[x.peer] {
			r.asks[query{x.subject, x.peer}] = true
			r.asking[x.subject] = true
		}
	}
	var err error
	if r.named, err = namedResolver(s, sp); err != nil {
		return nil, err
	}
	r.remarkNames(s, needs, n)
	return r, nil
}

// isQuery reports whether a need belongs to the shared DNS policy: a workload asking a resolver, over UDP or beside it.
func (r *resolvers) isQuery(n need) bool {
	return n.dir == model.Egress && n.port == dnsPort && r.is[n.peer] && r.asks[query{n.subject, n.peer}] &&
		(n.proto == model.UDP || n.proto == model.TCP)
}

// known returns those that pods which nobody has seen can ask by a rule: the ones that answer and are the cluster's by
// what they are, else that of the configuration. That somebody's pods ask a server on port 53 does not make it theirs.
// unsaid is one that the dialect has no peer for, "" for none.
func (r *resolvers) known(s *scope, sp *speech) (known []policy.Peer, unsaid string) {
	for _, i := range slices.Sorted(maps.Keys(r.is)) {
		p, ok := PeerOf(s.g, i)
		switch {
		case !ok || !saysResolver(s, &s.g.Peers[i]):
		case sp.says(resolverRule(p)):
			known = append(known, p)
		default:
			unsaid = s.g.Peers[i].ID
		}
	}
	if len(r.named.Pods) > 0 && (len(known) == 0 || unsaid != "") {
		return append(known, r.named), ""
	}
	return known, unsaid
}

// answering finds the peers that answer DNS queries for the cluster: pods that say so by their labels, a pod's own node
// and link-local addresses (where a node-local cache listens), and whatever answers UDP 53 to two workloads or more.
func answering(s *scope) map[graph.PeerID]bool {
	clients := map[graph.PeerID]map[graph.PeerID]bool{}
	for i, e := range s.g.AllEdges() {
		if e.Proto == model.UDP && e.Port == dnsPort && s.accepted(i) {
			if clients[e.Dst] == nil {
				clients[e.Dst] = map[graph.PeerID]bool{}
			}
			clients[e.Dst][e.Src] = true
		}
	}
	out := map[graph.PeerID]bool{}
	for peer, c := range clients {
		if len(c) > 1 || saysResolver(s, &s.g.Peers[peer]) {
			out[peer] = true
		}
	}
	return out
}

func saysResolver(s *scope, p *graph.Peer) bool {
	switch {
	case p.Kind == model.KindAddress:
		return p.Address.IsLinkLocalUnicast()
	case p.Kind == model.KindEntity:
		return p.Entities&nodeEntities == model.Host
	case p.Workload < 0:
		return false
	}
	w := &s.g.Workloads[p.Workload]
	if !slices.Contains(s.cfg.system(), w.Namespace) {
		return false
	}
	for _, key := range []string{"k8s-app", "app.kubernetes.io/name"} {
		if v, ok := w.Common.Get(key); ok && slices.Contains(resolverApps, v) {
			return true
		}
	}
	return slices.Contains(resolverApps, w.Name)
}

// namedResolver returns the resolver that the configuration names.
func namedResolver(s *scope, sp *speech) (policy.Peer, error) {
	r := s.cfg.Resolver
	if r == nil || r.None {
		return policy.Peer{}, nil
	}
	if r.Workload != "" {
		for _, i := range s.in[r.Namespace] {
			if w := &s.g.Workloads[i]; w.Name == r.Workload && len(w.Selector) > 0 {
				return policy.PodsIn(w.Namespace, policy.MatchLabels(w.Selector)), nil
			}
		}
		return policy.Peer{}, fmt.Errorf("no workload %s/%s was seen to be the resolver: give its namespace and labels",
			r.Namespace, r.Workload)
	}
	if r.Namespace == "" || len(r.Labels) == 0 {
		return policy.Peer{}, fmt.Errorf("the resolver has no namespace or no labels")
	}
	peer := policy.PodsIn(r.Namespace, policy.MatchLabels(r.Labels))
	if !sp.says(resolverRule(peer)) {
		return policy.Peer{}, fmt.Errorf("the dialect %s has no rule for the resolver", sp.name())
	}
	return peer, nil
}

func resolverRule(p policy.Peer) policy.Rule {
	return policy.Rule{Direction: model.Egress, Peers: []policy.Peer{p},
		Ports: []policy.Port{policy.OnePort(model.TCP, dnsPort), policy.OnePort(model.UDP, dnsPort)}}
}

// remarkNames looks for subjects that connect out and were never seen asking for a name. A default deny would take
// their names away, unless they need none: that the log cannot tell.
func (r *resolvers) remarkNames(s *scope, needs []need, notes *notes) {
	if s.cfg.Resolver != nil && s.cfg.Resolver.None {
		return
	}
	recorded := false
	asked := map[graph.WorkloadID]bool{}
	for i := range s.g.Edges {
		if e := &s.g.Edges[i]; e.Port == dnsPort && (e.Proto == model.UDP || e.Proto == model.TCP) {
			recorded = true
			if e.State == graph.Pending {
				continue // nobody answered: that its questions pass was not seen
			}
			asked[s.g.Peers[e.Src].Workload] = true
		}
	}
	silent := map[graph.WorkloadID]bool{}
	for _, n := range needs {
		if n.dir == model.Egress && !asked[n.subject] {
			silent[n.subject] = true
		}
	}
	told := map[string]bool{}
	for _, i := range slices.Sorted(maps.Keys(silent)) {
		w := &s.g.Workloads[i]
		text := w.ID + " connects out and was never seen asking a resolver"
		switch {
		case len(r.named.Pods) > 0:
			r.silent = append(r.silent, i)
			continue
		case !recorded:
			text = w.ID + " connects out, and there is no record of port 53 in this capture: was it filtered?"
		}
		if recorded || !told[w.Namespace] {
			notes.find(KindNoDNS.of(w.Namespace, model.Egress, text,
				"a default deny would take its names away: name the resolver in the configuration "+
					"(resolver: NAMESPACE/WORKLOAD, or none where no names are asked for)"))
		}
		told[w.Namespace] = true
		notes.block(w.Namespace, model.Egress, i, noEdge, text)
	}
}

// The name and the widening of the policies that Config.Resolver asks for.
const (
	NameResolver  = "dns-resolver"
	WidenResolver = "resolver"
)
