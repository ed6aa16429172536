package eval_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// TestNames wants which names Cilium's patterns find. The last column says so.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          eval.Outcome
	}{
		{"example.org", "example.org", eval.Allowed},
		{"example.org", "Example.ORG.", eval.Allowed},
		{"Example.org.", "example.org", eval.Allowed},
		{"example.org", "www.example.org", eval.Denied},
		{"*.example.org", "www.example.org", eval.Allowed},
		{"*.example.org", "example.org", eval.Denied},
		{"*.example.org", "a.b.example.org", eval.Denied},
		{"*example.org", "example.org", eval.Allowed},
		{"*example.org", "sub-example.org", eval.Allowed},
		{"*example.org", "www.example.org", eval.Denied},
		{"sub*.example.org", "sub.example.org", eval.Allowed},
		{"sub*.example.org", "asub.example.org", eval.Denied},
		{"a*b*c.org", "axxbyyc.org", eval.Allowed},
		{"a*b*c.org", "ac.org", eval.Denied},
		{"a*a.org", "a.org", eval.Denied},
		{"**.example.org", "example.org", eval.Denied},
		{"**.example.org", "www.example.org", eval.Allowed},
		{"**.example.org", "a.b.example.org", eval.Allowed},
		{"a**.example.org", "ab.example.org", eval.Allowed},
		{"a**.example.org", "a.b.example.org", eval.Denied},
		{"*", "a.b.c", eval.Allowed},
		{"**", "a", eval.Allowed},
	} {
		set := policy.PolicySet{}.Add(egress(from(nil, policy.Peer{Kind: policy.PeerFQDN, Name: c.pattern})))
		e := eval.New(set, eval.Cilium)
		there := eval.Facts{Entities: model.World, Address: netip.MustParseAddr("203.0.113.9"), Names: []string{"other.net", c.name}}
		if got := e.Decide(e.End(pod("shop", "app=web")), e.End(there), model.TCP, 443).Egress.Outcome; got != c.want {
			t.Errorf("%s finds %s: %s, want %s", c.pattern, c.name, got, c.want)
		}
	}
}

// TestManyNames wants that a rule of many names finds what as many rules of one peer each find.
func TestManyNames(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 3))
	name := func() string {
		return fmt.Sprintf("%s%d.example.org", []string{"h", "H"}[random.IntN(2)], random.IntN(40))
	}
	ends := []eval.Facts{pod("shop", "app=cart"), {Entities: model.World, Address: netip.MustParseAddr("203.0.113.9")},
		{Entities: model.World}, {Entities: model.KubeAPIServer, Names: []string{"h1.example.org"}}}
	for range 60 {
		ends = append(ends, eval.Facts{Entities: model.World, Address: netip.MustParseAddr("198.51.100.7"),
			Names: []string{name() + ".", "a." + name()}[:1+random.IntN(2)]})
	}
	for range 100 {
		peers := []policy.Peer{}
		for range random.IntN(30) {
			peers = append(peers, policy.Peer{Kind: policy.PeerFQDN, Name: name()})
		}
		for _, p := range []policy.Peer{{Kind: policy.PeerFQDN, Name: "h1*.example.org"}, cidr("203.0.113.0/24"),
			policy.PodsIn("shop", app("cart")), {Kind: policy.PeerNetwork, Name: "office"}} {
			if random.IntN(3) == 0 {
				peers = slices.Insert(peers, random.IntN(len(peers)+1), p)
			}
		}
		var rules []policy.Rule
		for _, p := range peers {
			rules = append(rules, from(nil, p))
		}
		one := eval.New(policy.PolicySet{}.Add(egress(from(nil, peers...))), eval.Cilium)
		each := eval.New(policy.PolicySet{}.Add(egress(rules...)), eval.Cilium)
		decide := func(e *eval.Evaluator, f eval.Facts) eval.Outcome {
			return e.Decide(e.End(pod("shop", "app=web")), e.End(f), model.TCP, 443).Egress.Outcome
		}
		for _, f := range ends {
			if got, want := decide(one, f), decide(each, f); got != want {
				t.Errorf("%v to %+v: %s, by rules of their own %s", peers, f, got, want)
			}
		}
	}
}

// TestNetworks wants that a named network is where its addresses are, and unknown where the set does not have it.
func TestNetworks(t *testing.T) {
	office := policy.Peer{Kind: policy.PeerNetwork, Name: "office"}
	set := policy.PolicySet{Networks: []policy.Network{{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}}.
		Add(egress(from(nil, office)))
	at := func(a string) eval.Facts { return eval.Facts{Entities: model.World, Address: netip.MustParseAddr(a)} }
	for _, c := range []struct {
		set  policy.PolicySet
		dst  eval.Facts
		want eval.Outcome
	}{
		{set, at("10.1.2.3"), eval.Allowed},
		{set, at("203.0.113.9"), eval.Denied},
		{set, eval.Facts{Entities: model.World}, eval.Unknown},
		{set, eval.Facts{Entities: model.RemoteNode, Address: netip.MustParseAddr("10.1.2.3")}, eval.Denied},
		{policy.PolicySet{Policies: set.Policies}, at("10.1.2.3"), eval.Unknown},
	} {
		e := eval.New(c.set, eval.Cilium)
		if got := e.Decide(e.End(pod("shop", "app=web")), e.End(c.dst), model.TCP, 443).Egress.Outcome; got != c.want {
			t.Errorf("%+v: %s, want %s", c.dst, got, c.want)
		}
	}
}

// TestServiceAccounts wants that Cilium's label of a pod's account is what the log knows of it.
func TestServiceAccounts(t *testing.T) {
	peer := policy.PodsIn("shop", policy.MatchLabels(map[string]string{"io.cilium.k8s.policy.serviceaccount": "web", "app": "web"}))
	for account, want := range map[string]eval.Outcome{"web": eval.Allowed, "cart": eval.Denied, "": eval.Unknown} {
		e := eval.New(policy.PolicySet{}.Add(egress(from(nil, peer))), eval.Cilium)
		there := pod("shop", "app=web")
		there.ServiceAccount = account
		if got := e.Decide(e.End(pod("shop", "app=web")), e.End(there), model.TCP, 443).Egress.Outcome; got != want {
			t.Errorf("account %q: %s, want %s", account, got, want)
		}
	}
}

// TestEntities wants which entities an end is, as far as that is known.
func TestEntities(t *testing.T) {
	for _, c := range []struct {
		dst    eval.Facts
		wanted model.Entities
		want   eval.Outcome
	}{
		{eval.Facts{Entities: model.KubeAPIServer | model.RemoteNode}, model.KubeAPIServer, eval.Allowed},
		{eval.Facts{Entities: model.KubeAPIServer | model.RemoteNode}, model.RemoteNode, eval.Allowed},
		{eval.Facts{Entities: model.KubeAPIServer | model.RemoteNode}, model.Host, eval.Denied},
		{eval.Facts{Entities: model.KubeAPIServer | model.World}, model.World, eval.Allowed},
		{eval.Facts{Node: true}, model.Host, eval.Unknown},
		{eval.Facts{Node: true}, model.Host | model.RemoteNode, eval.Allowed},
		{eval.Facts{Node: true}, model.World, eval.Denied},
		{eval.Facts{Address: netip.MustParseAddr("10.0.0.1")}, model.World, eval.Unknown},
		{pod("shop", "app=cart"), model.World, eval.Denied},
	} {
		e := eval.New(policy.PolicySet{}.Add(egress(from(nil, policy.Peer{Kind: policy.PeerEntities, Entities: c.wanted}))), eval.Cilium)
		if got := e.Decide(e.End(pod("shop", "app=web")), e.End(c.dst), model.TCP, 443).Egress.Outcome; got != c.want {
			t.Errorf("%+v is %s: %s, want %s", c.dst, c.wanted, got, c.want)
		}
	}
}
