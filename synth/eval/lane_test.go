package eval

import (
	"net/netip"
	"testing"

	"sluice/model"
	"sluice/synth/policy"
)

// TestLane: a rule is passed over only where none of its ports is meant.
func TestLane(t *testing.T) {
	tcp, udp, any := policy.OnePort(model.TCP, 80), policy.OnePort(model.UDP, 53), policy.Port{First: 9, Last: 9}
	for _, c := range []struct {
		name         string
		rule         policy.Rule
		hits, misses []policy.Port
	}{
		{"one", policy.Rule{Ports: []policy.Port{tcp}}, []policy.Port{tcp}, []policy.Port{udp, policy.OnePort(model.UDP, 80), policy.OnePort(model.TCP, 79)}},
		{"two protocols", policy.Rule{Ports: []policy.Port{tcp, udp}}, []policy.Port{tcp, udp}, []policy.Port{policy.OnePort(model.TCP, 81)}},
		{"every protocol", policy.Rule{Ports: []policy.Port{any}}, []policy.Port{policy.OnePort(model.SCTP, 9)}, []policy.Port{tcp}},
		{"a name", policy.Rule{Ports: []policy.Port{{Proto: model.TCP, Name: "http"}}}, []policy.Port{tcp}, []policy.Port{udp}},
		{"any", policy.Rule{AnyPort: true}, []policy.Port{tcp, udp, policy.OnePort(model.ICMP, 0)}, nil},
		{"none", policy.Rule{}, nil, []policy.Port{tcp, udp}},
	} {
		l := newLane(0, &c.rule)
		for _, p := range c.hits {
			if l.misses(p.Proto, p.First) {
				t.Errorf("%s: %s is passed over", c.name, p)
			}
		}
		for _, p := range c.misses {
			if !l.misses(p.Proto, p.First) {
				t.Errorf("%s: %s is not passed over", c.name, p)
			}
		}
	}
}

// TestResolved: what an end meets by number is what its labels say, and what labels alone do not say is read.
func TestResolved(t *testing.T) {
	peers := []policy.Peer{
		policy.PodsIn("a", policy.MatchLabels(map[string]string{"app": "web", "bare": ""})),
		{Pods: policy.Selector{{Key: "app", Op: policy.NotIn, Values: []string{"db"}}}},
		{Namespaces: policy.Selector{{Key: "team", Op: policy.Exists}}},
		{Pods: policy.Selector{{Key: policy.ClusterName, Values: []string{"c"}}}},
	}
	rule := func(peers []policy.Peer) policy.Rule {
		return policy.Rule{Direction: model.Ingress, Peers: peers, AnyPort: true}
	}
	set := policy.PolicySet{Policies: []policy.Policy{{Name: "p", Namespace: "a", Ingress: true,
		Rules: []policy.Rule{rule(peers), rule(peers[:2]), rule(peers[:1]), rule(peers[1:2])}}}}
	for _, sem := range []Semantics{Spec, Cilium, Calico} {
		e := New(set, sem)
		for _, f := range []Facts{
			{IsPod: true, Namespace: "a", Labels: model.MakeLabels([]string{"app=web", "bare"})},
			{IsPod: true, Namespace: "a", Labels: model.MakeLabels([]string{"app=db", "bare="})},
			{IsPod: true, Namespace: "b", Labels: model.MakeLabels([]string{"app=web"}), NamespaceLabels: model.MakeLabels([]string{"team=x"})},
			{IsPod: true, Namespace: "b", LabelsUnknown: true},
			{Address: netip.MustParseAddr("192.0.2.1")},
		} {
			end := e.End(f)
			for i := range peers {
				got, ok := e.peers[0][0].at(i).finds(end, end)
				var n need
				want := e.matchPeer(&peers[i], end, end, &n)
				if sem == Calico {
					want = e.calicoPeer(&set.Policies[0], &peers[i], end, &asked{subject: end, server: end}, &n)
				}
				if ok && got != want {
					t.Errorf("%s: peer %d of %+v: %v by number, %v by reading", sem, i, f, got, want)
				}
				if !ok && i < 2 && !f.LabelsUnknown {
					t.Errorf("%s: peer %d of %+v has to be read", sem, i, f)
				}
			}
			if _, ok := e.peers[0][0].at(3).finds(end, end); ok {
				t.Errorf("%s: the name of the cluster is taken for a label", sem)
			}
			for j := range set.Policies[0].Rules {
				got, ok := e.peers[0][j].finds(end, end)
				want := model.No
				for i := range set.Policies[0].Rules[j].Peers {
					var n need
					want = either(want, e.matchPeer(&set.Policies[0].Rules[j].Peers[i], end, end, &n))
				}
				if ok && got != want {
					t.Errorf("%s: rule %d of %+v: %v by number, %v by reading", sem, j, f, got, want)
				}
				if ok != (j > 0 && !f.LabelsUnknown) {
					t.Errorf("%s: rule %d of %+v: by number: %v", sem, j, f, ok)
				}
			}
		}
	}
}
