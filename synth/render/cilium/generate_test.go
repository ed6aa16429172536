package cilium

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render/rendertest"
)

// generator makes policies with everything that the model can say.
type generator struct{ *rand.Rand }

func some[T any](g generator, most int, f func() T) []T {
	out := make([]T, g.IntN(most+1))
	for i := range out {
		out[i] = f()
	}
	return out
}

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }
func (g generator) bool() bool             { return g.IntN(2) == 0 }

func (g generator) set() policy.PolicySet {
	var set policy.PolicySet
	for i := range g.IntN(4) {
		p := policy.Policy{Name: fmt.Sprintf("p%d", i), Namespace: pick(g, "a", "b", "b", ""), Subject: g.selector("app", "tier", "io.kubernetes.pod.namespace"),
			SubjectNamespaces: g.selector("team", policy.NamespaceName), Ingress: g.bool(), Egress: g.bool(), Staged: g.IntN(20) == 0}
		p.Rules = some(g, 4, g.rule)
		set = set.Add(p)
	}
	if g.bool() {
		set.Networks = []policy.Network{{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}}, {Name: "empty"}, {Name: "in", Namespace: "a"}}
	}
	return set
}

func (g generator) selector(keys ...string) policy.Selector {
	return some(g, 3, func() policy.Requirement {
		r := policy.Requirement{Key: pick(g, keys...), Op: policy.Op(g.IntN(4))}
		if g.IntN(30) == 0 {
			r.Op = policy.StartsWith
		}
		if r.Op != policy.Exists && r.Op != policy.DoesNotExist {
			r.Values = append(some(g, 2, func() string { return pick(g, "x", "", "yes", "1", "null") }), "web")
		}
		return r
	})
}

func (g generator) rule() policy.Rule {
	r := policy.Rule{Direction: model.Direction(1 + g.IntN(2)), AnyPeer: g.IntN(4) == 0, AnyPort: g.IntN(3) == 0,
		Action: pick(g, policy.Allow, policy.Allow, policy.Allow, policy.Deny, policy.Pass)}
	r.Peers, r.Ports = some(g, 4, g.peer), some(g, 4, g.port)
	if g.IntN(8) == 0 {
		for n := range uint16(90) {
			r.Ports = append(r.Ports, policy.OnePort(pick(g, model.TCP, model.ICMP), 1000+2*n))
		}
	}
	return r
}

func (g generator) peer() policy.Peer {
	switch g.IntN(9) {
	case 0:
		return cidr(pick(g, "10.0.0.0/8", "0.0.0.0/0"), some(g, 3, func() string { return pick(g, "10.1.0.0/16", "11.0.0.0/8", "0.0.0.0/0") })...)
	case 1:
		return cidr("fd00::/16", "fd00:1::/32")
	case 2:
		return named(policy.PeerNetwork, pick(g, "office", "", "home"))
	case 3, 4:
		return entity(model.Entities(1 + g.IntN(1<<9-1)))
	case 5:
		return named(policy.PeerFQDN, pick(g, "example.org", "*.Example.org", "**", "a..b", "api_1.example.org."))
	}
	return policy.Peer{Kind: policy.PeerPods, Namespaces: g.selector("team", policy.NamespaceName), Pods: g.selector("app", "example.org/name", clusterLabel)}
}

func (g generator) port() policy.Port {
	proto := pick(g, 0, model.TCP, model.UDP, model.SCTP, model.ICMP, model.ICMPv6, model.VRRP, 47)
	switch g.IntN(5) {
	case 0:
		return policy.AllPorts(proto)
	case 1:
		return policy.Port{Proto: proto, Name: pick(g, "http", "metrics", "Bad")}
	case 2:
		n := uint16(g.IntN(300))
		return policy.Port{Proto: proto, First: n, Last: n + uint16(g.IntN(9))}
	case 3:
		return policy.OnePort(proto, 53)
	}
	return policy.OnePort(proto, uint16(1+g.IntN(65535)))
}

// TestRoundTrip renders random policies and reads them back.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(500) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := generator{rand.New(rand.NewPCG(seed, 1))}
			set := g.set()
			rendertest.RoundTrip(t, Dialect{}, set)
			rendertest.RoundTrip(t, Dialect{}.LogRules(), set)
		})
	}
}
