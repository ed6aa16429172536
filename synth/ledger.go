package synth

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// ledger lists what is opened beside what was seen, with its price.
type ledger struct {
	*addresses
	list []Widening
}

func (b *ledger) add(w Widening) { b.list = append(b.list, w) }

// priceOutside notes what a rule with CIDRs allows beside the addresses that were seen: its addresses never seen times
// its ports and the workloads it is for.
func (b *ledger) priceOutside(id string, r *learnedRule, subjects int) {
	if !slices.ContainsFunc(r.Peers, func(p policy.Peer) bool { return p.Kind != policy.PeerPods }) {
		return
	}
	var seen []netip.Addr
	for _, i := range r.edges {
		for _, p := range []graph.PeerID{b.g.Edges[i].Src, b.g.Edges[i].Dst} {
			if a := b.g.Peers[p].Address; a.IsValid() {
				seen = append(seen, prefix(a).Addr())
			}
		}
	}
	slices.SortFunc(seen, netip.Addr.Compare)
	seen = slices.Compact(seen)
	if slices.ContainsFunc(r.Peers, isPattern) {
		b.rule(WidenSuffixes, "every name right below domains that a workload asked for several names of", id, math.MaxInt)
	}
	unseen := new(big.Int)
	for _, p := range r.Peers {
		for _, c := range b.cidrsOf(&p) {
			unseen.Add(unseen, size(c))
			unseen.Sub(unseen, big.NewInt(int64(count(seen, c))))
		}
		for _, e := range p.Except {
			unseen.Sub(unseen, size(e))
		}
		if isWorld(&p) {
			for _, c := range everywhere {
				unseen.Add(unseen, size(c))
			}
		}
	}
	if unseen.Sign() <= 0 {
		return
	}
	ports := 0
	for _, p := range r.Ports {
		ports += int(p.Last-p.First) + 1
	}
	unseen.Mul(unseen, big.NewInt(int64(ports*subjects)))
	price := math.MaxInt
	if unseen.IsInt64() {
		price = int(unseen.Int64())
	}
	kind, text := WidenCIDR, "outside addresses that were never seen, next to some that were"
	switch {
	case b.cfg.widens(WidenAnywhere) && slices.ContainsFunc(r.Peers,
		func(p policy.Peer) bool { return isWorld(&p) || p.Kind == policy.PeerCIDR && !b.isNetwork(p) }):
		kind, text = WidenAnywhere, "every outside address"+b.podsToo(", and every pod and node")
	case b.objectsTell(r) >= 0:
		kind, text = ofCluster[b.objectsTell(r)].widening, ofCluster[b.objectsTell(r)].text
	case !b.cfg.widens(WidenCIDR) || slices.ContainsFunc(r.Peers, b.isNetwork):
		kind, text = "networks", "the whole of networks that the configuration names"+
			b.podsToo(", with the pods and nodes in them")
	}
	b.rule(kind, text, id, price)
}

// podsToo is a text for what CIDRs find beside what lies outside, "" for nothing: every plugin but Cilium finds pods
// and nodes by their addresses, too.
func (b *ledger) podsToo(text string) string {
	if b.entities || b.says(worldRule) {
		return ""
	}
	return text
}

// objectsTell returns which widening to a network of the cluster's objects a rule comes of, -1 for none.
func (b *ledger) objectsTell(r *learnedRule) int {
	for i, o := range ofCluster {
		of := func(p policy.Peer) bool { return b.isOf(o.network, p) }
		if b.cfg.widens(o.widening) && slices.ContainsFunc(r.Peers, of) {
			return i
		}
	}
	return -1
}

// isWorld reports whether a peer is everything outside, by its identity.
func isWorld(p *policy.Peer) bool {
	return p.Kind == policy.PeerEntities && p.Entities&model.World != 0
}

// priceProducts notes what the peers of a rule select by names that were seen in other namespaces only: combinations
// never seen times ports and the workloads the rule is for.
func (b *ledger) priceProducts(id string, r *learnedRule, subjects int) {
	if !b.cfg.widens(WidenProducts) {
		return
	}
	unseen, ports := 0, 0
	for i := range r.Peers {
		p := &r.Peers[i]
		if p.Kind != policy.PeerPods || len(p.Namespaces) != 1 || len(p.Pods) != 1 {
			continue
		}
		type pair struct{ namespace, value string }
		seen := map[pair]bool{}
		for _, i := range r.edges {
			peer := b.g.Edges[i].Src
			if r.Direction == model.Egress {
				peer = b.g.Edges[i].Dst
			}
			if at := b.g.Peers[peer].Workload; at >= 0 {
				w := &b.g.Workloads[at]
				v, _ := w.Common.Get(p.Pods[0].Key)
				if slices.Contains(p.Namespaces[0].Values, w.Namespace) && slices.Contains(p.Pods[0].Values, v) {
					seen[pair{w.Namespace, v}] = true
				}
			}
		}
		unseen += len(p.Namespaces[0].Values)*len(p.Pods[0].Values) - len(seen)
	}
	for _, p := range r.Ports {
		ports += int(p.Last-p.First) + 1
	}
	if unseen > 0 {
		b.rule(WidenProducts, "pods of some namespaces by names that were seen in others", id, unseen*ports*subjects)
	}
}

// rule notes that a rule allows more than was seen. Prices add up and stop at the largest number.
func (b *ledger) rule(kind, text, id string, price int) {
	i := slices.IndexFunc(b.list, func(w Widening) bool { return w.Kind == kind })
	if i < 0 {
		i = len(b.list)
		b.list = append(b.list, Widening{Kind: kind, Text: text})
	}
	w := &b.list[i]
	if slices.Contains(w.Rules, id) {
		return
	}
	w.Rules = append(w.Rules, id)
	if w.Price += price; w.Price < price {
		w.Price = math.MaxInt
	}
}

// pairs adds connections that can be listed to a widening by rules.
func (b *ledger) pairs(kind string, triples []Triple) {
	for i := range b.list {
		if w := &b.list[i]; w.Kind == kind {
			w.Triples = append(w.Triples, triples...)
			slices.SortFunc(w.Triples, compareTriples)
		}
	}
}

// finish sorts the widenings and makes a finding of those that are rules.
func (b *ledger) finish(n *notes) {
	slices.SortFunc(b.list, func(a, b Widening) int { return cmp.Compare(a.Kind, b.Kind) })
	for i := range b.list {
		w := &b.list[i]
		slices.Sort(w.Rules)
		if len(w.Rules) > 0 {
			n.find(KindWidened.of("", model.DirectionUnknown,
				fmt.Sprintf("%s: %s, by %d of the rules", w.Text, w.Cost(), len(w.Rules)),
				"they are allowed because that was asked for"))
		}
	}
}
