package cluster

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render/rendertest"
)

func app(v string) policy.Selector { return policy.MatchLabels(map[string]string{"app": v}) }

func cidr(s string, except ...string) policy.Peer {
	p := policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix(s)}
	for _, x := range except {
		p.Except = append(p.Except, netip.MustParsePrefix(x))
	}
	return p
}

func number(f float64) *float64 { return &f }

func one(n uint16) policy.Port { return policy.OnePort(model.TCP, n) }

// guardrails has every construct of the API.
func guardrails() policy.Policy {
	outside := policy.Selector{{Key: policy.NamespaceName, Op: policy.NotIn, Values: []string{"kube-system"}}}
	return policy.Policy{Name: "guardrails", Tier: policy.AdminTier, Order: number(10), SubjectNamespaces: outside, Rules: []policy.Rule{
		{Direction: model.Ingress, Peers: []policy.Peer{policy.PodsIn("monitoring", app("prometheus"))},
			Ports: []policy.Port{{Proto: model.TCP, First: 9000, Last: 9100}, {Name: "metrics"}}},
		{Direction: model.Ingress, Action: policy.Deny, AnyPort: true,
			Peers: []policy.Peer{{Namespaces: policy.MatchLabels(map[string]string{"stage": "lab"})}}},
		{Direction: model.Egress, Ports: []policy.Port{one(443)}, Peers: []policy.Peer{cidr("192.0.2.0/24"), cidr("2001:db8::/32"),
			{Kind: policy.PeerFQDN, Name: "**.example.org"}, {Kind: policy.PeerFQDN, Name: "api.example.com"}}},
		{Direction: model.Egress, Action: policy.Deny, AnyPort: true, Peers: []policy.Peer{{Kind: policy.PeerNodes}, cidr("169.254.169.254/32")}},
		{Direction: model.Egress, Action: policy.Pass, Peers: []policy.Peer{{}}, Ports: []policy.Port{policy.AllPorts(model.TCP), policy.OnePort(model.UDP, 53)}},
	}}
}

// TestRender compares with files that are written by hand.
func TestRender(t *testing.T) {
	web := policy.Policy{Name: "web", Namespace: "shop", Subject: app("web"), Ingress: true,
		Rules: []policy.Rule{{Direction: model.Ingress, Peers: []policy.Peer{policy.PodsIn("edge", nil)}, Ports: []policy.Port{one(80)}}}}
	rendertest.Written(t, Dialect{}, policy.PolicySet{}.Add(guardrails(), web),
		map[string]string{"_cluster/guardrails.yaml": "guardrails", "shop/web.yaml": "web"})
}

// TestBaseline: with everything in the tier Baseline what namespaces allow comes before what denies them, and reads back
// as theirs.
func TestBaseline(t *testing.T) {
	d := Dialect{Baseline: true}
	web := policy.Policy{Name: "web", Namespace: "shop", Subject: app("web"), Rules: []policy.Rule{
		{Direction: model.Ingress, Peers: []policy.Peer{policy.PodsIn("edge", nil)}, Ports: []policy.Port{one(80)}},
		{Direction: model.Egress, Peers: []policy.Peer{policy.PodsIn("shop", app("db")), cidr("192.0.2.9/32")}, Ports: []policy.Port{one(5432)}},
	}}
	named := policy.Policy{Name: "mail", Namespace: "shop", Subject: app("mail"), Rules: []policy.Rule{{Direction: model.Egress,
		Peers: []policy.Peer{{Kind: policy.PeerFQDN, Name: "api.example.com"}}, Ports: []policy.Port{one(443)}}}}
	held := policy.HeldWorkload("shop", "job", app("job"), model.Egress, nil)
	held.Ingress, held.Egress = false, false
	set := policy.PolicySet{}.Add(web, named, held, policy.DefaultDeny("shop", true, true), d.Floor([]string{"kube-system"}, nil, true, true))
	rendertest.Written(t, d, set, map[string]string{"shop/web.yaml": "baseline-web", "shop/mail.yaml": "baseline-names", "shop/sluice-open-job-egress.yaml": "baseline-held",
		"shop/default-deny.yaml": "baseline-deny", "_cluster/default-deny.yaml": "baseline-floor"})
	rendertest.RoundTrip(t, d, set)
	for _, c := range []struct {
		want bool
		rule policy.Rule
	}{
		{true, policy.Rule{Direction: model.Egress, Peers: []policy.Peer{cidr("192.0.2.0/24")}, Ports: []policy.Port{one(443)}}},
		{true, policy.Rule{Direction: model.Egress, Peers: []policy.Peer{{Kind: policy.PeerFQDN, Name: "api.example.com"}}, AnyPort: true}},
		{false, policy.Rule{Direction: model.Egress, Peers: []policy.Peer{{}}, Ports: []policy.Port{{Proto: model.ICMP, First: 8, Last: 8}}}},
		{false, policy.Rule{Direction: model.Egress, Peers: []policy.Peer{{Kind: policy.PeerEntities, Entities: model.Host}}, AnyPort: true}},
	} {
		if got := d.Says(c.rule); got != c.want {
			t.Errorf("%s: says it: %v", c.rule, got)
		}
	}
}

// TestBaselineSpread: more rules than one object takes get consecutive priorities, before what denies.
func TestBaselineSpread(t *testing.T) {
	p := policy.Policy{Name: "web", Namespace: "shop", Subject: app("web")}
	for i := range 60 {
		p.Rules = append(p.Rules, policy.Rule{Direction: model.Egress, Peers: []policy.Peer{policy.PodsIn("shop", app(fmt.Sprint("a", i)))},
			Ports: []policy.Port{one(uint16(1000 + i))}})
	}
	set := policy.PolicySet{}.Add(p, policy.DefaultDeny("shop", false, true))
	out, lost := Dialect{Baseline: true}.Project(set)
	var got []string
	for _, p := range out.Policies {
		got = append(got, fmt.Sprint(p.Namespace, "/", p.Name, " ", *p.Order, " ", len(p.Rules)))
	}
	if want := "shop/default-deny 999 1, shop/web 500 25, shop/web-2 501 25, shop/web-3 502 10"; strings.Join(got, ", ") != want || len(lost) > 0 {
		t.Errorf("%v, %v", got, lost)
	}
	rendertest.RoundTrip(t, Dialect{Baseline: true}, set)
}

// TestVersion wants v1alpha2 where it is asked for, and nothing else that differs.
func TestVersion(t *testing.T) {
	set := policy.PolicySet{}.Add(guardrails())
	now, _, err := Dialect{}.Render(set, "team=net")
	if err != nil {
		t.Fatal(err)
	}
	older, _, err := Dialect{Alpha: true}.Render(set, "team=net")
	if err != nil || strings.Replace(string(now[0].YAML), "v1beta1", "v1alpha2", 1) != string(older[0].YAML) {
		t.Errorf("%v\n%s", err, older[0].YAML)
	}
}

// TestProject wants for each rule what stays and what is lost.
func TestProject(t *testing.T) {
	in := func(p policy.Peer, ports ...policy.Port) policy.Rule {
		return policy.Rule{Direction: model.Ingress, Peers: []policy.Peer{p}, Ports: ports, AnyPort: len(ports) == 0}
	}
	out := func(p policy.Peer, ports ...policy.Port) policy.Rule {
		r := in(p, ports...)
		r.Direction = model.Egress
		return r
	}
	deny := func(r policy.Rule) policy.Rule { r.Action = policy.Deny; return r }
	host := policy.Peer{Kind: policy.PeerEntities, Entities: model.Host}
	name := func(s string) policy.Peer { return policy.Peer{Kind: policy.PeerFQDN, Name: s} }
	pods := policy.PodsIn("a", app("web"))
	for _, c := range []struct {
		rule  policy.Rule
		rules []string
		lost  []string
	}{
		{in(pods), []string{"allow ingress any port from a/app=web"}, nil},
		{in(cidr("10.0.0.0/8")), nil, []string{"less: the peer 10.0.0.0/8: nothing of the rule for connections from it is in force"}},
		{in(host), nil, []string{"less: the peer entity host: nothing of the rule for connections from it is in force"}},
		{policy.Rule{Direction: model.Ingress, Action: policy.Deny, AnyPeer: true, AnyPort: true}, []string{"deny ingress any port from (all)/all"},
			[]string{"more: ingress from outside and from nodes: no ClusterNetworkPolicy decides it: what no policy of the namespace isolates lets it in"}},
		{policy.Rule{Direction: model.Egress, AnyPeer: true, AnyPort: true}, []string{"allow egress any port to 0.0.0.0/0; ::/0"}, nil},
		{out(pods, policy.OnePort(model.ICMP, 8), one(80)), []string{"allow egress 80/tcp to a/app=web"},
			[]string{"less: protocol icmp: only a rule for every port decides it"}},
		{deny(out(pods, policy.OnePort(model.ICMP, 8))), nil, []string{"more: protocol icmp: only a rule for every port decides it"}},
		{out(name("*.example.org")), nil, []string{"less: the peer name *.example.org: nothing of the rule for connections to it is in force"}},
		{out(name("**.example.org")), []string{"allow egress any port to name **.example.org"}, nil},
		{deny(out(name("example.org"))), nil, []string{"more: the peer name example.org: nothing of the rule for connections to it is in force"}},
		{out(cidr("10.0.0.0/8", "10.1.0.0/16")), nil,
			[]string{"less: the peer 10.0.0.0/8 except 10.1.0.0/16: nothing of the rule for connections to it is in force"}},
		{out(cidr("10.0.0.0/8"), policy.Port{Name: "http"}), nil, []string{"less: the peer 10.0.0.0/8 beside a named port: nothing of it is in force"}},
		{out(pods, policy.Port{Name: "http", Proto: model.TCP}), nil, []string{"less: the protocol of the port http/tcp: nothing of the rule for that port is in force"}},
		{out(pods, policy.Port{First: 53, Last: 53}), []string{"allow egress 53/tcp,53/udp,53/sctp to a/app=web"}, nil},
		{out(pods, one(0)), nil, []string{"less: port 0/tcp: nothing of the rule for that port is in force"}},
		{policy.Rule{Direction: model.Egress, AnyPeer: true, AnyPort: true, Self: []policy.Peer{pods}}, nil,
			[]string{"less: a rule with conditions on its own pod or on ports that it is not for: nothing of allow egress any port to anywhere, where the pod is a/app=web is in force"}},
	} {
		rest := deny(in(policy.PodsIn("b", nil)))
		p := policy.Policy{Name: "p", Tier: policy.BaselineTier, Order: number(7), Rules: []policy.Rule{c.rule, rest}}
		keep := append([]string{}, c.rules...)
		if c.rule.Direction == model.Egress {
			keep = append([]string{"deny ingress any port from b/all"}, keep...)
		} else {
			keep = append(keep, "deny ingress any port from b/all")
		}
		rendertest.Projected(t, Dialect{}, p, keep, c.lost)
	}
}

// TestSpread cuts what is over the API's bounds into policies one behind the other, and moves others only where they
// are in the way.
func TestSpread(t *testing.T) {
	rules := func(n int) (out []policy.Rule) {
		for i := range n {
			out = append(out, policy.Rule{Direction: model.Ingress, Peers: []policy.Peer{policy.PodsIn("a", app("web"))}, Ports: []policy.Port{one(uint16(1 + i))}})
		}
		return out
	}
	policyOf := func(name string, order float64, n int) policy.Policy {
		return policy.Policy{Name: name, Tier: policy.BaselineTier, Order: number(order), Rules: append(rules(n), policy.Rule{Direction: model.Egress,
			Action: policy.Deny, Peers: policy.Everywhere(), AnyPort: true})}
	}
	for _, c := range []struct {
		set  policy.PolicySet
		want string
	}{
		{policy.PolicySet{}.Add(policyOf("a", 5, 25)), "a 5 25"},
		{policy.PolicySet{}.Add(policyOf("a", 5, 26)), "a 5 25, a-2 6 1"},
		{policy.PolicySet{}.Add(policyOf("a", 5, 60), policyOf("b", 6, 1), policyOf("c", 100, 1)), "a 5 25, a-2 6 25, a-3 7 10, b 8 1, c 100 1"},
		{policy.PolicySet{}.Add(policyOf("a", 998, 51), policyOf("b", 1000, 1)), "a 997 25, a-2 998 25, a-3 999 1, b 1000 1"},
		{policy.PolicySet{}.Add(policyOf("a", 5, 26), policyOf("b", 5, 30)), "a 5 25, b 5 25, a-2 6 1, b-2 6 5"},
		{policy.PolicySet{}.Add(policyOf("a", 5, 26000)), "lost: a tier that needs 1045 priorities"},
	} {
		set, lost := Dialect{}.Project(c.set)
		var got []string
		for prio := range 1001 {
			for _, p := range set.Policies {
				if *p.Order == float64(prio) {
					got = append(got, fmt.Sprint(p.Name, " ", prio, " ", count(&p, model.Ingress)))
				}
			}
		}
		for _, l := range lost {
			got = append(got, "lost: "+l.Lost)
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s, want %s", text, c.want)
		}
	}
}

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

func (g generator) set() policy.PolicySet {
	var set policy.PolicySet
	for i := range g.IntN(5) {
		p := policy.Policy{Name: fmt.Sprintf("p%d", i), Subject: g.selector(), SubjectNamespaces: g.selector(), Tier: pick(g, policy.AdminTier, policy.BaselineTier),
			Order: pick(g, number(0), number(3), number(3), number(900), number(1000), number(2.5), nil)}
		if p.Rules = some(g, 4, g.rule); g.IntN(12) == 0 {
			p.Rules = some(g, 90, g.rule)
		}
		if g.IntN(4) == 0 {
			p.Namespace, p.Ingress, p.Egress = "shop", g.IntN(2) == 0, g.IntN(2) == 0
			p.Tier, p.SubjectNamespaces = pick(g, "", policy.BaselineTier), nil
		}
		set = set.Add(p)
	}
	return set
}

func (g generator) selector() policy.Selector {
	return some(g, 2, func() policy.Requirement {
		r := policy.Requirement{Key: pick(g, "app", "example.org/team", policy.NamespaceName), Op: policy.Op(g.IntN(4))}
		if g.IntN(30) == 0 {
			r.Op = policy.StartsWith
		}
		if r.Op != policy.Exists && r.Op != policy.DoesNotExist {
			r.Values = append(some(g, 2, func() string { return pick(g, "x", "", "yes", "1") }), "web")
		}
		return r
	})
}

func (g generator) rule() policy.Rule {
	r := policy.Rule{Direction: model.Direction(1 + g.IntN(2)), AnyPeer: g.IntN(6) == 0, AnyPort: g.IntN(3) == 0,
		Action: pick(g, policy.Allow, policy.Deny, policy.Pass)}
	r.Peers, r.Ports = some(g, 4, g.peer), some(g, 4, g.port)
	if g.IntN(8) == 0 {
		r.Peers = append(r.Peers, some(g, 40, g.peer)...)
		for n := range uint16(30) {
			r.Ports = append(r.Ports, policy.OnePort(pick(g, model.TCP, model.UDP), 1000+2*n))
		}
	}
	return r
}

func (g generator) peer() policy.Peer {
	switch g.IntN(9) {
	case 0:
		return cidr(fmt.Sprintf("10.%d.0.0/16", g.IntN(200)))
	case 1:
		return cidr("fd00::/16", some(g, 1, func() string { return "fd00:1::/32" })...)
	case 2:
		return policy.Everywhere()[g.IntN(2)]
	case 3:
		return policy.Peer{Kind: policy.PeerEntities, Entities: model.Entities(1 + g.IntN(1<<9-1))}
	case 4:
		return policy.Peer{Kind: policy.PeerFQDN, Name: pick(g, "example.org", "**.example.org", "*.example.org", "**", "a..b", "**.*.b.c", "localhost")}
	case 5:
		return policy.Peer{Kind: policy.PeerNodes, Pods: g.selector()}
	}
	return policy.Peer{Kind: policy.PeerPods, Namespaces: g.selector(), Pods: g.selector()}
}

func (g generator) port() policy.Port {
	proto := pick(g, 0, model.TCP, model.UDP, model.SCTP, model.ICMP, 47)
	switch g.IntN(5) {
	case 0:
		return policy.AllPorts(proto)
	case 1:
		return policy.Port{Proto: pick(g, 0, 0, model.TCP), Name: pick(g, "http", "metrics")}
	case 2:
		n := uint16(g.IntN(300))
		return policy.Port{Proto: proto, First: n, Last: n + uint16(g.IntN(9))}
	case 3:
		return policy.Port{Proto: proto, First: uint16(g.IntN(3)), Last: 65535}
	}
	return policy.OnePort(proto, uint16(1+g.IntN(65535)))
}

// TestRoundTrip renders random policies and reads them back.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := generator{rand.New(rand.NewPCG(seed, 1))}
			rendertest.RoundTrip(t, Dialect{Alpha: seed%2 == 0}, g.set())
		})
	}
}

// TestRefused wants an error for names that the API would refuse.
func TestRefused(t *testing.T) {
	rendertest.Refused(t, Dialect{}, policy.Policy{Name: "../x", Tier: policy.AdminTier, Order: number(1), Rules: guardrails().Rules})
	twice := policy.PolicySet{}.Add(guardrails(), guardrails())
	if files, _, err := (Dialect{}).Render(twice); err == nil {
		t.Errorf("two of one name: %v", files)
	}
}
