package verify

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
)

func randomSelector(r *rand.Rand) policy.Selector {
	switch r.IntN(7) {
	case 0:
		return nil
	case 5:
		return policy.Selector{{Op: policy.Either, Any: []policy.Selector{{{Key: "app", Op: policy.In, Values: []string{"a0"}}}, {{Key: "x", Op: policy.Exists}}}}}
	case 6:
		return policy.Selector{{Key: "projectcalico.org/namespace", Op: policy.In, Values: []string{"n0"}}}
	case 1:
		return policy.Selector{{Key: "app", Op: policy.Exists}}
	case 2:
		return policy.Selector{{Key: "app", Op: policy.NotIn, Values: []string{"a0", "a1"}}}
	}
	return policy.MatchLabels(map[string]string{"app": fmt.Sprintf("a%d", r.IntN(3))})
}

func randomRule(r *rand.Rand) policy.Rule {
	rule := policy.Rule{Direction: model.Ingress, AnyPort: r.IntN(6) == 0, AnyPeer: r.IntN(8) == 0}
	if r.IntN(2) == 0 {
		rule.Direction = model.Egress
	}
	if r.IntN(8) == 0 {
		rule.Action = policy.Deny
	}
	for range 1 + r.IntN(2) {
		rule.Ports = append(rule.Ports, policy.Port{Proto: model.TCP, First: uint16(r.IntN(3)), Last: uint16(r.IntN(9))})
		p := policy.Peer{Pods: randomSelector(r)}
		switch r.IntN(4) {
		case 0:
			p = policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix([]string{"192.0.2.0/24", "0.0.0.0/0", "2001:db8::1/128"}[r.IntN(3)])}
		case 1:
			p = policy.Peer{Kind: policy.PeerEntities, Entities: model.RemoteNode}
		case 2:
			p.Namespaces = policy.Namespace("n0")
			if r.IntN(2) == 0 {
				p.Namespaces[0].Key = "projectcalico.org/name"
			}
		}
		if r.IntN(5) == 0 {
			p = policy.Peer{Kind: policy.PeerAll, All: []policy.Peer{p}, None: []policy.Peer{{Pods: randomSelector(r)}}}
		}
		if r.IntN(5) == 0 {
			p = policy.Peer{Kind: policy.PeerNetwork, Name: "office"}
		}
		rule.Peers = append(rule.Peers, p)
	}
	if r.IntN(5) == 0 {
		rule.Self = []policy.Peer{{Pods: randomSelector(r)}}
	}
	if r.IntN(5) == 0 {
		rule.NotPorts = []policy.Port{policy.OnePort(model.TCP, 3)}
	}
	return rule.Canonical()
}

func randomSet(r *rand.Rand) policy.PolicySet {
	var set policy.PolicySet
	for i := range 1 + r.IntN(5) {
		p := policy.Policy{Name: fmt.Sprint("p", i), Namespace: fmt.Sprintf("n%d", r.IntN(2)), Subject: randomSelector(r), Ingress: r.IntN(2) == 0, Egress: r.IntN(2) == 0}
		for range r.IntN(4) {
			p.Rules = append(p.Rules, randomRule(r))
		}
		switch r.IntN(6) {
		case 0:
			p.Namespace, p.SubjectNamespaces = "", policy.Namespace("n0")
		case 1:
			p.Tier = policy.DefaultTier
		case 2:
			p.Staged = true
		}
		set = set.Add(p.Canonical())
	}
	if r.IntN(4) == 0 {
		set = set.Add(policy.Open(fmt.Sprintf("n%d", r.IntN(2)), r.IntN(2) == 0, r.IntN(2) == 0))
	}
	return set
}

// TestOverByForce: trying every connection of the universe gives the same number.
func TestOverByForce(t *testing.T) {
	office := policy.Network{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("192.0.2.0/31")}}
	g := graphtest.Graph(t, "n0/a0 -> n1/a1 1/tcp", "n0/a1 -> 192.0.2.1 3/tcp", "2001:db8::1 -> n1/a2 5/tcp", "entity:remote-node -> n1/a0 7/udp", "n1/{x=y} -> n0/a0 1/tcp")
	total := 0
	for seed := range uint64(400) {
		set := randomSet(rand.New(rand.NewPCG(seed, 5)))
		sem := []eval.Semantics{eval.Cilium, eval.Calico}[seed%2]
		set.Networks = []policy.Network{office}
		if seed%3 == 0 {
			set.Networks = append(set.Networks, policy.Network{Name: "branch", Namespace: "n1", Labels: model.Labels{"app=a1"}, CIDRs: office.CIDRs})
		}
		rep, err := Verify(t.Context(), g, set, Config{Semantics: sem})
		if err != nil {
			t.Fatal(err)
		}
		ev := eval.New(set, sem)
		u := newUniverse(g, ev, Config{})
		open := map[Opening]bool{}
		for _, o := range openings(set) {
			open[Opening{Namespace: o.Namespace, Direction: o.Direction}] = true
		}
		found := map[nameTriple]bool{}
		for _, a := range u.members {
			for _, b := range u.members {
				for _, pt := range u.ports {
					d := ev.Decide(a.end, b.end, pt.proto, pt.port)
					eg := d.Egress.Outcome == eval.Allowed && d.Egress.Reason == eval.ByRule && !open[Opening{Namespace: a.end.Namespace, Direction: model.Egress}]
					in := d.Ingress.Outcome == eval.Allowed && d.Ingress.Reason == eval.ByRule && !open[Opening{Namespace: b.end.Namespace, Direction: model.Ingress}]
					if (eg || in) && !(a.peer >= 0 && b.peer >= 0 && u.seen[triple{a.peer, b.peer, pt}]) {
						found[nameTriple{a.name, b.name, pt}] = true
					}
				}
			}
		}
		total += len(found)
		if rep.Over.Count != len(found) {
			t.Fatalf("seed %d: %d over, by force %d\n%v", seed, rep.Over.Count, len(found), set)
		}
	}
	if total == 0 {
		t.Error("no set was too wide")
	}
}

// TestCandidates: a rule is tried with the members that its peers may name, not with those of all namespaces, however
// alike these are.
func TestCandidates(t *testing.T) {
	const namespaces = 300
	ev := eval.New(policy.PolicySet{}, eval.Spec)
	m := &measurer{u: &universe{}, ev: ev, matches: map[string][]int{}, having: map[string][]int{}, inside: map[string][]int{}}
	for i := range namespaces {
		at := netip.AddrFrom4([4]byte{198, 51, byte(i / 250), byte(i % 250)})
		m.u.members = append(m.u.members,
			member{-1, "web", ev.End(eval.Facts{IsPod: true, Namespace: fmt.Sprint("team-", i), Labels: model.MakeLabels([]string{"app=web"})})},
			member{-1, "world", ev.End(eval.Facts{Address: at})})
	}
	m.index()
	name := policy.Namespace("team-7")
	calico := policy.Selector{{Key: "projectcalico.org/name", Op: policy.In, Values: []string{"team-7"}}}
	web := policy.MatchLabels(map[string]string{"app": "web"})
	for _, c := range []struct {
		what string
		peer policy.Peer
		want int
	}{
		{"pods of one namespace", policy.Peer{Namespaces: name, Pods: web}, 1},
		{"all pods of one namespace", policy.Peer{Namespaces: name}, 1},
		{"as Calico says it", policy.Peer{Namespaces: calico, Pods: web}, 1},
		{"pods of all namespaces", policy.Peer{Pods: web}, namespaces},
		{"one address", policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix("198.51.0.9/32")}, 1},
		{"a range", policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix("198.51.1.0/24")}, 50},
		{"addresses of the other family", policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix("::/0")}, 0},
	} {
		looked := 0
		for range m.candidates(&c.peer) {
			looked++
		}
		if found := len(m.matching(&c.peer)); found != c.want || looked > found {
			t.Errorf("%s: looked at %d for %d, want %d", c.what, looked, found, c.want)
		}
	}
}
