package eval_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

var (
	app  = func(v string) policy.Selector { return policy.MatchLabels(map[string]string{"app": v}) }
	http = []policy.Port{policy.OnePort(model.TCP, 80)}
)

// pod is a pod whose namespace's labels are known.
func pod(namespace string, l ...string) eval.Facts {
	return eval.Facts{IsPod: true, Namespace: namespace, Labels: model.MakeLabels(l), NamespaceLabels: model.Labels{}}
}

// in is the pod with labels on its namespace.
func in(f eval.Facts, l ...string) eval.Facts {
	f.NamespaceLabels = model.MakeLabels(l)
	return f
}

var world = eval.Facts{Address: netip.MustParseAddr("203.0.113.9"), Entities: model.World}

// ingress is a policy for app=web in shop that allows ingress by the given rules.
func ingress(rules ...policy.Rule) policy.Policy {
	for i := range rules {
		rules[i].Direction = model.Ingress
	}
	return policy.Policy{Name: "p", Namespace: "shop", Subject: app("web"), Ingress: true, Rules: rules}
}

// egress is the same for the other direction.
func egress(rules ...policy.Rule) policy.Policy {
	for i := range rules {
		rules[i].Direction = model.Egress
	}
	return policy.Policy{Name: "p", Namespace: "shop", Subject: app("web"), Egress: true, Rules: rules}
}

func from(ports []policy.Port, peers ...policy.Peer) policy.Rule {
	return policy.Rule{Peers: peers, Ports: ports, AnyPort: ports == nil}
}

func cidr(s string, except ...string) policy.Peer {
	p := policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix(s)}
	for _, x := range except {
		p.Except = append(p.Except, netip.MustParsePrefix(x))
	}
	return p
}

// of is the pod in a cluster of that name.
func of(f eval.Facts, cluster string) eval.Facts {
	f.Cluster = cluster
	return f
}

// TestDecide states the rules of Kubernetes and what the implementations make of them: one letter for each of spec,
// cilium and calico, + allowed, - denied, ? unknown.
func TestDecide(t *testing.T) {
	var (
		web      = pod("shop", "app=web")
		cart     = pod("shop", "app=cart")
		foreign  = pod("else", "app=cart")
		prod     = in(pod("prod", "app=cart"), "stage=prod")
		opaque   = eval.Facts{IsPod: true, Namespace: "prod", Labels: model.Labels{"app=cart"}}
		node     = eval.Facts{Entities: model.Host}
		remote   = eval.Facts{Entities: model.RemoteNode, Address: netip.MustParseAddr("10.1.0.4")}
		api      = eval.Facts{Entities: model.KubeAPIServer, Address: netip.MustParseAddr("10.1.0.9")}
		atHost   = eval.Facts{IsPod: true, HostNetwork: true, Namespace: "shop", Labels: model.Labels{"app=web"}, Entities: model.RemoteNode}
		blank    = eval.Facts{IsPod: true, Namespace: "shop", LabelsUnknown: true}
		udp      = eval.Facts{IsPod: true, Namespace: "shop", Labels: model.Labels{"app=web"}, NamedPorts: []eval.NamedPort{{Name: "http", Proto: model.UDP, Port: 80}}}
		health   = eval.Facts{Entities: model.HealthEndpoint, Address: netip.MustParseAddr("10.1.0.5")}
		mapped   = eval.Facts{Entities: model.World, Address: netip.MustParseAddr("::ffff:203.0.113.9")}
		zoned    = eval.Facts{Entities: model.World, Address: netip.MustParseAddr("fe80::1%eth0")}
		address  = eval.Facts{IsPod: true, Namespace: "shop", Labels: model.Labels{"app=cart"}, Address: netip.MustParseAddr("10.0.3.4")}
		named    = eval.Facts{IsPod: true, Namespace: "shop", Labels: model.Labels{"app=web"}, NamedPorts: []eval.NamedPort{{Name: "http", Proto: model.TCP, Port: 80}}}
		inShop   = policy.PodsIn("shop", app("cart"))
		anywhere = policy.Peer{Kind: policy.PeerPods}
		staged   = policy.Peer{Kind: policy.PeerPods, Namespaces: policy.MatchLabels(map[string]string{"stage": "prod"})}
		byName   = []policy.Port{{Proto: model.TCP, Name: "http"}}
		deny     = policy.Rule{Action: policy.Deny, Peers: []policy.Peer{inShop}, AnyPort: true}
		every    = policy.Rule{AnyPeer: true, AnyPort: true}
		nothing  = policy.PolicySet{}
		everyone = policy.Policy{Name: "all", Subject: app("web"), SubjectNamespaces: staged.Namespaces, Ingress: true}
	)
	for _, c := range []struct {
		name     string
		set      policy.PolicySet
		src, dst eval.Facts
		proto    model.Proto
		port     uint16
		want     string
	}{
		{"no policy", nothing, world, web, model.TCP, 80, "+++"},
		{"isolated", nothing.Add(ingress()), cart, web, model.TCP, 80, "---"},
		{"the other direction is not", nothing.Add(ingress()), web, cart, model.TCP, 80, "+++"},
		{"other pods are not", nothing.Add(ingress()), web, cart, model.TCP, 80, "+++"},
		{"both ends must allow", nothing.Add(ingress(every), egress()), web, web, model.TCP, 80, "---"},
		{"policies add up", nothing.Add(ingress(), ingress(from(http, inShop))), cart, web, model.TCP, 80, "+++"},
		{"a rule for the port", nothing.Add(ingress(from(http, inShop))), cart, web, model.TCP, 81, "---"},
		{"a rule for the protocol", nothing.Add(ingress(from(http, inShop))), cart, web, model.UDP, 80, "---"},
		{"a peer of another namespace", nothing.Add(ingress(from(http, inShop))), foreign, web, model.TCP, 80, "---"},
		{"a range", nothing.Add(ingress(from([]policy.Port{{Proto: model.TCP, First: 80, Last: 90}}, inShop))), cart, web, model.TCP, 90, "+++"},
		{"beyond a range", nothing.Add(ingress(from([]policy.Port{{Proto: model.TCP, First: 80, Last: 90}}, inShop))), cart, web, model.TCP, 91, "---"},
		{"ports keep ICMP out", nothing.Add(ingress(from([]policy.Port{policy.AllPorts(model.TCP)}, inShop))), cart, web, model.ICMP, 8, "---"},
		{"no ports let ICMP in", nothing.Add(ingress(from(nil, inShop))), cart, web, model.ICMP, 8, "+++"},
		{"a rule without peers matches nothing", nothing.Add(ingress(from(nil))), cart, web, model.TCP, 80, "---"},
		{"all pods are not the world", nothing.Add(ingress(from(nil, anywhere))), world, web, model.TCP, 80, "---"},
		{"all pods are not nodes", nothing.Add(ingress(from(nil, anywhere))), remote, web, model.TCP, 80, "---"},
		{"any peer is the world", nothing.Add(ingress(every)), world, web, model.TCP, 80, "+++"},
		{"the own node", nothing.Add(ingress()), node, web, model.TCP, 80, "+++"},
		{"to the own node", nothing.Add(egress()), web, node, model.TCP, 80, "+--"},
		{"another node", nothing.Add(ingress()), remote, web, model.TCP, 80, "---"},
		{"another node by address", nothing.Add(ingress(from(nil, cidr("10.1.0.0/16")))), remote, web, model.TCP, 80, "+-+"},
		{"a health endpoint by address", nothing.Add(ingress(from(nil, cidr("10.1.0.0/16")))), health, web, model.TCP, 80, "+-+"},
		{"an address mapped into IPv6", nothing.Add(ingress(from(nil, cidr("203.0.113.0/24")))), mapped, web, model.TCP, 80, "+++"},
		{"an address with a zone", nothing.Add(ingress(from(nil, cidr("fe80::/10")))), zoned, web, model.TCP, 80, "+++"},
		{"an API server outside by address", nothing.Add(egress(from(nil, cidr("10.1.0.9/32")))), web, api, model.TCP, 6443, "+++"},
		{"the world by address", nothing.Add(egress(from(http, cidr("0.0.0.0/0")))), web, world, model.TCP, 80, "+++"},
		{"except", nothing.Add(egress(from(http, cidr("0.0.0.0/0", "203.0.113.0/24")))), web, world, model.TCP, 80, "---"},
		{"a pod by address", nothing.Add(egress(from(http, cidr("10.0.0.0/8")))), web, address, model.TCP, 80, "+-+"},
		{"a pod whose address is not known", nothing.Add(egress(from(http, cidr("10.0.0.0/8")))), web, cart, model.TCP, 80, "?-?"},
		{"the port decides first", nothing.Add(egress(from(http, cidr("10.0.0.0/8")))), web, cart, model.TCP, 81, "---"},
		{"a hostNetwork pod is not isolated", nothing.Add(ingress()), cart, atHost, model.TCP, 80, "+++"},
		{"a hostNetwork pod is no pod", nothing.Add(ingress(from(nil, anywhere))), atHost, web, model.TCP, 80, "---"},
		{"namespace labels", nothing.Add(ingress(from(nil, staged))), prod, web, model.TCP, 80, "+++"},
		{"other namespace labels", nothing.Add(ingress(from(nil, staged))), foreign, web, model.TCP, 80, "---"},
		{"namespace labels not known", nothing.Add(ingress(from(nil, staged))), opaque, web, model.TCP, 80, "???"},
		{"its name always is", nothing.Add(ingress(from(nil, policy.PodsIn("prod", nil)))), opaque, web, model.TCP, 80, "+++"},
		{"a sure denial at the other end", nothing.Add(ingress(from(nil, staged)), policy.Policy{Namespace: "prod", Egress: true}), opaque, web, model.TCP, 80, "---"},
		{"a named port", nothing.Add(ingress(from(byName, inShop))), cart, named, model.TCP, 80, "+++"},
		{"another number", nothing.Add(ingress(from(byName, inShop))), cart, named, model.TCP, 81, "---"},
		{"named ports not known", nothing.Add(ingress(from(byName, inShop))), cart, web, model.TCP, 80, "???"},
		{"the name at another protocol", nothing.Add(ingress(from(byName, inShop))), cart, udp, model.TCP, 80, "---"},
		{"any protocol", nothing.Add(ingress(from([]policy.Port{{First: 80, Last: 80}}, inShop))), cart, web, model.UDP, 80, "+++"},
		{"any protocol is none without ports", nothing.Add(ingress(from([]policy.Port{policy.AllPorts(0)}, inShop))), cart, web, model.ICMP, 8, "---"},
		{"a condition on the pod itself", nothing.Add(ingress(policy.Rule{Self: []policy.Peer{{Pods: app("web")}}, AnyPeer: true, AnyPort: true})), cart, web, model.TCP, 80, "+++"},
		{"one that it does not meet", nothing.Add(ingress(policy.Rule{Self: []policy.Peer{{Pods: app("cart")}}, AnyPeer: true, AnyPort: true})), cart, web, model.TCP, 80, "---"},
		{"ports but one", nothing.Add(ingress(policy.Rule{AnyPeer: true, Ports: []policy.Port{policy.AllPorts(model.TCP)}, NotPorts: http})), cart, web, model.TCP, 80, "---"},
		{"a code of ICMP", nothing.Add(ingress(policy.Rule{AnyPeer: true, Ports: []policy.Port{{Proto: model.ICMP, First: 8, Last: 8, Code: 1}}})), cart, web, model.ICMP, 8, "???"},
		{"another rule settles it", nothing.Add(ingress(from(byName, inShop), from(http, inShop))), cart, web, model.TCP, 80, "+++"},
		{"deny wins, save that in Calico the first rule decides", nothing.Add(ingress(every, deny)), cart, web, model.TCP, 80, "--+"},
		{"deny without isolation", nothing.Add(func() policy.Policy { p := ingress(deny); p.Ingress = false; return p }()), cart, web, model.TCP, 80, "---"},
		{"perhaps denied, where the first rule does not decide", nothing.Add(ingress(every, policy.Rule{Action: policy.Deny, Peers: []policy.Peer{staged}, AnyPort: true})), opaque, web, model.TCP, 80, "??+"},
		{"deny the own node", nothing.Add(ingress(policy.Rule{Action: policy.Deny, AnyPeer: true, AnyPort: true})), node, web, model.TCP, 80, "+-+"},
		{"deny leaves others", nothing.Add(ingress(every, deny)), foreign, web, model.TCP, 80, "+++"},
		{"an allow that does not isolate", nothing.Add(func() policy.Policy { p := ingress(from(http, inShop)); p.Ingress = false; return p }()), foreign, web, model.TCP, 80, "+++"},
		{"tiers", nothing.Add(func() policy.Policy { p := ingress(every); p.Tier = "platform"; return p }()), cart, web, model.TCP, 80, "???"},
		{"labels not known", nothing.Add(ingress(from(nil, inShop))), blank, web, model.TCP, 80, "???"},
		{"labels not known, port not allowed", nothing.Add(ingress(from(http, inShop))), blank, web, model.TCP, 81, "---"},
		{"labels not known, any pod", nothing.Add(ingress(from(nil, policy.PodsIn("shop", nil)))), blank, web, model.TCP, 80, "+++"},
		{"perhaps isolated", nothing.Add(ingress()), cart, blank, model.TCP, 80, "???"},
		{"perhaps allowed", nothing.Add(policy.Policy{Namespace: "shop", Ingress: true}, ingress(from(nil, inShop))), cart, blank, model.TCP, 80, "???"},
		{"certainly isolated", nothing.Add(policy.Policy{Namespace: "shop", Ingress: true}), cart, blank, model.TCP, 80, "---"},
		{"a node, perhaps the own", nothing.Add(ingress()), eval.Facts{Node: true}, web, model.TCP, 80, "???"},
		{"a node, allowed anyway", nothing.Add(ingress(every)), eval.Facts{Node: true}, web, model.TCP, 80, "+++"},
		{"to a node, perhaps the own", nothing.Add(egress()), web, eval.Facts{Node: true}, model.TCP, 80, "?--"},
		{"a pod of another cluster", nothing.Add(ingress(from(nil, inShop))), of(cart, "east"), of(web, "west"), model.TCP, 80, "---"},
		{"a pod of the same cluster", nothing.Add(ingress(from(nil, inShop))), of(cart, "west"), of(web, "west"), model.TCP, 80, "+++"},
		{"cluster-wide", nothing.Add(everyone), cart, in(pod("prod", "app=web"), "stage=prod"), model.TCP, 80, "---"},
		{"cluster-wide, another namespace", nothing.Add(everyone), cart, web, model.TCP, 80, "+++"},
		{"cluster-wide, not known", nothing.Add(everyone), cart, eval.Facts{IsPod: true, Namespace: "prod", Labels: model.Labels{"app=web"}}, model.TCP, 80, "???"},
		{"an entity", nothing.Add(ingress(from(nil, policy.Peer{Kind: policy.PeerEntities, Entities: model.RemoteNode}))), remote, web, model.TCP, 80, "+++"},
		{"a DNS name", nothing.Add(egress(from(nil, policy.Peer{Kind: policy.PeerFQDN, Name: "example.org"}))), web, world, model.TCP, 80, "???"},
	} {
		got, why := "", ""
		for _, sem := range []eval.Semantics{eval.Spec, eval.Cilium, eval.Calico} {
			e := eval.New(c.set, sem)
			d := e.Decide(e.End(c.src), e.End(c.dst), c.proto, c.port)
			switch {
			case d.Unknown:
				got += "?"
			case d.Allowed:
				got += "+"
			default:
				got += "-"
			}
			why = e.Why(d)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, c.want, why)
		}
	}
}

// TestWhy shows the text of each kind of answer.
func TestWhy(t *testing.T) {
	p := ingress(from(http, policy.PodsIn("shop", app("cart"))))
	q := egress()
	q.Name = "q"
	e := eval.New(policy.PolicySet{}.Add(p, q), eval.Cilium)
	web, cart := e.End(pod("shop", "app=web")), e.End(pod("shop", "app=cart"))
	for _, c := range []struct {
		src, dst *eval.End
		port     uint16
		want     string
	}{
		{cart, web, 80, "allowed: at the source nothing isolates this end; at the destination rule " + p.RuleID(0) + " of policy shop/p allows it"},
		{cart, web, 81, "denied: at the destination policy shop/p isolates the pod and no rule allows this"},
		{web, cart, 80, "denied: at the source policy shop/q isolates the pod and no rule allows this"},
	} {
		if got := e.Why(e.Decide(c.src, c.dst, model.TCP, c.port)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestMonotone: a further allow rule never takes away an allowed connection, nor does knowing more change a sure answer.
func TestMonotone(t *testing.T) {
	for seed := range uint64(300) {
		g := rand.New(rand.NewPCG(seed, 2))
		set := randomSet(g, 6)
		more := randomSet(g, 1).Policies[0]
		wider := policy.PolicySet{}.Add(set.Policies...)
		wider.Policies[0].Rules = append(append([]policy.Rule{}, wider.Policies[0].Rules...), more.Rules...)
		sem := eval.Semantics(g.IntN(3))
		a, b := eval.New(set, sem), eval.New(wider, sem)
		for range 40 {
			src, dst := randomPod(g), randomPod(g)
			known := src
			known.NamespaceLabels = model.Labels{"stage=" + string(rune('a'+g.IntN(2)))}
			port := uint16(80 + g.IntN(3))
			d := a.Decide(a.End(src), a.End(dst), model.TCP, port)
			if w := b.Decide(b.End(src), b.End(dst), model.TCP, port); d.Allowed && !w.Allowed {
				t.Fatalf("seed %d: a rule more denies: %s", seed, b.Why(w))
			}
			if k := a.Decide(a.End(known), a.End(dst), model.TCP, port); !d.Unknown && k.Allowed != d.Allowed {
				t.Fatalf("seed %d: a sure answer changed: %s, %s", seed, a.Why(d), a.Why(k))
			}
		}
	}
}

func randomPod(g *rand.Rand) eval.Facts {
	return eval.Facts{IsPod: true, Namespace: fmt.Sprint("ns", g.IntN(3)), Labels: model.Labels{fmt.Sprint("app=", g.IntN(4))}}
}

func randomSet(g *rand.Rand, n int) policy.PolicySet {
	var set policy.PolicySet
	for i := range n {
		p := policy.Policy{Name: fmt.Sprint("p", i), Namespace: fmt.Sprint("ns", g.IntN(3)), Subject: app(fmt.Sprint(g.IntN(4))), Ingress: g.IntN(3) > 0, Egress: g.IntN(3) > 0}
		for range 1 + g.IntN(3) {
			peer := policy.PodsIn(fmt.Sprint("ns", g.IntN(3)), app(fmt.Sprint(g.IntN(4))))
			if g.IntN(3) == 0 {
				peer.Namespaces = policy.MatchLabels(map[string]string{"stage": string(rune('a' + g.IntN(2)))})
			}
			p.Rules = append(p.Rules, policy.Rule{Direction: model.Direction(1 + g.IntN(2)), Peers: []policy.Peer{peer}, Ports: []policy.Port{policy.OnePort(model.TCP, uint16(80+g.IntN(3)))}})
		}
		set = set.Add(p)
	}
	return set
}

// BenchmarkDecide decides connections in a cluster of 400 workloads with a policy each.
func BenchmarkDecide(b *testing.B) {
	var set policy.PolicySet
	var facts []eval.Facts
	for i := range 400 {
		ns, name := fmt.Sprint("ns", i%20), fmt.Sprint("app-", i)
		facts = append(facts, pod(ns, "app="+name, "pod-template-hash=abc", "team=t"))
		p := policy.Policy{Name: name, Namespace: ns, Subject: app(name), Ingress: true, Egress: true}
		for j := range 10 {
			for _, d := range []model.Direction{model.Ingress, model.Egress} {
				k := (i + 7*j) % 400
				p.Rules = append(p.Rules, policy.Rule{Direction: d, Peers: []policy.Peer{policy.PodsIn(fmt.Sprint("ns", k%20), app(fmt.Sprint("app-", k)))}, Ports: http})
			}
		}
		set = set.Add(p)
	}
	e := eval.New(set, eval.Cilium)
	var ends []*eval.End
	for _, f := range facts {
		ends = append(ends, e.End(f))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.Decide(ends[i%400], ends[(i*31)%400], model.TCP, 80)
	}
}

// TestFactsOf wants what a logged endpoint says of itself.
func TestFactsOf(t *testing.T) {
	l := model.Labels{"app=web"}
	a := netip.MustParseAddr("203.0.113.9")
	for _, c := range []struct {
		e    model.Endpoint
		want eval.Facts
	}{
		{model.Endpoint{Kind: model.KindPod, Namespace: "n", Labels: l}, eval.Facts{IsPod: true, Namespace: "n", Labels: l}},
		{model.Endpoint{Kind: model.KindPod, Cluster: "c", Namespace: "n", Labels: l, NamespaceLabels: model.Labels{"a=b"}},
			eval.Facts{IsPod: true, Cluster: "c", Namespace: "n", Labels: l, NamespaceLabels: model.Labels{"a=b"}}},
		{model.Endpoint{Kind: model.KindPod, Namespace: "n", Name: "p"}, eval.Facts{IsPod: true, Namespace: "n", LabelsUnknown: true}},
		{model.Endpoint{Kind: model.KindPod, Namespace: "n", Labels: l, Marks: model.MarkHostNetwork}, eval.Facts{HostNetwork: true, Namespace: "n", Labels: l}},
		{model.Endpoint{Kind: model.KindEntity, Entities: model.Host | model.KubeAPIServer}, eval.Facts{Entities: model.Host | model.KubeAPIServer}},
		{model.Endpoint{Kind: model.KindAddress, Address: a, Entities: model.World}, eval.Facts{Address: a, Entities: model.World}},
		{model.Endpoint{Kind: model.KindHost, Name: "node-1"}, eval.Facts{Node: true, LabelsUnknown: true}},
		{model.Endpoint{Kind: model.KindHost, Name: "node-1", Labels: l}, eval.Facts{Node: true, Labels: l}},
	} {
		if got := eval.FactsOf(&c.e); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: %+v, want %+v", c.e, got, c.want)
		}
	}
}

// TestReasonIsSure: where a rule may match and a later one does for sure, the later one is the reason. Of a network set
// whose labels nobody knows the namespace is known.
func TestReasonIsSure(t *testing.T) {
	office := eval.Facts{NetworkSet: "office", Namespace: "shop", LabelsUnknown: true}
	every := policy.Rule{Direction: model.Ingress, AnyPeer: true, AnyPort: true}
	one := func(name string, r policy.Rule) policy.Policy {
		r.Direction = model.Ingress
		return policy.Policy{Name: name, Namespace: "shop", Tier: policy.DefaultTier, Ingress: true, Subject: app("web"), Rules: []policy.Rule{r}}
	}
	maybe, never := from(nil, policy.PodsIn("shop", app("cart"))), from(nil, policy.PodsIn("else", app("cart")))
	for _, c := range []struct {
		name     string
		policies []policy.Policy
		outcome  eval.Outcome
		by       int
	}{
		{"for sure", []policy.Policy{one("a", maybe), one("b", every)}, eval.Allowed, 1},
		{"perhaps", []policy.Policy{one("a", maybe)}, eval.Unknown, -1},
		{"another namespace", []policy.Policy{one("a", never)}, eval.Denied, 0},
	} {
		e := eval.New(policy.PolicySet{Policies: c.policies}, eval.Calico)
		d := e.Decide(e.End(office), e.End(pod("shop", "app=web")), model.TCP, 80)
		if got := d.Ingress; got.Outcome != c.outcome || got.Policy != c.by {
			t.Errorf("%s: %v by policy %d", c.name, got.Outcome, got.Policy)
		}
	}
}
