package policy

import (
	"net/netip"
	"slices"
	"testing"

	"sluice/model"
)

// TestKeys: keys are equal exactly where what they stand for is, whatever the texts in it hold.
func TestKeys(t *testing.T) {
	net := netip.MustParsePrefix
	either := Selector{{Op: Either, Any: []Selector{{{Key: "a", Op: Exists}}}}}
	peers := [][]Peer{nil, {{}}, {{}, {}},
		{PodsIn("a", MatchLabels(map[string]string{"b": "c"}))}, {PodsIn("a", Selector{{Key: "b", Op: NotIn, Values: []string{"c"}}})},
		{PodsIn("a", Selector{{Key: "b", Op: In, Values: []string{"c", "d"}}})}, {PodsIn("a", Selector{{Key: "b", Op: In, Values: []string{"c,d"}}})},
		{PodsIn("a", either)}, {{Kind: PeerFQDN, Name: "a"}}, {{Kind: PeerNetwork, Name: "a"}}, {{Kind: PeerService, Name: "a", Namespace: "b"}},
		{{Kind: PeerService, Name: "ab"}}, {{Kind: PeerCIDR, CIDR: net("10.0.0.0/8")}},
		{{Kind: PeerCIDR, CIDR: net("10.0.0.0/8"), Except: []netip.Prefix{net("10.1.0.0/16")}}},
		{{Kind: PeerEntities, Entities: model.Host}}, {{Kind: PeerAll, All: []Peer{{}}}}, {{Kind: PeerAll, None: []Peer{{}}}}}
	for i, a := range peers {
		for j, b := range peers {
			if same := slices.CompareFunc(a, b, comparePeers) == 0; same != (PeersKey(a) == PeersKey(b)) || same != (i == j) {
				t.Errorf("%v and %v: same %v", a, b, same)
			}
		}
	}
	ports := [][]Port{nil, {{}}, {OnePort(model.TCP, 80)}, {OnePort(model.UDP, 80)}, {{Proto: model.TCP, First: 80, Last: 81}},
		{{Proto: model.TCP, Name: "http"}}, {{Proto: model.ICMP, First: 3, Last: 3, Code: 1}}, {OnePort(model.TCP, 80), OnePort(model.TCP, 81)}}
	for i, a := range ports {
		for j, b := range ports {
			if (i == j) != (PortsKey(a) == PortsKey(b)) {
				t.Errorf("%v and %v", a, b)
			}
		}
	}
}
